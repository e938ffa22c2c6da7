"""Inbound: what people write to us, sealed."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ForeignKey, Index, Row, UniqueConstraint, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.contacts import Contact, ContactAlias
from campaigns.store.deliveries import Delivery
from campaigns.store.metadata import Id, Made, Moment, Ref, Sealed, Table
from campaigns.store.metadata import Index as BlindIndex


class Inbound(Table):
    """One text from a person. `kind`: stop, start, help or other; other waits for somebody to read it."""

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("sender_id", "provider_ref"),
        # What was answered by itself is never closed, and there is much of it.
        Index("inbound_waiting", "agency_id", "id", postgresql_where=text("closed_at IS NULL AND kind = 'other'")),
        # One person's page counts what they wrote.
        Index("inbound_contact", "agency_id", "contact_id", postgresql_where=text("contact_id IS NOT NULL")),
        # Erasing looks for what came from an address, retention for what is old.
        Index("inbound_address", "agency_id", "address_index"),
        Index("inbound_kept", "agency_id", "received_at", postgresql_where=text("body_sealed IS NOT NULL")),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    sender_id: Mapped[Ref] = mapped_column(ForeignKey("sender.id"))
    provider_ref: Mapped[str]
    channel: Mapped[str]
    address_index: Mapped[BlindIndex]
    address_sealed: Mapped[Sealed | None]  # None, like the body: taken away by retention, or with their person
    body_sealed: Mapped[Sealed | None]
    contact_id: Mapped[int | None] = mapped_column(BigInteger)  # as known when it came; the contact may go
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)  # the latest campaign that reached the person
    kind: Mapped[str]
    rule: Mapped[str | None]  # the exact word that matched
    language: Mapped[str]
    answer: Mapped[str | None]  # the code of the answer that went back
    received_at: Mapped[Made]
    closed_at: Mapped[Moment | None]
    closed_by: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))


def keep(session: Session, **values: object) -> int | None:
    """Insert a text with these columns and return its id; None if the provider has told us of it before."""
    statement = (
        insert(Inbound)
        .values(values)
        .on_conflict_do_nothing(index_elements=["sender_id", "provider_ref"])
        .returning(Inbound.id)
    )
    return session.scalar(statement)


def contact_at(session: Session, agency_id: int, channel: str, indexes: Sequence[bytes]) -> Contact | None:
    """The contact with this phone or mail address, looked up under every index key; of several, the oldest. Where
    nobody has it any more, the one into whom whoever had it was merged.
    """
    index = Contact.phone_index if channel == "sms" else Contact.email_index
    own = select(Contact).where(Contact.agency_id == agency_id)
    found = session.scalars(own.where(index.in_(indexes)).order_by(Contact.id).limit(1)).first()
    if found is not None:
        return found
    merged = select(ContactAlias.contact_id).where(
        ContactAlias.agency_id == agency_id, ContactAlias.address_index.in_(indexes)
    )
    return session.scalars(own.where(Contact.id.in_(merged)).order_by(Contact.id).limit(1)).first()


def contact_reached_at(session: Session, agency_id: int, channel: str, index: bytes) -> Contact | None:
    """The contact to whom we wrote at this address, whatever index their address has by now. Looks at all campaigns."""
    return session.scalars(
        select(Contact)
        .join(Delivery, Delivery.contact_id == Contact.id)
        .where(
            Contact.agency_id == agency_id,
            Delivery.agency_id == agency_id,
            Delivery.channel == channel,
            Delivery.address_index == index,
        )
        .limit(1)
    ).first()


def latest_campaign(session: Session, agency_id: int, contact_id: int, channel: str) -> Row[int, str] | None:
    """(campaign id, language) of the last campaign handed over to this contact on this channel."""
    return session.execute(
        select(Delivery.campaign_id, Delivery.language)
        .where(
            Delivery.agency_id == agency_id,
            Delivery.contact_id == contact_id,
            Delivery.channel == channel,
            Delivery.handed_at.is_not(None),
        )
        .order_by(Delivery.handed_at.desc())
        .limit(1)
    ).first()


def waiting(session: Session, agency_id: int, *, before: int | None, limit: int) -> Sequence[Inbound]:
    """Texts that wait for somebody to read them, newest first, from below id `before`."""
    statement = select(Inbound).where(
        Inbound.agency_id == agency_id, Inbound.closed_at.is_(None), Inbound.kind == "other"
    )
    if before is not None:
        statement = statement.where(Inbound.id < before)
    return session.scalars(statement.order_by(Inbound.id.desc()).limit(limit)).all()


def count_waiting(session: Session, agency_id: int) -> int:
    """How many texts wait for somebody to read them."""
    return (
        session.scalar(
            select(func.count()).where(
                Inbound.agency_id == agency_id, Inbound.closed_at.is_(None), Inbound.kind == "other"
            )
        )
        or 0
    )


def count_of(session: Session, agency_id: int, contact_id: int) -> dict[str, int]:
    """Kind -> how many texts this contact wrote."""
    rows = session.execute(
        select(Inbound.kind, func.count().label("number"))
        .where(Inbound.agency_id == agency_id, Inbound.contact_id == contact_id)
        .group_by(Inbound.kind)
    )
    return {row.kind: row.number for row in rows}


def close(session: Session, agency_id: int, inbound_id: int, staff_id: int) -> bool:
    """Mark a text as read and done with; False if it is not there or was closed before."""
    statement = (
        update(Inbound)
        .where(Inbound.agency_id == agency_id, Inbound.id == inbound_id, Inbound.closed_at.is_(None))
        .values(closed_at=func.now(), closed_by=staff_id)
        .returning(Inbound.id)
    )
    return session.scalar(statement) is not None
