"""Phones and e-mail addresses as people and spreadsheets write them; the masks under which screens show them.

Peruvian numbers follow DOMAIN facts 3.6; all others are libphonenumber's to judge. Emergency and official numbers
(105, 111, 1818) are not addresses: nobody is imported under one.
"""

import re
from enum import StrEnum
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from campaigns.rules.spelling import one_line

HOME = "PE"


class PhoneKind(StrEnum):
    """What a number is good for: a mobile gets SMS, a landline is kept, `other` (toll-free, premium) is neither."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    OTHER = "other"


class NoAddress(StrEnum):
    """Why a cell holds no address."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    DIGITS_LOST = "digits_lost"
    NOT_AN_EMAIL = "not_an_email"


class Phone(NamedTuple):
    """A number in E.164."""

    e164: str
    kind: PhoneKind


class Email(NamedTuple):
    """An address to write to and the key that tells two spellings of it are one mailbox."""

    address: str
    key: str


_PERU_MOBILE = re.compile(r"(?:(?:\+|00|0)?51)?0?(9\d{8})")
_MOBILE_INSIDE = re.compile(r"(?<!\d)(?:(?:\+|00)?51)?(9\d{8})(?!\d)")
_DECORATION = re.compile(r"[\s'’\"=().\-–—‐‑_*:]+")
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_FLOAT = re.compile(r"(\+?\d+)[.,]0{1,2}")
_SEVERAL = re.compile(r"[/,;|\n\\]|\s(?:y|o|u|e|and|or|-)\s", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:ext|anexo|anx|int|x)\b.*", re.IGNORECASE | re.DOTALL)
_NUMBER_SIGNS = re.compile(r"[^\d+\s().-]+")
_LONGEST_CELL = 120


def read_phone(cell: str) -> Phone | NoAddress:
    """The number in a cell, repaired as spreadsheets break it; of several, the first mobile, else the first usable.

    A number in scientific notation whose last digits were rounded away is refused: it would reach somebody else.
    """
    bare = _DECORATION.sub("", cell) if len(cell) <= _LONGEST_CELL else ""
    plain = _PERU_MOBILE.fullmatch(bare)
    if plain and plain[1].isascii():
        return Phone("+51" + plain[1], PhoneKind.MOBILE)
    text = _readable(cell)
    if not text:
        return NoAddress.EMPTY
    whole = _read_one(text)
    if isinstance(whole, Phone) or whole is NoAddress.DIGITS_LOST:
        return whole
    found = [phone for piece in _SEVERAL.split(text) if isinstance(phone := _read_one(piece), Phone)]
    found.sort(key=lambda phone: phone.kind is not PhoneKind.MOBILE)
    if found:
        return found[0]
    # Words around the number ("987654321 (Juan)"), or two numbers with nothing but a space between them.
    inside = _MOBILE_INSIDE.search(re.sub(r"(?<=\d)[-.](?=\d)", "", text))
    return Phone("+51" + inside[1], PhoneKind.MOBILE) if inside else whole


def _readable(cell: str) -> str:
    """The beginning of the cell on one line; empty when it holds nothing but marks ("-", an apostrophe)."""
    text = one_line(cell[:_LONGEST_CELL].replace("\n", " / "), _LONGEST_CELL)
    return text if any(c.isalnum() for c in text) else ""


def _read_one(text: str) -> Phone | NoAddress:
    text = text.strip(" '’\"=")
    if spread := _SCIENTIFIC.fullmatch(text):
        digits, exponent = spread[1] + (spread[2] or ""), int(spread[3])
        if len(digits) <= exponent:
            return NoAddress.DIGITS_LOST
        if digits[exponent + 1 :].strip("0"):
            return NoAddress.NOT_A_NUMBER
        text = digits[: exponent + 1]
    elif whole := _FLOAT.fullmatch(text):
        text = whole[1]
    text = _NUMBER_SIGNS.sub(" ", _EXTENSION.sub("", text))  # letters must not be read as a telephone keypad
    plain = _PERU_MOBILE.fullmatch(_DECORATION.sub("", text))
    if plain:
        return Phone("+51" + plain[1], PhoneKind.MOBILE)
    return _judge(text)


def _judge(text: str) -> Phone | NoAddress:
    if sum(c.isdigit() for c in text) < 6:
        return NoAddress.NOT_A_NUMBER
    try:
        number = phonenumbers.parse(text, HOME)
    except phonenumbers.NumberParseException:
        return NoAddress.NOT_A_NUMBER
    if not phonenumbers.is_valid_number(number):
        return NoAddress.NOT_A_NUMBER
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Phone(e164, _KINDS.get(phonenumbers.number_type(number), PhoneKind.OTHER))


_KINDS = {
    phonenumbers.PhoneNumberType.MOBILE: PhoneKind.MOBILE,
    # Countries that do not tell the two apart (the USA, Mexico, Chile): the message is tried.
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: PhoneKind.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE: PhoneKind.LANDLINE,
}

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+\-]+(?:\.[a-z0-9_+\-]+)*@(?:[a-z0-9](?:[a-z0-9]|-(?!-)){0,61}(?<!-)\.)+[a-z]{2,24}"
)
_RESERVED = ("test", "invalid", "local", "localhost", "onion", "arpa")  # never delivered (RFC 6761)
_LONGEST_EMAIL = 254


def read_email(cell: str) -> Email | NoAddress:
    """The first usable address in a cell; its domain in lower case, the part before the @ as it was written.

    No DNS is asked. `key` is lower case throughout: no mailbox provider tells ROSA@ from rosa@.
    """
    text = cell.strip()
    if not text:
        return NoAddress.EMPTY
    if len(text) <= 64 and _PLAIN_EMAIL.fullmatch(text) and not text.endswith(_RESERVED):
        return Email(text, text)
    for piece in re.split(r"[\s;,|/<>]+", text[: 4 * _LONGEST_EMAIL]):
        address = piece.removeprefix("mailto:").strip("\ufeff\u200b'\"()[]").rstrip(".:")
        if "@" not in address:
            continue
        try:
            checked = validate_email(address, check_deliverability=False, allow_smtputf8=True)
        except EmailNotValidError:
            continue
        return Email(checked.normalized, checked.normalized.casefold())
    return NoAddress.NOT_AN_EMAIL if _readable(cell) else NoAddress.EMPTY


def mask_phone(e164: str) -> str:
    """`+51987654321` as `+51 9** *** 321`: enough to recognise one's own number, too little to call it."""
    if e164.startswith("+51"):
        country, national = "51", e164[3:]
    else:
        country, national = _split_country(e164)
    if len(national) < 6:
        return f"+{country} ***"
    hidden = national[0] + "*" * (len(national) - 4) + national[-3:]
    first = len(hidden) % 3
    groups = [hidden[:first]] * bool(first) + [hidden[i : i + 3] for i in range(first, len(hidden), 3)]
    return f"+{country} {' '.join(groups)}"


def _split_country(e164: str) -> tuple[str, str]:
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return "", ""
    country = str(number.country_code)
    return country, e164.lstrip("+")[len(country) :]


def mask_email(address: str) -> str:
    """`rosa@correo.example` as `r***@correo.example`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def mask_name(name: str) -> str:
    """`Rosa Quispe Mamani` as `R. Q. M.`: first letters or digits, at most four; `&` and the like are left out."""
    firsts = (next((sign for sign in word if sign.isalnum()), "") for word in name.split())
    return " ".join(f"{first}." for first in [first for first in firsts if first][:4])
