"""Contacts for tests: a person in one line, or a crowd by one statement."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.store.agencies import Agency
from campaigns.store.consents import OptOut
from campaigns.store.contacts import Contact, ContactSector, ContactTag
from campaigns.vault import Vault


def person(
    session: Session,
    vault: Vault,
    agency: Agency,
    phone: str | None,
    *,
    language: str = "es",
    place: str | None = "150110",
    sectors: tuple[str, ...] = ("4921",),
    tags: tuple[str, ...] = (),
    kind: str = "mobile",
    email: str | None = None,
    ground: str | None = "consent",
    accepts_fallback: bool = True,
    name: str = "Rosa Quispe",
    business: str = "Transportes El Sol",
) -> Contact:
    """One contact of the agency, as an import would have stored it."""
    contact = Contact(
        agency_id=agency.id,
        name_sealed=vault.seal(name, agency.id),
        business_sealed=vault.seal(business, agency.id),
        phone_sealed=vault.seal_optional(phone, agency.id),
        phone_index=vault.address_index(phone) if phone else None,
        phone_kind=kind if phone else None,
        email_sealed=vault.seal_optional(email, agency.id),
        email_index=vault.address_index(email) if email else None,
        language=language,
        accepts_fallback=accepts_fallback,
        place_code=place,
        legal_ground=ground,
    )
    session.add(contact)
    session.flush()
    session.add_all(ContactSector(agency_id=agency.id, code=code, contact_id=contact.id) for code in sectors)
    session.add_all(ContactTag(agency_id=agency.id, tag=tag, contact_id=contact.id) for tag in tags)
    session.flush()
    return contact


def refuse(session: Session, agency: Agency, contact: Contact, *, channel: str = "sms", source: str = "word") -> None:
    """The person answered ALTO; or another `source` said that they are not to be written to on the channel."""
    index = contact.phone_index if channel == "sms" else contact.email_index
    session.add(OptOut(agency_id=agency.id, channel=channel, address_index=index, source=source, rule="ALTO"))
    session.flush()


_CROWD = text("""
WITH made AS (
    INSERT INTO contact (agency_id, phone_sealed, phone_index, phone_kind, language, place_code, legal_ground)
    SELECT :agency, '\\x00', sha256(int8send(n))::bytea, 'mobile',
        (ARRAY['es', 'es', 'es', 'qu', 'quy'])[1 + n % 5], (ARRAY['150110', '150117', '070101'])[1 + n % 3], 'consent'
    FROM generate_series(1, :size) AS n RETURNING id
)
INSERT INTO contact_sector (agency_id, code, contact_id) SELECT :agency, '4921', id FROM made
""")


def crowd(session: Session, agency: Agency, size: int) -> None:
    """So many reachable contacts with addresses nobody can open, in three districts and three languages."""
    session.execute(_CROWD, {"agency": agency.id, "size": size})
