"""Puts addresses and words under the newest index key, a batch of contacts at a time, beside everything that runs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import or_, select
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from campaigns.rules.channels import Channel
from campaigns.store import consents, former_indexes
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery

BATCH: Final = 500
_COLUMNS: Final = {Channel.SMS: "phone_index", Channel.EMAIL: "email_index"}

# An address that several share moves for all of them at once, or one campaign could write to it twice.
_MOVE: Final = {
    channel: sql(f"""
UPDATE contact c SET {column} = p.newest
FROM unnest(CAST(:former AS bytea[]), CAST(:newest AS bytea[])) AS p (former, newest)
WHERE c.agency_id = :agency AND c.{column} = p.former
""")  # noqa: S608 - both are constants
    for channel, column in _COLUMNS.items()
}


def batch(session: Session, agency_id: int, *, after: int) -> Sequence[Contact]:
    """The next contacts by id, as the database has them now."""
    statement = select(Contact).where(Contact.agency_id == agency_id, Contact.id > after)
    return session.scalars(statement.order_by(Contact.id).limit(BATCH)).all()


def hold(session: Session, agency_id: int, contact_ids: Collection[int]) -> Sequence[Contact]:
    """These contacts as they are now, which nobody else changes until the transaction ends. Does not wait for them."""
    statement = (
        select(Contact)
        .where(Contact.agency_id == agency_id, Contact.id.in_(list(contact_ids)))
        .order_by(Contact.id)
        .with_for_update(nowait=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(statement).all()


def is_passing(error: Exception) -> bool:
    """Whether it was only that somebody else holds a row, which is over in a moment."""
    return isinstance(error, DBAPIError) and isinstance(error.orig, LockNotAvailable | DeadlockDetected)


def hold_still(session: Session, agency_id: int) -> bool:
    """Keep drafts from being submitted until the transaction ends; False if an audience is being planned.

    A plan that saw an address under two indexes would write to it twice. Raises OperationalError instead of waiting.
    """
    statement = (
        select(Campaign.state)
        .where(Campaign.agency_id == agency_id, Campaign.state.in_(["draft", "planning"]))
        .with_for_update(nowait=True)
    )
    return "planning" not in session.scalars(statement).all()


def under_way(session: Session, agency_id: int, contact_ids: Collection[int]) -> set[int]:
    """Those of the contacts to whom a message is queued or in hand."""
    campaigns = select(Campaign.id).where(
        Campaign.agency_id == agency_id, Campaign.settled_at.is_(None), Campaign.kind == "alert"
    )
    open_ones = list(session.scalars(campaigns))
    statement = select(Delivery.contact_id).where(
        Delivery.agency_id == agency_id,
        Delivery.campaign_id.in_(open_ones),
        Delivery.contact_id.in_(list(contact_ids)),
        or_(Delivery.is_queued, Delivery.leased_until.is_not(None), Delivery.may_go_again, Delivery.mail_waits),
    )
    return {one for one in session.scalars(statement) if one is not None}


def taken(session: Session, agency_id: int, channel: Channel, newest: Collection[bytes]) -> set[bytes]:
    """Those of the newest indexes under which somebody stands already, so that nobody else can."""
    column = getattr(Contact, _COLUMNS[channel])
    statement = select(column).where(Contact.agency_id == agency_id, column.in_(list(newest)))
    if channel is Channel.EMAIL:
        statement = statement.where(Contact.phone_index.is_(None))
    return {index for index in session.scalars(statement) if index is not None}


def move(session: Session, agency_id: int, channel: Channel, pairs: Mapping[bytes, Sequence[bytes]]) -> None:
    """Let whoever stands under a former index stand under the newest: former -> the address's indexes, newest first.

    Their refusals hold under it, and what still carries a former one means the same address. Never commits. Raises
    OperationalError instead of waiting for whoever holds one of them.
    """
    if not pairs:
        return
    column = getattr(Contact, _COLUMNS[channel])
    session.execute(
        select(Contact.id)
        .where(Contact.agency_id == agency_id, column.in_(list(pairs)))
        .order_by(Contact.id)
        .with_for_update(nowait=True)
    )
    consents.carry(session, agency_id, pairs.values())
    former_indexes.note(session, agency_id, {(old, newest) for newest, *older in pairs.values() for old in older})
    newest = [indexes[0] for indexes in pairs.values()]
    session.execute(_MOVE[channel], {"agency": agency_id, "former": list(pairs), "newest": newest})


_UNWORD: Final = sql("""
DELETE FROM contact_word w USING unnest(CAST(:contacts AS bigint[]), CAST(:words AS bytea[])) AS g (contact_id, word)
WHERE w.agency_id = :agency AND w.contact_id = g.contact_id AND w.word_index = g.word
""")
_WORD: Final = sql("""
INSERT INTO contact_word (agency_id, word_index, contact_id)
SELECT :agency, word, contact_id
FROM unnest(CAST(:contacts AS bigint[]), CAST(:words AS bytea[])) AS g (contact_id, word)
ORDER BY 2, 3 ON CONFLICT DO NOTHING
""")
_FOUND: Final = sql("""
SELECT DISTINCT w.contact_id
FROM unnest(CAST(:contacts AS bigint[]), CAST(:words AS bytea[])) AS g (contact_id, word)
JOIN contact_word w ON w.agency_id = :agency AND w.word_index = g.word AND w.contact_id = g.contact_id
""")


def found_by(session: Session, agency_id: int, words: Mapping[int, Collection[bytes]]) -> set[int]:
    """Those contacts (by id) that stand under one of their words' former indexes."""
    values = _pairs(agency_id, words)
    return set(session.scalars(_FOUND, values)) if values else set()


def set_words(
    session: Session, agency_id: int, former: Mapping[int, Collection[bytes]], now: Mapping[int, Collection[bytes]]
) -> None:
    """Let contacts (by id) be found under the newest indexes of their words in place of the former."""
    for statement, words in ((_UNWORD, former), (_WORD, now)):
        if values := _pairs(agency_id, words):
            session.execute(statement, values)


def _pairs(agency_id: int, words: Mapping[int, Collection[bytes]]) -> dict[str, object]:
    pairs = [(contact_id, word) for contact_id, each in words.items() for word in each]
    if not pairs:
        return {}
    contacts, indexes = zip(*pairs, strict=True)
    return {"agency": agency_id, "contacts": list(contacts), "words": list(indexes)}
