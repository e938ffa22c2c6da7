"""Hands a person everything that is kept about them: what the law calls the right of access (DOMAIN 3.3).

The one place where all of somebody is in clear at once: it goes out in one answer and is kept nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from campaigns import audit, opening, reference, rendering
from campaigns.errors import NotFound
from campaigns.rules import placeholders
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import State
from campaigns.store import agencies, campaigns, contact_history, contacts, erasing
from campaigns.store import person_export as store
from campaigns.store.contacts import Contact
from campaigns.store.person_export import Sent
from campaigns.vault import Unsealable, Vault

_HANDED_OVER: Final = (State.SENDING, State.UNKNOWN, State.SENT, State.DELIVERED, State.FAILED, State.UNCONFIRMED)
_MOST_DEEDS: Final = 1_000


@dataclass(frozen=True)
class Ground:
    """Why we may write, since when, and where the proof is; `ground` is one of import_rows.GROUNDS, None for none."""

    ground: str | None
    since: date | None
    source: str | None
    text: str | None


@dataclass(frozen=True)
class Refusal:
    """A refusal of one of their addresses on a channel; `stopped` is false when they started again."""

    channel: str
    stopped: bool
    source: str
    word: str
    at: datetime
    changed_at: datetime


@dataclass(frozen=True)
class Message:
    """A message to them. `text` is what it says, with today's name in its holes; None if it never left, or is not
    kept any more. `campaign` is empty for one that was written to them alone.
    """

    campaign: str
    channel: str
    language: str
    state: str
    reason: str | None
    at: datetime | None
    text: str | None = field(repr=False)


@dataclass(frozen=True)
class Wrote:
    """A text of theirs; None when its words are not kept any more."""

    channel: str
    kind: str
    at: datetime
    text: str | None = field(repr=False)


@dataclass(frozen=True)
class Change:
    """What was done with what we know of them, and when; `fields` are names of fields, `reason` why somebody looked."""

    did: str
    at: datetime
    fields: Sequence[str] = ()
    reason: str = field(default="", repr=False)


@dataclass(frozen=True)
class Person:
    """Everything, in clear. Codes are those of the lists that the product publishes (places, sectors, languages)."""

    agency: str
    made_at: datetime
    name: str = field(repr=False)
    business: str = field(repr=False)
    phone: str = field(repr=False)
    email: str = field(repr=False)
    language: str
    accepts_fallback: bool
    role: str | None
    place: str
    place_code: str | None
    sectors: Mapping[str, str]
    tags: Sequence[str]
    ground: Ground
    added_at: datetime
    changed_at: datetime
    by_import: bool
    former_addresses: int  # of whom they were merged with: kept as indexes only, nobody can read them
    refusals: Sequence[Refusal]
    messages: Sequence[Message]
    wrote: Sequence[Wrote]
    changes: Sequence[Change]

    def as_json(self) -> dict[str, object]:
        """The same as plain values; times in ISO 8601."""
        plain: dict[str, object] = _plain(asdict(self))  # type: ignore[assignment]
        return plain


def export(session: Session, vault: Vault, agency_id: int, contact_id: int, *, by: int, now: datetime) -> Person:
    """Everything about one person, and an audit row that says who took it out. Never commits. Raises NotFound."""
    contact, agency = contacts.get(session, agency_id, contact_id), agencies.get(session, agency_id)
    if contact is None or agency is None:
        raise NotFound("contact_unknown")
    known = opening.opened(vault, contact)
    own = {index for indexes in opening.indexes(vault, contact).values() for index in indexes}
    former = set(erasing.aliases(session, agency_id, contact_id))
    theirs = (own | former) - erasing.of_others(session, agency_id, contact_id, own | former)
    codes = contacts.sectors(session, agency_id, [contact_id]).get(contact_id, [])
    sectors = {sector.code: sector.name_es for sector in reference.sectors(session)}
    place = reference.place_names(session, [contact.place_code] if contact.place_code else [])
    person = Person(
        agency=agency.name,
        made_at=now,
        name=known.name,
        business=known.business,
        phone=known.phone,
        email=known.email,
        language=contact.language,
        accepts_fallback=contact.accepts_fallback,
        role=contact.role,
        place=place.get(contact.place_code or "", ""),
        place_code=contact.place_code,
        sectors={code: sectors.get(code, code) for code in codes},
        tags=contacts.tags(session, agency_id, [contact_id]).get(contact_id, []),
        ground=Ground(contact.legal_ground, contact.ground_on, contact.ground_source, contact.ground_text),
        added_at=contact.made_at,
        changed_at=contact.changed_at,
        by_import=contact.import_id is not None,
        former_addresses=len(former),
        refusals=_refusals(session, agency_id, own | former),
        messages=_messages(session, vault, contact, agency.name, theirs),
        wrote=_wrote(session, vault, contact, theirs),
        changes=_changes(session, vault, contact),
    )
    audit.record(session, agency_id, audit.Did.CONTACT_EXPORTED, f"contact:{contact_id}", by=by)
    return person


def _refusals(session: Session, agency_id: int, indexes: set[bytes]) -> list[Refusal]:
    rows = store.refusals(session, agency_id, indexes)
    each = [Refusal(row.channel, row.stopped, row.source, row.rule, row.stopped_at, row.changed_at) for row in rows]
    return list(dict.fromkeys(each))  # one refusal may stand under several indexes


def _messages(session: Session, vault: Vault, contact: Contact, agency: str, indexes: set[bytes]) -> list[Message]:
    rows = store.messages(session, contact.agency_id, contact.id, indexes)
    texts = _Texts(session, vault, contact, agency)
    return [
        Message(
            campaign=row.name if row.kind == "alert" else "",
            channel=row.channel,
            language=row.language,
            state=row.state,
            reason=row.reason,
            at=row.handed_at,
            text=texts.of(row) if row.state in _HANDED_OVER else None,
        )
        for row in rows
    ]


class _Texts:
    """What messages say to one person; each campaign's words are read once."""

    def __init__(self, session: Session, vault: Vault, contact: Contact, agency: str) -> None:
        known = opening.opened(vault, contact)
        self._session, self._vault, self._agency_id = session, vault, contact.agency_id
        self._frame = rendering.frame(session, agency)
        place = reference.place_names(session, [contact.place_code] if contact.place_code else [])
        personal = {
            "nombre": known.name,
            "negocio": known.business,
            "distrito": place.get(contact.place_code or "", ""),
        }
        self._values = {**self._frame.lines, **personal}
        self._words: dict[int, Mapping[tuple[str, str], campaigns.Words]] = {}

    def of(self, row: Sent) -> str | None:
        """The text of one message, None if there is none any more."""
        if row.kind != "alert":
            return _open(self._vault, row.body_sealed, self._agency_id)
        if row.campaign_id not in self._words:
            self._words[row.campaign_id] = campaigns.words(self._session, row.campaign_id)
        words = self._words[row.campaign_id].get((row.channel, row.language))
        if words is None:
            return None
        body = placeholders.fill(placeholders.parse(words.body), self._values)
        if row.channel == Channel.SMS:
            return f"{self._frame.agency_name}: {body}\n{self._frame.opt_out_line(row.language)}"
        subject = placeholders.fill(placeholders.parse(words.subject or ""), self._values)
        return f"{subject}\n\n{body}"


def _wrote(session: Session, vault: Vault, contact: Contact, indexes: set[bytes]) -> list[Wrote]:
    rows = store.wrote(session, contact.agency_id, contact.id, indexes)
    return [
        Wrote(row.channel, row.kind, row.received_at, _open(vault, row.body_sealed, contact.agency_id)) for row in rows
    ]


def _changes(session: Session, vault: Vault, contact: Contact) -> list[Change]:
    agency_id = contact.agency_id
    reasons = {row.id: row.reason_sealed for row in store.reveals(session, agency_id, contact.id)}
    found = []
    for deed in contact_history.deeds(session, agency_id, contact.id, limit=_MOST_DEEDS):
        detail = deed.detail or {}
        named = detail.get("fields")
        reveal = detail.get("reveal")
        reason = _open(vault, reasons.get(reveal), agency_id) if isinstance(reveal, int) else None
        fields = [str(name) for name in named] if isinstance(named, Iterable) else []
        found.append(Change(deed.did, deed.made_at, fields, reason or ""))
    return found


def _open(vault: Vault, sealed: bytes | None, agency_id: int) -> str | None:
    try:
        return vault.open(sealed, agency_id) if sealed else None
    except Unsealable:
        return None


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
