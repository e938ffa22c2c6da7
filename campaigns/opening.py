"""Opens what is sealed of a contact, for a moment and in memory only; the other half of sealing.py."""

from dataclasses import dataclass, field
from typing import Final

from campaigns.rules.addresses import Email, read_email
from campaigns.rules.channels import Channel
from campaigns.store.contacts import Contact
from campaigns.vault import Unsealable, Vault

SEALED: Final = ("name", "business", "phone", "email")


@dataclass(frozen=True)
class Opened:
    """What names a contact, in clear; empty where nothing is kept. `damaged` are the fields that no key opens."""

    name: str = field(repr=False)
    business: str = field(repr=False)
    phone: str = field(repr=False)
    email: str = field(repr=False)
    damaged: frozenset[str] = frozenset()


def opened(vault: Vault, contact: Contact) -> Opened:
    """The contact's names and addresses; one damaged value does not hide the others."""
    found, damaged = dict.fromkeys(SEALED, ""), set()
    for name in SEALED:
        try:
            found[name] = vault.open_optional(getattr(contact, f"{name}_sealed"), contact.agency_id)
        except Unsealable:
            damaged.add(name)
    return Opened(**found, damaged=frozenset(damaged))


def indexes(vault: Vault, contact: Contact) -> dict[Channel, list[bytes]]:
    """The index of each address under every key, newest first; an address that does not open has the one kept."""
    known = opened(vault, contact)
    return {
        Channel.SMS: vault.address_indexes(known.phone) if known.phone else _only(contact.phone_index),
        Channel.EMAIL: vault.address_indexes(mail_key(known.email)) if known.email else _only(contact.email_index),
    }


def mail_key(address: str) -> str:
    """What a mail address's index is made of: the same for all spellings of one mailbox."""
    read = read_email(address)
    return read.key if isinstance(read, Email) else address


def _only(index: bytes | None) -> list[bytes]:
    return [index] if index is not None else []
