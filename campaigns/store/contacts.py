"""Contacts: people we may write to. What names them is sealed; what finds them is a blind index."""

from datetime import date

from sqlalchemy import Boolean, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

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
        Index("contact_place", "agency_id", "place_code"),
        Index("contact_language", "agency_id", "language"),
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
    legal_ground: Mapped[str | None]  # None: kept, not written to
    ground_on: Mapped[date | None]
    import_id: Mapped[Ref | None]
    made_at: Mapped[Made]
    changed_at: Mapped[Made]


class ContactWord(Table):
    """Blind index of one word of a name or business: finds people by whole words (DESIGN 10.4)."""

    __tablename__ = "contact_word"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    word_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True, index=True)


class ContactSector(Table):
    """A line of business of a contact; there may be several."""

    __tablename__ = "contact_sector"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(collation="C"), primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True, index=True)


class ContactTag(Table):
    """A word staff put on a contact."""

    __tablename__ = "contact_tag"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(String(collation="C"), primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True, index=True)
