"""Makes two contacts that prove to be one person into one. It cannot be undone: what came together looks alike.

A refusal hangs on an address (DESIGN 10.6), but it is a person who refuses: whatever either of the two refused on a
channel holds for every address of that channel that either of them had. Of legal grounds the stricter stays: where one
of the two has none, there is none, because nobody can tell whose "no" it was.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from campaigns import audit, consent, opening
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules.channels import Channel
from campaigns.store import consents, erasing, uniting
from campaigns.store.contacts import Contact
from campaigns.vault import Vault

# What is taken from one of the two as a whole: the columns of each field.
FIELDS: Final[dict[str, Sequence[str]]] = {
    "name": ("name_sealed",),
    "business": ("business_sealed",),
    "phone": ("phone_sealed", "phone_index", "phone_kind"),
    "email": ("email_sealed", "email_index"),
    "language": ("language", "accepts_fallback"),
    "place_code": ("place_code",),
    "role": ("role",),
    "ground": ("legal_ground", "ground_on", "ground_source", "ground_text"),
}
_ADDRESSES: Final = {Channel.SMS: "phone", Channel.EMAIL: "email"}


@dataclass(frozen=True)
class Outlook:
    """What merging two contacts would mean. `differs`: fields in which both have something, and not the same.

    `refused`: channels on which the one person will have refused, because one of the two did. `loses_ground`: one of
    the two has no legal ground, so that nobody may write to them until staff record one.
    """

    differs: frozenset[str]
    refused: frozenset[Channel]
    loses_ground: bool


def outlook(session: Session, vault: Vault, agency_id: int, contact_id: int, other_id: int) -> Outlook:
    """Look before merging. Raises NotFound, Conflict("merge_same")."""
    kept, other = _both(session, agency_id, contact_id, other_id)
    indexes = _indexes(vault, kept, other)
    return Outlook(
        differs=frozenset(field for field in FIELDS if _differs(vault, kept, other, field)),
        refused=frozenset(
            channel for channel in Channel if uniting.refusals(session, agency_id, channel, indexes[channel])
        ),
        loses_ground=(kept.legal_ground is None) is not (other.legal_ground is None),
    )


def merge(
    session: Session, vault: Vault, agency_id: int, pair: tuple[int, int], *, take: Collection[str], by: int
) -> None:
    """Let the first contact of `pair` be both; the fields in `take` come from the second, which is no more.

    A field that only one of them has is kept without asking. Sectors, tags and search words are united; messages and
    texts of both stand on one page; addresses that are given up lead files to the one contact. Never commits. Raises
    NotFound, Conflict("merge_same"), Invalid("take", "choice_unknown").
    """
    if not set(take) <= set(FIELDS):
        raise Invalid("take", "choice_unknown")
    kept, other = _both(session, agency_id, *pair)
    indexes = _indexes(vault, kept, other)
    taken = [field for field in FIELDS if _is_taken(kept, other, field, take)]
    values = {column: getattr(other, column) for field in taken for column in FIELDS[field]}
    if kept.legal_ground is None or other.legal_ground is None:
        values |= dict.fromkeys(FIELDS["ground"])
    moved = uniting.unite(session, agency_id, kept.id, other.id)
    # Before the address moves: no two contacts may have the same number.
    session.delete(other)
    session.flush()
    for column, value in values.items():
        setattr(kept, column, value)
    kept.changed_at = func.now()
    session.flush()
    _carry_refusals(session, agency_id, indexes)
    _settle_addresses(session, vault, kept, indexes)
    audit.record(
        session,
        agency_id,
        audit.Did.CONTACT_MERGED,
        f"contact:{kept.id}",
        by=by,
        other=pair[1],
        fields=taken,
        messages=moved,
    )


def _both(session: Session, agency_id: int, contact_id: int, other_id: int) -> tuple[Contact, Contact]:
    if contact_id == other_id:
        raise Conflict("merge_same")
    found = uniting.hold_both(session, agency_id, (contact_id, other_id))
    if len(found) < 2:
        raise NotFound("contact_unknown")
    return found[contact_id], found[other_id]


def _is_taken(kept: Contact, other: Contact, field: str, take: Collection[str]) -> bool:
    column = FIELDS[field][0]
    theirs = getattr(other, column)
    return theirs is not None and (field in take or getattr(kept, column) is None)


def _differs(vault: Vault, kept: Contact, other: Contact, field: str) -> bool:
    if field in opening.SEALED:
        mine, theirs = (getattr(opening.opened(vault, one), field) for one in (kept, other))
        return bool(mine and theirs) and mine != theirs
    values = [tuple(getattr(one, column) for column in FIELDS[field]) for one in (kept, other)]
    return all(value[0] is not None for value in values) and values[0] != values[1]


def _indexes(vault: Vault, *people: Contact) -> dict[Channel, list[bytes]]:
    """Every index, under any key, of the addresses of each channel that any of them has."""
    found: dict[Channel, list[bytes]] = {channel: [] for channel in Channel}
    for one in people:
        for channel, indexes in opening.indexes(vault, one).items():
            found[channel] += indexes
        for channel, field in _ADDRESSES.items():
            kept = getattr(one, f"{field}_index")
            found[channel] += [kept] if kept is not None and kept not in found[channel] else []
    return found


def _carry_refusals(session: Session, agency_id: int, indexes: dict[Channel, list[bytes]]) -> None:
    """What was refused at one address is refused at all of them: as it was first, but what a START does not undo goes
    before what it does.
    """
    for channel, addresses in indexes.items():
        found = uniting.refusals(session, agency_id, channel, addresses)
        for one in sorted(found, key=lambda refusal: refusal.source in consent.OWN)[:1]:
            source = consent.Source(one.source)
            consent.stop(session, agency_id, channel, addresses, source=source, rule=one.rule, language=one.language)
            if source not in consent.OWN:
                consents.retell(session, agency_id, channel, addresses, of=consent.OWN, source=source, rule=one.rule)


def _settle_addresses(session: Session, vault: Vault, kept: Contact, indexes: dict[Channel, list[bytes]]) -> None:
    """Addresses given up mean the contact from now on, unless somebody else has them; its own are no former ones."""
    own = {index for each in opening.indexes(vault, kept).values() for index in each}
    own |= {index for index in (kept.phone_index, kept.email_index) if index is not None}
    former = {index for each in indexes.values() for index in each} - own
    former -= erasing.of_others(session, kept.agency_id, kept.id, former)
    uniting.forget(session, kept.agency_id, own)
    uniting.remember(session, kept.agency_id, kept.id, former)
