"""The rule builder as a form: what each condition is called and offers, and what is wrong, beside what it concerns."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from campaigns import reference, segments
from campaigns.errors import Conflict, Invalid
from campaigns.rules.segments import MOST_DAYS, Rule
from campaigns.segments import Segment
from outreach.admin import contact_forms, rule_words
from outreach.admin.rule_conditions import WAYS, Condition, Kind
from outreach.admin.rule_tree import DEEPEST_GROUP, Join, Sent, Tree, of_rule, read
from outreach.admin.sector_words import FAMILIES
from outreach.forms import Form
from outreach.sentences import sentence
from outreach.sessions import Session

KINDS: Final[Mapping[Kind, LazyString]] = {
    Kind.SECTOR: _l("Business"),
    Kind.PLACE: _l("Place"),
    Kind.LANGUAGE: _l("Language"),
    Kind.TAG: _l("Tag"),
    Kind.ROLE: _l("Role"),
    Kind.REACH: _l("Way to reach them"),
    Kind.CONTACTED: _l("Messages from you"),
    Kind.ANSWERED: _l("Answers to you"),
    Kind.SEGMENT: _l("Another segment"),
}
# What a condition says of its values, and what it says with "not".
VERBS: Final[Mapping[Kind, tuple[LazyString, LazyString]]] = {
    Kind.SECTOR: (_l("is any of"), _l("is none of")),
    Kind.PLACE: (_l("is any of"), _l("is none of")),
    Kind.LANGUAGE: (_l("is any of"), _l("is none of")),
    Kind.TAG: (_l("is any of"), _l("is none of")),
    Kind.ROLE: (_l("is any of"), _l("is none of")),
    Kind.REACH: (_l("in any of these ways"), _l("in none of these ways")),
    Kind.CONTACTED: (_l("was sent something in the last"), _l("was sent nothing in the last")),
    Kind.ANSWERED: (_l("wrote to you in the last"), _l("did not write to you in the last")),
    Kind.SEGMENT: (_l("is in any of"), _l("is in none of")),
}
JOINS: Final[Mapping[Join, LazyString]] = {
    Join.ALL: _l("All of these"),
    Join.ANY: _l("Any of these"),
    Join.NONE: _l("None of these"),
}
WAY_WORDS: Final[Mapping[str, LazyString]] = {
    "reachable_sms": _l("can be written to by SMS now"),
    "reachable_email": _l("can be written to by e-mail now"),
    "sms": _l("has a mobile"),
    "email": _l("has an e-mail address"),
}
__all__ = ["DEEPEST_GROUP", "JOINS", "KINDS", "VERBS", "WAY_WORDS", "RuleForm", "SegmentForm"]

Offered = Mapping[str, Sequence[tuple[str, str]]]  # heading, or "" -> values with their labels


class SegmentForm(Form):
    """The segment's name; its rule is a RuleForm."""

    name = StringField(
        _l("Name"),
        validators=[InputRequired(_l("Write a name.")), Length(max=80)],
        render_kw={"maxlength": "80", "autocomplete": "off"},
    )


class RuleForm:
    """The tree of the builder with what can be chosen in it. `look_at` is the node that a step has led to."""

    def __init__(
        self, session: Session, agency_id: int, segment: Segment | None = None, sent: Sent | None = None
    ) -> None:
        """The rule of a saved segment, or in its place what was `sent`."""
        saved = of_rule(segments.rule_of(segment)) if segment else Tree()
        self.tree = saved if sent is None else read(sent)
        self.look_at: int | None = None
        self._session, self._agency_id = session, agency_id
        self._segment_id = segment.id if segment else None
        # A tag of the saved rule that nobody has any more stays a choice.
        self._kept = {value for one in saved.conditions() if one.kind is Kind.TAG for value in one.values}
        self._offers: dict[Kind, Sequence[tuple[str, str]]] = {}

    def step(self, pressed: str, new_kind: str) -> None:
        """Do what a button of the tree says: "add:1" (a condition of `new_kind`), "group:1", "remove:4", "up:4" or
        "down:4"; anything else does nothing.
        """
        what, _colon, number = pressed.partition(":")
        at = int(number) if number.isdecimal() and len(number) < 10 else 0
        match what:
            case "add" if new_kind in set(Kind):
                self.look_at = self.tree.add(at, Kind(new_kind))
            case "group":
                self.look_at = self.tree.add(at, None)
            case "remove":
                self.look_at = self.tree.remove(at)
            case "up" | "down":
                self.look_at = self.tree.move(at, -1 if what == "up" else 1)

    def rule(self) -> Rule:
        """The rule as far as it is finished, of values that there are."""
        for one in self.tree.conditions():
            known = self._known(one.kind, one.values)
            one.values = [value for value in one.values if value in known]
        return self.tree.rule()

    def is_finished(self) -> bool:
        """Whether every condition says something and every group holds something."""
        return all(
            node.is_finished if isinstance(node, Condition) else bool(node.inside) or within is None
            for node, within, _level in self.tree.nodes()
        )

    def check(self) -> bool:
        """Say beside each condition and group what is wrong with it; True if nothing is."""
        for node, within, _level in self.tree.nodes():
            if isinstance(node, Condition):
                self._check(node)
            elif not node.inside and within is not None:
                node.errors.append(_("There is nothing in this group. Add a condition, or remove the group."))
        return not self.faults()

    def tell(self, problem: Invalid | Conflict) -> bool:
        """Put a refusal beside the conditions it concerns, or beside the whole rule; False if it is about neither."""
        if not isinstance(problem, Invalid) or problem.field != "rule":
            return False
        inner = str(problem.values.get("segment", ""))
        about = [one for one in self.tree.conditions() if one.kind is Kind.SEGMENT and inner in one.values]
        for node in about or [self.tree.root]:
            if sentence(problem) not in node.errors:  # the count may have found it before
                node.errors.append(sentence(problem))
        return True

    def faults(self) -> list[tuple[int, str, str]]:
        """(number, what it is called, sentence) of everything that is wrong."""
        return [
            (node.number, str(KINDS[node.kind]) if isinstance(node, Condition) else _("Group"), error)
            for node, _within, _level in self.tree.nodes()
            for error in node.errors
        ]

    def offered(self, condition: Condition, *, only_chosen: bool = False) -> Offered:
        """What the condition can be about; with `only_chosen` no more than it is."""
        found = self._places if condition.kind is Kind.PLACE else {"": self._offer(condition.kind)}
        if not only_chosen:
            return found
        chosen = set(condition.values)
        return {"": [pair for pairs in found.values() for pair in pairs if pair[0] in chosen]}

    def kinds(self) -> list[tuple[str, LazyString]]:
        """What a new condition can ask about; other segments only where there are any."""
        return [(kind.value, name) for kind, name in KINDS.items() if kind is not Kind.SEGMENT or self._segments]

    def _check(self, one: Condition) -> None:
        known = self._known(one.kind, one.values)
        if any(value not in known for value in one.values):
            one.values = [value for value in one.values if value in known]
            one.errors.append(_("What you chose is not there any more. Choose from the list."))
        elif one.asks_days and not one.is_finished:
            one.errors.append(_("Write a number of days from 1 to %(most)s.", most=MOST_DAYS))
        elif not one.is_finished:
            one.errors.append(_("Choose at least one, or remove this condition."))

    def _known(self, kind: Kind, values: Iterable[str]) -> set[str]:
        if kind is Kind.PLACE:
            return set(reference.place_names(self._session, values))
        return {value for value, _label in self._offer(kind)}

    def _offer(self, kind: Kind) -> Sequence[tuple[str, str]]:
        if kind not in self._offers:
            self._offers[kind] = self._choices(kind)
        return self._offers[kind]

    def _choices(self, kind: Kind) -> Sequence[tuple[str, str]]:
        match kind:
            case Kind.SECTOR:
                families = sorted((code, str(name)) for code, name in FAMILIES.items())
                return [*families, *contact_forms.sectors(self._session)]
            case Kind.LANGUAGE:
                return list(rule_words.language_names(self._session).items())
            case Kind.TAG:
                return [(tag, tag) for tag in sorted({*segments.tags(self._session, self._agency_id), *self._kept})]
            case Kind.ROLE:
                return [(role.value, str(name)) for role, name in contact_forms.ROLE_WORDS.items()]
            case Kind.REACH:
                return [(way, str(WAY_WORDS[way])) for way in WAYS]
            case Kind.SEGMENT:
                return self._segments
        return []

    @cached_property
    def _places(self) -> Offered:
        return contact_forms.places(self._session)

    @cached_property
    def _segments(self) -> list[tuple[str, str]]:
        found = segments.listed(self._session, self._agency_id)
        return [(str(one.id), one.name) for one in found if one.id != self._segment_id]
