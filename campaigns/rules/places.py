"""Places by the names people type. A place is an INEI code: two digits a department, four a province, six a district.

District names are not unique in Peru (there are six Santa Rosas), so a district counts only with its province or
department, or when there is just one of that name. Codes nobody knows are nobody's place: districts are still made.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.rules.spelling import key


class Level(StrEnum):
    """How far down a place goes; the value is also the name of its column."""

    DEPARTMENT = "department"
    PROVINCE = "province"
    DISTRICT = "district"


@dataclass(frozen=True, slots=True)
class Place:
    """One district as the directory lists it."""

    code: str
    department: str
    province: str
    district: str


@dataclass(frozen=True, slots=True)
class Alias:
    """Another spelling of a name on one level."""

    level: Level
    alias: str
    name: str


_UNITS = re.compile(r"^(?:distrito|provincia|departamento|region|dpto|prov|dist)(?: de(?:l)?)? ")
_APART = re.compile(r"[(),/]|\s[-–]\s")
_CODE = re.compile(r"\d{5,6}")


@dataclass(slots=True)
class PlaceIndex:
    """Codes by folded name per level, aliases included. Build it once with `build`; `find` may then be cached."""

    codes: dict[Level, dict[str, frozenset[str]]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    def find(self, district: str, province: str = "", department: str = "") -> tuple[str | None, bool]:
        """The finest code the three cells agree on, and whether everything typed was understood.

        An unknown or ambiguous district leaves the province or department that is known; nothing typed is
        (None, True). Where the province is not understood the district is not guessed from its name alone. A code
        typed into the district's cell counts, its lost leading zero put back.
        """
        typed = district.strip()
        if _CODE.fullmatch(typed):
            code = typed.zfill(6)
            return (code, True) if code in self.known else (None, False)
        if not key(province) and not key(department):
            for parts in _together(district):
                whole = self.find(*parts)
                if whole[0] is not None and whole[1]:
                    return whole
        within, understood = self._within(province, department)
        if not understood or not key(district):
            return within, understood
        for name in self._readings(district):
            found = self._narrow(Level.DISTRICT, name, within)
            # The directory lists two districts twice in one province (Tayacaja): the later code is the one in use.
            if len({code[:4] for code in found}) == 1:
                return max(found), True
        return within, False

    def _within(self, province: str, department: str) -> tuple[str | None, bool]:
        area, understood = None, True
        if key(department):
            found = self._narrow(Level.DEPARTMENT, _name(department), None)
            area = next(iter(found)) if len(found) == 1 else None
            understood = area is not None
        if key(province):
            found = self._narrow(Level.PROVINCE, _name(province), area)
            if len(found) == 1:
                return next(iter(found)), understood
            # "Lima" or "Junín" in the province's column may mean the department.
            wider = self._narrow(Level.DEPARTMENT, _name(province), area)
            if len(wider) == 1:
                return next(iter(wider)), understood
            understood = False
        return area, understood

    def _readings(self, district: str) -> list[str]:
        """The name as typed, then without what stands in brackets or after a comma, dash or slash."""
        return [_name(district), _name(_APART.split(district, maxsplit=1)[0])]

    def _narrow(self, level: Level, name: str, within: str | None) -> frozenset[str]:
        found = self.codes.get(level, {}).get(name, frozenset())
        return found if within is None else frozenset(c for c in found if c.startswith(within))


def _together(cell: str) -> list[tuple[str, str, str]]:
    """One cell for the whole place, smallest first (`Comas, Lima`) or largest first (`Lima / Lima / Comas`)."""
    pieces = [piece for piece in _APART.split(cell[:200]) if key(piece)][:3]
    if len(pieces) < 2:
        return []
    one, two, three = (*pieces, "")[:3]
    return [(one, two, three), (three, two, one) if three else (two, one, "")]


def _name(text: str) -> str:
    return _UNITS.sub("", key(text))


def build(places: Iterable[Place], aliases: Iterable[Alias] = ()) -> PlaceIndex:
    """An index of `places`; an alias whose official name does not exist is left out."""
    codes: dict[Level, dict[str, set[str]]] = {level: {} for level in Level}
    known: set[str] = set()
    for place in places:
        known.add(place.code)
        for level, name, length in (
            (Level.DEPARTMENT, place.department, 2),
            (Level.PROVINCE, place.province, 4),
            (Level.DISTRICT, place.district, 6),
        ):
            codes[level].setdefault(_name(name), set()).add(place.code[:length])
    official = {level: dict(names) for level, names in codes.items()}
    for alias in aliases:
        meant = official[alias.level].get(_name(alias.name))
        if meant:
            codes[alias.level].setdefault(_name(alias.alias), set()).update(meant)
    return PlaceIndex(
        {level: {name: frozenset(found) for name, found in names.items()} for level, names in codes.items()},
        frozenset(known),
    )
