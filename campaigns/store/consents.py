"""Refusals, and the one condition that says whether we may write to an address."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from campaigns.store.contacts import Contact
from campaigns.store.metadata import Index, Made, Ref, Table

Address = (
    ColumnElement[bytes]
    | ColumnElement[bytes | None]
    | InstrumentedAttribute[bytes]
    | InstrumentedAttribute[bytes | None]
)

# Not a person's refusal: mails to the address came back for good (consent.Source.BOUNCE).
BOUNCED: Final = "bounce"


class OptOut(Table):
    """A refusal per agency, channel and address; never hangs on a contact, so deleting one does not undo it.

    `stopped` false means the person started again by their own word on the same channel.
    """

    __tablename__ = "opt_out"
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    address_index: Mapped[Index] = mapped_column(primary_key=True)
    stopped: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    source: Mapped[str]  # a consent.Source
    rule: Mapped[str]  # the exact word or code that matched
    language: Mapped[str | None]
    stopped_at: Mapped[Made]
    changed_at: Mapped[Made]


def not_opted_out(
    agency_id: ColumnElement[int] | InstrumentedAttribute[int] | int,
    channel: str,
    address_index: Address,
) -> ColumnElement[bool]:
    """True where nobody at this address refused this channel."""
    return ~exists().where(
        OptOut.agency_id == agency_id,
        OptOut.channel == channel,
        OptOut.address_index == address_index,
        OptOut.stopped,
    )


def bounced(
    agency_id: ColumnElement[int] | InstrumentedAttribute[int] | int,
    address_index: Address,
) -> ColumnElement[bool]:
    """True where mails to this address came back for good, and nobody there refused them."""
    return exists().where(
        OptOut.agency_id == agency_id,
        OptOut.channel == "email",
        OptOut.address_index == address_index,
        OptOut.stopped,
        OptOut.source == BOUNCED,
    )


def has_sms() -> ColumnElement[bool]:
    """True for contacts with a mobile."""
    return and_(Contact.phone_index.is_not(None), Contact.phone_kind == "mobile")


def has_email() -> ColumnElement[bool]:
    """True for contacts with an e-mail address."""
    return Contact.email_index.is_not(None)


def reachable_by_sms() -> ColumnElement[bool]:
    """True for contacts we may write to by SMS: a mobile, a legal ground and no refusal. The only place that knows."""
    return and_(
        has_sms(),
        Contact.legal_ground.is_not(None),
        not_opted_out(Contact.agency_id, "sms", Contact.phone_index),
    )


def reachable_by_email() -> ColumnElement[bool]:
    """True for contacts we may write to by mail: an address, a legal ground, no refusal, and none that came back."""
    return and_(
        has_email(),
        Contact.legal_ground.is_not(None),
        not_opted_out(Contact.agency_id, "email", Contact.email_index),
    )


def stop(
    session: Session, agency_id: int, channel: str, index: bytes, *, source: str, rule: str, language: str | None
) -> bool:
    """Refuse for one address; True if it was not refused until now, or mails to it only came back."""
    values = {"source": source, "rule": rule, "language": language, "stopped": True}
    statement = (
        insert(OptOut)
        .values(agency_id=agency_id, channel=channel, address_index=index, **values)
        .on_conflict_do_update(
            index_elements=["agency_id", "channel", "address_index"],
            set_={**values, "stopped_at": func.now(), "changed_at": func.now()},
            where=or_(~OptOut.stopped, and_(OptOut.source == BOUNCED, literal(source) != BOUNCED)),
        )
        .returning(OptOut.stopped)
    )
    return session.scalar(statement) is not None


def retell(
    session: Session,
    agency_id: int,
    channel: str,
    indexes: Collection[bytes],
    *,
    of: Collection[str],
    source: str,
    rule: str,
) -> None:
    """Let standing refusals of the sources `of` come from `source` from now on; their time stays."""
    session.execute(
        update(OptOut)
        .where(
            OptOut.agency_id == agency_id,
            OptOut.channel == channel,
            OptOut.address_index.in_(indexes),
            OptOut.stopped,
            OptOut.source.in_(of),
        )
        .values(source=source, rule=rule, changed_at=func.now())
    )


def start(session: Session, agency_id: int, channel: str, index: bytes, *, sources: Collection[str], rule: str) -> bool:
    """Undo a refusal that came from one of the sources; True if there was one."""
    statement = (
        update(OptOut)
        .where(
            OptOut.agency_id == agency_id,
            OptOut.channel == channel,
            OptOut.address_index == index,
            OptOut.stopped,
            OptOut.source.in_(sources),
        )
        .values(stopped=False, rule=rule, changed_at=func.now())
        .returning(OptOut.stopped)
    )
    return session.scalar(statement) is not None


# The first refusal of an address under any key is one under the newest; a person's goes before a bounce.
_CARRY: Final = sql("""
INSERT INTO opt_out (agency_id, channel, address_index, source, rule, language, stopped_at)
SELECT DISTINCT ON (o.channel, known.newest) :agency, o.channel, known.newest, o.source, o.rule, o.language,
    o.stopped_at
FROM unnest(CAST(:newest AS bytea[]), CAST(:older AS bytea[])) AS known (newest, older)
JOIN opt_out o ON o.agency_id = :agency AND o.address_index = known.older AND o.stopped
ORDER BY o.channel, known.newest, o.source = 'bounce', o.stopped_at
ON CONFLICT DO NOTHING
""")


def carry(session: Session, agency_id: int, indexes: Iterable[Sequence[bytes]]) -> None:
    """Let refusals made under older index keys hold under the newest; each item is one address, newest key first.

    Call it for every address that is kept: the gate compares with the newest only. May be called again.
    """
    pairs = [(newest, index) for newest, *older in indexes for index in older]
    if pairs:
        newest, older = zip(*pairs, strict=True)
        session.execute(_CARRY, {"agency": agency_id, "newest": list(newest), "older": list(older)})


def is_stopped(session: Session, agency_id: int, channel: str, indexes: list[bytes]) -> bool:
    """Whether any of these indexes refused the channel."""
    statement = select(
        exists().where(
            OptOut.agency_id == agency_id,
            OptOut.channel == channel,
            OptOut.address_index.in_(indexes),
            OptOut.stopped,
        )
    )
    return bool(session.scalar(statement))


def refused(session: Session, agency_id: int, contact_ids: Collection[int]) -> dict[tuple[int, str], str]:
    """(contact id, channel) -> the consent.Source, of those among the contacts whose address must not be written to."""
    # Channel by channel, so that each address is looked up: both at once were compared with every refusal there is.
    each = [
        select(Contact.id, OptOut.channel, OptOut.source).where(
            Contact.agency_id == agency_id,
            Contact.id.in_(list(contact_ids)),
            OptOut.agency_id == agency_id,
            OptOut.channel == channel,
            OptOut.address_index == address,
            OptOut.stopped,
        )
        for channel, address in (("sms", Contact.phone_index), ("email", Contact.email_index))
    ]
    return {(number, channel): source for number, channel, source in session.execute(union_all(*each))}
