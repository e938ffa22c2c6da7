"""Mails as bytes: fixed text is encoded once, and each person's values are put between (RFC 2045, 2047, 5322).

Quoted-printable lets both be encoded by themselves: a soft line end stands before and after each value, so a value
begins and ends a line whatever it holds. Nothing a value may be can end a line for real, close a part or begin a
header.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from campaigns.providers.contract import Refused
from campaigns.rules.outcomes import Failure

# Quoted-printable text never holds "=_", so no value and no text can look like this boundary.
BOUNDARY: Final = "=_outreach"
_SOFT_END: Final = b"=\r\n"
_LINE: Final = 73  # letters of an encoded line: 76, less the soft end and what guarding its first letter takes
_ENCODED: Final = {byte: f"={byte:02X}" for byte in range(256) if not 32 <= byte < 127 or byte == ord("=")}
_TOUCHED: Final = (".", "From ")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HEADER: Final = 76
_WORD_FRAME: Final = len("=?utf-8?b??=")
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS: Final = re.compile(
    rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
)
_ADDRESS_IN_BRACKETS: Final = re.compile(r"[!-;=?-~]+")  # visible ASCII but < and >
_QUOTABLE: Final = re.compile(r"[ !#-\[\]-~]*")  # what may stand between quotation marks as it is


@dataclass(frozen=True)
class Spliced:
    """Encoded text with slots: `pieces` are bytes as they go out, or the name of the value to put there."""

    pieces: tuple[bytes | str, ...]

    def fill(self, encoded: Mapping[str, bytes]) -> bytes:
        """The bytes for one person; `encoded` values come from value()."""
        return b"".join([piece if isinstance(piece, bytes) else encoded[piece] for piece in self.pieces])


def splice(text: str, slots: Mapping[str, str]) -> Spliced:
    """Quoted-printable text, its lines ended by CRLF; each character that is a key of `slots` becomes a slot."""
    pattern = re.compile(f"([{''.join(map(re.escape, slots))}])") if slots else re.compile(r"(?!)")
    pieces: list[bytes | str] = []
    fixed = b""
    for at, part in enumerate(pattern.split(text)):
        if at % 2:
            pieces += [fixed + _SOFT_END if fixed and not fixed.endswith(b"\n") else fixed, slots[part]]
            fixed = _SOFT_END
        else:
            fixed += b"\r\n".join(_line(line) for line in part.split("\n"))
    return Spliced((*[piece for piece in pieces if piece], fixed + b"\r\n"))


def value(text: str) -> bytes:
    """A value as a slot takes it: quoted-printable, without real line ends; whoever fills it gives one line of text."""
    return _line(text)


def _line(text: str) -> bytes:
    """One line of text; soft ends where it is longer than a line may be."""
    encoded = text.encode("utf-8", "replace").decode("latin-1").translate(_ENCODED)
    if encoded.endswith((" ", "\t")):
        encoded = encoded[:-1] + f"={ord(encoded[-1]):02X}"
    if len(encoded) <= _LINE and not encoded.startswith(_TOUCHED):
        return encoded.encode()
    lines = []
    while len(encoded) > _LINE:
        end = _LINE
        cut = encoded.rfind("=", end - 2, end)  # no escape is cut in two
        end = cut if cut >= 0 else end
        lines.append(encoded[:end])
        encoded = encoded[end:]
    return _SOFT_END.join(_guarded(line) for line in (*lines, encoded))


def _guarded(line: str) -> bytes:
    """No line begins with a dot or with From: servers double the one and change the other."""
    return (f"={ord(line[0]):02X}{line[1:]}" if line.startswith(_TOUCHED) else line).encode()


def header(name: str, text: str) -> bytes:
    """A header line with free text: as it is where it is short ASCII, else in encoded words. Ends with CRLF.

    Control characters become spaces, so no text can begin another line.
    """
    text = _CONTROLS.sub(" ", text).strip()
    return f"{name}: ".encode() + _words(text, len(name) + 2) + b"\r\n"


def mailbox(name: str, display: str, address: str) -> bytes:
    """A header line with one named mailbox. Raises Refused like ascii_address()."""
    display = " ".join(_CONTROLS.sub(" ", display).split())
    start = f"{name}: ".encode()
    if not display:
        return start + f"{ascii_address(address)}\r\n".encode()
    quoted = f'"{display}"'
    short = len(start) + len(quoted) <= _HEADER and _QUOTABLE.fullmatch(display) and "=?" not in display
    words = quoted.encode() if short else _encoded_words(display, len(start))
    return start + words + f"\r\n <{ascii_address(address)}>\r\n".encode()


def bracketed(name: str, *addresses: str) -> bytes:
    """A header line of addresses in angle brackets, one a line. Raises ValueError for what cannot stand in them."""
    if not all(map(_ADDRESS_IN_BRACKETS.fullmatch, addresses)):
        raise ValueError(f"{name}: an address must be plain visible letters")
    return f"{name}: ".encode() + ",\r\n ".join(f"<{address}>" for address in addresses).encode() + b"\r\n"


def ascii_address(address: str) -> str:
    """The address as every server takes it, its domain in ASCII.

    Raises Refused(ADDRESS_INVALID) for one that cannot be written so, or that could change a header.
    """
    if not address.isascii():
        try:
            checked = validate_email(address, check_deliverability=False, allow_smtputf8=True)
        except EmailNotValidError:
            raise Refused(Failure.ADDRESS_INVALID) from None
        address = checked.ascii_email or ""
    if not _ADDRESS.fullmatch(address):
        raise Refused(Failure.ADDRESS_INVALID)
    return address


def date(at: datetime) -> bytes:
    """The Date line."""
    return _date(int(at.timestamp()))


@lru_cache(8)
def _date(second: int) -> bytes:
    at = datetime.fromtimestamp(second, UTC)
    return f"Date: {format_datetime(at)}\r\n".encode()


def _words(text: str, used: int) -> bytes:
    if text.isascii() and len(text) + used <= _HEADER and "=?" not in text and "  " not in text:
        return text.encode()
    return _encoded_words(text, used)


def _encoded_words(text: str, used: int) -> bytes:
    """RFC 2047 in base64, each word at most a line, none cutting a character."""
    words: list[str] = []
    room = _room(used)
    held = b""
    for character in text:
        raw = character.encode("utf-8", "replace")
        if len(held) + len(raw) > room:
            words.append(b64encode(held).decode())
            held, room = b"", _room(1)
        held += raw
    words.append(b64encode(held).decode())
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words).encode()


def _room(used: int) -> int:
    return max(6, (min(75, _HEADER - used) - _WORD_FRAME) // 4 * 3)
