"""Showing one person in full: by right, with a reason, on record, and not often (DESIGN P4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from campaigns import audit, cards, notices, opening
from campaigns.cards import Card, Viewer, opened
from campaigns.errors import Conflict, NotFound
from campaigns.notices import News
from campaigns.opening import Opened
from campaigns.rules.policy import Role
from campaigns.rules.reasons import read_reason
from campaigns.store import audit as deeds
from campaigns.store import contacts, reveals, staff
from campaigns.store.reveals import Reveal
from campaigns.vault import Vault

SHOWN: Final = 50
HOUR: Final = timedelta(hours=1)
_LONGEST_MARK: Final = 64


@dataclass(frozen=True)
class Request:
    """Who asks, why, and when. `once` is a random mark of the form: the same form shows nobody twice."""

    by: int
    reason: str = field(repr=False)
    once: str
    now: datetime


@dataclass(frozen=True)
class Look:
    """One reveal, as an administrator reads of it."""

    card: Card
    reason: str = field(repr=False)
    at: datetime


def reveal(
    session: Session, vault: Vault, agency_id: int, contact_id: int, request: Request, *, most: int
) -> Opened | None:
    """One person in full, or None when `request.by` had `most` within the hour: then every administrator is told.

    Commit in both cases before anything is shown: the audit row is the price of it. Never commits. Raises NotFound,
    Invalid like rules.reasons.read_reason(), Conflict("reveal_shown") for a form that was used.
    """
    contact = contacts.hold_present(session, agency_id, contact_id)  # a reason must not outlive its person
    if contact is None:
        raise NotFound("contact_unknown")
    reason = read_reason(request.reason)
    reveals.queue_up(session, request.by)
    if not request.once or reveals.was_shown(session, agency_id, request.by, request.once[:_LONGEST_MARK]):
        raise Conflict("reveal_shown")
    if left(session, agency_id, request.by, now=request.now, most=most) == 0:
        _tell(session, agency_id, request)
        return None
    row = Reveal(
        agency_id=agency_id,
        staff_id=request.by,
        contact_id=contact_id,
        once=request.once[:_LONGEST_MARK],
        reason_sealed=vault.seal(reason, agency_id),
    )
    session.add(row)
    session.flush()
    found = opening.opened(vault, contact)
    shown = [name for name in opening.SEALED if getattr(found, name)]
    subject = f"contact:{contact_id}"
    audit.record(session, agency_id, audit.Did.CONTACT_REVEALED, subject, by=request.by, fields=shown, reveal=row.id)
    return found


def left(session: Session, agency_id: int, staff_id: int, *, now: datetime, most: int) -> int:
    """How many people this member of staff may still see in full within the hour that ends now."""
    used = deeds.times(session, agency_id, staff_id, audit.Did.CONTACT_REVEALED, since=now - HOUR)
    return max(0, most - used)


def by_staff(session: Session, vault: Vault, viewer: Viewer, staff_id: int) -> Sequence[Look]:
    """The latest fifty people whom this member of staff saw in full, and why; those deleted since are left out."""
    found = reveals.by_staff(session, viewer.agency_id, staff_id, limit=SHOWN)
    people = cards.made(session, vault, viewer, [looked.contact for looked in found])
    return [
        Look(card, opened(vault, looked.reveal.reason_sealed, viewer.agency_id), looked.reveal.made_at)
        for looked, card in zip(found, people, strict=True)
    ]


def _tell(session: Session, agency_id: int, request: Request) -> None:
    """Tell every administrator once an hour, however often the button is pressed."""
    if deeds.times(session, agency_id, request.by, audit.Did.REVEALS_REFUSED, since=request.now - HOUR):
        return
    audit.record(session, agency_id, audit.Did.REVEALS_REFUSED, f"staff:{request.by}", by=request.by)
    admins = [one.id for one in staff.of_agency(session, agency_id) if one.role == Role.ADMIN and one.active]
    notices.warn(session, agency_id, admins, News.REVEALS_USED_UP, about=request.by)
