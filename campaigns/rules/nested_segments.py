"""Segments inside segments: which ones a rule names, where they lead back to themselves, and a rule without any."""

from collections.abc import Mapping

from campaigns.errors import Invalid
from campaigns.rules.segments import (
    DEEPEST,
    MOST_LEAVES,
    AllOf,
    AnyOf,
    InSegment,
    NoneOf,
    Rule,
    count_leaves,
    depth,
    leaves_of,
    simplified,
)


def named(rule: Rule) -> list[int]:
    """The segments the rule names, each once, in order."""
    return list(dict.fromkeys(leaf.segment_id for leaf in leaves_of(rule) if isinstance(leaf, InSegment)))


def circle(start: int, rules: Mapping[int, Rule]) -> list[int]:
    """The way from the segment `start` back to itself, with `start` at both ends; empty if there is none."""
    ways: list[list[int]] = [[start]]
    seen: set[int] = set()
    while ways:
        way = ways.pop(0)
        for inner in named(rules[way[-1]]) if way[-1] in rules else []:
            if inner == start:
                return [*way, start]
            if inner not in seen:
                seen.add(inner)
                ways.append([*way, inner])
    return []


def users(segment_id: int, rules: Mapping[int, Rule]) -> set[int]:
    """The segments that are made of this one, also by way of others."""
    found: set[int] = set()
    ahead = [segment_id]
    while ahead:
        inner = ahead.pop()
        for number, rule in rules.items():
            if number not in found and inner in named(rule):
                found.add(number)
                ahead.append(number)
    return found


def write_out(rule: Rule, rules: Mapping[int, Rule], field: str = "rule") -> Rule:
    """The rule, simplified, with that of each segment it names in that one's place; `rules` are those of the agency.

    Raises Invalid(field, rule_segment_unknown | rule_too_deep | rule_too_large): written out it has the limits of any
    rule. There must be no circle.
    """
    return _Writer(rules, field).write_out(rule)


class _Writer:
    def __init__(self, rules: Mapping[int, Rule], field: str) -> None:
        self._rules = rules
        self._field = field
        self._done: dict[int, Rule] = {}

    def write_out(self, rule: Rule) -> Rule:
        for number in named(rule):
            self._inner(number)
        # Before it is made: segments that name each other twice would double at every step.
        if sum(self._size(leaf) for leaf in leaves_of(rule)) > MOST_LEAVES:
            raise Invalid(self._field, "rule_too_large", most=MOST_LEAVES)
        written = simplified(self._put(rule))
        if depth(written) > DEEPEST:
            raise Invalid(self._field, "rule_too_deep", most=DEEPEST)
        return written

    def _inner(self, number: int) -> Rule:
        if number not in self._done:
            if number not in self._rules:
                raise Invalid(self._field, "rule_segment_unknown", segment=number)
            self._done[number] = self.write_out(self._rules[number])
        return self._done[number]

    def _size(self, leaf: Rule) -> int:
        return max(1, count_leaves(self._inner(leaf.segment_id))) if isinstance(leaf, InSegment) else 1

    def _put(self, rule: Rule) -> Rule:
        match rule:
            case InSegment(number):
                return self._inner(number)
            case AllOf(rules) | AnyOf(rules) | NoneOf(rules):
                return type(rule)(tuple(self._put(inner) for inner in rules))
        return rule
