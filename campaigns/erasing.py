"""Erases one person for good, as the law lets everybody ask (DOMAIN 3.3). Their refusals stay (DESIGN P3, 10.6)."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from campaigns import audit, opening
from campaigns.errors import NotFound
from campaigns.store import contacts, erasing
from campaigns.vault import Vault


@dataclass(frozen=True)
class Erased:
    """What went beside the contact itself, in numbers."""

    inbound: int
    messages: int
    imports: int  # whose faulty rows are gone, because theirs may be among them


def erase(session: Session, vault: Vault, agency_id: int, contact_id: int, *, by: int) -> Erased:
    """Take away whatever names the person or what they wrote. Never commits, cannot be undone. Raises NotFound.

    Goes: the contact with words, sectors, tags, former addresses and what imports noted of it; words and addresses of
    their texts, whose kind and time stay; texts of messages without a campaign; faulty rows of the imports that brought
    them. Stays: refusals, and the rows of deliveries with a blind index, without which a message could go twice and a
    late receipt or STOP would find nothing (DESIGN P1, P3). What is still queued to them ends as skipped: the gate
    finds nobody.
    """
    contact = contacts.hold(session, agency_id, contact_id)
    if contact is None:
        raise NotFound("contact_unknown")
    addresses = opening.indexes(vault, contact).values()
    indexes = {*erasing.aliases(session, agency_id, contact_id), *(index for each in addresses for index in each)}
    indexes |= {index for index in (contact.phone_index, contact.email_index) if index is not None}
    theirs = indexes - erasing.of_others(session, agency_id, contact_id, indexes)
    erased = Erased(
        inbound=erasing.take_inbound(session, agency_id, contact_id, theirs, by=by),
        messages=erasing.take_messages(session, agency_id, theirs),
        imports=erasing.take_faults(session, agency_id, contact),
    )
    session.delete(contact)
    session.flush()
    audit.record(session, agency_id, audit.Did.CONTACT_ERASED, f"contact:{contact_id}", by=by, **vars(erased))
    return erased
