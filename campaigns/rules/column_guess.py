"""Which column of an audience file is which field, by its heading and by what stands in it.

Headings are believed first; what they do not say is read from the first rows. Nothing here is more than a proposal:
only what is `sure` may be taken where nobody is asked.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from campaigns.rules.addresses import Phone, PhoneKind, read_phone
from campaigns.rules.dates import read_date
from campaigns.rules.headings import Field, map_headings
from campaigns.rules.import_rows import read_ground
from campaigns.rules.places import Level
from campaigns.rules.spelling import key

ROWS: Final = 200  # looked at; more say nothing new
_LONGEST: Final = 200

_MOST: Final = 0.6  # of the cells that are filled: the column is of this kind
_SOME: Final = 0.25  # enough to propose a column of addresses, not to take it unasked
_CONTRADICTED: Final = 0.1  # a heading over so few of its kind, where another column has most, is not believed
_DISTINCT: Final = 0.3  # names differ from row to row, kinds of business do not


class How(StrEnum):
    """Why a column is taken for a field."""

    HEADING = "heading"
    CONTENT = "content"
    REMEMBERED = "remembered"


class Guess(NamedTuple):
    """A column, from 0, and why; `sure` says that it may be taken without asking anybody."""

    column: int
    how: How
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """Names and codes as `spelling.key` leaves them; place codes as they are."""

    languages: Collection[str] = frozenset()
    sectors: Collection[str] = frozenset()
    places: Mapping[Level, Collection[str]] = field(default_factory=dict)
    codes: Collection[str] = frozenset()


_MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]{2,}")
_MOBILE = re.compile(r"['’\"=]?(?:(?:\+|00)?51[\s.-]*)?9(?:[\s.-]*\d){8}(?:[.,]0)?['’\"]?")
_PARTS = re.compile(r"[,;|\t]")  # a row under the wrong delimiter is one cell
_NUMBER = re.compile(r"[\d\s()+.'’\"=-]{7,}")
_DIGITS = re.compile(r"\d")
# An identity card or a tax number, which may look like a landline.
_IDENTITY = re.compile(r"\d{8}|(?:10|15|16|17|20)\d{9}")
_WRITTEN_DATE = re.compile(r"\d+\s*(?:[/.-]|de\s)\s*\w+")
_CODE = re.compile(r"\d{5,6}")
_LETTERS = re.compile(r"[^\W\d_]+(?:[\s.,'’-]+[^\W\d_]+)*[.]?")
_YES_OR_NO = frozenset({"si", "no", "s", "n", "yes", "y", "true", "false", "verdadero", "falso", "x"})
_OF_A_BUSINESS = frozenset({
    "sac", "saa", "sa", "srl", "eirl", "sociedad", "empresa", "empresas", "transportes", "transporte", "trans",
    "translados", "turismo", "tours", "expreso", "bodega", "restaurante", "restaurant", "polleria", "chifa",
    "panaderia", "inversiones", "servicios", "servicio", "multiservicios", "comercial", "comercio", "negocios",
    "distribuidora", "botica", "farmacia", "ferreteria", "libreria", "taxi", "taxis", "mototaxi", "mototaxis",
    "asociacion", "cooperativa", "corporacion", "consorcio", "grupo", "hotel", "hostal", "grifo", "taller", "tienda",
    "minimarket", "market", "salon", "bazar", "mercado", "cia", "company", "ltd", "inc", "comite", "lineas",
})  # fmt: skip
_SPELLED_OUT = re.compile(r"\b(?:s a c|s a a|s a|s r l|e i r l)$")

_PLACES: Final = (
    (Level.DEPARTMENT, Field.DEPARTMENT),
    (Level.PROVINCE, Field.PROVINCE),
    (Level.DISTRICT, Field.DISTRICT),
)
_NAMES: Final = frozenset({Field.NAME, Field.FIRST_NAME, Field.LAST_NAME, Field.SECOND_LAST_NAME})

Row = Sequence[str]
Is = Callable[[str], float]


def is_person(row: Row) -> bool:
    """Whether a cell, or a part of one, is a telephone number or a mail and nothing else: no row of headings is so."""
    cells = (piece.strip() for cell in row for piece in _PARTS.split(cell[:_LONGEST]))
    return any(_MAIL.fullmatch(cell) or (_NUMBER.fullmatch(cell) and _is_phone(cell)) for cell in cells)


def guess(headings: Row, rows: Sequence[Row], known: Known) -> dict[Field, Guess]:
    """What each column seems to be; no field and no column twice.

    `headings` are empty for a file without them. `rows` are its first ones; no more than ROWS are looked at. Where a
    heading of addresses stands over something else while another column is full of them, the content is believed.
    Consent and its day are proposed by content only for a file without headings, and never surely.
    """
    table = _Table(rows)
    table.believe(headings)
    if not any(headings):
        table.propose(table.consent())
    table.propose(table.kinds(known))
    table.propose(table.names())
    return table.found


def believe(headings: Row, rows: Sequence[Row]) -> dict[Field, Guess]:
    """Like guess(), without what has to be looked up: headings, and addresses by content."""
    table = _Table(rows)
    table.believe(headings)
    return table.found


class _Table:
    """The first rows by column, and what has been found so far."""

    def __init__(self, rows: Sequence[Row]) -> None:
        rows = rows[:ROWS]
        width = max((len(row) for row in rows), default=0)
        self.columns = [
            [cell[:_LONGEST].strip() for row in rows if at < len(row) and (cell := row[at]) and not cell.isspace()]
            for at in range(width)
        ]
        self.found: dict[Field, Guess] = {}

    def believe(self, headings: Row) -> None:
        """Take what the headings say, but for those that stand over other things than they say."""
        there = self.addresses()
        said = map_headings(headings)
        sure = {
            address: one.column
            for address, one in there.items()
            if one.sure and (address not in said or self.share(said[address], _IS[address]) < _CONTRADICTED)
        }
        # "Contacto" is a heading of names; over a column of telephone numbers it is not. Nor is "Número" over 1, 2, 3.
        doubted = set(sure.values()) | {said[address] for address in sure if address in said}
        believed = ["" if at in doubted else heading for at, heading in enumerate(headings)]
        self.found = {what: Guess(at, How.HEADING) for what, at in map_headings(believed).items() if what not in sure}
        self.propose(there)

    def propose(self, guesses: Mapping[Field, Guess]) -> None:
        """Add what is not taken yet."""
        for what, one in guesses.items():
            if what not in self.found and one.column not in self._taken():
                self.found[what] = one

    def share(self, column: int, fits: Is) -> float:
        """How much of what is filled fits, from 0 to 1; an empty column says nothing against its heading."""
        cells = self.columns[column] if column < len(self.columns) else []
        return sum(map(fits, cells)) / len(cells) if cells else 1.0

    def addresses(self) -> dict[Field, Guess]:
        """The columns of telephone numbers and mails, by their cells alone."""
        found = {}
        for what, fits in _IS.items():
            column, share = self._best(fits, range(len(self.columns)))
            if share >= _SOME:
                found[what] = Guess(column, How.CONTENT, share >= _MOST)
        return found

    def consent(self) -> dict[Field, Guess]:
        agrees, share = self._best(_is_agreement, self._free())
        if share < _MOST:
            return {}
        found = {Field.GROUND: Guess(agrees, How.CONTENT, sure=False)}
        day, share = self._best(_is_date, self._free())
        if share >= _MOST:
            found[Field.AGREED_ON] = Guess(day, How.CONTENT, sure=False)
        return found

    def kinds(self, known: Known) -> dict[Field, Guess]:
        """Languages, places and lines of business: what is looked up."""
        found: dict[Field, Guess] = {}
        for what, fits in (
            (Field.LANGUAGE, partial(_is_known, known.languages)),
            (Field.DISTRICT, partial(_is_code, known.codes)),
        ):
            column, share = self._best(fits, self._free())
            if share >= _MOST:
                found[what] = Guess(column, How.CONTENT)
        found = self._places(known, found) | found
        column, share = self._best(partial(_is_known, known.sectors), self._free(found))
        if share >= _MOST:
            found[Field.SECTOR] = Guess(column, How.CONTENT)
        return found

    def _places(self, known: Known, found: Mapping[Field, Guess]) -> dict[Field, Guess]:
        """The fewer different names a column has, the larger its places: most names are on several levels."""
        if any(what in self.found for _, what in _PLACES):
            return {}
        fits = {level: partial(_is_known, known.places.get(level, ())) for level, _ in _PLACES}
        columns = [at for at in self._free(found) if any(self.share(at, fit) >= _MOST for fit in fits.values())]
        columns.sort(key=lambda at: len({key(cell) for cell in self.columns[at]}))
        placed: dict[Field, Guess] = {}
        levels = list(_PLACES)
        for at in columns:
            shares = {what: self.share(at, fits[level]) for level, what in levels}
            what = max(shares, key=lambda one: shares[one], default=None)
            if what is None or shares[what] < _MOST:
                continue
            placed[what] = Guess(at, How.CONTENT)
            levels = levels[[one for _, one in levels].index(what) + 1 :]
        return placed

    def names(self) -> dict[Field, Guess]:
        found: dict[Field, Guess] = {}
        free = [at for at in self._free() if self._differs(at)]
        business, share = self._best(_is_business, free)
        if share >= _SOME:
            found[Field.BUSINESS] = Guess(business, How.CONTENT)
        people = [at for at in free if at != business or share < _SOME]
        person, share = self._best(_is_name, people)
        if share >= _MOST and not _NAMES & self.found.keys():
            found[Field.NAME] = Guess(person, How.CONTENT)
        return found

    def _best(self, fits: Is, among: Collection[int]) -> tuple[int, float]:
        """The leftmost of the columns that fit best."""
        shares = [(self.share(at, fits), -at) for at in among if self.columns[at]]
        share, at = max(shares, default=(0.0, 0))
        return -at, share

    def _differs(self, column: int) -> bool:
        cells = self.columns[column]
        return len({key(cell) for cell in cells}) > _DISTINCT * len(cells)

    def _taken(self) -> set[int]:
        return {one.column for one in self.found.values()}

    def _free(self, found: Mapping[Field, Guess] | None = None) -> list[int]:
        taken = self._taken() | {one.column for one in (found or {}).values()}
        return [at for at in range(len(self.columns)) if at not in taken]


def _is_phone(cell: str) -> float:
    if _MOBILE.fullmatch(cell):
        return 1.0
    if len(_DIGITS.findall(cell)) < 7 or "@" in cell or _IDENTITY.fullmatch(cell):
        return 0.0
    phone = read_phone(cell)
    if not isinstance(phone, Phone):
        return 0.0
    return 1.0 if phone.kind is PhoneKind.MOBILE else 0.6


def _is_mail(cell: str) -> float:
    return float(bool(_MAIL.search(cell)))


def _is_agreement(cell: str) -> float:
    return float(key(cell) in _YES_OR_NO or (len(cell) > 3 and read_ground(cell) is not None))


def _is_date(cell: str) -> float:
    return float(bool(_WRITTEN_DATE.match(cell)) and read_date(cell) is not None)


def _is_known(names: Collection[str], cell: str) -> float:
    name = key(cell)
    return float(name in names or name.removesuffix("s") in names)


def _is_code(codes: Collection[str], cell: str) -> float:
    return float(bool(_CODE.fullmatch(cell)) and cell.zfill(6) in codes)


def _is_business(cell: str) -> float:
    name = key(cell)
    return float(bool(_OF_A_BUSINESS & set(name.split())) or bool(_SPELLED_OUT.search(name)))


def _is_name(cell: str) -> float:
    words = cell.split()
    return float(2 <= len(words) <= 7 and len(cell) <= 80 and bool(_LETTERS.fullmatch(cell)))


_IS: Final[Mapping[Field, Is]] = {Field.PHONE: _is_phone, Field.EMAIL: _is_mail}
