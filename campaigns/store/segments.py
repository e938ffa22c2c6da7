"""Segments: saved rules that pick contacts."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.store.metadata import Id, Made, Ref, Stored, Table


class Segment(Table):
    """A saved rule: a closed tree (rules/segments.py), never SQL."""

    __tablename__ = "segment"
    __table_args__ = (UniqueConstraint("agency_id", "name"),)
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    name: Mapped[str]
    rule: Mapped[Stored]
    staff_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Made]
    changed_at: Mapped[Made]
