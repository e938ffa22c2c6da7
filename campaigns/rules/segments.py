"""Segment rules: a closed tree that says whom a segment picks, kept as data and never as SQL.

Nothing here can ask what a person reported or suffered: such a field must not exist (DOMAIN facts 5, rule 2).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from campaigns.errors import Invalid
from campaigns.rules.import_rows import LONGEST_TAG
from campaigns.rules.spelling import one_line

DEEPEST: Final = 6
MOST_LEAVES: Final = 500


@dataclass(frozen=True, slots=True)
class InSector:
    """Contacts whose line of business begins with this ISIC code."""

    code: str


@dataclass(frozen=True, slots=True)
class InPlace:
    """Contacts in the department (2 digits), province (4) or district (6) with this code."""

    code: str


@dataclass(frozen=True, slots=True)
class Reads:
    """Contacts whose language this is."""

    language: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """Contacts with this tag, in lower case."""

    tag: str


@dataclass(frozen=True, slots=True)
class HasSms:
    """Contacts with a mobile."""


@dataclass(frozen=True, slots=True)
class HasEmail:
    """Contacts with an e-mail address."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Contacts that every rule picks; without rules, everyone of the agency."""

    rules: tuple["Rule", ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Contacts that at least one rule picks."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Contacts that none of the rules picks."""

    rules: tuple["Rule", ...]


Leaf = InSector | InPlace | Reads | Tagged | HasSms | HasEmail
Rule = Leaf | AllOf | AnyOf | NoneOf
EVERYONE: Final = AllOf()

_GROUPS: Final[dict[str, Callable[[tuple[Rule, ...]], Rule]]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}
_SECTOR: Final = re.compile(r"[0-9]{1,6}")
_PLACE: Final = re.compile(r"(?:[0-9]{2}){1,3}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")


def parse(stored: object, field: str = "rule") -> Rule:
    """The rule in its stored form: {"all": [..]}, {"any": [..]}, {"none": [..]}, {"sector": "492"}, {"place": "1501"},
    {"language": "qu"}, {"tag": "ruta 5"}, {"sms": true} or {"email": true}.

    Raises Invalid(field, rule_shape | rule_empty_group | rule_too_deep | rule_too_large | rule_sector | rule_place |
    rule_language | rule_tag).
    """
    rule = _parse(stored, field, DEEPEST)
    if sum(1 for _ in leaves_of(rule)) > MOST_LEAVES:
        raise Invalid(field, "rule_too_large", most=MOST_LEAVES)
    return rule


def store(rule: Rule) -> dict[str, Any]:
    """The stored form, which `parse` gives back as it was."""
    match rule:
        case InSector(code):
            return {"sector": code}
        case InPlace(code):
            return {"place": code}
        case Reads(language):
            return {"language": language}
        case Tagged(tag):
            return {"tag": tag}
        case HasSms():
            return {"sms": True}
        case HasEmail():
            return {"email": True}
        case AllOf(rules):
            return {"all": [store(inner) for inner in rules]}
        case AnyOf(rules):
            return {"any": [store(inner) for inner in rules]}
        case NoneOf(rules):
            return {"none": [store(inner) for inner in rules]}


def leaves_of(rule: Rule) -> Iterator[Leaf]:
    """Every question the rule asks, in order."""
    if isinstance(rule, AllOf | AnyOf | NoneOf):
        for inner in rule.rules:
            yield from leaves_of(inner)
    else:
        yield rule


def prefix_end(prefix: str) -> str:
    """The first code after all that begin with `prefix`, byte by byte, so that a prefix is a range an index can cut.

    The last character of a code of ours is a digit, never the last of its alphabet.
    """
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _parse(stored: object, field: str, deeper: int) -> Rule:
    if not isinstance(stored, Mapping) or len(stored) != 1:
        raise Invalid(field, "rule_shape")
    kind, value = next(iter(stored.items()))
    if kind in _GROUPS:
        if deeper == 0:
            raise Invalid(field, "rule_too_deep", most=DEEPEST)
        return _group(kind, value, field, deeper)
    return _leaf(kind, value, field)


def _group(kind: str, value: object, field: str, deeper: int) -> Rule:
    if not isinstance(value, list | tuple):
        raise Invalid(field, "rule_shape")
    if len(value) > MOST_LEAVES:
        raise Invalid(field, "rule_too_large", most=MOST_LEAVES)
    if not value and kind != "all":
        raise Invalid(field, "rule_empty_group")
    return _GROUPS[kind](_each(value, field, deeper - 1))


def _each(values: Iterable[object], field: str, deeper: int) -> tuple[Rule, ...]:
    return tuple(_parse(value, field, deeper) for value in values)


def _leaf(kind: object, value: object, field: str) -> Rule:
    if kind == "sms" and value is True:
        return HasSms()
    if kind == "email" and value is True:
        return HasEmail()
    if not isinstance(value, str):
        raise Invalid(field, "rule_shape")
    match kind:
        case "sector":
            return InSector(_shaped(value, _SECTOR, field, "rule_sector"))
        case "place":
            return InPlace(_shaped(value, _PLACE, field, "rule_place"))
        case "language":
            return Reads(_shaped(value, _LANGUAGE, field, "rule_language"))
        case "tag":
            tag = one_line(value, LONGEST_TAG).casefold()
            if not tag:
                raise Invalid(field, "rule_tag")
            return Tagged(tag)
    raise Invalid(field, "rule_shape")


def _shaped(value: str, shape: re.Pattern[str], field: str, code: str) -> str:
    if not shape.fullmatch(value):
        raise Invalid(field, code, value=value[:20])
    return value
