"""Contacts by hand: find, add, correct and delete one. Screens get masks; nothing here writes a name in clear."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Final

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaigns import audit, reference
from campaigns.consent import Source
from campaigns.errors import Invalid, NotFound
from campaigns.rules import segments
from campaigns.rules.addresses import (
    Email,
    NoAddress,
    Phone,
    PhoneKind,
    mask_email,
    mask_name,
    mask_phone,
    read_email,
    read_phone,
)
from campaigns.rules.channels import Channel
from campaigns.rules.import_rows import GROUNDS, LONGEST_NAME, Person, read_tags
from campaigns.rules.spelling import one_line
from campaigns.sealing import Sealer
from campaigns.store import agencies, arrivals, audiences, consents, deliveries, inbound
from campaigns.store import contacts as store
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Sent
from campaigns.vault import Unsealable, Vault

PAGE: Final = 50
_LONGEST_QUERY: Final = 200
_MOST_WORDS: Final = 5


@dataclass(frozen=True)
class Form:
    """What staff type about a person. None keeps what is there, an empty text takes it away.

    `place_code` is an INEI code of two, four or six digits, `sectors` are codes, `tags` one text with commas,
    `ground` one of `GROUNDS`.
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


@dataclass(frozen=True)
class Card:
    """A contact as screens may show it: masked, with what it can be reached by. Empty texts mean: not known."""

    id: int
    name: str
    business: str
    phone: str
    phone_kind: PhoneKind | None
    email: str
    language: str
    accepts_fallback: bool
    place_code: str | None
    place: str
    sectors: Sequence[str]
    tags: Sequence[str]
    ground: str | None
    ground_on: date | None
    refusals: Mapping[Channel, Source]  # by channel, how we know; a BOUNCE is none of the person's
    import_id: int | None
    made_at: datetime

    @property
    def stopped_sms(self) -> bool:
        """Whether nothing may be sent to the number, whatever the reason."""
        return Channel.SMS in self.refusals

    @property
    def stopped_email(self) -> bool:
        """Whether nothing may be sent to the address, whatever the reason."""
        return Channel.EMAIL in self.refusals

    @property
    def reachable_sms(self) -> bool:
        """Whether a campaign by SMS would be sent to this person now."""
        return self.phone_kind is PhoneKind.MOBILE and self.ground is not None and not self.stopped_sms

    @property
    def reachable_email(self) -> bool:
        """Whether a campaign by mail would be sent to this person now."""
        return bool(self.email) and self.ground is not None and not self.stopped_email


@dataclass(frozen=True)
class Page:
    """Some contacts, newest first; `below` asks for the next ones, None when there are no more."""

    cards: Sequence[Card]
    below: int | None


@dataclass(frozen=True)
class History:
    """A contact's latest fifty messages, newest first, and how many texts of each kind they wrote to us."""

    messages: Sequence[Sent]
    wrote: Mapping[str, int]


def add(session: Session, vault: Vault, agency_id: int, form: Form, *, by: int | None) -> int:
    """A new contact; its id. Never commits.

    Raises Invalid(phone | email, ..._unusable | no_usable_address | contact_taken), Invalid(language | place_code |
    sectors | ground, ..._unknown). An opt-out of the address stays in force.
    """
    _check_choices(session, form)
    phone, email = _phone(form.phone or ""), _email(form.email or "")
    if phone is None and email is None:
        raise Invalid("phone", "no_usable_address")
    person = Person(
        name=one_line(form.name or "", LONGEST_NAME),
        business=one_line(form.business or "", LONGEST_NAME),
        phone=phone,
        email=email,
        place=form.place_code or None,
        language=form.language or None,
        sectors=tuple(dict.fromkeys(form.sectors or ())),
        tags=read_tags(form.tags or ""),
        ground=form.ground or None,
        agreed_on=form.ground_on if form.ground else None,
        warnings=(),
    )
    arrival = _sealer(session, vault, agency_id).arrival(person)
    accepts = form.accepts_fallback is not False
    added = arrivals.add(session, agency_id, [arrival], import_id=None, accepts_fallback=accepts)
    if arrival.key not in added:
        raise Invalid("phone" if phone else "email", "contact_taken")
    contact_id = added[arrival.key]
    audit.record(session, agency_id, audit.Did.CONTACT_ADDED, f"contact:{contact_id}", by=by)
    return contact_id


def change(session: Session, vault: Vault, agency_id: int, contact_id: int, form: Form, *, by: int | None) -> None:
    """Correct what the form names. Never commits. Raises NotFound, and Invalid like add().

    Deliveries planned to an address that changes here are skipped when their turn comes (DESIGN 10.7).
    """
    contact = store.hold(session, agency_id, contact_id)
    if contact is None:
        raise NotFound("contact_unknown")
    _check_choices(session, form)
    try:
        with session.begin_nested():
            consents.carry(session, agency_id, _set_addresses(vault, contact, form))
            session.flush()
    except IntegrityError:
        raise Invalid("phone" if form.phone else "email", "contact_taken") from None
    _set_names(session, vault, contact, form)
    if form.place_code is not None:
        contact.place_code = form.place_code or None
    if form.language is not None:
        contact.language = form.language or _agency_language(session, agency_id)
    if form.accepts_fallback is not None:
        contact.accepts_fallback = form.accepts_fallback
    if form.ground is not None:
        contact.legal_ground = form.ground or None
        contact.ground_on = form.ground_on if form.ground else None
    contact.changed_at = func.now()
    if form.sectors is not None:
        store.set_sectors(session, contact, set(form.sectors))
    if form.tags is not None:
        store.set_tags(session, contact, read_tags(form.tags))
    named = [one.name for one in fields(form) if getattr(form, one.name) is not None]
    audit.record(session, agency_id, audit.Did.CONTACT_CHANGED, f"contact:{contact_id}", by=by, fields=named)


def delete(session: Session, agency_id: int, contact_id: int, *, by: int | None) -> None:
    """Forget a person. Their refusal stays, and so does what was sent, without their name. Raises NotFound."""
    contact = store.hold(session, agency_id, contact_id)
    if contact is None:
        raise NotFound("contact_unknown")
    session.delete(contact)
    session.flush()
    audit.record(session, agency_id, audit.Did.CONTACT_DELETED, f"contact:{contact_id}", by=by)


def get(session: Session, vault: Vault, agency_id: int, contact_id: int) -> Card:
    """One contact, masked; raises NotFound, also for another agency's."""
    contact = store.get(session, agency_id, contact_id)
    if contact is None:
        raise NotFound("contact_unknown")
    return _cards(session, vault, agency_id, [contact])[0]


def picked(
    session: Session,
    vault: Vault,
    agency_id: int,
    rule: segments.Rule,
    *,
    reachable: bool | None = None,
    below: int | None = None,
) -> Page:
    """Fifty contacts that the rule picks, newest first; only those (not) reachable by SMS, if asked."""
    found = audiences.listed(session, agency_id, rule, reachable=reachable, below=below, limit=PAGE + 1)
    return _page(session, vault, agency_id, found)


def history(session: Session, agency_id: int, contact_id: int) -> History:
    """What a contact was sent and wrote; nothing for another agency's."""
    messages = deliveries.of_contact(session, agency_id, contact_id, limit=PAGE)
    return History(messages, inbound.count_of(session, agency_id, contact_id))


def page(session: Session, vault: Vault, agency_id: int, *, query: str = "", below: int | None = None) -> Page:
    """Fifty contacts, newest first, from below id `below`; all, or those that `query` finds.

    A query is a phone or a mail, or whole words that stand in the name or business, in any order and spelling.
    """
    query = query.strip()[:_LONGEST_QUERY]
    if not query:
        return _page(session, vault, agency_id, store.listed(session, agency_id, below=below, limit=PAGE + 1))
    phone, email = read_phone(query), read_email(query)
    if isinstance(phone, Phone) or isinstance(email, Email):
        found = store.at_address(
            session,
            agency_id,
            phones=vault.address_indexes(phone.e164) if isinstance(phone, Phone) else (),
            emails=vault.address_indexes(email.key) if isinstance(email, Email) else (),
        )
        return _page(session, vault, agency_id, [one for one in found if below is None or one.id < below])
    words = _sealer(session, vault, agency_id).word_indexes(query)[:_MOST_WORDS]
    if not words:
        return Page([], None)
    return _page(session, vault, agency_id, store.listed(session, agency_id, words=words, below=below, limit=PAGE + 1))


def are_there(session: Session, agency_id: int) -> bool:
    """Whether the agency has any contact: cheap at any number of them."""
    return bool(store.listed(session, agency_id, limit=1))


def count(session: Session, agency_id: int) -> int:
    """How many contacts the agency has."""
    return store.count(session, agency_id)


def _page(session: Session, vault: Vault, agency_id: int, found: Sequence[Contact]) -> Page:
    shown = found[:PAGE]
    return Page(_cards(session, vault, agency_id, shown), shown[-1].id if len(found) > PAGE else None)


def _cards(session: Session, vault: Vault, agency_id: int, contacts: Sequence[Contact]) -> list[Card]:
    ids = [contact.id for contact in contacts]
    sectors, tags = store.sectors(session, agency_id, ids), store.tags(session, agency_id, ids)
    refused = consents.refused(session, agency_id, ids)
    places = reference.place_names(session, {contact.place_code for contact in contacts if contact.place_code})

    def shown(sealed: bytes | None) -> str:
        try:
            return vault.open_optional(sealed, agency_id)
        except Unsealable:
            return ""  # one damaged row must not hide the other forty-nine

    return [
        Card(
            id=contact.id,
            name=mask_name(shown(contact.name_sealed)),
            business=mask_name(shown(contact.business_sealed)),
            phone=mask_phone(shown(contact.phone_sealed)) if contact.phone_sealed else "",
            phone_kind=PhoneKind(contact.phone_kind) if contact.phone_kind else None,
            email=mask_email(shown(contact.email_sealed)) if contact.email_sealed else "",
            language=contact.language,
            accepts_fallback=contact.accepts_fallback,
            place_code=contact.place_code,
            place=places.get(contact.place_code or "", ""),
            sectors=sectors.get(contact.id, []),
            tags=tags.get(contact.id, []),
            ground=contact.legal_ground,
            ground_on=contact.ground_on,
            refusals={
                channel: Source(refused[contact.id, channel]) for channel in Channel if (contact.id, channel) in refused
            },
            import_id=contact.import_id,
            made_at=contact.made_at,
        )
        for contact in contacts
    ]


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


def _check_choices(session: Session, form: Form) -> None:
    if form.language and form.language not in {language.code for language in reference.languages(session)}:
        raise Invalid("language", "language_unknown")
    if form.place_code and not reference.place_names(session, [form.place_code]):
        raise Invalid("place_code", "place_unknown")
    if form.sectors and not set(form.sectors) <= {sector.code for sector in reference.sectors(session)}:
        raise Invalid("sectors", "sector_unknown")
    if form.ground and form.ground not in GROUNDS:
        raise Invalid("ground", "ground_unknown")


def _set_addresses(vault: Vault, contact: Contact, form: Form) -> list[list[bytes]]:
    """Write the addresses that the form names, and return the indexes of each under every key."""
    indexes = []
    if form.phone is not None:
        phone = _phone(form.phone)
        phones = vault.address_indexes(phone.e164) if phone else []
        contact.phone_sealed = vault.seal(phone.e164, contact.agency_id) if phone else None
        contact.phone_index = phones[0] if phones else None
        contact.phone_kind = phone.kind.value if phone else None
        indexes += [phones] * bool(phones)
    if form.email is not None:
        email = _email(form.email)
        emails = vault.address_indexes(email.key) if email else []
        contact.email_sealed = vault.seal(email.address, contact.agency_id) if email else None
        contact.email_index = emails[0] if emails else None
        indexes += [emails] * bool(emails)
    if contact.phone_index is None and contact.email_index is None:
        raise Invalid("phone", "no_usable_address")
    return indexes


def _set_names(session: Session, vault: Vault, contact: Contact, form: Form) -> None:
    if form.name is None and form.business is None:
        return
    agency_id = contact.agency_id
    if form.name is not None:
        contact.name_sealed = vault.seal_optional(one_line(form.name, LONGEST_NAME), agency_id)
    if form.business is not None:
        contact.business_sealed = vault.seal_optional(one_line(form.business, LONGEST_NAME), agency_id)
    names = [vault.open_optional(sealed, agency_id) for sealed in (contact.name_sealed, contact.business_sealed)]
    store.set_words(session, contact, _sealer(session, vault, agency_id).word_indexes(*names))


def _sealer(session: Session, vault: Vault, agency_id: int) -> Sealer:
    return Sealer(vault, agency_id, _agency_language(session, agency_id))


def _agency_language(session: Session, agency_id: int) -> str:
    agency = agencies.get(session, agency_id)
    return agency.language if agency else "es"
