"""Reads an SPF record: who may send with a domain in the return path (RFC 7208)."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from campaigns.rules.lookups import is_name

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_VERSION: Final = "v=spf1"
_ALMOST: Final = re.compile(r"\W*(?:v\s*[=:]\s*spf|spf[12]?\b)", re.IGNORECASE)
_TERM: Final = re.compile(r"([+?~-]?)([a-z][a-z0-9._-]*)(.*)", re.IGNORECASE)
_MODIFIER: Final = re.compile(r"([a-z][a-z0-9._-]*)=(.*)", re.IGNORECASE)
_PREFIXES: Final = re.compile(r"(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?")
_WITH_PREFIXES: Final = re.compile(r"(?::([^/]*))?((?:/\d+)?(?://\d+)?)")
_MACRO: Final = re.compile(r"%(?:\{[slodiphcrtv]\d{0,3}r?[.+,/_=-]*\}|[%_-])", re.IGNORECASE)
_MECHANISMS: Final = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")


class Broken(Exception):
    """The record cannot be used: receivers answer `permerror` and nothing is permitted. `code` has a sentence."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism. `domain` may hold macros and is empty where the record's own is meant."""

    text: str
    qualifier: str  # + - ~ ?
    name: str
    domain: str = ""
    network: Network | None = None
    prefix4: int = 32
    prefix6: int = 128


@dataclass(frozen=True, slots=True)
class Spf:
    """A record that can be used; terms behind `all` are left out, because nobody looks at them."""

    terms: tuple[Term, ...]
    redirect: str = ""
    ignored: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether anybody may send: `all` without a sign, or a network as wide as the Internet."""
        return any(
            term.qualifier == "+" and (term.name == "all" or (term.network is not None and not term.network.prefixlen))
            for term in self.terms
        )

    @property
    def ending(self) -> str:
        """What it says of all others: the qualifier of `all`, or nothing."""
        return next((term.qualifier for term in self.terms if term.name == "all"), "")


def records(values: Iterable[str]) -> list[str]:
    """Those of a domain's TXT records that are SPF."""
    return [v for v in values if v.lower() == _VERSION or v.lower().startswith(_VERSION + " ")]


def misspelt(values: Iterable[str]) -> str:
    """A TXT record that was meant to be SPF and is not, or nothing."""
    return next((value for value in values if _ALMOST.match(value)), "")


def read(text: str) -> Spf:
    """What the record says; raises Broken."""
    terms: list[Term] = []
    ignored: list[str] = []
    redirects: list[str] = []
    for word in text.split()[1:]:
        if modifier := _MODIFIER.fullmatch(word):
            if modifier[1].lower() == "redirect":
                redirects.append(_domain(modifier[2], word))
            continue
        term = read_term(word)
        if terms and terms[-1].name == "all":
            ignored.append(word)
        else:
            terms.append(term)
    if len(redirects) > 1:
        raise Broken("spf_redirects")
    if redirects and terms and terms[-1].name == "all":
        ignored.append(f"redirect={redirects.pop()}")
    return Spf(tuple(terms), redirects[0] if redirects else "", tuple(ignored))


def read_term(word: str) -> Term:
    """One mechanism; raises Broken."""
    found = _TERM.fullmatch(word)
    name = found[2].lower() if found else ""
    if not found or name not in _MECHANISMS:
        raise Broken("spf_no_mechanism", term=word)
    qualifier, rest = found[1] or "+", found[3]
    match name:
        case "all":
            if rest:
                raise Broken("spf_no_mechanism", term=word)
            return Term(word, qualifier, name)
        case "ip4" | "ip6":
            return Term(word, qualifier, name, network=_network(name, rest, word))
        case "include" | "exists":
            return Term(word, qualifier, name, _domain(rest.removeprefix(":") if rest[:1] == ":" else "", word))
        case "ptr":
            return Term(word, qualifier, name, _domain(rest[1:], word) if rest else "")
    spread = _WITH_PREFIXES.fullmatch(rest)
    if not spread:
        raise Broken("spf_domain", term=word)
    four, six = _prefixes(spread[2], word)
    return Term(word, qualifier, name, "" if spread[1] is None else _domain(spread[1], word), None, four, six)


def matches(term: Term, address: Address, found: str) -> bool:
    """Whether the network around `found`, as wide as an `a` or `mx` term says, holds the address."""
    try:
        other = ipaddress.ip_address(found)
    except ValueError:
        return False
    if other.version != address.version:
        return False
    return address in ipaddress.ip_network((other, term.prefix4 if other.version == 4 else term.prefix6), strict=False)


def suggest(texts: Iterable[str], addresses: Iterable[str]) -> str:
    """One record that keeps what can be kept of several, permits the addresses and ends in -all or ~all."""
    kept: list[str] = []
    ending, redirect = "-all", ""
    for text in texts:
        for word in text.split()[1:]:
            try:
                term = read_term(word)
            except Broken:
                redirect = word if word.lower().startswith("redirect=") else redirect
                continue
            if term.name == "all":
                ending = "~all" if term.qualifier == "~" else ending
            elif term.name != "ptr" and word not in kept and not (term.network and not term.network.prefixlen):
                kept.append(word)
    new = [word for word in (f"ip{6 if ':' in one else 4}:{one}" for one in addresses) if word not in kept]
    if not kept and not new:
        return f"{_VERSION} {redirect}" if redirect else f"{_VERSION} mx -all"
    return " ".join([_VERSION, *new, *kept, ending])


def _network(name: str, rest: str, word: str) -> Network:
    try:
        network = ipaddress.ip_network(rest[1:] if rest[:1] == ":" else "", strict=False)
    except ValueError:
        raise Broken("spf_address", term=word) from None
    if f"ip{network.version}" != name:
        raise Broken("spf_address", term=word)
    return network


def _prefixes(text: str, word: str) -> tuple[int, int]:
    found = _PREFIXES.fullmatch(text)
    four, six = (int(found[1] or 32), int(found[2] or 128)) if found else (99, 999)
    if four > 32 or six > 128:
        raise Broken("spf_prefix", term=word)
    return four, six


def _domain(text: str, word: str) -> str:
    plain = _MACRO.sub("x", text)
    if not plain or "%" in plain or not is_name(plain.rstrip(".")) or ("." not in text.rstrip(".") and plain == text):
        raise Broken("spf_domain", term=word)
    return text.rstrip(".").lower() if plain == text else text
