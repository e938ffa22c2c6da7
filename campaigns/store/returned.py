"""What a mail that came in belongs to: one of our messages, or a mailbox of a sender."""

from typing import NamedTuple

from sqlalchemy import ScalarSelect, case, func, or_, select
from sqlalchemy.orm import Session

from campaigns.rules.channels import Channel
from campaigns.store.agencies import Sender
from campaigns.store.campaigns import Campaign
from campaigns.store.deliveries import Delivery

# A box for complaints and for what the rules of mail ask of every domain (RFC 2142, RFC 5321).
OFFICES = ("fbl", "abuse", "postmaster")


class Returned(NamedTuple):
    """A mail of ours as it left. `again` counts how often it was queued once more after it had failed."""

    campaign_id: int
    delivery_id: int
    attempt: int
    again: int
    address_index: bytes
    contact_id: int | None
    language: str
    sender_id: int


class Mailbox(NamedTuple):
    """Whose a mail address is."""

    agency_id: int
    sender_id: int


def message(session: Session, agency_id: int, campaign_id: int, delivery_id: int) -> Returned | None:
    """The agency's mail with these ids; None if there is none, or no sender that could be told of it."""
    oldest = _oldest_sender(agency_id)
    row = session.execute(
        select(
            Delivery.campaign_id,
            Delivery.id,
            Delivery.attempt,
            Delivery.again,
            Delivery.address_index,
            Delivery.contact_id,
            Delivery.language,
            func.coalesce(Campaign.mail_sender_id, oldest),
        )
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(
            Delivery.agency_id == agency_id,
            Delivery.campaign_id == campaign_id,
            Delivery.id == delivery_id,
            Delivery.channel == Channel.EMAIL,
            Campaign.agency_id == agency_id,
        )
    ).first()
    return Returned(*row) if row is not None and row[-1] is not None else None


def sender_of(session: Session, agency_id: int) -> int | None:
    """The agency's oldest mail sender."""
    return session.scalar(select(_oldest_sender(agency_id)))


def mailbox(session: Session, address: str, *, answers: int | None = None) -> Mailbox | None:
    """The sender, of whatever agency, that this address in lower case writes to: its own address or the one for
    answers; else, where the domain is a sender's, one of the OFFICES. None for an address nobody here has.

    Of several it is the one whose agency has the id `answers`, else the oldest.
    """
    local, _, domain = address.rpartition("@")
    own = or_(func.lower(Sender.address) == address, func.lower(Sender.reply_to) == address)
    wanted = own
    if local in OFFICES:
        of_domain = or_(
            func.lower(Sender.bounce_domain) == domain,
            func.split_part(func.lower(Sender.address), "@", 2) == domain,
        )
        wanted = or_(own, of_domain)
    row = session.execute(
        select(Sender.agency_id, Sender.id)
        .where(Sender.channel == Channel.EMAIL, wanted)
        .order_by(case((Sender.agency_id == answers, 0), else_=1), case((own, 0), else_=1), Sender.id)
        .limit(1)
    ).first()
    return Mailbox(*row) if row is not None else None


def _oldest_sender(agency_id: int) -> ScalarSelect[int]:
    return (
        select(func.min(Sender.id))
        .where(Sender.agency_id == agency_id, Sender.channel == Channel.EMAIL)
        .scalar_subquery()
    )
