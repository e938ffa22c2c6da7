"""The tree of groups and conditions that staff put together: what a form sends, changed step by step, and its rule.

A condition holds any of several values of one kind, or none of them, so that "Comas or Los Olivos" is one condition.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Final, Protocol

from campaigns.rules.segments import DEEPEST, MOST_LEAVES, AllOf, AnyOf, NoneOf, Rule
from outreach import ids
from outreach.admin.rule_conditions import DAYS, Condition, Kind, in_one, of_leaves

# A condition that none of its values may be true of is a group by itself, and needs room in the last one.
DEEPEST_GROUP: Final = DEEPEST - 1
ROOT: Final = 1
_MOST_NODES: Final = 2 * MOST_LEAVES
_MOST_NUMBERS: Final = 1_000_000  # given to nodes; a browser counts on from the largest


class Join(StrEnum):
    """What a group asks of what is in it."""

    ALL = "all"
    ANY = "any"
    NONE = "none"


_GROUPS: Final = {Join.ALL: AllOf, Join.ANY: AnyOf, Join.NONE: NoneOf}


@dataclass
class Group:
    """Conditions and groups that belong together."""

    number: int
    join: Join = Join.ALL
    inside: list["Node"] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def height(self) -> int:
        """How many groups lie in one another here, this one included."""
        return 1 + max((one.height for one in self.inside if isinstance(one, Group)), default=0)


Node = Condition | Group


class Sent(Protocol):
    """A form as it came."""

    def get(self, key: str, default: str, /) -> str: ...
    def getlist(self, key: str, /) -> list[str]: ...


@dataclass
class Tree:
    """The whole rule as it stands in the form; `root` is the group with the number ROOT."""

    root: Group = field(default_factory=lambda: Group(ROOT))

    def nodes(self) -> Iterator[tuple[Node, Group | None, int]]:
        """Each node with the group it is in (the root in none) and how deep it lies; the root at 1."""
        ahead: list[tuple[Node, Group | None, int]] = [(self.root, None, 1)]
        while ahead:
            node, within, level = ahead.pop()
            yield node, within, level
            if isinstance(node, Group):
                ahead += [(one, node, level + 1) for one in reversed(node.inside)]

    def conditions(self) -> list[Condition]:
        """Every condition, in order."""
        return [node for node, _within, _level in self.nodes() if isinstance(node, Condition)]

    def add(self, number: int, kind: Kind | None) -> int:
        """Put a new condition into the group, or without a kind a new group; the number of what to look at next."""
        found = self._find(number)
        numbers = [node.number for node, _within, _level in self.nodes()]
        if found is None or not isinstance(found[0], Group) or len(numbers) >= _MOST_NODES:
            return ROOT
        if kind is None and found[2] >= DEEPEST_GROUP:
            return number
        new = 1 + max(numbers)
        found[0].inside.append(Group(new, Join.ANY) if kind is None else Condition(new, kind))
        return new

    def remove(self, number: int) -> int:
        """Take a node out with all that is in it; the number of the group it was in."""
        found = self._find(number)
        if found is None or found[1] is None:
            return ROOT
        found[1].inside.remove(found[0])
        return found[1].number

    def move(self, number: int, step: int) -> int:
        """Move a node one place up (-1) or down (1): past a condition, into a group, or out of its own; its number."""
        found = self._find(number)
        if found is None or found[1] is None:
            return ROOT
        node, within, level = found
        at = within.inside.index(node)
        if 0 <= at + step < len(within.inside):
            within.inside.remove(node)
            other = within.inside[at if step > 0 else at - 1]
            room = level + (node.height if isinstance(node, Group) else 0) <= DEEPEST_GROUP
            if isinstance(other, Group) and room:
                other.inside.insert(0 if step > 0 else len(other.inside), node)
            else:
                within.inside.insert(at + step, node)
            return number
        outer = self._find(within.number)
        if outer is not None and outer[1] is not None:
            within.inside.remove(node)
            outer[1].inside.insert(outer[1].inside.index(within) + (step > 0), node)
        return number

    def rule(self) -> Rule:
        """The rule so far: what is not finished yet is left out."""
        return _rule(self.root) or AllOf()

    def _find(self, number: int) -> tuple[Node, Group | None, int] | None:
        return next((found for found in self.nodes() if found[0].number == number), None)


def read(sent: Sent) -> Tree:
    """The tree that a form sent, as far as it can be read; an empty one for a form without any."""
    tree = Tree()
    groups = {ROOT: (tree.root, 1)}
    seen: set[int] = set()
    for text in sent.getlist("node")[:_MOST_NODES]:
        number = ids.read(text)
        if number is None or number in seen or number > _MOST_NUMBERS:
            continue
        seen.add(number)
        if number == ROOT:
            tree.root.join = _join(sent, ROOT)
            continue
        within, level = groups.get(ids.read(sent.get(f"in_{number}", "")) or ROOT, groups[ROOT])
        kind = sent.get(f"kind_{number}", "")
        if kind in set(Kind):
            within.inside.append(_condition(sent, number, Kind(kind)))
        elif level < DEEPEST:
            groups[number] = Group(number, _join(sent, number)), level + 1
            within.inside.append(groups[number][0])
    return tree


def of_rule(rule: Rule) -> Tree:
    """A saved rule as the form shows it."""
    numbers = count(ROOT + 1)
    if not isinstance(rule, AllOf | AnyOf | NoneOf):
        rule = AllOf((rule,))
    return Tree(_group(rule, ROOT, numbers))


def _join(sent: Sent, number: int) -> Join:
    join = sent.get(f"join_{number}", "")
    return Join(join) if join in set(Join) else Join.ALL


def _condition(sent: Sent, number: int, kind: Kind) -> Condition:
    values = [value.replace("\x00", "") for value in sent.getlist(f"value_{number}")]
    return Condition(
        number,
        kind,
        is_not=sent.get(f"not_{number}", "") == "not",
        values=list(dict.fromkeys(value for value in values if value)),
        days=sent.get(f"days_{number}", "").replace("\x00", "").strip()[:20],
    )


def _rule(group: Group) -> Rule | None:
    rules: list[Rule] = []
    for node in group.inside:
        if isinstance(node, Group):
            inner = _rule(node)
            rules += [] if inner is None else [inner]
        elif node.is_finished:
            leaves = node.leaves()
            if node.is_not:
                rules.append(NoneOf(leaves))
            elif len(leaves) > 1 and group.join is Join.ALL:
                rules.append(AnyOf(leaves))
            else:
                rules += leaves
    return _GROUPS[group.join](tuple(rules)) if rules else None


def _group(rule: AllOf | AnyOf | NoneOf, number: int, numbers: Iterator[int]) -> Group:
    group = Group(number, next(join for join, kind in _GROUPS.items() if isinstance(rule, kind)))
    together: dict[Kind, Condition] = {}
    for one in rule.rules:
        leaves = in_one(one)
        if not leaves:
            if isinstance(one, AllOf | AnyOf | NoneOf):
                group.inside.append(_group(one, next(numbers), numbers))
            continue
        shown = of_leaves(leaves, next(numbers), is_not=isinstance(one, NoneOf))
        # In a group where any will do, "Comas" and "Los Olivos" are one condition with two values.
        if group.join is not Join.ALL and not shown.is_not and shown.kind not in DAYS:
            earlier = together.setdefault(shown.kind, shown)
            if earlier is not shown:
                earlier.values += [value for value in shown.values if value not in earlier.values]
                continue
        group.inside.append(shown)
    return group
