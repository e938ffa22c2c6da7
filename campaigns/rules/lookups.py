"""How a rule asks DNS without touching the network: it yields questions and is sent their answers.

A rule that needs answers is a generator; `campaigns.providers.resolver` drives it, and a test may do so from a table.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")

_LONGEST_NAME: Final = 253
# Underscores too: _dmarc, selector._domainkey.
_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Kind(StrEnum):
    """The kinds of records that are asked for."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"
    TXT = "TXT"


class NoAnswer(StrEnum):
    """Why nothing can be said about a name: that is not the same as knowing that it has no record."""

    SILENT = "silent"
    FAILED = "failed"  # SERVFAIL: broken delegation or signatures
    REFUSED = "refused"
    GARBLED = "garbled"
    NO_NAME = "no_name"  # it cannot be asked for at all


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a name, without a dot at its end, and a kind."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Answer:
    """The records as text, a TXT record's strings joined; none when there are none. `exists`: the name itself does."""

    values: tuple[str, ...] = ()
    exists: bool = True


class Unanswered(Exception):
    """Thrown into a rule in place of an answer."""

    def __init__(self, question: Question, why: NoAnswer) -> None:
        super().__init__(f"{question.name} {question.kind}: {why}")
        self.question, self.why = question, why


Asking: TypeAlias = Generator[Question, Answer, T]


def is_name(text: str) -> bool:
    """Whether DNS can be asked for it: labels of up to 63 letters, digits, hyphens and underscores, 253 in all."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text.lower()) is not None


def read_domain(text: str) -> str | None:
    """A domain as DNS knows it, small letters and ASCII (`peñón.pe` as `xn--pen-8qa9b.pe`); None for anything else."""
    text = text.strip().rstrip(".").lower()
    try:
        plain = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        return None
    is_host = len(plain) <= _LONGEST_NAME and _HOST.fullmatch(plain) is not None
    return plain if is_host and not plain.rpartition(".")[2].isdigit() else None


def read_mx(answer: Answer) -> list[str]:
    """The hosts that take a domain's mail, first choice first; `` for the record that says that it takes none."""
    hosts = []
    for value in answer.values:
        preference, _, host = value.partition(" ")
        hosts.append((int(preference) if preference.isdigit() else 0, host.strip().rstrip(".").lower()))
    return [host for _, host in sorted(hosts)]


def addresses_of(host: str) -> Asking[tuple[str, ...]]:
    """The IPv4 and IPv6 addresses of a host."""
    four = yield Question(host, Kind.A)
    six = yield Question(host, Kind.AAAA)
    return four.values + six.values
