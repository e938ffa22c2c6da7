"""What mail servers report: failures and deliveries (RFC 3464), complaints (RFC 5965), and bounces in plain words.

Only a cause that speaks of the address itself is hard. A box that is full, a server that gave up or one that does not
like us is soft: the address may be right.
"""

import logging
import re
from base64 import b64decode
from binascii import Error
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

from flufl.bounce import all_failures

from campaigns.providers import mail_reading, smtp_codes
from campaigns.providers.mail_reading import Mail
from campaigns.providers.smtp_codes import Stage
from campaigns.rules.outcomes import NO_MAILBOX, Failure
from campaigns.rules.spelling import fold


class Kind(StrEnum):
    """What a mail that came in is."""

    HARD = "hard"
    SOFT = "soft"
    DELAYED = "delayed"  # nothing final: late, passed on, or spread to a list
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    UNSUBSCRIBE = "unsubscribe"
    HUMAN = "human"


@dataclass(frozen=True)
class Verdict:
    """One report: `recipients` are the addresses it names, as written there; `reason` is set for hard and soft."""

    kind: Kind
    reason: Failure | None = None
    recipients: tuple[str, ...] = ()


# It tells of every mail that a detector trips over with a traceback, and that may quote the mail.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

_LONGEST_READ: Final = 20_000
_MOST_RECIPIENTS: Final = 50
_MOST_LINES: Final = 20_000  # for flufl.bounce, whose detectors look at each of them; we read those above the mail
_REPLY: Final = re.compile(r"(?<![\d.#+-])([45]\d\d)(?=[ -]|$)", re.MULTILINE)
# Looked for in folded text: small letters without accents.
_UNKNOWN: Final = re.compile(
    r"user unknown|unknown (user|recipient|address|local)|unrout(e)?able|recipnotfound|not listed in"
    r"|no such (user|mailbox|recipient|address|person|account)|no mailbox here|mailbox unavailable"
    r"|(user|mailbox|recipient|address|account)\S* (was |is |could )?(not (be )?found|not exist|unknown|invalid)"
    r"|(does|do)( not|n't) (exist|have an? \S* ?account)|doesn.t have a \S+ account|invalid (recipient|mailbox|address)"
    r"|no longer (available|valid|with|exists)"
    r"|recipient address rejected: access denied"
    r"|(host|domain)( or domain)?( name)?( \S+)? not found|isn.t able to find|couldn.t be found"
    r"|is disabled|has been (disabled|deactivated|suspended)"
    r"|no existe|usuario desconocido|no se (encontro|encuentra|ha encontrado)|inexistente|nao existe"
)
_FULL: Final = re.compile(
    r"over quota|quota exceeded|exceeded (\S+ )?quota|exceeds? (the )?(allowed )?quota|insufficient (disk|storage)"
    r"|(mailbox|inbox|box) (is |size )?(full|limit)|buzon (esta )?lleno|caixa (\S+ )?cheia"
)
_POLICY: Final = re.compile(
    r"spam|blocked|blacklist|blocklist|reputation|unsolicited|policy (reasons|violation|restrictions)|dmarc|\bspf\b"
)
_EXPIRED: Final = re.compile(
    r"retry time.?out exceeded|(message|delivery time|it has) expired|in the queue too long|giving up|given up"
    r"|timed out|could not be delivered for|unable to deliver \S+ message for|delivery temporarily suspended"
)
_LATE: Final = re.compile(
    r"\bdelay(ed)?\b|\bwarning:|still (being )?(trying|retr)|will (keep|continue) (trying|to (try|be))"
    r"|has not yet been delivered|not been delivered yet|no action is required|retrasad|demorad|atrasad"
)
_NOT_LATE: Final = re.compile(r"permanent|failed|could ?n.t be delivered|giving up|fatal|undeliverable")
_WHERE_THE_MAIL_BEGINS: Final = re.compile(
    r"^-{2,}.{0,20}(?:original message|copy of (?:the|your) message|below this line|this is a copy|mensaje original)"
    r"|^-{3,}.{0,60}headers|^received: from |^original message headers|^return-path:",
    re.IGNORECASE | re.MULTILINE,
)


def read_report(mail: Mail) -> Verdict | None:
    """The verdict of a machine-readable report; None where the mail is none."""
    for part in mail_reading.parts(mail):
        match part.get_content_type():
            case "message/feedback-report":
                return _complaint(part)
            case "message/disposition-notification":
                return Verdict(Kind.AUTO_REPLY)
            case "message/delivery-status" | "message/global-delivery-status":
                verdicts = [_block(block, mail) for block in _blocks(part)]
                told = [verdict for verdict in verdicts if verdict is not None]
                return _overall(told) if told else None
    return None


def read_words(mail: Mail) -> Verdict:
    """The verdict of a bounce that is written for people: by the codes and words above the returned mail."""
    said = mail_reading.header(mail, "Subject") + "\n" + mail_reading.words(mail)
    cut = _WHERE_THE_MAIL_BEGINS.search(said)
    said = said[: cut.start()] if cut and cut.start() > 100 else said
    later, never = _found_by_flufl(mail)
    named = tuple(sorted(never or later))
    failed = " ".join(mail_reading.headers(mail, "X-Failed-Recipients"))
    named = named or tuple(re.findall(r"[^\s,;<>]+@[^\s,;<>]+", failed))[:_MOST_RECIPIENTS]
    plain = fold(said[:_LONGEST_READ])
    if not never and (later or (_LATE.search(plain) and not _NOT_LATE.search(plain))):
        return Verdict(Kind.DELAYED, None, named)
    reply = _REPLY.search(said)
    return _failed("", said[:_LONGEST_READ], int(reply[1]) if reply else 0, named)


def _complaint(part: Mail) -> Verdict:
    fields = next(iter(_blocks(part)), part)
    recipients = tuple(_address(value) for value in mail_reading.headers(fields, "Original-Rcpt-To"))
    if mail_reading.header(fields, "Feedback-Type").lower() == "not-spam":  # RFC 6430: the opposite
        return Verdict(Kind.AUTO_REPLY, None, recipients)
    return Verdict(Kind.COMPLAINT, None, tuple(filter(None, recipients)))


def _blocks(part: Mail) -> list[Mail]:
    """The blocks of fields in a report, however it is encoded."""
    payload = part.get_payload()
    blocks = [block for block in payload if isinstance(block, type(part))] if isinstance(payload, list) else []
    encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
    if encoding == "base64" and len(blocks) >= 1:
        try:
            joined = "".join(str(block.get_payload()) for block in blocks)
            plain = b64decode("".join(joined.split()))
        except (ValueError, Error):
            return blocks
        blocks = [mail_reading.read(block) for block in re.split(rb"\r?\n\r?\n", plain)[: _MOST_RECIPIENTS + 1]]
    elif not blocks and isinstance(payload, str):
        blocks = [mail_reading.read(block.encode("utf-8", "replace")) for block in payload.split("\n\n")]
    return blocks[: _MOST_RECIPIENTS + 1]


def _block(block: Mail, mail: Mail) -> Verdict | None:
    """One recipient's fields; None for the fields about the whole message."""
    action = "".join(takewhile(str.isalpha, mail_reading.header(block, "Action").lower()))
    status = mail_reading.header(block, "Status")
    diagnostic = mail_reading.header(block, "Diagnostic-Code")
    named = tuple(filter(None, map(_address, mail_reading.headers(block, "Final-Recipient", "Original-Recipient"))))
    if not action and not status:
        return None
    if action == "delivered" or (not action and status.startswith("2")):
        return Verdict(Kind.DELIVERED, None, named)
    if action in ("delayed", "relayed", "expanded"):
        return Verdict(Kind.DELAYED, None, named)
    if not diagnostic:  # Exchange and qmail's wrappers say why only to the people
        diagnostic = mail_reading.words(mail)[:5_000]
    reply = _REPLY.search(diagnostic)
    return _failed(status, diagnostic, int(reply[1]) if reply else 0, named)


def _failed(status: str, said: str, code: int, named: tuple[str, ...]) -> Verdict:
    """A failure: soft unless something speaks of the address itself and nothing of policy or time."""
    enhanced = smtp_codes.enhanced(status) or smtp_codes.enhanced(said)
    reasons = [smtp_codes.cause(status), smtp_codes.cause(said)]
    plain = fold(said)
    reason: Failure | None
    if Failure.MAIL_REFUSED in reasons:
        reason = Failure.MAIL_REFUSED
    elif any(reasons):
        reason = next(filter(None, reasons))
    elif _FULL.search(plain):
        reason = Failure.MAILBOX_FULL
    elif _POLICY.search(plain):
        reason = Failure.MAIL_REFUSED
    elif _UNKNOWN.search(plain):
        reason = Failure.ADDRESS_UNKNOWN
    elif _EXPIRED.search(plain):
        reason = Failure.TOO_LATE
    else:
        reason = smtp_codes.permanent(Stage.RCPT, code, said) if code >= 500 else Failure.OTHER
        # A bare 550 is no proof that nobody is there: servers answer it to whatever they do not like.
        reason = Failure.OTHER if reason in NO_MAILBOX else reason
    passing = (enhanced is not None and enhanced[0] == 4) or (enhanced is None and 400 <= code < 500)
    if passing and reason in NO_MAILBOX:
        reason = Failure.UNREACHABLE
    return Verdict(Kind.HARD if reason in NO_MAILBOX else Kind.SOFT, reason, named)


def _overall(told: list[Verdict]) -> Verdict:
    """One verdict where one address was passed on to several: the kindest that any of them had."""
    for kind in (Kind.DELIVERED, Kind.DELAYED, Kind.SOFT, Kind.HARD):
        found = [verdict for verdict in told if verdict.kind is kind]
        if found:
            named = dict.fromkeys(name for verdict in found for name in verdict.recipients)
            return Verdict(kind, found[0].reason, tuple(named))
    return told[0]


def _address(value: str) -> str:
    """The address in `rfc822; rosa@empresa.example` and its like; empty where it is redacted."""
    found = re.search(r"[^\s;<>]+@[^\s;<>]+", value.partition(";")[2] or value)
    return found[0] if found else ""


def _found_by_flufl(mail: Mail) -> tuple[list[str], list[str]]:
    """(addresses that will be tried again, addresses that failed for good) by the shapes flufl.bounce knows."""
    if mail_reading.is_long(mail, _MOST_LINES):
        return [], []
    try:
        later, never = all_failures(mail)
    except Exception:  # its detectors meet any bytes, and raise many things
        return [], []
    return [one.decode("ascii", "replace") for one in later], [one.decode("ascii", "replace") for one in never]
