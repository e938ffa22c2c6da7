"""Audit rows: who did what to which thing; written in the same transaction, never changed."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.store.metadata import Id, Made, Ref, Stored, Table


class AuditRow(Table):
    """One deed. The app's role may add and read these, nothing else."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_agency", "agency_id", "id"),)
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    staff_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))  # None: the command line or the system
    did: Mapped[str]
    subject: Mapped[str]  # "campaign:12"
    detail: Mapped[Stored | None]  # ids, counts and codes; never personal data
    made_at: Mapped[Made]
