"""Two contacts become one: history, marks and refusals of both come together, in sets."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.store.consents import BOUNCED, OptOut
from campaigns.store.contacts import Contact, ContactAlias
from campaigns.store.imports import ContactBefore

_UNITE: Final = tuple(
    sql(
        f"INSERT INTO {table} (agency_id, {column}, contact_id)"  # noqa: S608 - both are constants
        f" SELECT agency_id, {column}, :kept FROM {table} WHERE agency_id = :agency AND contact_id = :other"
        " ON CONFLICT DO NOTHING"
    )
    for table, column in (("contact_sector", "code"), ("contact_tag", "tag"), ("contact_word", "word_index"))
)


def hold_both(session: Session, agency_id: int, ids: tuple[int, int]) -> dict[int, Contact]:
    """Both contacts, as the database has them now, held until the transaction ends; by id, only those there are."""
    statement = (
        select(Contact)
        .where(Contact.agency_id == agency_id, Contact.id.in_(ids))
        .order_by(Contact.id)  # two people who merge the same two wait for each other
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {contact.id: contact for contact in session.scalars(statement)}


def unite(session: Session, agency_id: int, kept: int, other: int) -> int:
    """Let `kept` have what `other` was sent, wrote and is marked with, and its former addresses; how many messages."""
    moved = session.scalar(select(func.merge_history(other, kept))) or 0
    values = {"agency": agency_id, "kept": kept, "other": other}
    for statement in _UNITE:
        session.execute(statement, values)
    session.execute(
        update(ContactAlias)
        .where(ContactAlias.agency_id == agency_id, ContactAlias.contact_id == other)
        .values(contact_id=kept)
        .execution_options(synchronize_session=False)
    )
    # What an import noted to undo its change of one of them says nothing about the two together.
    session.execute(
        delete(ContactBefore)
        .where(ContactBefore.agency_id == agency_id, ContactBefore.contact_id == kept)
        .execution_options(synchronize_session=False)
    )
    return int(moved)


def remember(session: Session, agency_id: int, contact_id: int, indexes: Collection[bytes]) -> None:
    """These addresses mean the contact from now on, where a file names them."""
    if not indexes:
        return
    rows = [{"agency_id": agency_id, "address_index": index, "contact_id": contact_id} for index in indexes]
    statement = insert(ContactAlias).values(rows)
    session.execute(
        statement.on_conflict_do_update(index_elements=["agency_id", "address_index"], set_={"contact_id": contact_id})
    )


def forget(session: Session, agency_id: int, indexes: Collection[bytes]) -> None:
    """These addresses are a contact's own again."""
    session.execute(
        delete(ContactAlias)
        .where(ContactAlias.agency_id == agency_id, ContactAlias.address_index.in_(list(indexes)))
        .execution_options(synchronize_session=False)
    )


def refusals(session: Session, agency_id: int, channel: str, indexes: Collection[bytes]) -> Sequence[OptOut]:
    """What the people at these addresses refused, the first first. That mails came back is no refusal."""
    return session.scalars(
        select(OptOut)
        .where(
            OptOut.agency_id == agency_id,
            OptOut.channel == channel,
            OptOut.address_index.in_(list(indexes)),
            OptOut.stopped,
            OptOut.source != BOUNCED,
        )
        .order_by(OptOut.stopped_at, OptOut.address_index)
    ).all()
