"""Agencies and their senders: the tables that routing needs before any agency is known."""

from collections.abc import Sequence

from sqlalchemy import Boolean, ForeignKey, Integer, SmallInteger, UniqueConstraint, exists, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.metadata import Id, Made, Moment, Ref, Sealed, Small, Stored, Table


class Agency(Table):
    """A body that owns contacts and campaigns. Stands outside row-level security (DESIGN 10.2)."""

    __tablename__ = "agency"
    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="America/Lima")
    hours: Mapped[Stored]
    language: Mapped[str] = mapped_column(server_default="es")  # for contacts whose own is not known
    halted_at: Mapped[Moment | None]
    parts_per_month: Mapped[int | None] = mapped_column(Integer)  # None is no limit
    brake_failed: Mapped[Small] = mapped_column(server_default="20")  # per cent of the last outcomes
    brake_filtered: Mapped[Small] = mapped_column(server_default="2")
    cap_messages: Mapped[int | None] = mapped_column(SmallInteger)  # to one person in cap_days days; None is no cap
    cap_days: Mapped[int | None] = mapped_column(SmallInteger)
    # Days that things are kept (campaigns/retention.py); None: until somebody takes them away.
    keep_messages_days: Mapped[int | None] = mapped_column(Integer, server_default="90")
    keep_inbound_days: Mapped[int | None] = mapped_column(Integer, server_default="180")
    keep_groundless_days: Mapped[int | None] = mapped_column(Integer)
    keep_imports_days: Mapped[int | None] = mapped_column(Integer, server_default="30")
    retention_due_at: Mapped[Moment] = mapped_column(server_default=text("now() + '1 day'::interval"))
    made_at: Mapped[Made]


class Sender(Table):
    """What messages come from: a number at a provider, or a mail address at a server, with sealed credentials.

    A mail sender has host, port and security (a contract.Security), and a domain of its own that bounces come back to.
    `key` is random and stands in webhook paths, so that agency and token are known before any row is read.
    """

    __tablename__ = "sender"
    __table_args__ = (UniqueConstraint("agency_id", "channel", "address"),)
    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"), index=True)
    name: Mapped[str]
    channel: Mapped[str] = mapped_column(server_default="sms")
    provider: Mapped[str]
    address: Mapped[str]
    account: Mapped[str]
    credentials_sealed: Mapped[Sealed]
    parts_per_second: Mapped[int] = mapped_column(Integer, server_default="10")
    in_flight: Mapped[int] = mapped_column(Integer, server_default="100")
    provider_answers_stop: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    host: Mapped[str | None]
    port: Mapped[int | None] = mapped_column(Integer)
    security: Mapped[str | None]
    reply_to: Mapped[str | None]
    bounce_domain: Mapped[str | None]
    dkim_selector: Mapped[str | None]
    dkim_key_sealed: Mapped[Sealed | None]  # the private key, PEM
    made_at: Mapped[Made]


def get(session: Session, agency_id: int) -> Agency | None:
    """The agency, or None."""
    return session.get(Agency, agency_id)


def ids(session: Session) -> Sequence[int]:
    """Every agency of the installation."""
    return session.scalars(select(Agency.id).order_by(Agency.id)).all()


def by_slug(session: Session, slug: str) -> Agency | None:
    """The agency with this short name, or None."""
    return session.scalar(select(Agency).where(Agency.slug == slug))


def senders(session: Session, agency_id: int) -> Sequence[Sender]:
    """The agency's senders, oldest first."""
    return session.scalars(select(Sender).where(Sender.agency_id == agency_id).order_by(Sender.id)).all()


def sender(session: Session, agency_id: int, sender_id: int) -> Sender | None:
    """One of the agency's senders, or None: another agency's is None too."""
    return session.scalar(select(Sender).where(Sender.agency_id == agency_id, Sender.id == sender_id))


def is_mailbox_of_others(session: Session, agency_id: int, address: str) -> bool:
    """Whether another agency sends mails from this address, or lets answers come to it."""
    wanted = address.lower()
    others = (Sender.agency_id != agency_id) & (Sender.channel == "email")
    theirs = (func.lower(Sender.address) == wanted) | (func.lower(Sender.reply_to) == wanted)
    return bool(session.scalar(select(exists().where(others, theirs))))


def sender_by_key(session: Session, key: str) -> Sender | None:
    """The sender a webhook path names, or None."""
    return session.scalar(select(Sender).where(Sender.key == key))
