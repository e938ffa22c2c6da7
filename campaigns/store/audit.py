"""Audit rows: who did what to which thing; written in the same transaction, never changed."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.metadata import Id, Made, Ref, Stored, Table


class AuditRow(Table):
    """One deed. The app's role may add and read these, nothing else."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_agency", "agency_id", "id"),
        Index("audit_staff", "agency_id", "staff_id", "did", "id"),
        Index("audit_subject", "agency_id", "subject", "id"),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    staff_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))  # None: the command line or the system
    did: Mapped[str]
    subject: Mapped[str]  # "campaign:12"
    detail: Mapped[Stored | None]  # ids, counts and codes; never personal data
    made_at: Mapped[Made]


def done_to(
    session: Session, agency_id: int, staff_id: int, deeds: Collection[str], subjects: Collection[str]
) -> set[str]:
    """Those of the subjects to which this person ever did one of the deeds."""
    statement = select(AuditRow.subject).where(
        AuditRow.agency_id == agency_id,
        AuditRow.staff_id == staff_id,
        AuditRow.did.in_(deeds),
        AuditRow.subject.in_(subjects),
    )
    return set(session.scalars(statement.distinct()))


def times(session: Session, agency_id: int, staff_id: int, deed: str, *, since: datetime) -> int:
    """How often this person did the deed since then."""
    statement = select(func.count()).where(
        AuditRow.agency_id == agency_id,
        AuditRow.staff_id == staff_id,
        AuditRow.did == deed,
        AuditRow.made_at >= since,
    )
    return session.scalar(statement) or 0
