"""Contacts: people we may write to. What names them is sealed; what finds them is a blind index."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from campaigns.store.metadata import Code, Id, Made, Ref, Sealed, Table
from campaigns.store.metadata import Index as BlindIndex


class Contact(Table):
    """One person of one agency. Unique by phone; by e-mail only where no phone is known."""

    __tablename__ = "contact"
    __table_args__ = (
        Index(
            "contact_phone",
            "agency_id",
            "phone_index",
            unique=True,
            postgresql_where=text("phone_index IS NOT NULL"),
        ),
        Index(
            "contact_email_alone",
            "agency_id",
            "email_index",
            unique=True,
            postgresql_where=text("phone_index IS NULL AND email_index IS NOT NULL"),
        ),
        # Search by e-mail, and the question whether a stop concerns anyone here.
        Index("contact_email", "agency_id", "email_index", postgresql_where=text("email_index IS NOT NULL")),
        # Planning and lists walk an agency's contacts in this order.
        Index("contact_agency", "agency_id", "id"),
        # With the id, so that the newest of a kind are found without the others (store/newest.py).
        Index("contact_place", "agency_id", "place_code", "id"),
        Index("contact_language", "agency_id", "language", "id"),
        Index("contact_groundless", "agency_id", "id", postgresql_where=text("legal_ground IS NULL")),
        Index(
            "contact_nameless",
            "agency_id",
            "id",
            postgresql_where=text("name_sealed IS NULL AND business_sealed IS NULL"),
        ),
        Index("contact_import", "agency_id", "import_id", postgresql_where=text("import_id IS NOT NULL")),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    name_sealed: Mapped[Sealed | None]
    business_sealed: Mapped[Sealed | None]
    phone_sealed: Mapped[Sealed | None]
    phone_index: Mapped[BlindIndex | None]
    phone_kind: Mapped[str | None]  # mobile | landline | other; only a mobile gets SMS
    email_sealed: Mapped[Sealed | None]
    email_index: Mapped[BlindIndex | None]
    language: Mapped[str]
    accepts_fallback: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    place_code: Mapped[Code | None]
    role: Mapped[str | None]  # in their business: a rules.roles.Role
    legal_ground: Mapped[str | None]  # None: kept, not written to
    ground_on: Mapped[date | None]
    ground_source: Mapped[str | None]  # where its proof is, as staff wrote it
    ground_text: Mapped[str | None]  # which version of the text they agreed to
    import_id: Mapped[Ref | None]
    made_at: Mapped[Made]
    changed_at: Mapped[Made]


class ContactWord(Table):
    """Blind index of one word of a name or business: finds people by whole words (DESIGN 10.4).

    Goes with its contact by the trigger contact_gone, like sectors and tags.
    """

    __tablename__ = "contact_word"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    word_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(primary_key=True, index=True)


class ContactSector(Table):
    """A line of business of a contact; there may be several."""

    __tablename__ = "contact_sector"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(collation="C"), primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(primary_key=True, index=True)


class ContactTag(Table):
    """A word staff put on a contact."""

    __tablename__ = "contact_tag"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(String(collation="C"), primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(primary_key=True, index=True)


class ContactAlias(Table):
    """An address of somebody who was merged into this contact: a file that names it means them."""

    __tablename__ = "contact_alias"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    address_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(index=True)


def get(session: Session, agency_id: int, contact_id: int) -> Contact | None:
    """One of the agency's contacts; None for another agency's."""
    return session.scalar(select(Contact).where(Contact.agency_id == agency_id, Contact.id == contact_id))


def hold(session: Session, agency_id: int, contact_id: int) -> Contact | None:
    """Like get(), as the database has it now, and nobody else changes it until this transaction ends."""
    return session.scalar(
        select(Contact)
        .where(Contact.agency_id == agency_id, Contact.id == contact_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def hold_present(session: Session, agency_id: int, contact_id: int) -> Contact | None:
    """Like get(), and nobody deletes it until this transaction ends; others may change it meanwhile."""
    return session.scalar(
        select(Contact)
        .where(Contact.agency_id == agency_id, Contact.id == contact_id)
        .with_for_update(read=True, key_share=True)
    )


def holder(
    session: Session, agency_id: int, *, phones: Sequence[bytes], emails: Sequence[bytes], but: int | None = None
) -> int | None:
    """Who has the phone already, or the mail without a phone beside it (their indexes under every key), and is not
    `but`: the contact's id, or that of the one into whom they were merged.
    """
    alone = and_(Contact.phone_index.is_(None), Contact.email_index.in_(emails))
    own = select(Contact.id).where(Contact.agency_id == agency_id, or_(Contact.phone_index.in_(phones), alone))
    found = session.scalar(own.where(Contact.id != but).limit(1) if but else own.limit(1))
    if found is not None:
        return found
    merged = select(ContactAlias.contact_id).where(
        ContactAlias.agency_id == agency_id, ContactAlias.address_index.in_([*phones, *emails])
    )
    return session.scalar(merged.where(ContactAlias.contact_id != but).limit(1) if but else merged.limit(1))


def are_there(session: Session, agency_id: int) -> bool:
    """Whether the agency has any contact."""
    return session.scalar(select(Contact.id).where(Contact.agency_id == agency_id).limit(1)) is not None


def known(session: Session, agency_id: int, contact_ids: Collection[int]) -> set[int]:
    """Those of the ids that are still contacts of the agency."""
    wanted = select(Contact.id).where(Contact.agency_id == agency_id, Contact.id.in_(list(contact_ids)))
    return set(session.scalars(wanted))


def count(session: Session, agency_id: int) -> int:
    """How many contacts the agency has."""
    return session.scalar(select(func.count()).select_from(Contact).where(Contact.agency_id == agency_id)) or 0


def sectors(session: Session, agency_id: int, contact_ids: Collection[int]) -> dict[int, list[str]]:
    """Contact id -> codes, of those that have any."""
    return _gathered(
        session, ContactSector.contact_id, ContactSector.code, ContactSector.agency_id == agency_id, contact_ids
    )


def tags(session: Session, agency_id: int, contact_ids: Collection[int]) -> dict[int, list[str]]:
    """Contact id -> tags, of those that have any."""
    return _gathered(session, ContactTag.contact_id, ContactTag.tag, ContactTag.agency_id == agency_id, contact_ids)


def mark_landlines(session: Session, agency_id: int, phones: Collection[bytes]) -> None:
    """These numbers get no SMS: no campaign is planned for them until somebody gives the contact another number."""
    session.execute(
        update(Contact)
        .where(Contact.agency_id == agency_id, Contact.phone_index.in_(list(phones)))
        .values(phone_kind="landline")
        .execution_options(synchronize_session=False)
    )


def _gathered(
    session: Session,
    contact_id: InstrumentedAttribute[int],
    value: InstrumentedAttribute[str],
    own: ColumnElement[bool],
    contact_ids: Collection[int],
) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for id_, one in session.execute(
        select(contact_id, value).where(own, contact_id.in_(list(contact_ids))).order_by(contact_id, value)
    ):
        found.setdefault(id_, []).append(one)
    return found


def set_sectors(session: Session, contact: Contact, codes: Collection[str]) -> None:
    """Give a contact exactly these sectors."""
    _replace(session, ContactSector, contact, [{"code": code} for code in codes])


def set_tags(session: Session, contact: Contact, tags: Collection[str]) -> None:
    """Give a contact exactly these tags."""
    _replace(session, ContactTag, contact, [{"tag": tag} for tag in tags])


def set_words(session: Session, contact: Contact, words: Collection[bytes]) -> None:
    """Let a contact be found under exactly these words."""
    _replace(session, ContactWord, contact, [{"word_index": word} for word in words])


def _replace(
    session: Session,
    table: type[ContactSector] | type[ContactTag] | type[ContactWord],
    contact: Contact,
    rows: list[dict[str, object]],
) -> None:
    own = {"agency_id": contact.agency_id, "contact_id": contact.id}
    session.execute(delete(table).where(table.agency_id == contact.agency_id, table.contact_id == contact.id))
    if rows:
        session.execute(insert(table), [own | row for row in rows])
