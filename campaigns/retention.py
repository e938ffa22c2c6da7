"""How long an agency keeps what names people, and taking away what is older (DOMAIN 3.3: no longer than needed).

What goes: texts and addresses of messages without a campaign, what people wrote, contacts without a legal ground, and
what imports keep of people. What stays: refusals, figures, who did what, and anything that is still open.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from campaigns import audit
from campaigns.errors import Invalid, NotFound
from campaigns.store import agencies
from campaigns.store import retention as store
from campaigns.store.engine import AgencySessions

SLICE: Final = 2_000
MOST_DAYS: Final = 3650


@dataclass(frozen=True)
class Limits:
    """Days that each kind of thing is kept; None keeps it until somebody takes it away."""

    messages: int | None
    inbound: int | None
    groundless: int | None
    imports: int | None


# Below these something else would break: what becomes of a message is open for 72 hours; an opposition may be handled
# within ten working days, so it must still be there (DOMAIN 3.3); an import can be undone until people were written to.
LEAST: Final = Limits(messages=7, inbound=14, groundless=30, imports=7)
_KINDS: Final = tuple(field.name for field in fields(Limits))
_COUNT: Final[Mapping[str, Callable[..., int]]] = {
    "messages": store.count_messages,
    "inbound": store.count_inbound,
    "groundless": store.count_groundless,
    "imports": store.count_imports,
}
_TAKE: Final[Mapping[str, Callable[..., store.Taken]]] = {
    "messages": store.take_messages,
    "inbound": store.take_inbound,
    "groundless": store.take_groundless,
    "imports": store.take_imports,
}


def limits(session: Session, agency_id: int) -> Limits:
    """The agency's limits; raises NotFound."""
    agency = agencies.get(session, agency_id)
    if agency is None:
        raise NotFound("agency_unknown", slug=str(agency_id))
    return Limits(**{kind: getattr(agency, f"keep_{kind}_days") for kind in _KINDS})


def would_go(session: Session, agency_id: int, wanted: Limits, *, now: datetime) -> dict[str, int]:
    """How many of each kind these limits would take away now. Raises Invalid like change()."""
    _check(wanted)
    return {kind: _COUNT[kind](session, agency_id, before) for kind in _KINDS if (before := _before(wanted, kind, now))}


def change(session: Session, agency_id: int, wanted: Limits, *, by: int, now: datetime) -> None:
    """Keep things for so long from now on; what is too old goes within minutes. Never commits.

    Raises NotFound, and Invalid(kind, "number_range") for days below `LEAST` or above ten years.
    """
    _check(wanted)
    agency = agencies.get(session, agency_id)
    if agency is None:
        raise NotFound("agency_unknown", slug=str(agency_id))
    days = {kind: getattr(wanted, kind) for kind in _KINDS}
    for kind, value in days.items():
        setattr(agency, f"keep_{kind}_days", value)
    agency.retention_due_at = now
    audit.record(session, agency_id, audit.Did.RETENTION_CHANGED, f"agency:{agency_id}", by=by, **days)


def run(
    sessions: AgencySessions, agency_id: int, *, now: datetime, seconds: float = 60.0, size: int = SLICE
) -> dict[str, int]:
    """Take away what is too old, slice by slice, each committed; how many of each kind went.

    Ends after `seconds` at the latest, and the next call goes on; when nothing is left the agency is due again a day
    later. Two at a time do no harm. Each slice leaves an audit row with its number.
    """
    until = time.monotonic() + seconds
    factory = sessions(agency_id)
    with factory() as session:
        held = limits(session, agency_id)
    gone = dict.fromkeys(_KINDS, 0)
    for kind in _KINDS:
        before = _before(held, kind, now)
        after: int | None = 0 if before else None
        while after is not None and time.monotonic() < until:
            with factory.begin() as session:
                number, after = _TAKE[kind](session, agency_id, before, after=after, size=size)
                if number:
                    did, subject = audit.Did.RETENTION_APPLIED, f"agency:{agency_id}"
                    audit.record(session, agency_id, did, subject, by=None, **{kind: number})
            gone[kind] += number
        if after is not None:
            break
    else:
        with factory.begin() as session:
            store.set_due(session, agency_id, now + timedelta(days=1))
    return gone


def _before(held: Limits, kind: str, now: datetime) -> datetime | None:
    days: int | None = getattr(held, kind)
    return None if days is None else now - timedelta(days=days)


def _check(wanted: Limits) -> None:
    for kind in _KINDS:
        days, least = getattr(wanted, kind), getattr(LEAST, kind)
        if days is not None and not least <= days <= MOST_DAYS:
            raise Invalid(kind, "number_range", lowest=least, highest=MOST_DAYS)
