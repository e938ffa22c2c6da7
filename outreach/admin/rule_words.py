"""A segment's rule read back as a sentence, in the reader's language, with the names of places and sectors.

The sentence names people, says where they are from and what they do, and then who of them is left out; what lies
deeper stands in brackets, so that nobody has to guess what belongs together.
"""

from collections.abc import Iterable, Sequence

from babel.lists import format_list
from flask import g
from flask_babel import get_locale
from flask_babel import gettext as _

from campaigns import reference, segments
from campaigns.rules import nested_segments
from campaigns.rules.segments import (
    EVERYONE,
    AllOf,
    AnyOf,
    HasRole,
    InPlace,
    InSector,
    Leaf,
    NoneOf,
    Rule,
    leaves_of,
    simplified,
)
from outreach.admin.rule_clauses import ROLES, How, Names, clause, either, kind
from outreach.admin.sector_words import FAMILIES, PEOPLE
from outreach.i18n import language
from outreach.sessions import Session

__all__ = ["Names", "language_names", "names", "sector_names", "tell"]


def names(session: Session, rules: Iterable[Rule]) -> Names:
    """The names that these rules need."""
    rules = list(rules)
    codes = {leaf.code for rule in rules for leaf in leaves_of(rule) if isinstance(leaf, InPlace)}
    made_of = any(nested_segments.named(rule) for rule in rules)
    return Names(
        sectors=sector_names(session) | {code: str(name) for code, name in FAMILIES.items()},
        places={code: _place(code, name) for code, name in reference.place_names(session, codes).items()},
        languages=language_names(session),
        people={code: str(name) for code, name in PEOPLE.items()},
        segments={one.id: one.name for one in segments.listed(session, g.agency_id)} if made_of else {},
    )


def sector_names(session: Session) -> dict[str, str]:
    """Code -> name of every line of business."""
    spanish = language() == "es"
    return {row.code: row.name_es if spanish else row.name_en for row in reference.sectors(session)}


def language_names(session: Session) -> dict[str, str]:
    """Code -> name of every language people read."""
    spanish = language() == "es"
    return {row.code: row.name_es if spanish else row.name_en for row in reference.languages(session)}


def tell(rule: Rule, known: Names) -> str:
    """The rule as one sentence."""
    said = _Teller(known).people(simplified(rule))
    return f"{said[0].upper()}{said[1:]}."


def _place(code: str, name: str) -> str:
    """Lima is a department, a province and a district."""
    if len(code) == 2:
        return _("%(name)s (department)", name=name)
    return _("%(name)s (province)", name=name) if len(code) == 4 else name


class _Teller:
    def __init__(self, known: Names) -> None:
        self._known = known

    def people(self, rule: Rule) -> str:
        """Those the rule picks, as people with what is true of them."""
        if rule == EVERYONE:
            return _("everyone on the list")
        if isinstance(rule, AnyOf) and any(isinstance(one, AllOf | NoneOf) for one in rule.rules):
            told, *others = map(self.people, rule.rules)
            for other in others:
                told = _("%(people)s; or else %(others)s", people=told, others=other)
            return told
        parts = list(rule.rules) if isinstance(rule, AllOf) else [rule]
        left_out = [one for part in parts if isinstance(part, NoneOf) for one in part.rules]
        wanted = [part for part in parts if not isinstance(part, NoneOf)]
        head, is_named, wanted = self._head(wanted)
        if left_out and len(parts) == 1:
            head = _("everyone on the list")
        return self._without(self._who(head, wanted), left_out, is_named)

    def _head(self, wanted: list[Rule]) -> tuple[str, bool, list[Rule]]:
        """What the people are called, whether by a name of their own, and what is still to be said of them."""
        named = self._first(wanted, InSector) or self._first(wanted, HasRole)
        head = _("people")
        if named:
            wanted = [one for one in wanted if one is not named]
            head = either(self._bare(named))
        placed = self._first(wanted, InPlace)
        if placed:
            wanted = [one for one in wanted if one is not placed]
            places = either(self._known.places.get(leaf.code, leaf.code) for leaf in _leaves(placed))
            head = _("%(people)s from %(places)s", people=head, places=places)
        return head, named is not None, wanted

    def _first(self, rules: Sequence[Rule], of: type) -> Rule | None:
        for rule in rules:
            leaves = _leaves(rule)
            if leaves and all(isinstance(leaf, of) for leaf in leaves) and (of is not InSector or self._bare(rule)):
                return rule
        return None

    def _bare(self, rule: Rule) -> list[str]:
        """What these people are called; nothing if there is no name for some of them."""
        found = [
            str(ROLES[leaf.role]) if isinstance(leaf, HasRole) else self._known.people.get(leaf.code, "")
            for leaf in _leaves(rule)
        ]
        return found if all(found) else []

    def _who(self, head: str, wanted: Sequence[Rule]) -> str:
        """The people, with what they do; each choice of several things begins anew, so that it takes in no other."""
        choices = [one for one in wanted if self._is_choice(one)]
        facts = [self._does(one) for one in wanted if not self._is_choice(one)]
        if facts:
            head = _("%(people)s who %(facts)s", people=head, facts=_joined(facts))
        for number, one in enumerate(choices):
            if facts or number:
                head = _("%(people)s, and who also %(facts)s", people=head, facts=self._does(one))
            else:
                head = _("%(people)s who %(facts)s", people=head, facts=self._does(one))
        return head

    def _without(self, people: str, left_out: Sequence[Rule], is_named: bool) -> str:
        """Less those who are left out. (In Spanish people without a name of their own are feminine, others are not.)"""
        for number, facts in enumerate(self._each(left_out, How.LEFT_OUT)):
            if number and is_named:
                people = _("%(people)s, nor those who %(facts)s", people=people, facts=facts)
            elif number:
                people = _("%(people)s, nor people who %(facts)s", people=people, facts=facts)
            elif is_named:
                people = _("%(people)s, but not those who %(facts)s", people=people, facts=facts)
            else:
                people = _("%(people)s, but not people who %(facts)s", people=people, facts=facts)
        return people

    def _each(self, rules: Sequence[Rule], how: How) -> list[str]:
        """A clause for each kind of leaf among the rules, and for each group."""
        kinds: dict[object, list[Leaf]] = {}
        for rule in rules:
            if not isinstance(rule, AllOf | AnyOf | NoneOf):
                kinds.setdefault(kind(rule, self._known), []).append(rule)
        said = [clause(leaves, self._known, how) for leaves in kinds.values()]
        groups = [rule for rule in rules if isinstance(rule, AllOf | AnyOf | NoneOf)]
        return said + [self._not(one) if how is How.NO else self._does(one) for one in groups]

    def _is_choice(self, rule: Rule) -> bool:
        return isinstance(rule, AnyOf) and len(self._each(rule.rules, How.YES)) > 1

    def _does(self, rule: Rule) -> str:
        """What people in the rule do."""
        match rule:
            case AllOf(()):
                return _("are on the list")
            case AllOf(rules):
                return _joined([fact for one in rules for fact in self._facts(one)])
            case AnyOf(rules):
                said = self._each(rules, How.YES)
                if any(isinstance(one, AllOf | NoneOf) for one in rules):
                    told, *others = said
                    told = _("either %(facts)s", facts=told)
                    for other in others:
                        told = _("%(facts)s, or else %(others)s", facts=told, others=other)
                    return told
                return format_list(said, style="or", locale=get_locale())
            case NoneOf(rules):
                return _joined(self._each(rules, How.NO))
        return clause([rule], self._known)

    def _facts(self, rule: Rule) -> list[str]:
        """What people in the rule do, to stand beside other facts about them."""
        if isinstance(rule, NoneOf):
            return self._each(rule.rules, How.NO)
        said = self._does(rule)
        return [_("(%(facts)s)", facts=said) if self._is_choice(rule) else said]

    def _not(self, rule: Rule) -> str:
        """What people do who are not in this group."""
        if isinstance(rule, NoneOf):
            said = self._does(AnyOf(rule.rules))
            return _("(%(facts)s)", facts=said) if len(rule.rules) > 1 else said
        return _("do not fit all of this: (%(facts)s)", facts=self._does(rule))


def _leaves(rule: Rule) -> tuple[Leaf, ...]:
    """The leaf, or those any of which will do; nothing for a rule with groups in it."""
    match rule:
        case AnyOf(rules):
            leaves = tuple(one for one in rules if not isinstance(one, AllOf | AnyOf | NoneOf))
            return leaves if len(leaves) == len(rules) else ()
        case AllOf() | NoneOf():
            return ()
    return (rule,)


def _joined(facts: list[str]) -> str:
    return format_list(facts, style="standard", locale=get_locale())
