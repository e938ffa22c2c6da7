"""A contact as screens may show it: masked, in one place, so that no page can forget it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns import reference
from campaigns.consent import Source
from campaigns.rules.addresses import PhoneKind, mask_email, mask_name, mask_phone
from campaigns.rules.channels import Channel
from campaigns.store import consents
from campaigns.store import contacts as store
from campaigns.store.contacts import Contact
from campaigns.vault import Unsealable, Vault


@dataclass(frozen=True)
class Viewer:
    """For which agency somebody looks, and whether they may read names in full."""

    agency_id: int
    with_names: bool = False


@dataclass(frozen=True)
class Card:
    """A contact with what it can be reached by. Addresses are masked, names unless the viewer may read them.

    Empty texts mean: not known. `stamp` tells one version of the contact from the next.
    """

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
    role: str | None
    sectors: Sequence[str]
    tags: Sequence[str]
    ground: str | None
    ground_on: date | None
    ground_source: str
    ground_text: str
    refusals: Mapping[Channel, Source]  # by channel, how we know; a BOUNCE is none of the person's
    import_id: int | None
    made_at: datetime
    stamp: str

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


def made(session: Session, vault: Vault, viewer: Viewer, contacts: Sequence[Contact]) -> list[Card]:
    """The cards of these contacts of the viewer's agency, in their order."""
    agency_id = viewer.agency_id
    ids = [contact.id for contact in contacts]
    sectors, tags = store.sectors(session, agency_id, ids), store.tags(session, agency_id, ids)
    refused = consents.refused(session, agency_id, ids)
    places = reference.place_names(session, {contact.place_code for contact in contacts if contact.place_code})
    return [
        Card(
            **_about(vault, contact, viewer.with_names),
            place=places.get(contact.place_code or "", ""),
            sectors=sectors.get(contact.id, []),
            tags=tags.get(contact.id, []),
            refusals={
                channel: Source(refused[contact.id, channel]) for channel in Channel if (contact.id, channel) in refused
            },
        )
        for contact in contacts
    ]


def stamp(contact: Contact) -> str:
    """What tells this version of the contact from the next."""
    return str(contact.changed_at.timestamp())


def opened(vault: Vault, sealed: bytes | None, agency_id: int) -> str:
    """The text, or an empty one where it does not open: one damaged row must not hide the other forty-nine."""
    try:
        return vault.open_optional(sealed, agency_id)
    except Unsealable:
        return ""


def _about(vault: Vault, contact: Contact, with_names: bool) -> dict[str, Any]:
    def shown(sealed: bytes | None) -> str:
        return opened(vault, sealed, contact.agency_id)

    def named(sealed: bytes | None) -> str:
        return shown(sealed) if with_names else mask_name(shown(sealed))

    return {
        "id": contact.id,
        "name": named(contact.name_sealed),
        "business": named(contact.business_sealed),
        "phone": mask_phone(shown(contact.phone_sealed)) if contact.phone_sealed else "",
        "phone_kind": PhoneKind(contact.phone_kind) if contact.phone_kind else None,
        "email": mask_email(shown(contact.email_sealed)) if contact.email_sealed else "",
        "language": contact.language,
        "accepts_fallback": contact.accepts_fallback,
        "place_code": contact.place_code,
        "role": contact.role,
        "ground": contact.legal_ground,
        "ground_on": contact.ground_on,
        "ground_source": contact.ground_source or "",
        "ground_text": contact.ground_text or "",
        "import_id": contact.import_id,
        "made_at": contact.made_at,
        "stamp": stamp(contact),
    }
