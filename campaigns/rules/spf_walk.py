"""Follows an SPF record through DNS as a receiver does, and on to its end to count its look-ups (RFC 7208, 4.6.4)."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from campaigns.rules import spf
from campaigns.rules.lookups import Answer, Asking, Kind, Question, is_name, read_mx
from campaigns.rules.spf import Address, Broken, Term

MOST_LOOKUPS: Final = 10
MOST_VOID: Final = 2
_MOST_FOLLOWED: Final = 25  # enough to tell how far a record is over the limit; a loop ends here too
_MOST_HOSTS: Final = 10
_MACRO: Final = re.compile(r"%(?:\{([slodiphcrtv])(\d{0,3})(r?)([.+,/_=-]*)\}|([%_-]))", re.IGNORECASE)
_PLAIN: Final = {"%": "%", "_": " ", "-": "%20"}


@dataclass(frozen=True, slots=True)
class Passed:
    """How a mail from one address would fare: the qualifier of the term that matched, or nothing; and the costs."""

    qualifier: str
    lookups: int
    empty: int  # look-ups without a record, of which receivers take two

    @property
    def is_countable(self) -> bool:
        """Whether all look-ups were counted; there may be more otherwise."""
        return self.lookups <= _MOST_FOLLOWED


class _TooMany(Exception):
    pass


class _Walk:
    def __init__(self, domain: str, address: Address | None) -> None:
        self.sender, self.address = domain, address
        self.lookups = self.empty = 0

    def record(self, domain: str, texts: tuple[str, ...] | None = None) -> Asking[str]:
        """The qualifier of the first term that matches; all others are looked up too, to be counted."""
        if texts is None:
            if not is_name(domain):
                raise Broken("spf_included_none", domain=domain)
            texts = (yield Question(domain, Kind.TXT)).values
        found = spf.records(texts)
        if len(found) != 1:
            raise Broken("spf_included_many" if found else "spf_included_none", domain=domain)
        result = ""
        try:
            read = spf.read(found[0])
        except Broken as broken:
            raise Broken(broken.code, domain=domain, **broken.values) from None
        for term in read.terms:
            has_matched = yield from self._is_match(term, domain)
            if has_matched and not result:
                result = term.qualifier
        if read.redirect:
            self._count()
            led_to = yield from self.record(self._expand(read.redirect, domain))
            result = result or led_to
        return result

    def _is_match(self, term: Term, domain: str) -> Asking[bool]:
        if term.name == "all":
            return True
        if term.network is not None:
            return self.address is not None and self.address in term.network
        self._count()
        target = self._expand(term.domain or domain, domain)
        if term.name == "include":
            return (yield from self.record(target)) == "+"
        if term.name == "ptr":
            return False  # receivers should not look any more (RFC 7208, 5.5): nothing may hang on it
        if term.name == "exists":
            # Most ask for the sending address itself, which is not known then.
            return bool(self.address and (yield from self._ask(target, Kind.A)).values)
        hosts = [target]
        if term.name == "mx":
            hosts = read_mx((yield from self._ask(target, Kind.MX)))
            if len(hosts) > _MOST_HOSTS:
                raise Broken("spf_mx_hosts", domain=target)
            hosts = [host for host in hosts if is_name(host)]
        has_matched = False
        for host in hosts:
            kind = Kind.AAAA if self.address and self.address.version == 6 else Kind.A
            answer = (yield from self._ask(host, kind)) if term.name == "a" else (yield Question(host, kind))
            has_matched = has_matched or any(
                self.address is not None and spf.matches(term, self.address, value) for value in answer.values
            )
        return has_matched

    def _ask(self, name: str, kind: Kind) -> Asking[Answer]:
        answer = (yield Question(name, kind)) if is_name(name) else Answer(exists=False)
        if not answer.values:
            # A host with addresses of the other kind only is no look-up in vain of the record's making, but counts.
            self.empty += 1
        return answer

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > _MOST_FOLLOWED:
            raise _TooMany

    def _expand(self, text: str, domain: str) -> str:
        name = _MACRO.sub(lambda found: self._value(found, domain), text)
        return name.lower().rstrip(".")[-253:].lstrip(".")

    def _value(self, found: re.Match[str], domain: str) -> str:
        if found[5]:
            return _PLAIN[found[5]]
        address = self.address or ipaddress.IPv4Address("192.0.2.1")
        digits = str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))
        values = {
            "s": f"b@{self.sender}", "l": "b", "o": self.sender, "d": domain, "i": digits, "h": self.sender,
            "p": "unknown", "v": "in-addr" if address.version == 4 else "ip6",
        }  # fmt: skip
        parts = re.split("[" + re.escape(found[4] or ".") + "]", values.get(found[1].lower(), "unknown"))
        if found[3]:
            parts.reverse()
        return ".".join(parts[-int(found[2]) :] if found[2] and int(found[2]) else parts)


def follow(domain: str, texts: tuple[str, ...], address: str | None) -> Asking[Passed]:
    """How a mail from `address` (None: only count) would fare by the TXT records `texts` of `domain`; raises Broken."""
    walk = _Walk(domain, ipaddress.ip_address(address) if address else None)
    try:
        qualifier = yield from walk.record(domain, texts)
    except _TooMany:
        qualifier = ""
    return Passed(qualifier, walk.lookups, walk.empty)
