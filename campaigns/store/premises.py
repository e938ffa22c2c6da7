"""What sending a campaign rests on, read as one consistent picture; the gate then compares with it (DESIGN P2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import CampaignState
from campaigns.store import agencies
from campaigns.store.agencies import Agency, Sender
from campaigns.store.campaigns import Campaign, Text, Words


@dataclass(frozen=True)
class Premises:
    """Campaign and agency, sender and texts of one channel, at one moment. `digest`: what its content amounted to."""

    agency: Agency
    campaign: Campaign
    sender: Sender
    texts: Mapping[str, Words]
    digest: str | None
    running: int  # campaigns of the agency that run now: they share the agency's turn

    @property
    def is_service(self) -> bool:
        """Sends without a campaign carry their own text and were approved by whoever wrote them."""
        return self.campaign.kind == "service"

    @property
    def as_approved(self) -> bool:
        """Whether texts, sender and hours are what the approver saw."""
        return self.is_service or (self.digest is not None and self.campaign.content_digest == self.digest)


def begin_consistent(session: Session) -> None:
    """Make every read of this session's transaction see the same moment. Call it before the first statement."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def channels(session: Session, agency_id: int, campaign_id: int) -> str | None:
    """A rules.channels.Channels of one of the agency's campaigns; None if it is gone."""
    return session.scalar(select(Campaign.channels).where(Campaign.agency_id == agency_id, Campaign.id == campaign_id))


def read(session: Session, agency_id: int, campaign_id: int, channel: Channel) -> Premises | None:
    """The premises of one of the agency's campaigns on one channel; None if it is gone or has no sender for it."""
    found = session.execute(
        select(Campaign, func.campaign_content_digest(Campaign.id))
        .where(Campaign.agency_id == agency_id, Campaign.id == campaign_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    agency = agencies.get(session, agency_id)
    if found is None or agency is None:
        return None
    campaign: Campaign = found[0]
    sender = _sender(session, campaign, channel)
    if sender is None:
        return None
    rows = session.execute(
        select(Text.language, Text.subject, Text.body).where(Text.campaign_id == campaign_id, Text.channel == channel)
    )
    texts = {row.language: Words(row.subject, row.body) for row in rows}
    return Premises(agency, campaign, sender, texts, found[1], _running(session, agency_id))


def _running(session: Session, agency_id: int) -> int:
    running = (Campaign.state == CampaignState.RUNNING) & Campaign.settled_at.is_(None) & (Campaign.kind == "alert")
    return session.scalar(select(func.count()).where(running, Campaign.agency_id == agency_id)) or 0


def _sender(session: Session, campaign: Campaign, channel: Channel) -> Sender | None:
    # The service campaign may name none: then the agency's oldest.
    chosen = campaign.sender_id if channel is Channel.SMS else campaign.mail_sender_id
    own = (Sender.agency_id == campaign.agency_id) & (Sender.channel == channel)
    statement = select(Sender).where(own).order_by(Sender.id).limit(1)
    if chosen is not None or campaign.kind != "service":
        statement = statement.where(Sender.id == chosen)
    return session.scalars(statement).one_or_none()
