"""Campaigns and their texts."""

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.store.metadata import Id, Made, Moment, Ref, Stored, Table


class Campaign(Table):
    """Texts, audience and approval. A `service` campaign stands for each agency's sends without a campaign."""

    __tablename__ = "campaign"
    __table_args__ = (
        Index("campaign_agency", "agency_id", "id"),
        Index("campaign_service", "agency_id", unique=True, postgresql_where=text("kind = 'service'")),
        # Read by due_work(): few campaigns are under way at any time.
        Index(
            "campaign_due",
            "state",
            postgresql_where=text("state IN ('planning', 'running', 'stopping', 'scheduled')"),
        ),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[str] = mapped_column(server_default="alert")
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="draft")
    segment_id: Mapped[Ref | None] = mapped_column(ForeignKey("segment.id", ondelete="RESTRICT"))
    rule: Mapped[Stored | None]  # the segment's rule as it was when the audience was planned
    sender_id: Mapped[Ref | None] = mapped_column(ForeignKey("sender.id"))
    fallback_language: Mapped[str] = mapped_column(server_default="es")
    expires_at: Mapped[Moment | None]
    author_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    approver_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    return_reason: Mapped[str | None]
    pause_reason: Mapped[str | None]
    content_digest: Mapped[str | None]
    audience_digest: Mapped[str | None]
    plan_total: Mapped[int | None] = mapped_column(Integer)  # contacts the rule picks
    plan_done: Mapped[int] = mapped_column(Integer, server_default="0")
    plan_left_out: Mapped[Stored | None]  # reason -> how many the rule picks but nothing is sent to
    plan_after: Mapped[Ref] = mapped_column(server_default="0")  # the last contact looked at
    plan_leased_until: Mapped[Moment | None]
    made_at: Mapped[Made]
    changed_at: Mapped[Made]
    submitted_at: Mapped[Moment | None]
    approved_at: Mapped[Moment | None]
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]


class Text(Table):
    """What a campaign says in one language on one channel, without the frame around it."""

    __tablename__ = "text"
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    campaign_id: Mapped[Ref] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str | None]
    body: Mapped[str]
    changed_at: Mapped[Made]
