"""Figures: append-only deltas, so that no row is hot and a live page reads few rows (DESIGN 10.9)."""

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, Session, mapped_column

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


def add_opt_out(session: Session, agency_id: int, campaign_id: int, channel: str, language: str) -> None:
    """Count one person who refused after this campaign reached them."""
    session.add(
        Figure(
            agency_id=agency_id,
            campaign_id=campaign_id,
            channel=channel,
            language=language,
            state="opted_out",
            reason=None,
            number=1,
        )
    )
