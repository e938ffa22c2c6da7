"""Refusals, and the one condition that says whether we may write to an address."""

from sqlalchemy import Boolean, ColumnElement, ForeignKey, and_, exists, text
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from campaigns.store.contacts import Contact
from campaigns.store.metadata import Index, Made, Ref, Table


class OptOut(Table):
    """A refusal per agency, channel and address; never hangs on a contact, so deleting one does not undo it.

    `stopped` false means the person started again by their own word on the same channel.
    """

    __tablename__ = "opt_out"
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    address_index: Mapped[Index] = mapped_column(primary_key=True)
    stopped: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    source: Mapped[str]  # word | provider | staff
    rule: Mapped[str]  # the exact word or code that matched
    language: Mapped[str | None]
    stopped_at: Mapped[Made]
    changed_at: Mapped[Made]


def not_opted_out(
    agency_id: ColumnElement[int] | InstrumentedAttribute[int] | int,
    channel: str,
    address_index: ColumnElement[bytes] | InstrumentedAttribute[bytes] | InstrumentedAttribute[bytes | None],
) -> ColumnElement[bool]:
    """True where nobody at this address refused this channel."""
    return ~exists().where(
        OptOut.agency_id == agency_id,
        OptOut.channel == channel,
        OptOut.address_index == address_index,
        OptOut.stopped,
    )


def has_sms() -> ColumnElement[bool]:
    """True for contacts with a mobile."""
    return and_(Contact.phone_index.is_not(None), Contact.phone_kind == "mobile")


def reachable_by_sms() -> ColumnElement[bool]:
    """True for contacts we may write to by SMS: a mobile, a legal ground and no refusal. The only place that knows."""
    return and_(
        has_sms(),
        Contact.legal_ground.is_not(None),
        not_opted_out(Contact.agency_id, "sms", Contact.phone_index),
    )
