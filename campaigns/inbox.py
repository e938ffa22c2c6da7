"""What people write to us: stop, start and help are acted on at once; everything else waits, sealed, for a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from campaigns import audit, consent, reference, refusals
from campaigns.errors import Conflict
from campaigns.providers.contract import Received
from campaigns.refusals import Reached
from campaigns.rules import addresses, placeholders, replies
from campaigns.rules.channels import Channel
from campaigns.rules.keywords import Kind
from campaigns.rules.replies import Class
from campaigns.store import agencies as agency_store
from campaigns.store import campaigns, contacts
from campaigns.store import inbound as store
from campaigns.store import reference as reference_store
from campaigns.store.agencies import Sender
from campaigns.vault import Unsealable, Vault

_SPANISH = "es"
# What is acted on at once.
_ORDERS: Final = {Class.STOP: Kind.STOP, Class.HELP: Kind.HELP, Class.START: Kind.START}
PAGE = 50


@dataclass(frozen=True)
class Waiting:
    """A text for a person to read, its address masked; contact and campaign are those it may answer, where known."""

    id: int
    channel: str
    masked: str
    body: str
    received_at: datetime
    contact_id: int | None
    campaign_id: int | None
    campaign: str


def receive(session: Session, vault: Vault, sender: Sender, received: Received) -> str | None:
    """Keep a text, do what it asks, and return the answer to give, or None for silence. Never commits.

    The caller commits before the answer leaves: after that no window contains the address (DESIGN P3). The same
    provider reference again changes nothing and is not answered. Help is always answered, with 111 and 105; a stop is
    confirmed once, and not to somebody who is out already. A phrase that clearly refuses
    counts as a stop. What the provider answered by itself is not answered again.
    """
    address = _normal(received.address)
    reading = replies.read(received.body, reference.lexicon(session))
    writer = refusals.at_address(session, vault, sender.agency_id, sender.channel, address)
    asked = _ORDERS.get(Class.STOP if reading.stop else reading.is_a) or received.answered
    # What is more than one word waits for a person, too: "do not write any more, they look at my phone".
    is_done = asked is not None and (reading.is_whole or received.answered is not None)
    inbound_id = store.keep(
        session,
        agency_id=sender.agency_id,
        sender_id=sender.id,
        provider_ref=received.provider_ref,
        channel=sender.channel,
        address_index=vault.address_index(address),
        address_sealed=vault.seal(address, sender.agency_id),
        body_sealed=vault.seal(received.body, sender.agency_id),
        contact_id=writer.contact_id,
        campaign_id=writer.campaign_id,
        kind=asked if is_done else "other",
        rule=reading.rule or None,
        language=writer.language,
    )
    if inbound_id is None or asked is None:
        return None
    code = _act(session, sender, writer, asked, reading.rule or asked)
    if code is None or received.answered:
        return None
    return _answer(session, sender.agency_id, code, writer.language)


def waiting(session: Session, vault: Vault, agency_id: int, *, before: int | None = None) -> list[Waiting]:
    """Up to 50 texts that wait for somebody to read them, newest first, from below id `before`."""
    rows = store.waiting(session, agency_id, before=before, limit=PAGE)
    people = contacts.known(session, agency_id, [row.contact_id for row in rows if row.contact_id])
    names = campaigns.names(session, agency_id, {row.campaign_id for row in rows if row.campaign_id})

    def shown(sealed: bytes | None) -> str:
        try:
            return vault.open_optional(sealed, agency_id)
        except Unsealable:
            return ""  # one damaged text must not hide the others

    return [
        Waiting(
            id=row.id,
            channel=row.channel,
            masked=_masked(row.channel, shown(row.address_sealed)),
            body=shown(row.body_sealed),
            received_at=row.received_at,
            contact_id=row.contact_id if row.contact_id in people else None,
            campaign_id=row.campaign_id if row.campaign_id in names else None,
            campaign=names.get(row.campaign_id or 0, ""),
        )
        for row in rows
    ]


def count_waiting(session: Session, agency_id: int) -> int:
    """How many texts wait for somebody to read them."""
    return store.count_waiting(session, agency_id)


def close(session: Session, agency_id: int, inbound_id: int, *, by: int) -> None:
    """Somebody has read the text and done what it needs. Raises Conflict if it is not waiting (any more)."""
    if not store.close(session, agency_id, inbound_id, by):
        raise Conflict("inbound_not_waiting")
    audit.record(session, agency_id, audit.Did.INBOUND_CLOSED, f"inbound:{inbound_id}", by=by)


def _masked(channel: str, address: str) -> str:
    return addresses.mask_phone(address) if channel == Channel.SMS else addresses.mask_email(address)


def _normal(address: str) -> str:
    phone = addresses.read_phone(address)
    return phone.e164 if isinstance(phone, addresses.Phone) else address


def _act(session: Session, sender: Sender, writer: Reached, kind: str, rule: str) -> str | None:
    """Do what was asked; the code of the answer, if one is due."""
    agency_id, channel = sender.agency_id, sender.channel
    if kind == Kind.HELP:
        return "help_answer"
    if kind == Kind.START:
        return "start_answer" if consent.start(session, agency_id, channel, writer.indexes, rule=rule) else None
    stopped = refusals.take(session, agency_id, channel, writer, source=consent.Source.WORD, rule=rule)
    return "stop_answer" if stopped else None


def _answer(session: Session, agency_id: int, code: str, language: str) -> str | None:
    signed = reference_store.signed_texts(session, code)
    body = signed.get(language) or signed.get(_SPANISH)
    agency = agency_store.get(session, agency_id)
    if body is None or agency is None:
        return None
    values = {**reference_store.line_numbers(session), "agencia": agency.name}
    return placeholders.fill(placeholders.parse(body), values)
