"""Contacts by hand: add, look at, correct and delete one. Screens get masks; nothing here writes a name in clear."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaigns import audit, cards, reference
from campaigns.cards import Card, Viewer, opened
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules.addresses import Email, NoAddress, Phone, PhoneKind, read_email, read_phone
from campaigns.rules.discretion import names_somebody, says_what_happened
from campaigns.rules.import_rows import GROUNDS, LONGEST_NAME, LONGEST_PROOF, read_tags
from campaigns.rules.roles import Role
from campaigns.rules.spelling import one_line
from campaigns.sealing import Sealer
from campaigns.store import agencies, consents
from campaigns.store import contacts as store
from campaigns.store.contacts import Contact
from campaigns.vault import Vault

__all__ = ["Card", "Form", "add", "are_there", "change", "count", "delete", "get"]


@dataclass(frozen=True)
class Form:
    """What staff type about a person. None keeps what is there, an empty text takes it away.

    `place_code` is an INEI code of two, four or six digits, `sectors` are codes, `tags` one text with commas,
    `ground` one of `GROUNDS`, and `ground_on` goes with it; `ground_source` says where its proof is, `ground_text`
    which version of the text they agreed to.
    """

    name: str | None = field(default=None, repr=False)
    business: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    place_code: str | None = None
    language: str | None = None
    sectors: Collection[str] | None = None
    tags: str | None = None
    ground: str | None = None
    ground_on: date | None = None
    accepts_fallback: bool | None = None
    role: str | None = None
    ground_source: str | None = field(default=None, repr=False)
    ground_text: str | None = field(default=None, repr=False)


# Kept as they are; everything else is sealed, indexed or stands in a table of its own.
_PLAIN: Final = ("place_code", "language", "accepts_fallback", "role", "ground_on", "ground_source", "ground_text")


def add(session: Session, vault: Vault, agency_id: int, form: Form, *, by: int | None) -> int:
    """A new contact; its id. Never commits.

    Raises Invalid(phone | email, ..._unusable | no_usable_address), Invalid(phone | email, contact_taken, contact_id)
    with whose it is, Invalid(language | place_code | sectors | ground | role, ..._unknown), and Invalid(name | tags |
    ground_source | ground_text, says_what_happened | names_somebody). An opt-out of the address stays in force.
    """
    _check(session, form)
    contact = Contact(agency_id=agency_id, language=_agency_language(session, agency_id))
    contact.accepts_fallback = form.accepts_fallback is not False
    wanted = _read(session, agency_id, form)
    _refuse_telling(wanted, wanted)
    _keep(session, vault, contact, {"phone": None, "email": None, **wanted})
    audit.record(session, agency_id, audit.Did.CONTACT_ADDED, f"contact:{contact.id}", by=by)
    return contact.id


def change(
    session: Session,
    vault: Vault,
    agency_id: int,
    contact_id: int,
    form: Form,
    *,
    by: int | None,
    seen: str | None = None,
) -> None:
    """Correct what the form names; nothing happens where nothing differs. Never commits.

    `seen` is the card's stamp that the writer began from; None takes the contact as it is. Raises NotFound,
    Conflict("contact_moved_on") when somebody else corrected it since, and Invalid like add(). Deliveries planned to
    an address that changes here are skipped when their turn comes (DESIGN 10.7).
    """
    contact = store.hold(session, agency_id, contact_id)
    if contact is None:
        raise NotFound("contact_unknown")
    _check(session, form)
    now = _now(session, vault, contact)
    differing = {name: value for name, value in _read(session, agency_id, form).items() if value != now[name]}
    if not differing:
        return
    if seen is not None and seen != cards.stamp(contact):
        raise Conflict("contact_moved_on")
    _refuse_telling(differing, now | differing)
    _keep(session, vault, contact, differing)
    contact.changed_at = func.now()
    audit.record(
        session, agency_id, audit.Did.CONTACT_CHANGED, f"contact:{contact_id}", by=by, fields=sorted(differing)
    )


def delete(session: Session, agency_id: int, contact_id: int, *, by: int | None) -> None:
    """Forget a person. Their refusal stays, and so does what was sent, without their name. Raises NotFound."""
    contact = store.hold(session, agency_id, contact_id)
    if contact is None:
        raise NotFound("contact_unknown")
    session.delete(contact)
    session.flush()
    audit.record(session, agency_id, audit.Did.CONTACT_DELETED, f"contact:{contact_id}", by=by)


def get(session: Session, vault: Vault, agency_id: int, contact_id: int, *, with_names: bool = False) -> Card:
    """One contact, masked; raises NotFound, also for another agency's. `with_names`: the viewer may read names."""
    contact = store.get(session, agency_id, contact_id)
    if contact is None:
        raise NotFound("contact_unknown")
    return cards.made(session, vault, Viewer(agency_id, with_names), [contact])[0]


def are_there(session: Session, agency_id: int) -> bool:
    """Whether the agency has any contact: cheap at any number of them."""
    return store.are_there(session, agency_id)


def count(session: Session, agency_id: int) -> int:
    """How many contacts the agency has."""
    return store.count(session, agency_id)


def _check(session: Session, form: Form) -> None:
    if form.language and form.language not in {language.code for language in reference.languages(session)}:
        raise Invalid("language", "language_unknown")
    if form.place_code and not reference.place_names(session, [form.place_code]):
        raise Invalid("place_code", "place_unknown")
    if form.sectors and not set(form.sectors) <= {sector.code for sector in reference.sectors(session)}:
        raise Invalid("sectors", "sector_unknown")
    if form.ground and form.ground not in GROUNDS:
        raise Invalid("ground", "ground_unknown")
    if form.role and form.role not in tuple(Role):
        raise Invalid("role", "contact_role_unknown")


def _read(session: Session, agency_id: int, form: Form) -> dict[str, Any]:
    """What the form names, as it would be kept; the same keys as _now()."""
    texts = {
        "name": LONGEST_NAME,
        "business": LONGEST_NAME,
        "ground_source": LONGEST_PROOF,
        "ground_text": LONGEST_PROOF,
    }
    read: dict[str, Any] = {
        name: one_line(typed, longest) or None
        for name, longest in texts.items()
        if (typed := getattr(form, name)) is not None
    }
    read |= {name: getattr(form, name) or None for name in ("place_code", "role") if getattr(form, name) is not None}
    if form.phone is not None:
        read["phone"] = _phone(form.phone)
    if form.email is not None:
        read["email"] = _email(form.email)
    if form.language is not None:
        read["language"] = form.language or _agency_language(session, agency_id)
    if form.accepts_fallback is not None:
        read["accepts_fallback"] = form.accepts_fallback
    if form.sectors is not None:
        read["sectors"] = sorted(set(form.sectors))
    if form.tags is not None:
        read["tags"] = sorted(read_tags(form.tags))
    if form.ground is not None:
        read |= {"ground": form.ground or None, "ground_on": form.ground_on}
        if not form.ground:
            read |= {"ground_on": None, "ground_source": None, "ground_text": None}
    return read


def _now(session: Session, vault: Vault, contact: Contact) -> dict[str, Any]:
    """What is kept. An address under an index key that was replaced since counts as none: it is written anew."""
    agency_id, ids = contact.agency_id, [contact.id]
    phone = read_phone(opened(vault, contact.phone_sealed, agency_id))
    email = read_email(opened(vault, contact.email_sealed, agency_id))
    is_phone = isinstance(phone, Phone) and contact.phone_index == vault.address_index(phone.e164)
    is_email = isinstance(email, Email) and contact.email_index == vault.address_index(email.key)
    return {
        **{name: getattr(contact, name) for name in _PLAIN},
        "name": opened(vault, contact.name_sealed, agency_id) or None,
        "business": opened(vault, contact.business_sealed, agency_id) or None,
        "phone": phone if is_phone else None,
        "email": email if is_email else None,
        "sectors": store.sectors(session, agency_id, ids).get(contact.id, []),
        "tags": store.tags(session, agency_id, ids).get(contact.id, []),
        "ground": contact.legal_ground,
    }


def _keep(session: Session, vault: Vault, contact: Contact, values: dict[str, Any]) -> None:
    """Write these of _read()'s values, and check that nobody else has the address."""
    indexes = {
        name: vault.address_indexes(value.e164 if isinstance(value, Phone) else value.key) if value else []
        for name, value in values.items()
        if name in ("phone", "email")
    }
    _refuse_taken(session, vault, contact, indexes)
    try:
        with session.begin_nested():
            _set_addresses(vault, contact, values, indexes)
            for name in _PLAIN:
                if name in values:
                    setattr(contact, name, values[name])
            if "ground" in values:
                contact.legal_ground = values["ground"]
            session.add(contact)
            consents.carry(session, contact.agency_id, [each for each in indexes.values() if each])
            session.flush()
    except IntegrityError:  # somebody was quicker by a moment
        _refuse_taken(session, vault, contact, indexes)
        raise Invalid("phone" if values.get("phone") else "email", "contact_taken") from None
    if "name" in values or "business" in values:
        _set_names(session, vault, contact, values)
    if "sectors" in values:
        store.set_sectors(session, contact, values["sectors"])
    if "tags" in values:
        store.set_tags(session, contact, values["tags"])


def _refuse_telling(changing: dict[str, Any], kept: dict[str, Any]) -> None:
    """What stands in clear names nobody, and nothing says what happened to them (rules.discretion)."""
    if not changing.keys() & {"name", "tags", "ground_source", "ground_text"}:
        return
    name, business = kept.get("name") or "", kept.get("business") or ""
    tags = kept.get("tags") or []
    proofs = {where: kept.get(where) or "" for where in ("ground_source", "ground_text")}
    for where, text in [("name", name), ("tags", " ".join(tags)), *proofs.items()]:
        if where in changing and says_what_happened(text):
            raise Invalid(where, "says_what_happened")
    if any(names_somebody(tag, name=name) for tag in tags):
        raise Invalid("tags", "names_somebody")
    for where, text in proofs.items():
        if names_somebody(text, name=name, business=business):
            raise Invalid(where, "names_somebody")


def _refuse_taken(session: Session, vault: Vault, contact: Contact, indexes: dict[str, list[bytes]]) -> None:
    """A number is one person's; a mail only where no number tells people apart."""
    if not indexes:
        return
    has_phone = bool(indexes["phone"]) if "phone" in indexes else contact.phone_index is not None
    emails = indexes.get("email")
    if emails is None and contact.email_sealed:
        kept = read_email(opened(vault, contact.email_sealed, contact.agency_id))
        emails = vault.address_indexes(kept.key) if isinstance(kept, Email) else []
    if not has_phone and not emails:
        raise Invalid("phone", "no_usable_address")
    none: list[bytes] = []
    asked = [("phone", indexes.get("phone", none), none)]
    if not has_phone:
        asked.append(("email", none, emails or none))
    for name, phones, mails in asked:
        holder = store.holder(session, contact.agency_id, phones=phones, emails=mails, but=contact.id)
        if holder is not None:
            raise Invalid(name, "contact_taken", contact_id=holder)


def _set_addresses(vault: Vault, contact: Contact, values: dict[str, Any], indexes: dict[str, list[bytes]]) -> None:
    if "phone" in values:
        phone = values["phone"]
        contact.phone_sealed = vault.seal(phone.e164, contact.agency_id) if phone else None
        contact.phone_index = indexes["phone"][0] if phone else None
        contact.phone_kind = phone.kind.value if phone else None
    if "email" in values:
        email = values["email"]
        contact.email_sealed = vault.seal(email.address, contact.agency_id) if email else None
        contact.email_index = indexes["email"][0] if email else None


def _set_names(session: Session, vault: Vault, contact: Contact, values: dict[str, Any]) -> None:
    agency_id = contact.agency_id
    if "name" in values:
        contact.name_sealed = vault.seal_optional(values["name"], agency_id)
    if "business" in values:
        contact.business_sealed = vault.seal_optional(values["business"], agency_id)
    names = [opened(vault, sealed, agency_id) for sealed in (contact.name_sealed, contact.business_sealed)]
    sealer = Sealer(vault, agency_id, contact.language)
    store.set_words(session, contact, sealer.word_indexes(*names))


def _phone(typed: str) -> Phone | None:
    phone = read_phone(typed)
    if phone is NoAddress.EMPTY:
        return None
    if not isinstance(phone, Phone) or phone.kind is PhoneKind.OTHER:
        raise Invalid("phone", "phone_unusable")
    return phone


def _email(typed: str) -> Email | None:
    email = read_email(typed)
    if email is NoAddress.EMPTY:
        return None
    if not isinstance(email, Email):
        raise Invalid("email", "email_unusable")
    return email


def _agency_language(session: Session, agency_id: int) -> str:
    agency = agencies.get(session, agency_id)
    return agency.language if agency else "es"
