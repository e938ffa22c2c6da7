"""One row of an audience file: what it says, or why it is refused.

A row is refused only when nobody could be reached by it. Everything else that could not be understood is a warning
and the contact is kept. Whether it is a duplicate is the importer's question: it has to remember the others.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import lru_cache, partial
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple

from campaigns.rules.addresses import Email, NoAddress, Phone, PhoneKind, read_email, read_phone
from campaigns.rules.dates import read_date
from campaigns.rules.discretion import names_somebody, says_what_happened
from campaigns.rules.headings import Field
from campaigns.rules.places import PlaceIndex
from campaigns.rules.roles import Role, read_role
from campaigns.rules.spelling import key, one_line, words


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

    `place` is an INEI code of two, four or six digits; `language` None means the agency's. `tags` are the row's own.
    `says_no`: the row clearly refuses, as against saying nothing. `owns_ground`: the ground stands in the row itself.
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
    role: Role | None = None
    says_no: bool = False
    owns_ground: bool = True
    ground_source: str = ""
    ground_text: str = ""

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


class Asked(NamedTuple):
    """The ground, with its proof, that staff state once for everybody in a file whose row says nothing of it."""

    ground: str | None = None
    ground_on: date | None = None
    source: str = ""
    text: str = ""


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
# Of those, what says it to our face; the rest only says that there is nothing yet.
_NO = frozenset({"no", "0", "0 0", "f", "n", "false", "falso"})
_NO_BEGINS = (
    "no ac", "no aut", "no cons", "no desea", "no quier", "no rec", "no env", "no contact", "no agree", "no opt",
    "do not", "not agree", "not accept", "not cons", "sin consent", "sin autoriz", "sin permiso", "without consent",
    "revoc", "revok", "retir", "withdr", "consentimiento revoc", "consentimiento retir", "consent revoked",
    "consent withdrawn",
)  # fmt: skip
_CROSSES = frozenset("✗✘❌✖")
# Words that begin a written basis other than consent.
_BASES = {
    "ley": "law", "decreto": "law", "law": "law", "obligacion legal": "law", "legal obligation": "law",
    "funcion publica": "public_task", "interes publico": "public_task", "public task": "public_task",
    "public interest": "public_task", "convenio": "agreement", "contrato": "agreement", "contract": "agreement",
}  # fmt: skip

GROUNDS = (CONSENT, "law", "public_task", "agreement")


class Consent(NamedTuple):
    """What a cell says about writing to somebody: the legal ground, one of GROUNDS, and whether it is a clear no."""

    ground: str | None
    says_no: bool


def read_consent(cell: str) -> Consent:
    """What a cell states. Anything that is not clearly a yes is no ground: a person is rather kept and not written to.

    Nor is everything else a no: an empty cell or `pendiente` says nothing about a ground that is known.
    """
    text = key(cell[:LONGEST_NAME])
    if not text:
        signs = set(cell)
        return Consent(CONSENT if _TICKS & signs else None, bool(_CROSSES & signs))
    if text in _YES:
        return Consent(CONSENT, False)
    if _NOT & set(text.split()) and text != "1 0":
        return Consent(None, text in _NO or text.startswith(_NO_BEGINS))
    if text.startswith(_YES_BEGINS):
        return Consent(CONSENT, False)
    ground = next((ground for words, ground in _BASES.items() if f"{text} ".startswith(f"{words} ")), None)
    return Consent(ground, text in _NO)


def read_ground(cell: str) -> str | None:
    """The legal ground a cell states: `consent`, `law`, `public_task`, `agreement`, or None."""
    return read_consent(cell).ground


# The cells of a row, one of each, in this order.
_CELLS = (
    Field.PHONE, Field.EMAIL, Field.NAME, Field.FIRST_NAME, Field.LAST_NAME, Field.SECOND_LAST_NAME, Field.BUSINESS,
    Field.SECTOR, Field.ROLE, Field.DISTRICT, Field.PROVINCE, Field.DEPARTMENT, Field.LANGUAGE, Field.GROUND,
    Field.AGREED_ON, Field.GROUND_SOURCE, Field.GROUND_TEXT, Field.TAGS,
)  # fmt: skip


class RowReader:
    """Reads rows against one set of look-ups. Not shared between threads; its memory does not grow with the file."""

    def __init__(
        self,
        places: PlaceIndex,
        sectors: Mapping[str, str],
        languages: Mapping[str, str],
        asked: Asked = Asked(),  # noqa: B008 - it cannot be changed
    ) -> None:
        """`sectors` and `languages` give the code for every folded (`spelling.key`) name, alias and code.

        `asked` is the ground of people whose row says nothing of it, and the proof where the row names the same.
        """
        # Few cells differ in these columns, so each answer is remembered.
        remember = lru_cache(maxsize=_REMEMBERED)
        self._place = remember(places.find)
        self._sector_codes = remember(partial(_sector_codes, sectors))
        self._language = remember(partial(_language, languages))
        self._ground = remember(read_consent)
        self._agreed_on = remember(read_date)
        self._role = remember(read_role)
        self._tags = remember(_harmless_tags)
        self._asked = asked

    def read(self, cells: Cells) -> Person | Refusal:
        """What one row says; missing cells are empty ones."""
        return self._read([cells.get(field, "") for field in _CELLS])

    def along(self, columns: Mapping[Field, int]) -> Callable[[Sequence[str]], Person | Refusal]:
        """Like read(), for rows whose columns are known: fields by number, from 0. Rows may be of any length."""
        # One empty cell more at the end: fields without a column find it there.
        width = max(columns.values(), default=-1) + 1
        pick, padding = itemgetter(*(columns.get(field, -1) for field in _CELLS)), [""] * (width + 1)

        def read(row: Sequence[str]) -> Person | Refusal:
            return self._read(pick([*row, ""] if len(row) >= width else [*row, *padding[len(row) :]]))

        return read

    def _read(self, cells: Sequence[str]) -> Person | Refusal:
        (phone_cell, email_cell, name, first, last, second, business, sector, role, district, province, department,
         language_cell, ground_cell, agreed_on, source, text, tags) = cells  # fmt: skip
        phone, phone_ignored = _usable_phone(phone_cell)
        email, email_ignored = _usable_email(email_cell) if email_cell else (None, False)
        if phone is None and email is None:
            return Refusal.NO_USABLE_ADDRESS
        place, place_understood = self._place(district, province, department)
        sectors, sectors_understood = self._sector_codes(sector)
        language, language_understood = self._language(language_cell)
        own, says_no = self._ground(ground_cell)
        flags = (
            phone_ignored,
            email_ignored,
            phone is not None and phone.kind is PhoneKind.LANDLINE,
            not place_understood,
            not language_understood,
            not sectors_understood,
            own is None and (says_no or self._asked.ground is None),
        )
        name = one_line(name, LONGEST_NAME) or _joined(first, last, second)
        business = one_line(business, LONGEST_NAME)
        proof = [_proof(cell, name, business) for cell in (source, text)] if source or text else _NO_PROOF
        return _person((
            name, business, phone, email, place, language, sectors, self._tags_of(name, tags) if tags else (),
            *(grounded := self._grounded(own, says_no, agreed_on, proof))[:2],
            tuple(compress(_WARNINGS, flags)) if True in flags else (),
            self._role(role) if role else None, says_no, own is not None, *grounded[2:],
        ))  # fmt: skip

    def _tags_of(self, name: str, cell: str) -> tuple[str, ...]:
        tags, inside = self._tags(cell)
        if inside.isdisjoint(key(name).split()):
            return tags
        return tuple(tag for tag in tags if not names_somebody(tag, name=name))

    def _grounded(self, own: str | None, says_no: bool, agreed_on: str, proof: Sequence[str]) -> Asked:
        """The row's own ground, its gaps filled from what was asked once; none for who says no."""
        asked = self._asked
        if own is None:
            return _NO_GROUND if says_no else asked
        day = self._agreed_on(agreed_on) if agreed_on else None
        if own != asked.ground:
            return Asked(own, day, *proof)
        return Asked(own, day or asked.ground_on, proof[0] or asked.source, proof[1] or asked.text)


_NO_PROOF = ("", "")
_NO_GROUND = Asked()
# Named tuples are made from all their values at once: by keyword costs three times as much, a million times.
_person: Callable[[tuple[Any, ...]], Person] = Person._make


def _usable_phone(cell: str) -> tuple[Phone | None, bool]:
    """The number if anything can be done with it, and whether something typed had to be ignored."""
    if len(cell) == 9 and cell[0] == "9" and cell.isascii() and cell.isdigit():
        return Phone("+51" + cell, PhoneKind.MOBILE), False  # how most are written
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


def _harmless_tags(cell: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The tags in a cell that may stand in clear (rules.discretion), and all their words."""
    tags = tuple(tag for tag in read_tags(cell) if not says_what_happened(tag) and not names_somebody(tag, name=""))
    return tags, frozenset(word for tag in tags for word in words(tag))


def _proof(cell: str, name: str, business: str) -> str:
    """Where a ground's proof is, or its version; nothing where it may name somebody: it is kept in clear."""
    text = one_line(cell, LONGEST_PROOF)
    return "" if says_what_happened(text) or names_somebody(text, name=name, business=business) else text


def _joined(*parts: str) -> str:
    return one_line(" ".join(parts), LONGEST_NAME) if any(parts) else ""


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
