"""Takes a person's refusal, whichever way it comes: the address is stopped, and the campaign that led to it knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from campaigns import consent
from campaigns.consent import Source
from campaigns.links import Refusal
from campaigns.rules import addresses
from campaigns.store import agencies, figures
from campaigns.store import inbound as store
from campaigns.store.contacts import Contact
from campaigns.vault import Unsealable, Vault

_SPANISH = "es"


@dataclass(frozen=True)
class Reached:
    """An address we wrote to, under every index key, and whose it is as far as we know."""

    indexes: Sequence[bytes]
    contact_id: int | None
    campaign_id: int | None
    language: str


def take(session: Session, agency_id: int, channel: str, reached: Reached, *, source: Source, rule: str) -> bool:
    """Stop the address and count it to the campaign that reached it; True if it was not stopped before.

    Never commits. May be called again: nothing is counted twice.
    """
    stopped = consent.stop(
        session, agency_id, channel, reached.indexes, source=source, rule=rule, language=reached.language
    )
    if stopped and reached.campaign_id is not None:
        figures.add_opt_out(session, agency_id, reached.campaign_id, channel, reached.language)
    return stopped


def take_signed(session: Session, vault: Vault, refusal: Refusal, *, source: Source, rule: str) -> bool:
    """Like take(), for whom a signed unsubscribe word names; `session` acts for the refusal's agency."""
    reached = at_index(session, vault, refusal.agency_id, refusal.channel, refusal.address_index)
    return take(session, refusal.agency_id, refusal.channel, reached, source=source, rule=rule)


def at_address(session: Session, vault: Vault, agency_id: int, channel: str, address: str) -> Reached:
    """Who has this address: E.164, or a mail address in lower case."""
    indexes = vault.address_indexes(address)
    contact = store.contact_at(session, agency_id, channel, indexes)
    return _reached(session, agency_id, channel, indexes, contact)


def at_index(session: Session, vault: Vault, agency_id: int, channel: str, index: bytes) -> Reached:
    """Who has the address with this index, as our messages carry it."""
    contact = _contact(session, vault, agency_id, channel, index)
    return _reached(session, agency_id, channel, _under_every_key(vault, channel, index, contact), contact)


def indexes_of(session: Session, vault: Vault, agency_id: int, channel: str, index: bytes) -> Sequence[bytes]:
    """The indexes under every key of the address with this one, which an older key may have made."""
    if not _has_older_keys(vault):
        return [index]
    return _under_every_key(vault, channel, index, _contact(session, vault, agency_id, channel, index))


def _contact(session: Session, vault: Vault, agency_id: int, channel: str, index: bytes) -> Contact | None:
    found = store.contact_at(session, agency_id, channel, [index])
    if found is None and _has_older_keys(vault):
        # The address was kept again since we wrote to it, under another key.
        found = store.contact_reached_at(session, agency_id, channel, index)
    return found


def _has_older_keys(vault: Vault) -> bool:
    return len(vault.address_indexes("")) > 1


def _under_every_key(vault: Vault, channel: str, index: bytes, contact: Contact | None) -> Sequence[bytes]:
    """The indexes of the contact's address, if it is the one with `index`; else that one alone."""
    if contact is None or not _has_older_keys(vault):
        return [index]
    sealed = contact.phone_sealed if channel == "sms" else contact.email_sealed
    try:
        address = vault.open_optional(sealed, contact.agency_id)
    except Unsealable:
        return [index]
    if channel != "sms":
        email = addresses.read_email(address)
        address = email.key if isinstance(email, addresses.Email) else address
    indexes = vault.address_indexes(address)
    return indexes if index in indexes else [index]


def _reached(
    session: Session, agency_id: int, channel: str, indexes: Sequence[bytes], contact: Contact | None
) -> Reached:
    if contact is not None:
        latest = store.latest_campaign(session, agency_id, contact.id, channel)
        return Reached(indexes, contact.id, latest.campaign_id if latest else None, contact.language)
    agency = agencies.get(session, agency_id)
    return Reached(indexes, None, None, agency.language if agency else _SPANISH)
