"""Reads what a domain asks receivers to do with mails that are not proven to be its own (RFC 7489)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from campaigns.rules import tags
from campaigns.rules.lookups import Answer, Asking, Kind, Question, read_domain
from campaigns.rules.tags import NoTags

_VERSION: Final = "DMARC1"
_ALMOST: Final = re.compile(r"\W*(v\s*[=:]\s*)?dmarc", re.IGNORECASE)
_OURS: Final = re.compile(r"v\s*=\s*DMARC1\s*(;|$)")
_POLICIES: Final = ("none", "quarantine", "reject")
_MAILTO: Final = re.compile(r"mailto:([^@\s!,]+)@([^@\s!,]+?)(![0-9]+[kmgt]?)?", re.IGNORECASE)
_MOST_LEVELS: Final = 8


class Broken(Exception):
    """Receivers do not take it for a policy. `code` has a sentence."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


@dataclass(frozen=True, slots=True)
class Policy:
    """What a record asks for. `reports`: where summaries go, as (mailbox, its domain)."""

    text: str
    policy: str
    for_subdomains: str
    percent: int
    is_strict_spf: bool
    is_strict_dkim: bool
    is_of_suffix: bool  # psd=y: it speaks for a registry such as gob.pe, whose domains do not belong together
    reports: tuple[tuple[str, str], ...]
    bad_reports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """The records at `_dmarc.` and a domain that begin like a policy, and one that was perhaps meant to."""

    domain: str
    texts: tuple[str, ...]
    almost: str = ""


def read(text: str) -> Policy:
    """What the record says; raises Broken."""
    try:
        found = tags.read(text)
    except NoTags as fault:
        raise Broken("dmarc_no_list", piece=fault.piece) from None
    policy = found.get("p", "").lower()
    if policy not in _POLICIES:
        raise Broken("dmarc_policy" if policy else "dmarc_no_policy", policy=policy)
    below = found.get("sp", policy).lower()
    if below not in _POLICIES:
        raise Broken("dmarc_policy", policy=below)
    percent = found.get("pct", "100")
    if not percent.isdigit() or not percent.isascii() or int(percent) > 100:
        raise Broken("dmarc_percent", percent=percent)
    for tag in ("aspf", "adkim"):
        if found.get(tag, "r").lower() not in ("r", "s"):
            raise Broken("dmarc_mode", tag=tag, mode=found[tag])
    good, bad = _mailboxes(found.get("rua", ""))
    strict = {tag: found.get(tag, "r").lower() == "s" for tag in ("aspf", "adkim")}
    is_of_suffix = found.get("psd", "").lower() == "y"
    return Policy(text, policy, below, int(percent), strict["aspf"], strict["adkim"], is_of_suffix, good, bad)


def look(domain: str) -> Asking[Place]:
    """What stands at `_dmarc.` and this domain."""
    answer: Answer = yield Question(f"_dmarc.{domain}", Kind.TXT)
    texts = tuple(value for value in answer.values if _OURS.match(value))
    return Place(domain, texts, next((v for v in answer.values if v not in texts and _ALMOST.match(v)), ""))


def above(domain: str) -> Asking[list[Place]]:
    """The same for every domain this one lies under, the nearest first.

    So receivers find an organisation without a list of registries (the tree walk that follows RFC 7489).
    """
    labels = domain.split(".")
    places = []
    for start in range(1, min(len(labels), _MOST_LEVELS)):
        place = yield from look(".".join(labels[start:]))
        if place.texts:
            places.append(place)
    return places


def organisation(domain: str, places: Iterable[Place]) -> str:
    """The highest of `domain` and the places above it that publishes a policy for itself; `domain` without one."""
    highest = domain
    for place in places:
        try:
            policy = read(place.texts[0])
        except Broken:
            continue
        if policy.is_of_suffix:
            break
        highest = place.domain
    return highest


def is_within(domain: str, top: str) -> bool:
    """Whether a domain is `top` or lies under it."""
    return domain == top or domain.endswith(f".{top}")


def _mailboxes(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    good, bad = [], []
    for item in filter(None, (piece.strip() for piece in text.split(","))):
        found = _MAILTO.fullmatch(item)
        domain = read_domain(found[2]) if found else None
        if found and domain:
            good.append((f"{found[1]}@{domain}", domain))
        else:
            bad.append(item)
    return tuple(good), tuple(bad)
