"""Puts everything under the newest keys while everything runs, so that an old sealing key can be thrown away.

Index keys are kept for ever (DESIGN 10.5): a refusal of somebody who is gone has no address to index anew. What can be
opened is indexed anew all the same, so that look-ups find it at the first try.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from campaigns import opening
from campaigns.rules.channels import Channel
from campaigns.rules.spelling import words as folded
from campaigns.sealing import Sealer
from campaigns.store import reindexing, sealed
from campaigns.store.contacts import Contact
from campaigns.store.engine import AgencySessions
from campaigns.store.sealed import Held, Place
from campaigns.vault import Unsealable, Vault

_PASSES: Final = 3  # the second takes up what somebody held or changed during the first
_TRIES: Final = 5
_PAUSE: Final = 0.2

Progress = Callable[[str, int], None]


@dataclass
class Resealed:
    """What one run did for one agency, in numbers."""

    values: int = 0  # rows sealed anew
    damaged: int = 0  # rows that no key of ours opens
    addresses: int = 0  # contacts indexed anew
    waiting: int = 0  # contacts left for a later run: a message is under way, or somebody holds them
    doubled: int = 0  # contacts whose address stands under both indexes: two entries for one person
    left: dict[int, int] = field(default_factory=dict)  # key number -> values still sealed under it


def reseal(sessions: AgencySessions, vault: Vault, agency_id: int, *, progress: Progress | None = None) -> Resealed:
    """Seal anew what older keys sealed, and index anew what older keys indexed, in batches, each committed.

    May be called again, and beside workers and pages: a value somebody changes meanwhile is left to them, since they
    seal under the newest key. `progress` is told a table's name and how many of its rows are done.
    """
    factory, tell = sessions(agency_id), progress or (lambda _table, _rows: None)
    done = Resealed()
    for place in sealed.places():
        done.damaged += _reseal_place(factory, vault, agency_id, place, done, tell)
    _reseal_notes(factory, vault, agency_id, done)
    if vault.has_older_index_keys:
        _reindex(factory, vault, agency_id, done, tell)
    with factory() as session:
        done.left = under_keys(session, agency_id)
    return done


def under_keys(session: Session, agency_id: int) -> dict[int, int]:
    """Key number -> how many of the agency's values it sealed."""
    found: dict[int, int] = {}
    for place in sealed.places():
        for key_id, number in sealed.count(session, agency_id, place).items():
            found[key_id] = found.get(key_id, 0) + number
    return found


def _reseal_place(
    factory: sessionmaker[Session], vault: Vault, agency_id: int, place: Place, done: Resealed, tell: Progress
) -> int:
    """How many rows no key opens; counts the others in `done`."""
    damaged = total = 0
    for _ in range(_PASSES):
        after, damaged, missed = None, 0, 0
        while True:
            with factory.begin() as session:
                rows = sealed.under_others(session, agency_id, place, vault.sealing_key, after=after)
                renewed = [(held, new) for held in rows if (new := _renewed(vault, agency_id, held))]
                swapped = sealed.swap(session, agency_id, place, renewed)
            if not rows:
                break
            after = rows[-1].key
            damaged, missed = damaged + len(rows) - len(renewed), missed + len(renewed) - swapped
            total += swapped
            tell(place.table.name, total)
        if not missed:
            break
    done.values += total
    return damaged


def _renewed(vault: Vault, agency_id: int, held: Held) -> Sequence[bytes | None] | None:
    try:
        return [_anew(vault, agency_id, value) if value is not None else None for value in held.values]
    except Unsealable:
        return None


def _anew(vault: Vault, agency_id: int, value: bytes) -> bytes:
    return vault.seal_bytes(vault.open_bytes(value, agency_id), agency_id)


def _reseal_notes(factory: sessionmaker[Session], vault: Vault, agency_id: int, done: Resealed) -> None:
    """What imports noted of contacts: sealed values inside of JSON, and the indexes of those addresses."""
    after: tuple[int, int] | None = None
    while True:
        with factory.begin() as session:
            found = sealed.notes(session, agency_id, after=after)
            for noted in found:
                renewed = _note(vault, agency_id, noted[1])
                if renewed != noted[1]:
                    done.values += sealed.swap_note(session, agency_id, noted, renewed)
        if not found:
            return
        after = found[-1][0]


def _note(vault: Vault, agency_id: int, note: Mapping[str, object]) -> dict[str, object]:
    renewed, names = dict(note), dict[str, str]()
    for name, value in note.items():
        kept = sealed.read_bytea(value) if isinstance(value, str) and name.endswith("_sealed") else None
        if not kept:
            continue
        try:
            opened = vault.open(kept, agency_id)
        except Unsealable:
            continue
        if kept[0] != vault.sealing_key:
            renewed[name] = sealed.write_bytea(vault.seal(opened, agency_id))
        index = name.replace("_sealed", "_index")
        if isinstance(note.get(index), str):
            address = opening.mail_key(opened) if index == "email_index" else opened
            renewed[index] = sealed.write_bytea(vault.address_index(address))
        names[name.removesuffix("_sealed")] = opened
    if vault.has_older_index_keys and isinstance(note.get("words"), str):
        found = Sealer(vault, agency_id, "").word_indexes(names.get("name", ""), names.get("business", ""))
        renewed["words"] = b"".join(found).hex()
    return renewed


def _reindex(factory: sessionmaker[Session], vault: Vault, agency_id: int, done: Resealed, tell: Progress) -> None:
    after = looked = 0
    sealer = Sealer(vault, agency_id, "es")
    while True:
        with factory() as session:
            people = reindexing.batch(session, agency_id, after=after)
        if not people:
            return
        moved = _patiently(factory, vault, sealer, agency_id, after)
        done.addresses += moved.addresses
        done.waiting += moved.waiting if moved.looked else len(people)
        done.doubled += moved.doubled
        after, looked = people[-1].id, looked + len(people)
        tell("contact index", looked)


def _patiently(factory: sessionmaker[Session], vault: Vault, sealer: Sealer, agency_id: int, after: int) -> "_Moved":
    """One batch; tried again while somebody holds one of them, or an audience is being planned."""
    for _ in range(_TRIES):
        try:
            with factory.begin() as session:
                people = reindexing.batch(session, agency_id, after=after)
                moved = _reindex_addresses(session, vault, agency_id, people)
                _reindex_words(session, vault, sealer, agency_id, people)
                return moved
        except (DBAPIError, _BeingPlanned) as error:
            if isinstance(error, DBAPIError) and not reindexing.is_passing(error):
                raise
            time.sleep(_PAUSE)
    return _Moved(looked=False)


@dataclass
class _Moved:
    """What came of one batch; not `looked` at where others were in the way all the time."""

    looked: bool = True
    addresses: int = 0
    waiting: int = 0
    doubled: int = 0


class _BeingPlanned(Exception):
    """An audience is being planned: nobody's address may change its index until that is over."""


def _reindex_addresses(session: Session, vault: Vault, agency_id: int, people: Sequence[Contact]) -> _Moved:
    moved = _Moved()
    old = {one.id: keys for one in people if (keys := _former(vault, one))}
    if not old:
        return moved
    if not reindexing.hold_still(session, agency_id):
        raise _BeingPlanned
    busy = reindexing.under_way(session, agency_id, old)
    moved.waiting = len(busy)
    for channel in Channel:
        pairs = {keys[channel][0]: keys[channel][1] for id_, keys in old.items() if channel in keys and id_ not in busy}
        both = reindexing.taken(session, agency_id, channel, [indexes[0] for indexes in pairs.values()])
        free = {former: indexes for former, indexes in pairs.items() if indexes[0] not in both}
        moved.doubled += len(pairs) - len(free)
        moved.addresses += len(free)
        reindexing.move(session, agency_id, channel, free)
    return moved


def _former(vault: Vault, contact: Contact) -> dict[Channel, tuple[bytes, list[bytes]]]:
    """By channel: the index the contact stands under, if it is no more the newest, and the address's indexes."""
    kept = {Channel.SMS: contact.phone_index, Channel.EMAIL: contact.email_index}
    found = {}
    for channel, indexes in opening.indexes(vault, contact).items():
        index = kept[channel]
        if index is not None and indexes[0] != index and index in indexes:
            found[channel] = (index, indexes)
    return found


def _reindex_words(session: Session, vault: Vault, sealer: Sealer, agency_id: int, people: Sequence[Contact]) -> None:
    former = {one.id: vault.former_word_indexes(_words(_names(vault, one)), agency_id) for one in people}
    held = reindexing.hold(session, agency_id, reindexing.found_by(session, agency_id, former))
    now = {one.id: sealer.word_indexes(*_names(vault, one)) for one in held}
    reindexing.set_words(session, agency_id, {contact_id: former[contact_id] for contact_id in now}, now)


def _names(vault: Vault, contact: Contact) -> tuple[str, str]:
    known = opening.opened(vault, contact)
    return known.name, known.business


def _words(names: tuple[str, str]) -> list[str]:
    return [word for name in names for part in name.split() for word in folded(part)]
