"""Figures: append-only deltas, so that no row is hot and a live page reads few rows (DESIGN 10.9)."""

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.store.metadata import Id, Made, Ref, Table


class Figure(Table):
    """A change in how many deliveries of a campaign are in a state; `opted_out` counts people who refused."""

    __tablename__ = "figure"
    __table_args__ = (Index("figure_campaign", "campaign_id"),)
    id: Mapped[Id]
    agency_id: Mapped[Ref]
    campaign_id: Mapped[Ref]
    channel: Mapped[str]
    language: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    number: Mapped[int] = mapped_column(Integer)
    made_at: Mapped[Made]
