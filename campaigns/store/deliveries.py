"""Deliveries: the row that follows one message to one contact on one channel, to its end."""

import secrets
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Computed, Identity, Index, Integer, SmallInteger, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.campaigns import Campaign
from campaigns.store.metadata import Index as BlindIndex
from campaigns.store.metadata import Made, Moment, Ref, Sealed, Small, Table


class Delivery(Table):
    """One message's row. Partitioned by range of `campaign_id`; the campaign's state is the gate.

    `occasion` is 0 in a campaign, so that an address is there once; in a service campaign it tells sends apart.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("campaign_id", "channel", "address_index", "occasion"),
        # What follows the state stands still from `sent` on, so that a receipt touches no index (a HOT update).
        # Read by open_window() only; the queued tail is small even when the table has millions.
        Index("delivery_queued", "campaign_id", "id", postgresql_where=text("is_queued")),
        # Read by the sweep: what a dead worker left, and what waits to be settled.
        Index("delivery_open", "campaign_id", "leased_until", postgresql_where=text("leased_until IS NOT NULL")),
        Index("delivery_again", "campaign_id", "id", postgresql_where=text("may_go_again")),
        Index("delivery_decides", "campaign_id", "id", postgresql_where=text("decides_mail")),
        Index("delivery_contact", "agency_id", "contact_id"),
        {"postgresql_partition_by": "RANGE (campaign_id)"},
    )
    campaign_id: Mapped[Ref] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    agency_id: Mapped[Ref]
    contact_id: Mapped[Ref | None]
    channel: Mapped[str]
    address_index: Mapped[BlindIndex]
    language: Mapped[str]
    occasion: Mapped[Ref] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(server_default="queued")
    # A skip's reason, or of a failure; while queued once more, why the first message failed.
    reason: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")  # counts openings: no two are ever alike
    absences: Mapped[Small] = mapped_column(server_default="0")  # times proven absent at the provider
    again: Mapped[Small] = mapped_column(server_default="0")  # times queued once more after a certain failure
    provider_ref: Mapped[str | None]
    parts: Mapped[int | None] = mapped_column(SmallInteger)  # of the latest attempt; None while they are not known
    charged: Mapped[Small] = mapped_column(server_default="0")  # parts of all attempts, the most there can be in hand
    leased_until: Mapped[Moment | None]  # set while `sending` or `unknown`
    not_before: Mapped[Moment | None]
    put_off_at: Mapped[Moment | None]  # when a server first said "later" of this very mail
    handed_at: Mapped[Moment | None]  # just before the first byte went out, for asking the provider later
    changed_at: Mapped[Made]
    is_queued: Mapped[bool] = mapped_column(Computed("state = 'queued'", persisted=True))
    may_go_again: Mapped[bool] = mapped_column(
        Computed(
            "channel = 'sms' AND state = 'failed' AND again = 0"
            " AND reason = ANY (ARRAY['unreachable', 'queue_full', 'too_late'])",
            persisted=True,
        )
    )
    mail_waits: Mapped[bool] = mapped_column(server_default=text("false"))  # a mail waits for what becomes of this SMS
    decides_mail: Mapped[bool] = mapped_column(
        Computed(
            "mail_waits AND (state = ANY (ARRAY['delivered', 'unconfirmed', 'skipped']) OR (state = 'failed' AND"
            " (again > 0 OR COALESCE(reason <> ALL (ARRAY['unreachable', 'queue_full', 'too_late']), true))))",
            persisted=True,
        )
    )


class Message(Table):
    """The sealed address and text of a send without a campaign: test sends and answers by staff."""

    __tablename__ = "message"
    # No foreign key: it would tie every partition of delivery to this table.
    campaign_id: Mapped[Ref] = mapped_column(primary_key=True)
    delivery_id: Mapped[Ref] = mapped_column(primary_key=True)
    agency_id: Mapped[Ref]
    staff_id: Mapped[Ref | None]
    address_sealed: Mapped[Sealed]
    body_sealed: Mapped[Sealed]


class Sent(NamedTuple):
    """One message to a contact: which campaign's (`kind` is alert or service), and what became of it."""

    campaign_id: int
    kind: str
    name: str
    channel: str
    state: str
    reason: str | None
    language: str
    handed_at: datetime | None


class Sending(NamedTuple):
    """A message of a service campaign, sealed. A mail's body is its subject, an empty line, and what follows."""

    language: str
    address_index: bytes
    address_sealed: bytes
    body_sealed: bytes
    channel: str = "sms"


def of_contact(session: Session, agency_id: int, contact_id: int, *, limit: int) -> list[Sent]:
    """A contact's latest messages, newest first."""
    rows = session.execute(
        select(
            Delivery.campaign_id,
            Campaign.kind,
            Campaign.name,
            Delivery.channel,
            Delivery.state,
            Delivery.reason,
            Delivery.language,
            Delivery.handed_at,
        )
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(Delivery.agency_id == agency_id, Delivery.contact_id == contact_id, Campaign.agency_id == agency_id)
        .order_by(Delivery.campaign_id.desc(), Delivery.id.desc())
        .limit(limit)
    )
    return [Sent(*row) for row in rows]


def queue_message(session: Session, agency_id: int, campaign_id: int, message: Sending, *, staff_id: int | None) -> int:
    """Queue a message of the service campaign and return its delivery's id. Each call is a send of its own."""
    delivery = Delivery(
        campaign_id=campaign_id,
        agency_id=agency_id,
        channel=message.channel,
        address_index=message.address_index,
        language=message.language,
        # Any number no other send to this address has: who writes twice means two messages.
        occasion=1 + secrets.randbits(62),
    )
    session.add(delivery)
    session.flush()
    session.add(
        Message(
            campaign_id=campaign_id,
            delivery_id=delivery.id,
            agency_id=agency_id,
            staff_id=staff_id,
            address_sealed=message.address_sealed,
            body_sealed=message.body_sealed,
        )
    )
    session.flush()
    return delivery.id
