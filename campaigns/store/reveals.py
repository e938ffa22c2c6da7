"""Reveals: why a member of staff looked at somebody in full. That they did stands in the audit log."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.contacts import Contact
from campaigns.store.metadata import Id, Made, Ref, Sealed, Table

_LOCK: Final = 7_112_013


class Reveal(Table):
    """One reveal. Its reason is what staff typed and may name somebody: it is sealed, and goes with the contact.

    `once` is the mark of the form it came from, so that a page reloaded shows nothing again.
    """

    __tablename__ = "reveal"
    __table_args__ = (
        UniqueConstraint("agency_id", "staff_id", "once"),
        Index("reveal_staff", "agency_id", "staff_id", "id"),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    staff_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    contact_id: Mapped[Ref] = mapped_column(index=True)  # goes with it by the trigger contact_gone_reveals
    once: Mapped[str]
    reason_sealed: Mapped[Sealed]
    made_at: Mapped[Made]


class Looked(NamedTuple):
    """A reveal and the contact, for whoever answers for the staff."""

    reveal: Reveal
    contact: Contact


def queue_up(session: Session, staff_id: int) -> None:
    """Wait until no other transaction reveals for this person, so that two tabs cannot both be the last allowed."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK, staff_id % 2**31)))


def was_shown(session: Session, agency_id: int, staff_id: int, once: str) -> bool:
    """Whether the form with this mark has shown somebody already."""
    statement = select(Reveal.id).where(Reveal.agency_id == agency_id, Reveal.staff_id == staff_id, Reveal.once == once)
    return session.scalar(statement) is not None


def reasons(session: Session, agency_id: int, ids: Collection[int]) -> dict[int, bytes]:
    """Reveal id -> its sealed reason."""
    statement = select(Reveal.id, Reveal.reason_sealed).where(Reveal.agency_id == agency_id, Reveal.id.in_(list(ids)))
    return {row.id: row.reason_sealed for row in session.execute(statement)}


def by_staff(session: Session, agency_id: int, staff_id: int, *, limit: int) -> Sequence[Looked]:
    """Whom this person looked at, newest first; those deleted since are not among them."""
    rows = session.execute(
        select(Reveal, Contact)
        .join(Contact, Contact.id == Reveal.contact_id)
        .where(Reveal.agency_id == agency_id, Reveal.staff_id == staff_id, Contact.agency_id == agency_id)
        .order_by(Reveal.id.desc())
        .limit(limit)
    )
    return [Looked(*row) for row in rows]
