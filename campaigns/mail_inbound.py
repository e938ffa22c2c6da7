"""What comes back to mails: bounces, complaints, refusals and answers, from a stranger's bytes to what they change.

Whatever a mail claims, it changes something about a message only with a word that we signed: the address it was sent
to, or what it returns. A person's answer without one can only stop mails to the address it says it comes from.
"""

import time
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import redis
from sqlalchemy.orm import Session

from campaigns import consent, refusals, wakeup
from campaigns.consent import Source
from campaigns.links import Refusal, Sent, Signer
from campaigns.providers import bounces, mail_reading, mail_signs
from campaigns.providers.bounces import Inbound
from campaigns.providers.mail_reports import Kind
from campaigns.refusals import Reached
from campaigns.rules import addresses, keywords
from campaigns.rules.channels import Channel
from campaigns.rules.keywords import Keyword, KeywordIndex
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import CONCERNS_SENDER, NO_MAILBOX, Failure
from campaigns.store import inbound as store
from campaigns.store import receipts, reference, returned
from campaigns.store.engine import AgencySessions
from campaigns.store.returned import Mailbox, Returned
from campaigns.vault import Vault

_EMAIL: Final = Channel.EMAIL.value
_TO_THE_ADDRESS: Final = "unsubscribe address"
_REPORTED: Final = "abuse report"
_WORDS_SECONDS: Final = 30.0  # after so long, words that were signed since are known
_FINAL: Final = {Kind.HARD: State.FAILED, Kind.SOFT: State.FAILED, Kind.DELIVERED: State.DELIVERED}


@dataclass(frozen=True)
class Taken:
    """What a mail was, and whether something of ours changed by it; `agency_id` is whose it was, where known."""

    kind: Kind
    agency_id: int | None = None
    changed: bool = False


@dataclass(frozen=True)
class _Written:
    """A person's mail as it is kept: the words for staff, and what tells it from every other."""

    sender: str
    body: str
    provider_ref: str
    stop: Keyword | None
    start: Keyword | None


class Mailroom:
    """Takes mails in for all agencies. Safe to share between threads."""

    def __init__(self, sessions: AgencySessions, vault: Vault, valkey: redis.Redis, signer: Signer) -> None:
        self._sessions, self._vault, self._valkey, self._signer = sessions, vault, valkey, signer
        self._index: KeywordIndex = {}
        self._read_again_at = 0.0

    def knows(self, recipient: str) -> bool:
        """Whether mail to this address is for us: a word of ours, or a mailbox of a sender.

        Our own words are known without asking the database; else raises what it raises.
        """
        return self._is_signed(recipient) or self._mailbox(recipient) is not None

    def take(self, recipient: str, raw: bytes) -> Taken:
        """Do what the mail asks, commit, and return what it was; the same mail again changes nothing.

        Never raises for whatever the bytes are. Raises what the database raises; then it may be done or not, and the
        mail has to come again.
        """
        index = self._keywords()
        mail = bounces.classify(raw, [recipient], self._signer, index)
        if mail.kind in _FINAL:
            return self._bounced(mail, mail.about) if mail.about else Taken(mail.kind)
        if mail.kind is Kind.COMPLAINT:
            return self._complained(mail.about, mail.refusal)
        if mail.kind not in (Kind.UNSUBSCRIBE, Kind.HUMAN):
            return Taken(mail.kind)
        written = _written(mail, raw, index)
        if mail.refusal is not None:
            return self._refused(mail.refusal, written)
        # Several agencies may name one mailbox; whose message is answered gets the answer.
        box = self._mailbox(recipient, answers=mail.about.agency_id if mail.about else None)
        return self._answered(box, mail, written) if box is not None else Taken(mail.kind)

    def _bounced(self, mail: Inbound[Sent, Refusal], about: Sent) -> Taken:
        """A receipt, to be applied with the others; an address that is dead for good gets no more mails."""
        agency_id, state = about.agency_id, _FINAL[mail.kind]
        with self._sessions(agency_id).begin() as session:
            message = returned.message(session, agency_id, about.campaign_id, about.delivery_id)
            if message is None:
                return Taken(mail.kind, agency_id)
            attempt = _attempt(about, message)
            is_new = attempt is not None and receipts.keep(
                session,
                agency_id=agency_id,
                sender_id=message.sender_id,
                provider_ref=f"bounce:{message.campaign_id}.{message.delivery_id}.{attempt}",
                state=state,
                reason=_reason(mail) if state is State.FAILED else None,
                campaign_id=message.campaign_id,
                delivery_id=message.delivery_id,
                attempt=attempt,
            )
            stopped = False
            if mail.kind is Kind.HARD and mail.reason in NO_MAILBOX:
                reached = self._reached(session, agency_id, message)
                stopped = consent.stop(
                    session,
                    agency_id,
                    _EMAIL,
                    reached.indexes,
                    source=Source.BOUNCE,
                    rule=mail.reason,
                    language=message.language,
                )
        if is_new:
            wakeup.receipts(self._valkey, agency_id)
        return Taken(mail.kind, agency_id, is_new or stopped)

    def _complained(self, about: Sent | None, refusal: Refusal | None) -> Taken:
        if about is not None:
            with self._sessions(about.agency_id).begin() as session:
                message = returned.message(session, about.agency_id, about.campaign_id, about.delivery_id)
                if message is not None:
                    reached = self._reached(session, about.agency_id, message)
                    stopped = refusals.take(
                        session, about.agency_id, _EMAIL, reached, source=Source.COMPLAINT, rule=_REPORTED
                    )
                    return Taken(Kind.COMPLAINT, about.agency_id, stopped)
        if refusal is not None:
            with self._sessions(refusal.agency_id).begin() as session:
                stopped = refusals.take_signed(session, self._vault, refusal, source=Source.COMPLAINT, rule=_REPORTED)
                return Taken(Kind.COMPLAINT, refusal.agency_id, stopped)
        return Taken(Kind.COMPLAINT)

    def _refused(self, refusal: Refusal, written: _Written) -> Taken:
        """A mail to the unsubscribe address, whatever it says; it is kept to be looked up, and does not wait."""
        agency_id, channel = refusal.agency_id, refusal.channel
        # The same mail may have gone to people too, or to several of these addresses.
        written = replace(written, provider_ref=f"{written.provider_ref}:{refusal.address_index.hex()[:16]}")
        with self._sessions(agency_id).begin() as session:
            reached = refusals.at_index(session, self._vault, agency_id, channel, refusal.address_index)
            sender_id = returned.sender_of(session, agency_id)
            box = Mailbox(agency_id, sender_id) if sender_id is not None else None
            is_new = box is None or self._keep(session, box, reached, written, _TO_THE_ADDRESS)
            if is_new:
                refusals.take(session, agency_id, channel, reached, source=Source.MAIL, rule=_TO_THE_ADDRESS)
        return Taken(Kind.UNSUBSCRIBE, agency_id, is_new)

    def _answered(self, box: Mailbox, mail: Inbound[Sent, Refusal], written: _Written) -> Taken:
        """A person's mail to a mailbox of an agency. A message of another agency that it quotes says nothing here."""
        about = mail.about if mail.about and mail.about.agency_id == box.agency_id else None
        with self._sessions(box.agency_id).begin() as session:
            message = returned.message(session, *_ids(about)) if about else None
            reached = (
                self._reached(session, box.agency_id, message)
                if message
                else refusals.at_address(session, self._vault, box.agency_id, _EMAIL, written.sender)
            )
            rule = written.stop.word if written.stop else None
            is_new = self._keep(session, box, reached, written, rule)
            if is_new and rule is not None:
                refusals.take(session, box.agency_id, _EMAIL, reached, source=Source.MAIL, rule=rule)
            if is_new and written.start and message:
                # Anybody can write somebody else's address into From: only who has our mail may undo a stop with it.
                consent.start(session, box.agency_id, _EMAIL, reached.indexes, rule=written.start.word)
        return Taken(mail.kind, box.agency_id, is_new)

    def _keep(
        self, session: Session, box: Mailbox, reached: Reached, written: _Written, stopped_by: str | None
    ) -> bool:
        """Whether the mail is new. Whoever did not say stop, or nothing else than that, waits to be read."""
        kept = store.keep(
            session,
            agency_id=box.agency_id,
            sender_id=box.sender_id,
            provider_ref=written.provider_ref,
            channel=_EMAIL,
            address_index=reached.indexes[0],
            address_sealed=self._vault.seal(written.sender, box.agency_id),
            body_sealed=self._vault.seal(written.body, box.agency_id),
            contact_id=reached.contact_id,
            campaign_id=reached.campaign_id,
            kind=keywords.Kind.STOP if stopped_by else "other",
            rule=stopped_by,
            language=reached.language,
        )
        return kept is not None

    def _reached(self, session: Session, agency_id: int, message: Returned) -> Reached:
        """Whom this very message went to, under every index key."""
        indexes = refusals.indexes_of(session, self._vault, agency_id, _EMAIL, message.address_index)
        return Reached(indexes, message.contact_id, message.campaign_id, message.language)

    def _keywords(self) -> KeywordIndex:
        now = time.monotonic()
        if now >= self._read_again_at:
            with self._sessions(None)() as session:
                rows = reference.enabled_keywords(session)
            self._index = keywords.build(Keyword(row.language, keywords.Kind(row.kind), row.word) for row in rows)
            self._read_again_at = now + _WORDS_SECONDS
        return self._index

    def _is_signed(self, recipient: str) -> bool:
        local = recipient.rpartition("@")[0]
        return bool(self._signer.read_return_path(local) or self._signer.read_unsubscribe(local))

    def _mailbox(self, recipient: str, *, answers: int | None = None) -> Mailbox | None:
        if "\x00" in recipient or not _is_text(recipient):
            return None
        with self._sessions(None)() as session:
            return returned.mailbox(session, recipient.lower(), answers=answers)


def _ids(about: Sent) -> tuple[int, int, int]:
    return about.agency_id, about.campaign_id, about.delivery_id


def _reason(mail: Inbound[Sent, Refusal]) -> Failure | None:
    """Why it came back. Whoever gets our mails can write such a bounce: what would pause a whole campaign is said by
    our own mail server only; of one recipient's it counts as one failure.
    """
    return Failure.MAIL_REFUSED if mail.reason in CONCERNS_SENDER else mail.reason


def _attempt(about: Sent, message: Returned) -> int | None:
    """The attempt a bounce is about. A Message-ID does not tell: then it is the only one that was ever handed over."""
    if about.attempt:
        return about.attempt
    return message.attempt if message.attempt and not message.again else None


def _written(mail: Inbound[Sent, Refusal], raw: bytes, index: KeywordIndex) -> _Written:
    parsed = mail_reading.read(raw)
    email = addresses.read_email(mail.sender)
    sender = email.key if isinstance(email, addresses.Email) else mail.sender
    name = mail_reading.header(parsed, "Message-ID")
    # With who wrote it and what: whoever repeats a Message-ID, on purpose or not, must hide nobody's stop.
    told = "\n".join((name, sender, mail.subject, mail.words)).encode("utf-8", "replace") if name else raw
    found = [keywords.classify(text, index) for text in (mail_signs.answered_subject(parsed), mail.words)]
    by_kind = {word.kind: word for word in reversed(found) if word is not None}
    return _Written(
        _plain(sender),
        _plain(f"{mail.subject}\n\n{mail.words}".strip()),
        f"mail:{sha256(told).hexdigest()[:40]}",
        by_kind.get(keywords.Kind.STOP),
        by_kind.get(keywords.Kind.START),
    )


def _plain(text: str) -> str:
    """What can be stored: some charsets give halves of letters."""
    return text.encode("utf-8", "replace").decode()


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
