"""Segment rules: a closed tree that says whom a segment picks, kept as data and never as SQL.

Nothing here can ask what a person reported or suffered: such a field must not exist (DOMAIN facts 5, rule 2).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from campaigns.errors import Invalid
from campaigns.rules.channels import Channel
from campaigns.rules.import_rows import LONGEST_TAG
from campaigns.rules.roles import Role
from campaigns.rules.spelling import one_line

DEEPEST: Final = 6
MOST_LEAVES: Final = 500
MOST_DAYS: Final = 365
_LARGEST_ID: Final = 2**63 - 1


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
class HasRole:
    """Contacts who are this in their business."""

    role: Role


@dataclass(frozen=True, slots=True)
class Reachable:
    """Contacts whom a campaign may write to on this channel now: the address, a legal ground and no refusal."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Contacted:
    """Contacts to whom a campaign of the agency was handed over on any channel within so many days.

    Days of 24 hours, back from the moment the rule is asked. What certainly never arrived does not count.
    """

    days: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Contacts who wrote to us, anything at all, within so many days; None for ever."""

    days: int | None = None


@dataclass(frozen=True, slots=True)
class InSegment:
    """Contacts whom another segment of the agency picks. `nested_segments.write_out` puts that one's rule in place."""

    segment_id: int


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


Leaf = InSector | InPlace | Reads | Tagged | HasRole | HasSms | HasEmail | Reachable | Contacted | Answered | InSegment
Rule = Leaf | AllOf | AnyOf | NoneOf
EVERYONE: Final = AllOf()

_GROUPS: Final[dict[str, Callable[[tuple[Rule, ...]], Rule]]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}
_SECTOR: Final = re.compile(r"[0-9]{1,6}")
_PLACE: Final = re.compile(r"(?:[0-9]{2}){1,3}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")


def parse(stored: object, field: str = "rule") -> Rule:
    """The rule in its stored form: {"all": [..]}, {"any": [..]}, {"none": [..]}, {"sector": "492"}, {"place": "1501"},
    {"language": "qu"}, {"tag": "ruta 5"}, {"role": "driver"}, {"sms": true}, {"email": true}, {"reachable": "sms"},
    {"contacted": 7}, {"answered": 30}, {"answered": true} (ever) or {"segment": 12}.

    Raises Invalid(field, rule_shape | rule_empty_group | rule_too_deep | rule_too_large | rule_sector | rule_place |
    rule_language | rule_tag | rule_role | rule_channel | rule_days | rule_segment_unknown).
    """
    rule = _parse(stored, field, DEEPEST)
    if count_leaves(rule) > MOST_LEAVES:
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
        case HasRole(role):
            return {"role": role.value}
        case Reachable(channel):
            return {"reachable": channel.value}
        case Contacted(days):
            return {"contacted": days}
        case Answered(ever_or_days):
            return {"answered": True if ever_or_days is None else ever_or_days}
        case InSegment(segment_id):
            return {"segment": segment_id}
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


def count_leaves(rule: Rule) -> int:
    """How many questions the rule asks."""
    return sum(1 for _ in leaves_of(rule))


def depth(rule: Rule) -> int:
    """How deep its groups lie in one another; 0 for a single question."""
    if isinstance(rule, AllOf | AnyOf | NoneOf):
        return 1 + max((depth(inner) for inner in rule.rules), default=0)
    return 0


def simplified(rule: Rule) -> Rule:
    """A rule that picks the same people with fewer groups: what a person would have said.

    Groups that only repeat the group they lie in are taken apart, those of one rule become that rule, what is left out
    in several places of a group is left out in one, and nothing is said twice.
    """
    if not isinstance(rule, AllOf | AnyOf | NoneOf):
        return rule
    same = AllOf if isinstance(rule, AllOf) else AnyOf  # "none of (any of these)" is "none of these"
    inner: list[Rule] = []
    for one in map(simplified, rule.rules):
        inner += one.rules if isinstance(one, same) else (one,)
    if isinstance(rule, AllOf):
        refused = [one for group in inner if isinstance(group, NoneOf) for one in group.rules]
        inner = [one for one in inner if not isinstance(one, NoneOf)]
        inner += [NoneOf(tuple(dict.fromkeys(refused)))] * bool(refused)
    rules = tuple(dict.fromkeys(inner))
    return rules[0] if len(rules) == 1 and not isinstance(rule, NoneOf) else type(rule)(rules)


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
    match kind, value:
        case "sms", True if value is True:
            return HasSms()
        case "email", True if value is True:
            return HasEmail()
        case "answered", True if value is True:
            return Answered()
        case "contacted" | "answered", int() if not isinstance(value, bool):
            return (Contacted if kind == "contacted" else Answered)(_days(value, field))
        case "segment", int() if not isinstance(value, bool):
            if not 1 <= value <= _LARGEST_ID:
                raise Invalid(field, "rule_segment_unknown")
            return InSegment(value)
        case str(), str():
            return _worded(kind, value, field)
    raise Invalid(field, "rule_shape")


def _worded(kind: str, value: str, field: str) -> Rule:
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
        case "role":
            if value not in set(Role):
                raise Invalid(field, "rule_role", value=value[:20])
            return HasRole(Role(value))
        case "reachable":
            if value not in set(Channel):
                raise Invalid(field, "rule_channel", value=value[:20])
            return Reachable(Channel(value))
    raise Invalid(field, "rule_shape")


def _days(value: int, field: str) -> int:
    if not 1 <= value <= MOST_DAYS:
        raise Invalid(field, "rule_days", most=MOST_DAYS)
    return value


def _shaped(value: str, shape: re.Pattern[str], field: str, code: str) -> str:
    if not shape.fullmatch(value):
        raise Invalid(field, code, value=value[:20])
    return value
