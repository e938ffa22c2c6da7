"""Receipts: kept once as they come, applied in bulk, and a delivery only ever moves forward (DESIGN P6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from campaigns import brake
from campaigns.providers.contract import Reported
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from campaigns.store import receipts as store
from campaigns.store.agencies import Sender
from campaigns.store.engine import AgencySessions
from campaigns.store.receipts import Applied

_BATCH = 5_000
_TRIES = 3
_LARGEST_ID = 2**63 - 1
_LARGEST_ATTEMPT = 2**31 - 1


@dataclass(frozen=True)
class Ids:
    """Our own ids as they came back in a callback's address; None where they were missing or no numbers."""

    campaign: int | None
    delivery: int | None
    attempt: int | None


def read_ids(campaign: str | None, delivery: str | None, attempt: str | None) -> Ids:
    """The ids from a callback's address; whatever is no possible id becomes None, nothing raises."""
    return Ids(
        _number(campaign, _LARGEST_ID),
        _number(delivery, _LARGEST_ID),
        _number(attempt, _LARGEST_ATTEMPT),
    )


class NewReceipt(NamedTuple):
    """A receipt as it will be stored: whose sender was told what about which message."""

    agency_id: int
    sender_id: int
    provider_ref: str
    state: State
    reason: Failure | None
    campaign_id: int | None
    delivery_id: int | None
    attempt: int | None


class Kept(NamedTuple):
    """What became of some receipts: how many were new, and for each whether it is stored now."""

    new: int
    safe: Sequence[bool]


def receipt_of(sender: Sender, reported: Reported, ids: Ids) -> NewReceipt | None:
    """The receipt that a report makes; None for news that moves nothing (queued, sending)."""
    if reported.state is None:
        return None
    told = (reported.provider_ref, reported.state, reported.reason)
    return NewReceipt(sender.agency_id, sender.id, *told, ids.campaign, ids.delivery, ids.attempt)


def keep(session: Session, sender: Sender, reported: Reported, ids: Ids) -> bool:
    """Keep a report, once: True if it is new and may move something. Never commits; may be called again."""
    told = receipt_of(sender, reported, ids)
    return told is not None and store.keep(session, **told._asdict())


class Keeper:
    """Keeps receipts many at a time over a connection that it holds until rest(). Used from one thread."""

    def __init__(self, sessions: AgencySessions) -> None:
        self._sessions = sessions
        self._session: Session | None = None

    def keep(self, agency_id: int, new: Sequence[NewReceipt]) -> Kept:
        """Keep receipts of one agency, each once, in one transaction of its own; may be called again.

        One that the database refuses (its sender is gone) keeps none of the others from being stored. Raises what the
        database raises when it does not answer; then any of them may be stored or not.
        """
        try:
            return Kept(self._insert(agency_id, new), [True] * len(new))
        except (IntegrityError, DataError):
            if len(new) == 1:
                return Kept(0, [False])
        alone = [self.keep(agency_id, [told]) for told in new]
        return Kept(sum(one.new for one in alone), [one.safe[0] for one in alone])

    def rest(self) -> None:
        """Give the connection back; the next receipts take another one. May be called again."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _insert(self, agency_id: int, new: Sequence[NewReceipt]) -> int:
        was_held = self._session is not None
        rows = [told._asdict() for told in new]
        try:
            return store.keep_many(self._open(), agency_id, rows)
        except DBAPIError as error:
            self.rest()
            # A kept connection may have died long ago: nobody asked it, as a pool does each time.
            if not (was_held and error.connection_invalidated):
                raise
        return store.keep_many(self._open(), agency_id, rows)

    def _open(self) -> Session:
        if self._session is None:
            session = self._sessions(None)()
            # Each statement is a transaction, committed when its answer comes: no trips to begin and to end one.
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            self._session = session
        return self._session


def apply(sessions: AgencySessions, agency_id: int) -> int:
    """Apply all waiting receipts of an agency and return how many. Commits each batch; may run twice at once.

    A receipt for an unknown delivery, or for an attempt that is not the latest, stays kept and moves nothing.
    A campaign of which too much fails is paused.
    """
    done = 0
    while (applied := _apply_batch(sessions, agency_id)).taken:
        done += applied.taken
        for campaign_id, failures in applied.failed.items():
            brake.check(sessions, agency_id, campaign_id, failures)
        if applied.taken < _BATCH:
            break
    return done


def _apply_batch(sessions: AgencySessions, agency_id: int) -> Applied:
    for left in reversed(range(_TRIES)):
        try:
            with sessions(agency_id).begin() as session:
                return store.apply(session, agency_id, limit=_BATCH)
        except OperationalError:
            # A window closed over the same rows in another order: PostgreSQL ended one of us, the other is done now.
            if not left:
                raise
    return Applied(0, {})


def _number(text: str | None, largest: int) -> int | None:
    if not text or not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    value = int(text)
    return value if 0 < value <= largest else None
