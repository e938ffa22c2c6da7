"""One line of the rule builder: what it asks, of which values any will do, or none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from campaigns.rules.channels import Channel
from campaigns.rules.roles import Role
from campaigns.rules.segments import (
    MOST_DAYS,
    AllOf,
    Answered,
    AnyOf,
    Contacted,
    HasEmail,
    HasRole,
    HasSms,
    InPlace,
    InSector,
    InSegment,
    Leaf,
    NoneOf,
    Reachable,
    Reads,
    Rule,
    Tagged,
)


class Kind(StrEnum):
    """What a condition asks about."""

    SECTOR = "sector"
    PLACE = "place"
    LANGUAGE = "language"
    TAG = "tag"
    ROLE = "role"
    REACH = "reach"
    CONTACTED = "contacted"
    ANSWERED = "answered"
    SEGMENT = "segment"


WAYS: Final[dict[str, Leaf]] = {
    "reachable_sms": Reachable(Channel.SMS),
    "reachable_email": Reachable(Channel.EMAIL),
    "sms": HasSms(),
    "email": HasEmail(),
}
DAYS: Final = frozenset({Kind.CONTACTED, Kind.ANSWERED})
_LEAF: Final[Mapping[Kind, Callable[[str], Leaf]]] = {
    Kind.SECTOR: InSector,
    Kind.PLACE: InPlace,
    Kind.LANGUAGE: Reads,
    Kind.TAG: Tagged,
    Kind.ROLE: lambda value: HasRole(Role(value)),
    Kind.REACH: lambda value: WAYS[value],
    Kind.SEGMENT: lambda value: InSegment(int(value)),
}
_KIND: Final[Mapping[type, Kind]] = {
    InSector: Kind.SECTOR,
    InPlace: Kind.PLACE,
    Reads: Kind.LANGUAGE,
    Tagged: Kind.TAG,
    HasRole: Kind.ROLE,
    Contacted: Kind.CONTACTED,
    Answered: Kind.ANSWERED,
    InSegment: Kind.SEGMENT,
}


@dataclass
class Condition:
    """`values` are as sent, `days` as typed: kinds that ask for days have no values. A saved rule's ANSWERED without
    days means ever.
    """

    number: int
    kind: Kind
    is_not: bool = False
    values: list[str] = field(default_factory=list)
    days: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def asks_days(self) -> bool:
        """Whether it is about a number of days."""
        return self.kind in DAYS

    @property
    def has_days(self) -> bool:
        """Whether its days are a number that a rule can hold."""
        return self.days.isdecimal() and 1 <= int(self.days) <= MOST_DAYS

    @property
    def is_finished(self) -> bool:
        """Whether it says anything yet."""
        if self.asks_days:
            return self.has_days or (self.kind is Kind.ANSWERED and not self.days)
        return bool(self.values)

    def leaves(self) -> tuple[Leaf, ...]:
        """What it asks, of a finished condition whose values are all known."""
        if self.kind is Kind.ANSWERED:
            return (Answered(int(self.days) if self.days else None),)
        if self.kind is Kind.CONTACTED:
            return (Contacted(int(self.days)),)
        return tuple(_LEAF[self.kind](value) for value in self.values)


def of_leaves(leaves: Sequence[Leaf], number: int, *, is_not: bool) -> Condition:
    """The condition that asks these leaves of one kind."""
    shown = Condition(number, kind_of(leaves[0]), is_not)
    for leaf in dict.fromkeys(leaves):
        match leaf:
            case Contacted(days) | Answered(days):
                shown.days = "" if days is None else str(days)
            case InSector(value) | InPlace(value) | Reads(value) | Tagged(value):
                shown.values.append(value)
            case HasRole(role):
                shown.values.append(role.value)
            case InSegment(segment_id):
                shown.values.append(str(segment_id))
            case way:
                shown.values.append(next(value for value, one in WAYS.items() if one == way))
    return shown


def kind_of(leaf: Leaf) -> Kind:
    """What a question is about."""
    return _KIND.get(type(leaf), Kind.REACH)


def in_one(rule: Rule) -> tuple[Leaf, ...]:
    """The leaves that make one condition; nothing for a rule that needs a group."""
    match rule:
        case AnyOf(rules) | NoneOf(rules):
            leaves = tuple(one for one in rules if not isinstance(one, AllOf | AnyOf | NoneOf))
            kinds = {kind_of(one) for one in leaves}
            fits = len(leaves) == len(rules) and len(kinds) == 1 and (len(leaves) == 1 or not kinds & DAYS)
            return leaves if fits else ()
        case AllOf():
            return ()
    return (rule,)
