"""One person's history: what they were sent, wrote and refused, who changed what we know, and who is near them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from campaigns import audit, cards
from campaigns.cards import Card, Viewer, opened
from campaigns.consent import Source
from campaigns.rules.channels import Channel
from campaigns.rules.narrowing import NOT_NARROWED
from campaigns.rules.spelling import words
from campaigns.sealing import Sealer
from campaigns.store import contact_history as store
from campaigns.store import contact_lists, contacts, deliveries, inbound, reveals
from campaigns.store.contact_lists import Sought
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Sent
from campaigns.vault import Vault

SHOWN: Final = 50
NEAR: Final = 10  # others shown of a business or a mailbox
_LOOKED_AT: Final = 60  # whose name has the words of a business: not all are of that business
_MOST_WORDS: Final = 5


@dataclass(frozen=True)
class Refusal:
    """That they (or a server, or the provider) said no on a channel, and whether it still holds.

    `word` is what they wrote to start again, or else to stop.
    """

    channel: Channel
    source: Source
    word: str
    at: datetime
    started_again_at: datetime | None


@dataclass(frozen=True)
class Reply:
    """A text of theirs. `body` is None for who may not read it, and empty where it is not kept any more."""

    channel: Channel
    kind: str
    body: str | None = field(repr=False)
    at: datetime


@dataclass(frozen=True)
class Change:
    """What somebody did with this person. `by` is empty for the command line; `import_id` tells a file that did it."""

    did: str
    by: str
    at: datetime
    fields: Sequence[str] = ()
    reason: str = field(default="", repr=False)
    import_id: int | None = None


@dataclass(frozen=True)
class History:
    """Newest first, at most fifty of each; `wrote` counts all their texts by kind."""

    messages: Sequence[Sent]
    wrote: Mapping[str, int]
    replies: Sequence[Reply]
    refusals: Sequence[Refusal]
    changes: Sequence[Change]


@dataclass(frozen=True)
class Near:
    """Others, at most ten: who works in the same business, going by its name, and who shares the mailbox."""

    business: Sequence[Card]
    mailbox: Sequence[Card]


def history(
    session: Session, vault: Vault, agency_id: int, contact_id: int, *, with_texts: bool, with_reasons: bool
) -> History:
    """What happened to a contact; nothing for another agency's.

    `with_texts`: the viewer may read what people write; `with_reasons`: why somebody looked at them in full.
    """
    return History(
        messages=deliveries.of_contact(session, agency_id, contact_id, limit=SHOWN),
        wrote=inbound.count_of(session, agency_id, contact_id),
        replies=[
            Reply(
                Channel(row.channel),
                row.kind,
                opened(vault, row.body_sealed, agency_id) if with_texts else None,
                row.received_at,
            )
            for row in store.wrote(session, agency_id, contact_id, limit=SHOWN)
        ],
        refusals=[
            Refusal(
                Channel(row.channel),
                Source(row.source),
                row.rule,
                row.stopped_at,
                None if row.stopped else row.changed_at,
            )
            for row in store.refusals(session, agency_id, contact_id)
        ],
        changes=_changes(session, vault, agency_id, contact_id, with_reasons),
    )


def near(session: Session, vault: Vault, viewer: Viewer, contact_id: int) -> Near:
    """Who is near a contact; nobody for another agency's."""
    contact = contacts.get(session, viewer.agency_id, contact_id)
    if contact is None:
        return Near([], [])
    shared = contact_lists.at_email(session, viewer.agency_id, contact_id, limit=NEAR) if contact.email_index else []
    business = _of_business(session, vault, contact)
    made = cards.made(session, vault, viewer, [*business, *shared])
    return Near(made[: len(business)], made[len(business) :])


def _of_business(session: Session, vault: Vault, contact: Contact) -> list[Contact]:
    """Whose business has the same words, in whatever order and spelling: nothing else tells one business."""
    agency_id = contact.agency_id
    name = opened(vault, contact.business_sealed, agency_id)
    wanted = words(name)
    if not wanted:
        return []
    sought = Sought(words=Sealer(vault, agency_id, contact.language).word_indexes(name)[:_MOST_WORDS])
    rows = contact_lists.listed(session, agency_id, NOT_NARROWED, sought, limit=_LOOKED_AT)
    others = [row for row in rows if row.id != contact.id]
    return [row for row in others if words(opened(vault, row.business_sealed, agency_id)) == wanted][:NEAR]


def _changes(session: Session, vault: Vault, agency_id: int, contact_id: int, with_reasons: bool) -> list[Change]:
    rows = store.deeds(session, agency_id, contact_id, limit=SHOWN)
    details = [row.detail or {} for row in rows]
    numbers = [number for detail in details if isinstance(number := detail.get("reveal"), int)]
    reasons = reveals.reasons(session, agency_id, numbers) if with_reasons else {}
    done = [
        Change(
            row.did,
            row.staff_name or "",
            row.made_at,
            _texts(detail.get("fields")),
            opened(vault, reasons.get(_number(detail.get("reveal"))), agency_id),
        )
        for row, detail in zip(rows, details, strict=True)
    ]
    brought = [
        Change(audit.Did.CONTACTS_IMPORTED, "", row.at, import_id=row.import_id)
        for row in store.imports(session, agency_id, contact_id)
    ]
    return sorted([*done, *brought], key=lambda change: change.at, reverse=True)[:SHOWN]


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
