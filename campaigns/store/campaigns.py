"""Campaigns and their texts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Select,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.errors import NotFound
from campaigns.rules.lifecycle import CAMPAIGN_MOVES, CampaignState
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
            postgresql_where=text(
                "settled_at IS NULL AND state IN ('planning', 'scheduled', 'running', 'paused', 'stopping', 'stopped')"
            ),
        ),
        Index("campaign_parent", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[str] = mapped_column(server_default="alert")
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="draft")
    segment_id: Mapped[Ref | None] = mapped_column(ForeignKey("segment.id", ondelete="RESTRICT"))
    excluded_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")  # segments left out
    rule: Mapped[Stored | None]  # the segments' rules as they were when the audience was planned
    channels: Mapped[str] = mapped_column(server_default="sms")  # a rules.channels.Channels
    sender_id: Mapped[Ref | None] = mapped_column(ForeignKey("sender.id"))  # of SMS
    mail_sender_id: Mapped[Ref | None] = mapped_column(ForeignKey("sender.id"))
    is_discreet: Mapped[bool] = mapped_column(server_default=text("false"))  # mails have a neutral subject
    fallback_language: Mapped[str] = mapped_column(server_default="es")
    starts_at: Mapped[Moment | None]  # once approved; None is at once
    expires_at: Mapped[Moment | None]
    is_urgent: Mapped[bool] = mapped_column(server_default=text("false"))  # overtakes the agency's other campaigns
    parts_cap: Mapped[int | None] = mapped_column(Integer)
    parent_id: Mapped[Ref | None] = mapped_column(ForeignKey("campaign.id"))  # the campaign this one corrects
    amends: Mapped[str | None]  # a lifecycle.Amends, with parent_id
    author_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    approver_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    return_reason: Mapped[str | None]
    pause_reason: Mapped[str | None]
    content_digest: Mapped[str | None]
    audience_digest: Mapped[str | None]
    plan_total: Mapped[int | None] = mapped_column(Integer)  # people the rule picks
    plan_done: Mapped[int] = mapped_column(Integer, server_default="0")
    plan_left_out: Mapped[Stored | None]  # reason -> how many the rule picks but nothing is sent to
    plan_after: Mapped[Ref] = mapped_column(server_default="0")  # the last contact looked at, or delivery of the parent
    plan_leased_until: Mapped[Moment | None]
    made_at: Mapped[Made]
    changed_at: Mapped[Made]
    submitted_at: Mapped[Moment | None]
    approved_at: Mapped[Moment | None]
    started_at: Mapped[Moment | None]
    resumed_at: Mapped[Moment | None]  # the brake judges what came after it
    ended_at: Mapped[Moment | None]
    ask_at: Mapped[Moment | None]  # when the provider is next asked about messages without a receipt
    asked_upto: Mapped[Ref] = mapped_column(server_default="0")  # the last delivery that was asked about
    settled_at: Mapped[Moment | None]  # every delivery is at its end

    @property
    def planned(self) -> int | None:
        """How many people something was planned for, each once on however many channels; None before that."""
        if self.plan_total is None or self.state == CampaignState.DRAFT:
            return None
        return self.plan_done - sum(int(str(number)) for number in (self.plan_left_out or {}).values())


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


class Words(NamedTuple):
    """A text without where it belongs: an SMS has no subject, a mail has one."""

    subject: str | None
    body: str


# What planning and approval write, taken back: the columns of a draft that was never submitted.
_UNPLANNED: Final[dict[str, Any]] = {
    "rule": None,
    "approver_id": None,
    "pause_reason": None,
    "content_digest": None,
    "audience_digest": None,
    "plan_total": None,
    "plan_done": 0,
    "plan_after": 0,
    "plan_leased_until": None,
    "submitted_at": None,
    "approved_at": None,
}


class Digests(NamedTuple):
    """What an approval binds: texts, sender and hours; and exactly these addresses (DESIGN P2)."""

    content: str | None
    audience: str | None


def get(session: Session, agency_id: int, campaign_id: int) -> Campaign | None:
    """One of the agency's campaigns as it stands now, or None; never its service campaign."""
    return session.scalar(_one(agency_id, campaign_id), execution_options={"populate_existing": True})


def hold(session: Session, agency_id: int, campaign_id: int) -> Campaign:
    """The campaign, and nobody else changes it until this transaction ends; raises NotFound."""
    statement = _one(agency_id, campaign_id).with_for_update()
    campaign = session.scalar(statement, execution_options={"populate_existing": True})
    if campaign is None:
        raise NotFound("campaign_unknown")
    return campaign


def service(session: Session, agency_id: int) -> Campaign:
    """The standing campaign of the agency's sends without a campaign."""
    return session.scalars(select(Campaign).where(Campaign.agency_id == agency_id, Campaign.kind == "service")).one()


def listed(
    session: Session, agency_id: int, states: Collection[str], *, before: int | None, limit: int
) -> Sequence[Campaign]:
    """The agency's campaigns in these states, newest first, older than the campaign `before`."""
    statement = select(Campaign).where(
        Campaign.agency_id == agency_id, Campaign.kind == "alert", Campaign.state.in_(states)
    )
    if before is not None:
        statement = statement.where(Campaign.id < before)
    return session.scalars(statement.order_by(Campaign.id.desc()).limit(limit)).all()


def names(session: Session, agency_id: int, campaign_ids: Collection[int]) -> dict[int, str]:
    """Id -> name of those of the campaigns that are the agency's; never its service campaign."""
    rows = session.execute(
        select(Campaign.id, Campaign.name).where(
            Campaign.agency_id == agency_id, Campaign.id.in_(list(campaign_ids)), Campaign.kind == "alert"
        )
    )
    return {row.id: row.name for row in rows}


def in_states(session: Session, agency_id: int) -> dict[str, int]:
    """State -> how many of the agency's campaigns are in it."""
    rows = session.execute(
        select(Campaign.state, func.count().label("number"))
        .where(Campaign.agency_id == agency_id, Campaign.kind == "alert")
        .group_by(Campaign.state)
    )
    return {row.state: row.number for row in rows}


def move(
    session: Session, agency_id: int, campaign_id: int, to: CampaignState, *, only: Collection[str] = (), **values: Any
) -> Campaign | None:
    """Move the campaign and set `values`; None if it is in no state it may come from, or in none of `only`."""
    came_from = [old for old, allowed in CAMPAIGN_MOVES.items() if to in allowed and (not only or old in only)]
    statement = (
        update(Campaign)
        .where(
            Campaign.agency_id == agency_id,
            Campaign.id == campaign_id,
            Campaign.kind == "alert",
            Campaign.state.in_(came_from),
        )
        .values(state=to, changed_at=func.now(), **values)
        .returning(Campaign)
    )
    return session.scalar(statement, execution_options={"populate_existing": True})


def note_asked(session: Session, agency_id: int, campaign_id: int, *, upto: int, ask_at: datetime) -> None:
    """The provider was asked about silent messages up to the delivery `upto` (0: all), and will be again then."""
    session.execute(
        update(Campaign)
        .where(Campaign.agency_id == agency_id, Campaign.id == campaign_id)
        .values(asked_upto=upto, ask_at=ask_at)
    )


def claim_asking(session: Session, campaign: Campaign, *, until: datetime) -> bool:
    """Keep others from asking about the campaign's silent messages until then; False if somebody was faster."""
    claimed = session.scalar(
        update(Campaign)
        .where(
            Campaign.id == campaign.id,
            Campaign.agency_id == campaign.agency_id,
            Campaign.ask_at.is_not_distinct_from(campaign.ask_at),
        )
        .values(ask_at=until)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    return claimed is not None


def note_settled(session: Session, agency_id: int, campaign_id: int, at: datetime) -> None:
    """Every delivery of the campaign is at its end: nobody needs to look any more."""
    session.execute(
        update(Campaign).where(Campaign.agency_id == agency_id, Campaign.id == campaign_id).values(settled_at=at)
    )


def discard_plan(session: Session, campaign_id: int) -> int:
    """Delete the planned deliveries of a campaign that has not started; how many there were."""
    gone: int = session.execute(select(func.discard_plan(campaign_id))).scalar_one()
    return gone


def submit(
    session: Session, agency_id: int, campaign_id: int, *, rule: Mapping[str, object], author_id: int
) -> Campaign | None:
    """Move a draft to planning with the rule as it is now, nothing planned yet; None if it is no draft."""
    fresh = {**_UNPLANNED, "rule": dict(rule), "plan_left_out": None, "return_reason": None, "author_id": author_id}
    return move(session, agency_id, campaign_id, CampaignState.PLANNING, **fresh)


def back_to_draft(
    session: Session,
    agency_id: int,
    campaign_id: int,
    *,
    reason: str | None,
    only: Collection[str] = (),
    left_out: Mapping[str, object] | None = None,
) -> Campaign | None:
    """Void what was planned and approved, and delete the planned deliveries; None if the campaign cannot go back."""
    campaign = move(
        session,
        agency_id,
        campaign_id,
        CampaignState.DRAFT,
        only=only,
        return_reason=reason,
        plan_left_out=left_out,
        **_UNPLANNED,
    )
    if campaign is not None:
        discard_plan(session, campaign_id)
    return campaign


def take_lease(session: Session, agency_id: int, campaign_id: int, *, seconds: float) -> Campaign | None:
    """The campaign to plan, kept from others for so long; None if it is not to be planned or somebody has it."""
    return session.scalar(
        update(Campaign)
        .where(
            Campaign.agency_id == agency_id,
            Campaign.id == campaign_id,
            Campaign.state == CampaignState.PLANNING,
            or_(Campaign.plan_leased_until.is_(None), Campaign.plan_leased_until < func.clock_timestamp()),
        )
        .values(plan_leased_until=_from_now(seconds))
        .returning(Campaign)
    )


def keep_lease(session: Session, held: Campaign, *, seconds: float) -> Campaign | None:
    """The campaign with a longer lease, locked until the transaction ends; None if the lease is no longer `held`'s.

    The moment the lease ends is what tells one holder from another.
    """
    return session.scalar(
        update(Campaign)
        .where(
            Campaign.id == held.id,
            Campaign.agency_id == held.agency_id,
            Campaign.state == CampaignState.PLANNING,
            Campaign.plan_leased_until == held.plan_leased_until,
        )
        .values(plan_leased_until=_from_now(seconds))
        .returning(Campaign)
    )


def note_total(session: Session, held: Campaign, total: int) -> None:
    """How many contacts the rule picks, if the campaign is still planned under the lease `held`."""
    session.execute(
        update(Campaign)
        .where(
            Campaign.id == held.id,
            Campaign.agency_id == held.agency_id,
            Campaign.plan_leased_until == held.plan_leased_until,
        )
        .values(plan_total=total)
    )


def digests(session: Session, campaign_id: int) -> Digests:
    """What the campaign's content and audience amount to now."""
    content, audience = session.execute(
        select(func.campaign_content_digest(campaign_id), func.campaign_audience_digest(campaign_id))
    ).one()
    return Digests(content, audience)


def texts(session: Session, campaign_id: int) -> Sequence[Text]:
    """The campaign's texts, those of SMS first, by language."""
    return session.scalars(
        select(Text).where(Text.campaign_id == campaign_id).order_by(Text.channel.desc(), Text.language),
        execution_options={"populate_existing": True},
    ).all()


def words(session: Session, campaign_id: int) -> dict[tuple[str, str], Words]:
    """(channel, language) -> what the campaign says there."""
    return {(text.channel, text.language): Words(text.subject, text.body) for text in texts(session, campaign_id)}


def replace_texts(session: Session, agency_id: int, campaign_id: int, wanted: Mapping[tuple[str, str], Words]) -> None:
    """Make these texts, by channel and language, the campaign's only ones; one that stays as it is is not touched."""
    kept = tuple_(Text.channel, Text.language).in_(list(wanted))
    session.execute(delete(Text).where(Text.campaign_id == campaign_id, ~kept))
    for (channel, language), said in wanted.items():
        new = insert(Text).values(
            agency_id=agency_id,
            campaign_id=campaign_id,
            channel=channel,
            language=language,
            subject=said.subject,
            body=said.body,
        )
        session.execute(
            new.on_conflict_do_update(
                index_elements=["campaign_id", "channel", "language"],
                set_={"subject": said.subject, "body": said.body, "changed_at": func.now()},
                where=or_(Text.body != said.body, Text.subject.is_distinct_from(said.subject)),
            )
        )


def _one(agency_id: int, campaign_id: int) -> Select[Campaign]:
    return select(Campaign).where(Campaign.agency_id == agency_id, Campaign.id == campaign_id, Campaign.kind == "alert")


def _from_now(seconds: float) -> ColumnElement[datetime]:
    moment: ColumnElement[datetime] = func.clock_timestamp() + timedelta(seconds=seconds)
    return moment
