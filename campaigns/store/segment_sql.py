"""Segment rules as conditions on contacts: bound parameters only, and shapes an index serves behind row-level security.

Prefixes are ranges under COLLATE "C", because LIKE is not leakproof and loses its index behind a policy (DESIGN 10.4).
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from campaigns.rules.segments import (
    AllOf,
    AnyOf,
    HasSms,
    InPlace,
    InSector,
    NoneOf,
    Reads,
    Rule,
    Tagged,
    prefix_end,
)
from campaigns.store.consents import has_sms
from campaigns.store.contacts import Contact, ContactSector, ContactTag


def picks(rule: Rule, agency_id: int) -> ColumnElement[bool]:
    """True for the contacts of the agency that `rule` picks."""
    return and_(Contact.agency_id == agency_id, _where(rule, agency_id))


def _where(rule: Rule, agency_id: int) -> ColumnElement[bool]:
    match rule:
        case AllOf(rules):
            return and_(true(), *(_where(inner, agency_id) for inner in rules))
        case AnyOf(rules):
            return _any(rules, agency_id)
        case NoneOf(rules):
            # A place nobody knows is NULL, and a NULL is not "in none of these": it must count as outside.
            return not_(_any(rules, agency_id)).is_not(false())
        case _:
            return _any((rule,), agency_id)


def _any(rules: Sequence[Rule], agency_id: int) -> ColumnElement[bool]:
    """One look per kind of leaf, however many leaves: ten sectors are one semi-join with ten ranges."""
    sectors = [rule.code for rule in rules if isinstance(rule, InSector)]
    places = [rule.code for rule in rules if isinstance(rule, InPlace)]
    languages = [rule.language for rule in rules if isinstance(rule, Reads)]
    tags = [rule.tag for rule in rules if isinstance(rule, Tagged)]
    found: list[ColumnElement[bool]] = []
    if sectors:
        found.append(
            exists().where(
                ContactSector.agency_id == agency_id,
                ContactSector.contact_id == Contact.id,
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
                ContactTag.agency_id == agency_id, ContactTag.contact_id == Contact.id, ContactTag.tag.in_(tags)
            )
        )
    found += [has_sms() for rule in rules if isinstance(rule, HasSms)]
    found += [_where(rule, agency_id) for rule in rules if isinstance(rule, AllOf | AnyOf | NoneOf)]
    return or_(false(), *found)


def _begins(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], prefixes: Iterable[str]
) -> ColumnElement[bool]:
    return or_(false(), *(and_(column >= prefix, column < prefix_end(prefix)) for prefix in sorted(set(prefixes))))
