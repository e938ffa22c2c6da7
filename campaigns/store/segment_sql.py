"""Segment rules as conditions on contacts: bound parameters only, and shapes an index serves behind row-level security.

Prefixes are ranges under COLLATE "C", because LIKE is not leakproof and loses its index behind a policy (DESIGN 10.4).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from campaigns.rules.segments import (
    AllOf,
    AnyOf,
    HasEmail,
    HasSms,
    InPlace,
    InSector,
    NoneOf,
    Reads,
    Rule,
    Tagged,
    prefix_end,
)
from campaigns.store.consents import has_email, has_sms
from campaigns.store.contacts import Contact, ContactSector, ContactTag


class Run(NamedTuple):
    """The contacts after the id `after`, up to and with `upto`."""

    after: int
    upto: int


class _Whose(NamedTuple):
    agency_id: int
    run: Run | None

    def among(self, contact_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        """True for rows of these contacts. PostgreSQL does not carry a range over from one side of a join to the
        other by itself: without this every slice of a plan would read all sectors of all contacts.
        """
        if self.run is None:
            return true()
        return and_(contact_id > self.run.after, contact_id <= self.run.upto)


def picks(rule: Rule, agency_id: int, run: Run | None = None) -> ColumnElement[bool]:
    """True for the contacts of the agency that `rule` picks; only those of the run, if one is given."""
    whose = _Whose(agency_id, run)
    return and_(Contact.agency_id == agency_id, whose.among(Contact.id), _where(rule, whose))


def _where(rule: Rule, whose: _Whose) -> ColumnElement[bool]:
    match rule:
        case AllOf(rules):
            return and_(true(), *(_where(inner, whose) for inner in rules))
        case AnyOf(rules):
            return _any(rules, whose)
        case NoneOf(rules):
            # A place nobody knows is NULL, and a NULL is not "in none of these": it must count as outside.
            return not_(_any(rules, whose)).is_not(false())
        case _:
            return _any((rule,), whose)


def _any(rules: Sequence[Rule], whose: _Whose) -> ColumnElement[bool]:
    """One look per kind of leaf, however many leaves: ten sectors are one semi-join with ten ranges."""
    sectors = [rule.code for rule in rules if isinstance(rule, InSector)]
    places = [rule.code for rule in rules if isinstance(rule, InPlace)]
    languages = [rule.language for rule in rules if isinstance(rule, Reads)]
    tags = [rule.tag for rule in rules if isinstance(rule, Tagged)]
    found: list[ColumnElement[bool]] = []
    if sectors:
        found.append(
            exists().where(
                ContactSector.agency_id == whose.agency_id,
                ContactSector.contact_id == Contact.id,
                whose.among(ContactSector.contact_id),
                _begins(ContactSector.code, sectors),
            )
        )
    if places:
        found.append(_begins(Contact.place_code, places))
    if languages:
        found.append(Contact.language.in_(languages))
    if tags:
        found.append(
            exists().where(
                ContactTag.agency_id == whose.agency_id,
                ContactTag.contact_id == Contact.id,
                whose.among(ContactTag.contact_id),
                ContactTag.tag.in_(tags),
            )
        )
    found += [has_sms() for rule in rules if isinstance(rule, HasSms)]
    found += [has_email() for rule in rules if isinstance(rule, HasEmail)]
    found += [_where(rule, whose) for rule in rules if isinstance(rule, AllOf | AnyOf | NoneOf)]
    return or_(false(), *found)


def _begins(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], prefixes: Iterable[str]
) -> ColumnElement[bool]:
    return or_(false(), *(and_(column >= prefix, column < prefix_end(prefix)) for prefix in sorted(set(prefixes))))
