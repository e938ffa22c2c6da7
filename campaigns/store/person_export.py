"""Everything there is about one person beside their contact, for handing it over to them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from campaigns.store.campaigns import Campaign
from campaigns.store.consents import OptOut
from campaigns.store.deliveries import Delivery, Message
from campaigns.store.inbound import Inbound
from campaigns.store.reveals import Reveal


class Sent(NamedTuple):
    """One message to them; a sealed body where it was written to them alone and is still kept."""

    campaign_id: int
    kind: str
    name: str
    channel: str
    language: str
    state: str
    reason: str | None
    handed_at: datetime | None
    body_sealed: bytes | None


def messages(session: Session, agency_id: int, contact_id: int, indexes: Collection[bytes]) -> Sequence[Sent]:
    """What was planned or sent to the contact by campaigns, and to these addresses without one; newest first."""
    without = and_(Campaign.kind == "service", Delivery.address_index.in_(list(indexes)))
    service = select(Campaign.id).where(Campaign.agency_id == agency_id, Campaign.kind == "service").scalar_subquery()
    columns = (
        Delivery.campaign_id,
        Campaign.kind,
        Campaign.name,
        Delivery.channel,
        Delivery.language,
        Delivery.state,
        Delivery.reason,
        Delivery.handed_at,
        Message.body_sealed,
    )
    found: list[Sent] = []
    # Apart, so that each goes along an index of its own.
    for which in (Delivery.contact_id == contact_id, and_(Delivery.campaign_id == service, without)):
        rows = session.execute(
            select(*columns)
            .join(Campaign, Campaign.id == Delivery.campaign_id)
            .outerjoin(Message, and_(Message.campaign_id == Delivery.campaign_id, Message.delivery_id == Delivery.id))
            .where(Delivery.agency_id == agency_id, Campaign.agency_id == agency_id, which)
            .order_by(Delivery.campaign_id.desc(), Delivery.id.desc())
        )
        found += [Sent(*row) for row in rows]
    return found


def wrote(session: Session, agency_id: int, contact_id: int, indexes: Collection[bytes]) -> Sequence[Inbound]:
    """What they wrote, newest first; also from their addresses before anybody knew whose they were."""
    theirs = or_(
        Inbound.contact_id == contact_id,
        and_(Inbound.contact_id.is_(None), Inbound.address_index.in_(list(indexes))),
    )
    return session.scalars(
        select(Inbound).where(Inbound.agency_id == agency_id, theirs).order_by(Inbound.id.desc())
    ).all()


def refusals(session: Session, agency_id: int, indexes: Collection[bytes]) -> Sequence[OptOut]:
    """What was ever refused at these addresses, newest first."""
    return session.scalars(
        select(OptOut)
        .where(OptOut.agency_id == agency_id, OptOut.address_index.in_(list(indexes)))
        .order_by(OptOut.changed_at.desc(), OptOut.channel)
    ).all()


def reveals(session: Session, agency_id: int, contact_id: int) -> Sequence[Reveal]:
    """Each time somebody of the staff looked at them in full, newest first."""
    return session.scalars(
        select(Reveal).where(Reveal.agency_id == agency_id, Reveal.contact_id == contact_id).order_by(Reveal.id.desc())
    ).all()
