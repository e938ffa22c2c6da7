"""Segment rules as conditions on contacts: bound parameters only, and shapes an index serves behind row-level security.

Prefixes are ranges under COLLATE "C", because LIKE is not leakproof and loses its index behind a policy (DESIGN 10.4).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import HANDED_OVER
from campaigns.rules.segments import (
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
    prefix_end,
)
from campaigns.store.campaigns import Campaign
from campaigns.store.consents import has_email, has_sms, reachable_by_email, reachable_by_sms
from campaigns.store.contacts import Contact, ContactSector, ContactTag
from campaigns.store.deliveries import Delivery
from campaigns.store.inbound import Inbound


class Run(NamedTuple):
    """The contacts after the id `after`, up to and with `upto`."""

    after: int
    upto: int


class _Whose(NamedTuple):
    agency_id: int
    run: Run | None
    at_once: bool = False  # what is looked up is looked up for everybody together

    def has(
        self, contact_id: InstrumentedAttribute[int] | InstrumentedAttribute[int | None], *where: ColumnElement[bool]
    ) -> ColumnElement[bool]:
        """True for contacts with such a row."""
        if self.at_once:
            return Contact.id.in_(select(contact_id).where(*where, contact_id.is_not(None)))
        return exists().where(contact_id == Contact.id, self.among(contact_id), *where)

    def among(self, contact_id: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
        """True for rows of these contacts. PostgreSQL does not carry a range over from one side of a join to the
        other by itself: without this every slice of a plan would read all sectors of all contacts.
        """
        if self.run is None:
            return true()
        return and_(contact_id > self.run.after, contact_id <= self.run.upto)


def picks(rule: Rule, agency_id: int, run: Run | None = None) -> ColumnElement[bool]:
    """True for the contacts of the agency that `rule` picks; only those of the run, if one is given.

    The rule names no other segments: store.segments.written_out() comes first.
    """
    whose = _Whose(agency_id, run)
    return and_(Contact.agency_id == agency_id, whose.among(Contact.id), _where(rule, whose))


def picks_of_all(rule: Rule, agency_id: int) -> ColumnElement[bool]:
    """Like picks(), for a look at the whole book.

    What stands in an "any" or a "none" and is looked up contact by contact is done so by one process alone; a set is
    made once, and several processes look into it. There must be room for it: store.headcount.count() asks for that.
    """
    return and_(Contact.agency_id == agency_id, _where(rule, _Whose(agency_id, None, at_once=True)))


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
    roles = [rule.role.value for rule in rules if isinstance(rule, HasRole)]
    found: list[ColumnElement[bool]] = []
    if sectors:
        found.append(
            whose.has(
                ContactSector.contact_id,
                ContactSector.agency_id == whose.agency_id,
                _begins(ContactSector.code, sectors),
            )
        )
    if places:
        found.append(_begins(Contact.place_code, places))
    if languages:
        found.append(Contact.language.in_(languages))
    if roles:
        found.append(Contact.role.in_(roles))
    if tags:
        found.append(
            whose.has(ContactTag.contact_id, ContactTag.agency_id == whose.agency_id, ContactTag.tag.in_(tags))
        )
    for rule in rules:
        if isinstance(rule, AllOf | AnyOf | NoneOf):
            found.append(_where(rule, whose))
        else:
            found += _alone(rule, whose)
    return or_(false(), *found)


def _alone(leaf: Leaf, whose: _Whose) -> list[ColumnElement[bool]]:
    """The condition of a leaf that is not looked up together with others of its kind."""
    match leaf:
        case HasSms():
            return [has_sms()]
        case HasEmail():
            return [has_email()]
        case Reachable(channel):
            return [reachable_by_sms() if channel is Channel.SMS else reachable_by_email()]
        case Contacted(days):
            return [_contacted(days, whose)]
        case Answered(ever_or_days):
            return [_answered(ever_or_days, whose)]
        case InSegment(number):
            raise ValueError(f"segment {number} is not written out")
    return []


def _contacted(days: int, whose: _Whose) -> ColumnElement[bool]:
    """By an index of each partition that can hold such a delivery: older ones are never opened."""
    since = _before_now(days)
    # Deliveries of a campaign are handed over between its start and its end, give or take what was in flight then.
    oldest = (
        select(func.min(Campaign.id))
        .where(
            Campaign.agency_id == whose.agency_id,
            Campaign.started_at.is_not(None),
            func.coalesce(Campaign.ended_at, func.now()) >= since - timedelta(days=1),
        )
        .scalar_subquery()
    )
    return whose.has(
        Delivery.contact_id,
        Delivery.agency_id == whose.agency_id,
        Delivery.campaign_id >= oldest,
        Delivery.handed_at >= since,
        Delivery.state.in_(HANDED_OVER),
    )


def _answered(days: int | None, whose: _Whose) -> ColumnElement[bool]:
    return whose.has(
        Inbound.contact_id,
        Inbound.agency_id == whose.agency_id,
        true() if days is None else Inbound.received_at >= _before_now(days),
    )


def _before_now(days: int) -> ColumnElement[datetime]:
    moment: ColumnElement[datetime] = func.now() - timedelta(days=days)
    return moment


def _begins(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], prefixes: Iterable[str]
) -> ColumnElement[bool]:
    return or_(false(), *(and_(column >= prefix, column < prefix_end(prefix)) for prefix in sorted(set(prefixes))))
