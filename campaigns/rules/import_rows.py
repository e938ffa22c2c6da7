"""One row of an audience file: what it says, or why it is refused.

A row is refused only when nobody could be reached by it. Everything else that could not be understood is a warning
and the contact is kept. Whether it is a duplicate is the importer's question: it has to remember the others.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache, partial
from itertools import compress
from typing import NamedTuple

from campaigns.rules.addresses import Email, NoAddress, Phone, PhoneKind, read_email, read_phone
from campaigns.rules.dates import read_date
from campaigns.rules.headings import Field
from campaigns.rules.places import PlaceIndex
from campaigns.rules.spelling import key, one_line


class Refusal(StrEnum):
    """Why a row is not added."""

    NO_USABLE_ADDRESS = "no_usable_address"


class Warned(StrEnum):
    """What was not understood, or limits what can be done with the contact. In the order reports show them."""

    PHONE_IGNORED = "phone_ignored"
    EMAIL_IGNORED = "email_ignored"
    LANDLINE = "landline"
    PLACE_UNKNOWN = "place_unknown"
    LANGUAGE_UNKNOWN = "language_unknown"
    SECTOR_UNKNOWN = "sector_unknown"
    NO_LEGAL_GROUND = "no_legal_ground"


class Person(NamedTuple):
    """One row as it will be kept.

    `place` is an INEI code of two, four or six digits; `language` None means the agency's.
    """

    name: str
    business: str
    phone: Phone | None
    email: Email | None
    place: str | None
    language: str | None
    sectors: tuple[str, ...]
    tags: tuple[str, ...]
    ground: str | None
    agreed_on: date | None
    warnings: tuple[Warned, ...]

    @property
    def reachable_sms(self) -> bool:
        """May be written to by SMS, as far as this row knows (an opt-out is somebody else's to check)."""
        return self.ground is not None and self.phone is not None and self.phone.kind is PhoneKind.MOBILE

    @property
    def reachable_email(self) -> bool:
        """May be written to by e-mail, as far as this row knows."""
        return self.ground is not None and self.email is not None

    @property
    def identity(self) -> str:
        """Two rows with one identity are one contact: the number, or the mail where there is no number."""
        return self.phone.e164 if self.phone else self.email.key if self.email else ""


_WARNINGS = tuple(Warned)

Cells = Mapping[Field, str]

CONSENT = "consent"
LONGEST_NAME = 200
LONGEST_TAG = 60
LONGEST_PROOF = 120  # of each part of a ground's proof
MOST_TAGS = 20
_REMEMBERED = 4_096  # answers kept per column: places and sectors repeat, and memory stays flat when they do not

_SEPARATORS = re.compile(r"[|;,/\n]|\s[yY&]\s")
_TAG_SEPARATORS = re.compile(r"[|;,\n]")
_CODE_INSIDE = re.compile(r"(?<!\d)\d{4}(?!\d)")

# Folded, as `key` leaves them.
_YES = frozenset({
    "si", "s", "yes", "y", "true", "verdadero", "v", "t", "1", "x", "ok", "acepta", "acepto", "autoriza",
})  # fmt: skip
_YES_BEGINS = ("si ", "yes ", "acept", "accept", "autoriz", "consent", "agree", "opt in", "1 0")
_NOT = frozenset({
    "no", "not", "sin", "without", "none", "ninguno", "ninguna", "pendiente", "pending", "revocado", "revocada",
    "revoked", "retirado", "withdrawn", "0",
})  # fmt: skip
_TICKS = frozenset("✓✔☑✅")
# Words that begin a written basis other than consent.
_BASES = {
    "ley": "law", "decreto": "law", "law": "law", "obligacion legal": "law", "legal obligation": "law",
    "funcion publica": "public_task", "interes publico": "public_task", "public task": "public_task",
    "public interest": "public_task", "convenio": "agreement", "contrato": "agreement", "contract": "agreement",
}  # fmt: skip

GROUNDS = (CONSENT, "law", "public_task", "agreement")


def read_ground(cell: str) -> str | None:
    """The legal ground a cell states: `consent`, `law`, `public_task`, `agreement`, or None.

    Anything that is not clearly a yes is no ground: a person is rather kept and not written to.
    """
    text = key(cell[:LONGEST_NAME])
    if not text:
        return CONSENT if _TICKS & set(cell) else None
    if text in _YES:
        return CONSENT
    if _NOT & set(text.split()) and text != "1 0":
        return None
    if text.startswith(_YES_BEGINS):
        return CONSENT
    return next((ground for words, ground in _BASES.items() if f"{text} ".startswith(f"{words} ")), None)


class RowReader:
    """Reads rows against one set of look-ups. Not shared between threads; its memory does not grow with the file."""

    def __init__(self, places: PlaceIndex, sectors: Mapping[str, str], languages: Mapping[str, str]) -> None:
        """`sectors` and `languages` give the code for every folded (`spelling.key`) name, alias and code."""
        # Few cells differ in these columns, so each answer is remembered.
        remember = lru_cache(maxsize=_REMEMBERED)
        self._place = remember(places.find)
        self._sector_codes = remember(partial(_sector_codes, sectors))
        self._language = remember(partial(_language, languages))
        self._ground = remember(read_ground)
        self._agreed_on = remember(read_date)

    def read(self, cells: Cells) -> Person | Refusal:
        """What one row says; missing cells are empty ones."""
        get = cells.get
        phone, phone_ignored = _usable_phone(get(Field.PHONE, ""))
        email, email_ignored = _usable_email(get(Field.EMAIL, ""))
        if phone is None and email is None:
            return Refusal.NO_USABLE_ADDRESS
        place, place_understood = self._place(
            get(Field.DISTRICT, ""), get(Field.PROVINCE, ""), get(Field.DEPARTMENT, "")
        )
        sectors, sectors_understood = self._sector_codes(get(Field.SECTOR, ""))
        language, language_understood = self._language(get(Field.LANGUAGE, ""))
        ground = self._ground(get(Field.GROUND, ""))
        flags = (
            phone_ignored,
            email_ignored,
            phone is not None and phone.kind is PhoneKind.LANDLINE,
            not place_understood,
            not language_understood,
            not sectors_understood,
            ground is None,
        )
        return Person(
            name=_name(cells),
            business=one_line(get(Field.BUSINESS, ""), LONGEST_NAME),
            phone=phone,
            email=email,
            place=place,
            language=language,
            sectors=sectors,
            tags=read_tags(get(Field.TAGS, "")),
            ground=ground,
            agreed_on=self._agreed_on(get(Field.AGREED_ON, "")) if ground else None,
            warnings=tuple(compress(_WARNINGS, flags)),
        )


def _usable_phone(cell: str) -> tuple[Phone | None, bool]:
    """The number if anything can be done with it, and whether something typed had to be ignored."""
    phone = read_phone(cell)
    if isinstance(phone, Phone) and phone.kind is not PhoneKind.OTHER:
        return phone, False
    return None, phone is not NoAddress.EMPTY


def _usable_email(cell: str) -> tuple[Email | None, bool]:
    email = read_email(cell)
    return (email, False) if isinstance(email, Email) else (None, email is not NoAddress.EMPTY)


def read_tags(cell: str) -> tuple[str, ...]:
    """The tags in a cell, in lower case, each once, at most twenty."""
    if not cell:
        return ()
    tags = (one_line(piece, LONGEST_TAG).casefold() for piece in _TAG_SEPARATORS.split(cell))
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:MOST_TAGS]


def _name(cells: Cells) -> str:
    name = cells.get(Field.NAME, "")
    if not name.strip():
        parts = (Field.FIRST_NAME, Field.LAST_NAME, Field.SECOND_LAST_NAME)
        name = " ".join(cells.get(part, "") for part in parts)
    return one_line(name, LONGEST_NAME)


def _sector_codes(sectors: Mapping[str, str], cell: str) -> tuple[tuple[str, ...], bool]:
    """The codes a cell names, and whether all of it was understood. The whole cell is tried before its pieces."""
    if not key(cell):
        return (), True
    whole = _sector(sectors, cell)
    if whole:
        return (whole,), True
    found = [_sector(sectors, piece) for piece in _SEPARATORS.split(cell[:LONGEST_NAME]) if key(piece)]
    return tuple(dict.fromkeys(code for code in found if code)), None not in found


def _sector(sectors: Mapping[str, str], text: str) -> str | None:
    name = key(text)
    for reading in (name, name.removesuffix("s"), name.removesuffix("es"), *_CODE_INSIDE.findall(name)):
        if reading in sectors:
            return sectors[reading]
    return None


def _language(languages: Mapping[str, str], cell: str) -> tuple[str | None, bool]:
    """The code of the first language a cell names; nothing typed is (None, True)."""
    if not key(cell):
        return None, True
    for piece in (cell, *re.split(r"[|;,/()\n_-]|\s[yYoO]\s", cell[:LONGEST_NAME])):
        code = languages.get(key(piece))
        if code:
            return code, True
    return None, False
