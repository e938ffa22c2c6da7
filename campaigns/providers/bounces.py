"""What comes back to a mail: bounces, complaints, automatic answers, and people (DOMAIN 2).

A mail is only ever about a message of ours when it carries a token that we signed: in the address it was sent to, else
in what it returns or quotes. Without one it changes nothing, whatever it claims.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from campaigns.providers import mail_reading, mail_reports, mail_signs
from campaigns.providers.mail_reading import Mail
from campaigns.providers.mail_reports import Kind, Verdict
from campaigns.rules import keywords
from campaigns.rules.keywords import KeywordIndex
from campaigns.rules.outcomes import Failure

Sent = TypeVar("Sent", covariant=True)
Refusal = TypeVar("Refusal", covariant=True)
Read = TypeVar("Read")

_SIGNED: Final = re.compile(r"[bu]-[a-z2-7]{30,62}", re.IGNORECASE)
_MESSAGE_ID: Final = re.compile(r"\bd\d{1,20}\.\d{1,20}\.\d{1,20}\.[a-z2-7]{10,40}(?=@)", re.IGNORECASE)
_ARRIVED_AT: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc", "Apparently-To")
_MOST_TOKENS: Final = 20
_LONGEST_WORDS: Final = 4_000


class Tokens(Protocol[Sent, Refusal]):
    """Who reads our signed words (links.Signer): None for whatever we did not make."""

    def read_return_path(self, local_part: str) -> Sent | None: ...
    def read_message_id(self, local_part: str) -> Sent | None: ...
    def read_unsubscribe(self, token: str) -> Refusal | None: ...


@dataclass(frozen=True)
class Inbound(Generic[Sent, Refusal]):
    """A mail that came in. `about` is the message of ours it speaks of, `refusal` whom an unsubscribe token names.

    `sender`, `subject` and `words` are what people and automatic answers say, for staff to read; reports have none.
    `recipients` are the addresses a report names; they prove nothing.
    """

    kind: Kind
    about: Sent | None
    refusal: Refusal | None
    reason: Failure | None = None
    recipients: tuple[str, ...] = ()
    sender: str = ""
    subject: str = ""
    words: str = ""


def classify(
    raw: bytes, to: Iterable[str], tokens: Tokens[Sent, Refusal], index: KeywordIndex
) -> Inbound[Sent, Refusal]:
    """What a mail is. `to` are the envelope's recipients; `index` holds the words that stop (rules.keywords).

    Never raises, whatever the bytes; reads the first million of them.
    """
    mail = mail_reading.read(raw)
    arrived = [*to, *mail_reading.headers(mail, *_ARRIVED_AT)]
    about = _first(tokens.read_return_path, _tokens(_SIGNED, arrived))
    came_to_return_path = about is not None
    asked = _first(tokens.read_unsubscribe, _tokens(_SIGNED, arrived))
    if about is None:
        everything = [raw[: mail_reading.LONGEST].decode("latin-1"), *_returned(mail)]
        about = _first(tokens.read_return_path, _tokens(_SIGNED, everything)) or _first(
            tokens.read_message_id, _tokens(_MESSAGE_ID, everything)
        )
    verdict = _verdict(mail, tokens, came_to_return_path)
    if verdict is not None and verdict.kind is not Kind.AUTO_REPLY:
        if verdict.kind is Kind.COMPLAINT and asked is None:
            asked = _first(tokens.read_unsubscribe, _tokens(_SIGNED, [raw.decode("latin-1"), *_returned(mail)]))
        return Inbound(verdict.kind, about, asked, verdict.reason, verdict.recipients)
    said = mail_signs.new_words(mail_reading.words(mail))
    kind = verdict.kind if verdict else Kind.HUMAN
    if asked is not None or (
        verdict is None and any(_stops(text, index) for text in (mail_signs.answered_subject(mail), said))
    ):
        kind = Kind.UNSUBSCRIBE  # the address alone says it: some mail programs send such a mail by themselves
    subject = mail_reading.header(mail, "Subject")[:200]
    sender = mail_reading.sender(mail)[:254]
    return Inbound(kind, about, asked, sender=sender, subject=subject, words=said[:_LONGEST_WORDS])


def _verdict(mail: Mail, tokens: Tokens[Sent, Refusal], came_to_return_path: bool) -> Verdict | None:
    """What a program says; None for a person's mail."""
    report = mail_reports.read_report(mail)
    if report is not None:
        return report
    own_id = _first(tokens.read_message_id, _tokens(_MESSAGE_ID, mail_reading.headers(mail, "Message-ID")))
    if own_id is not None or mail_signs.is_going_round(mail):
        return Verdict(Kind.AUTO_REPLY)  # our own mail, or one that runs in a circle
    if mail_signs.is_bounce(mail):
        return mail_reports.read_words(mail)
    # People answer to Reply-To; only programs ever write to the return path (RFC 3834).
    return Verdict(Kind.AUTO_REPLY) if came_to_return_path or mail_signs.is_automatic(mail) else None


def _stops(text: str, index: KeywordIndex) -> bool:
    found = keywords.classify(text, index)
    return found is not None and found.kind is keywords.Kind.STOP


def _returned(mail: Mail) -> Iterator[str]:
    """What parts hold once they are decoded: some servers return headers in base64."""
    for part in mail_reading.parts(mail):
        if part.get("Content-Transfer-Encoding"):
            yield mail_reading.text(part)


def _tokens(pattern: re.Pattern[str], texts: Iterable[str]) -> Iterator[str]:
    """What looks like a token, each once and at most twenty: a mail full of them must not keep us busy."""
    seen: set[str] = set()
    for text in texts:
        for found in pattern.finditer(text):
            if found[0].lower() not in seen:
                seen.add(found[0].lower())
                yield found[0]
            if len(seen) >= _MOST_TOKENS:
                return


def _first(read: Callable[[str], Read | None], tokens: Iterable[str]) -> Read | None:
    return next((found for token in tokens if (found := read(token)) is not None), None)
