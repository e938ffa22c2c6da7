"""Where a mail's links may lead, and what their words may claim (DOMAIN 5.3).

A reader decides by the words, so words that look like an address must be the address. Only https pages, telephone
numbers and mailboxes can be linked; letters of other alphabets, bare IP numbers and sign-ins in an address are how
addresses are forged, so they are refused.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from urllib.parse import quote, urlsplit

from campaigns.errors import Invalid

_LONGEST: Final = 1000
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
_MAILBOX: Final = re.compile(r"[a-z0-9][a-z0-9._%+-]{0,63}@" + _HOST.pattern, re.IGNORECASE)
_PHONE_SIGNS: Final = re.compile(r"[\s().\u2010-\u2015-]+")
_LOCAL_DIGITS: Final = 7
_LONGEST_CODE: Final = 3  # of a country
_PHONE: Final = re.compile(r"\+?\d{2,15}")
_KEPT_IN_ADDRESS: Final = "%/?#[]@!$&'()*+,;=:~-._"
# What browsers or eyes take for a dot.
_DOTS: Final = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61\u2024\u2e31\u00b7\u2027\u0589\u06d4", "."))

# What looks like an address in running words, of any alphabet: a mailbox, or a host with or without scheme and path.
_WORD: Final = r"[^\W_](?:[\w-]*[^\W_])?"
_LOOKS_LIKE_ADDRESS: Final = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*://)?(?P<box>[\w.%+-]+@)?(?P<host>(?:{_WORD}\.)+[^\W\d_]{{2,}})(?P<rest>[/?#]\S*)?",
    re.IGNORECASE,
)
_UNBROKEN: Final = re.compile(r"\S+")
_AFTER_ADDRESS: Final = ".,;:!?)]}'\"<>\u00bb\u201d\u2019"  # ends a sentence, not an address
_LOOKS_LIKE_PHONE: Final = re.compile(r"\+?\d[\d\s().-]{4,}\d")
_BARE: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{1,20})://[^\s<>\"]*[^\s<>\".,;:!?)\]}'»”’]", re.IGNORECASE)


def read_target(href: str, field: str) -> str:
    """The address a link leads to, as it is written into the mail.

    Raises Invalid(field, mail_link_scheme | mail_link_host | mail_link_phone | mail_link_mailbox, target=...).
    """
    href = href.strip()
    shown = href[:80]
    scheme, _, rest = href.partition(":")
    match scheme.lower():
        case "https":
            return _page(href, field)
        case "tel":
            number = _PHONE_SIGNS.sub("", rest)
            if not _PHONE.fullmatch(number):
                raise Invalid(field, "mail_link_phone", target=shown)
            return f"tel:{number}"
        case "mailto":
            if not _MAILBOX.fullmatch(rest):
                raise Invalid(field, "mail_link_mailbox", target=shown)
            return f"mailto:{rest}"
    raise Invalid(field, "mail_link_scheme", target=shown)


def check_words(words: str, target: str, field: str) -> None:
    """Raises Invalid(field, mail_link_words, words=..., target=...) where they look like another address than `target`.

    Also for a link without any words, or with a page of them.
    """
    plain = _as_seen(words).strip()
    honest = 0 < len(plain) <= _LONGEST  # to look through more would take long
    for claim in _LOOKS_LIKE_ADDRESS.finditer(plain[:_LONGEST]):
        honest = honest and _is_claim_true(claim, target)
    if target.startswith("tel:"):
        digits = re.sub(r"\D", "", plain)
        honest = honest and (not digits or _is_number(digits, target[4:]))
    elif _LOOKS_LIKE_PHONE.fullmatch(plain) or _PHONE.fullmatch(_PHONE_SIGNS.sub("", plain)):
        honest = False
    if not honest:
        raise Invalid(field, "mail_link_words", words=words[:80], target=target[:80])


def check_seams(pieces: Sequence[tuple[str, str]], field: str) -> None:
    """Like check_words(), for what a reader sees as one address where links touch other words, or each other.

    `pieces` are the words of a line with the targets they lead to; empty for those that are no link.
    """
    seen, ends = "", []
    for words, _ in pieces:
        seen += _as_seen(words)
        ends.append(len(seen))
    spans = [(target, *span) for (_, target), span in zip(pieces, pairwise([0, *ends]), strict=True)]
    for word in _UNBROKEN.finditer(seen):
        held = [(target, start, end) for target, start, end in spans if start < word.end() and end > word.start()]
        targets = [target for target, _, _ in held if target]
        if not targets or len(held) == 1:
            continue
        if len(word[0]) > _LONGEST:
            raise Invalid(field, "mail_link_words", words=word[0][:80], target=targets[0][:80])
        for found in _LOOKS_LIKE_ADDRESS.finditer(seen, *word.span()):
            _check_seam(found, held, field)


def bare_addresses(text: str, field: str) -> list[tuple[int, int, str]]:
    """(start, end, target) of each address that stands in running text by itself.

    Raises Invalid like read_target(): mail programs make links of them whether we do or not.
    """
    return [(found.start(), found.end(), read_target(found[0], field)) for found in _BARE.finditer(text)]


def _check_seam(found: re.Match[str], held: Sequence[tuple[str, int, int]], field: str) -> None:
    claim = _LOOKS_LIKE_ADDRESS.match(found[0].rstrip(_AFTER_ADDRESS)) or found
    first, last = found.start(), found.start() + len(claim[0])
    targets = [target for target, start, end in held if start < last and end > first]
    for target in filter(None, targets if len(targets) > 1 else ()):
        if not _is_claim_true(claim, target):
            raise Invalid(field, "mail_link_words", words=claim[0][:80], target=target[:80])


def _as_seen(words: str) -> str:
    """The words without what no reader sees, and with one kind of dot."""
    plain = unicodedata.normalize("NFKC", words.translate(_DOTS))
    return "".join(c for c in plain if unicodedata.category(c) != "Cf")  # zero-width characters


def _is_number(digits: str, number: str) -> bool:
    """Whether these are the number's digits; only the code of a country may be left out."""
    code = len(number) - 1 - len(digits)
    return digits == number.removeprefix("+") or (
        number.startswith("+")
        and number.endswith(digits)
        and len(digits) >= _LOCAL_DIGITS
        and 1 <= code <= _LONGEST_CODE
    )


def _page(href: str, field: str) -> str:
    try:
        address = urlsplit(href)
        host, port = address.hostname or "", address.port
    except ValueError:
        host, port, address = "", None, urlsplit("")
    is_plain = address.netloc.lower() == (host if port is None else f"{host}:{port}")
    if len(href) > _LONGEST or not is_plain or not _HOST.fullmatch(host) or "xn--" in host or "\\" in href:
        raise Invalid(field, "mail_link_host", target=href[:80])
    rest = href[href.index("//") + 2 + len(address.netloc) :]
    return f"https://{address.netloc.lower()}{quote(rest, safe=_KEPT_IN_ADDRESS)}"


def _is_claim_true(claim: re.Match[str], target: str) -> bool:
    scheme, _, rest = target.partition(":")
    said = (claim["host"] + (claim["rest"] or "")).casefold()
    if claim["box"]:
        return scheme == "mailto" and not claim["rest"] and (claim["box"] + claim["host"]).casefold() == rest.casefold()
    if scheme != "https" or (claim["scheme"] or "https://").lower() != "https://":
        return False
    rest = rest.removeprefix("//").casefold()
    host = re.split(r"[/?#:]", rest, maxsplit=1)[0].removeprefix("www.")
    if not claim["rest"] or claim["rest"] == "/":
        return claim["host"].casefold().removeprefix("www.") == host
    return quote(said.removeprefix("www."), safe=_KEPT_IN_ADDRESS).rstrip("/") == rest.removeprefix("www.").rstrip("/")
