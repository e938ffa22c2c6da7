"""Receipts: kept once as they come, applied in bulk, and a delivery only ever moves forward (DESIGN P6)."""

from dataclasses import dataclass

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaigns import brake
from campaigns.providers.contract import Reported
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


def keep(session: Session, sender: Sender, reported: Reported, ids: Ids) -> bool:
    """Keep a report, once: True if it is new and may move something. Never commits; may be called again.

    News that moves nothing (queued, sending) is not kept.
    """
    if reported.state is None:
        return False
    return store.keep(
        session,
        agency_id=sender.agency_id,
        sender_id=sender.id,
        provider_ref=reported.provider_ref,
        state=reported.state,
        reason=reported.reason,
        campaign_id=ids.campaign,
        delivery_id=ids.delivery,
        attempt=ids.attempt,
    )


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
