"""What a mail server's reply means for one message (RFC 5321, RFC 3463, DOMAIN 2).

4yz and 5yz both say for certain that the message was not taken, also after the final dot. Only silence after that dot
leaves it open.
"""

import re
from enum import StrEnum
from typing import Final

from campaigns.providers.contract import NotSent, Refused, Unclear
from campaigns.rules.outcomes import Failure


class Stage(StrEnum):
    """How far the conversation had come. DATA is the command; DOT is everything after the final dot was written."""

    CONNECT = "connect"  # greeting, EHLO and STARTTLS too
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


SOON: Final = 1.0  # seconds: the server hung up, was never reached or is in trouble; whoever calls doubles it
CLOSING: Final = 5.0  # 421, or it hung up on one recipient
BUSY: Final = 300.0  # any other 4yz; greylisting opens after one to five minutes as a rule
RATE: Final = 900.0  # they take less from us than we send
FULL: Final = 3600.0
_LONGEST_WAIT: Final = 3600.0

_ENHANCED: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_WAIT: Final = re.compile(r"\b(\d{1,4})\s*(s|secs?|seconds?|segundos?|m|mins?|minutes?|minutos?)\b", re.IGNORECASE)
_GREYLISTED: Final = re.compile(r"gr[ae]y.?list|try again (?:in|after)|retry (?:in|after)", re.IGNORECASE)
_POLICY: Final = re.compile(
    r"spam|black.?list|block.?list|blocked|reputation|policy|dmarc|\bspf\b|dkim|\brbl\b|dnsbl|spamhaus"
    r"|\bbanned\b|unsolicited|authenticat|\brelay|prohibit|access denied|not (?:permitted|allowed|authori[sz]ed)"
    r"|sender (?:verif|address|domain|reject)|verification failed|reverse dns|\bptr\b|too many|rate limit",
    re.IGNORECASE,
)

# The enhanced codes that name their cause, without their class: 5.2.2 and 4.2.2 tell of the same box.
_CAUSE: Final = {
    (1, 0): Failure.ADDRESS_UNKNOWN,
    (1, 1): Failure.ADDRESS_UNKNOWN,
    (1, 2): Failure.ADDRESS_UNKNOWN,
    (1, 3): Failure.ADDRESS_INVALID,
    (1, 4): Failure.ADDRESS_UNKNOWN,
    (1, 6): Failure.ADDRESS_UNKNOWN,
    (1, 7): Failure.SENDER_REFUSED,
    (1, 8): Failure.SENDER_REFUSED,
    (1, 10): Failure.ADDRESS_UNKNOWN,  # the domain takes no mail (RFC 7505)
    (2, 1): Failure.ADDRESS_UNKNOWN,
    (2, 2): Failure.MAILBOX_FULL,
    (2, 3): Failure.TEXT_REFUSED,  # too long for this box
    (3, 4): Failure.TEXT_REFUSED,  # too big for the system
    (4, 7): Failure.TOO_LATE,
    (6, 0): Failure.TEXT_REFUSED,
}
_SYSTEM_SUBJECT: Final = 3
_POLICY_SUBJECT: Final = 7
_CONTENT_SUBJECT: Final = 6
_SAYS_NOTHING: Final = frozenset({(0, 0), (3, 0), (5, 0)})

# Without an enhanced code the plain one has to do; at RCPT it speaks of the recipient.
_PLAIN_AT_RCPT: Final = {
    521: Failure.ADDRESS_UNKNOWN,  # the host takes no mail (RFC 7504)
    550: Failure.ADDRESS_UNKNOWN,
    551: Failure.ADDRESS_UNKNOWN,
    552: Failure.MAILBOX_FULL,
    553: Failure.ADDRESS_INVALID,
    556: Failure.ADDRESS_UNKNOWN,
}
_CLOSING: Final = 421
_LOGIN: Final = frozenset({530, 534, 535, 538})


def enhanced(text: str) -> tuple[int, int, int] | None:
    """The first enhanced status code in a reply or diagnostic text; None without one."""
    found = _ENHANCED.search(text[:2000])
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def outcome(stage: Stage, code: int | None, text: str = "") -> Refused | NotSent | Unclear:
    """What to raise for a reply other than yes; `code` None: no answer came (lost connection, time-out).

    Never raises, whatever code and text are.
    """
    is_about_us = stage in (Stage.CONNECT, Stage.AUTH, Stage.MAIL)
    if code is None or not 400 <= code < 600:  # silence, or something no server says
        if stage is Stage.DOT:
            return Unclear()
        return NotSent(SOON) if is_about_us else NotSent(CLOSING, only_this=True, reason=Failure.MAIL_REFUSED)
    if code >= 500:
        return Refused(permanent(stage, code, text))
    if is_about_us:
        return NotSent(CLOSING if code == _CLOSING else SOON)
    # Once a recipient was named it may be about that one: whether it is about all shows when all are put off.
    named = enhanced(text)
    is_in_trouble = code == _CLOSING or (named is not None and named[1] == _SYSTEM_SUBJECT)
    after = CLOSING if is_in_trouble else _wait(text)
    return NotSent(after, only_this=True, reason=cause(text) or Failure.MAIL_REFUSED)


def permanent(stage: Stage, code: int, text: str) -> Failure:
    """Why a 5yz came."""
    if stage is Stage.AUTH or (code in _LOGIN and stage is not Stage.RCPT):
        return Failure.CREDENTIALS
    named = cause(text)
    if stage in (Stage.CONNECT, Stage.MAIL):
        # Said before any recipient was named: about us, or about the size we announced.
        return Failure.TEXT_REFUSED if named is Failure.TEXT_REFUSED else Failure.SENDER_REFUSED
    if named is not None:
        return named
    if stage is Stage.RCPT and not _POLICY.search(text[:2000]):
        return _PLAIN_AT_RCPT.get(code, Failure.MAIL_REFUSED)
    return Failure.TEXT_REFUSED if code == 552 else Failure.MAIL_REFUSED


def cause(text: str) -> Failure | None:
    """What the enhanced code in `text` names as the cause; None where there is none or it says nothing."""
    code = enhanced(text)
    if code is None or code[1:] in _SAYS_NOTHING:
        return None
    if code[1:] == (1, 0) and _POLICY.search(text[:2000]):
        return Failure.MAIL_REFUSED
    if code[1] == _POLICY_SUBJECT:
        return Failure.MAIL_REFUSED
    return _CAUSE.get(code[1:], Failure.TEXT_REFUSED if code[1] == _CONTENT_SUBJECT else None)


def _wait(text: str) -> float:
    """Seconds until another try of the same mail makes sense."""
    text = text[:2000]
    asked = _WAIT.search(text)
    if asked and _GREYLISTED.search(text):
        return min(_LONGEST_WAIT, max(1.0, float(asked[1]) * (60.0 if asked[2][0] in "mM" else 1.0)))
    named = enhanced(text)
    if named and named[1:] == (2, 2):
        return FULL
    if named and named[1] == _POLICY_SUBJECT and not _GREYLISTED.search(text):
        return RATE
    return BUSY
