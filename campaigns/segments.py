"""Segments: saved rules that pick contacts, and how many they pick.

A rule may name other segments. They are looked up whenever it is asked for, and written out for good where a campaign
is submitted: a later change of an inner segment changes no audience that somebody approved.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from campaigns import audit
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules import names, nested_segments
from campaigns.rules import segments as rules
from campaigns.rules.audience import Count
from campaigns.store import headcount
from campaigns.store import segments as store
from campaigns.store.segments import Segment

MOST_TAGS: Final = 500
_NEW: Final = 0  # no segment has this id

__all__ = [
    "Count",
    "Segment",
    "Uses",
    "count",
    "delete",
    "duplicate",
    "get",
    "listed",
    "rule_of",
    "save",
    "tags",
    "uses",
]


class Uses(NamedTuple):
    """How many campaigns and how many other segments name a segment."""

    campaigns: int = 0
    segments: int = 0


def save(
    session: Session, agency_id: int, *, name: str, rule: rules.Rule, by: int, segment_id: int | None = None
) -> Segment:
    """Add a segment, or change the one with `segment_id`. Campaigns planned with it keep the audience they have.

    Nobody else changes a segment of the agency until this transaction ends: else two people could close a circle
    together that neither of them sees. Raises Invalid("name", name_length | segment_name_taken), NotFound, and
    Invalid("rule", ..) like rules.parse() and nested_segments.write_out(), or rule_circle | rule_outgrown. Of these,
    `segment` is the inner segment it is about.
    """
    name = names.read_name(name)
    # A rule made in code goes through the same limits as one from a form.
    stored = rules.store(rules.parse(rules.store(rule)))
    held = {one.id: one for one in store.hold_all(session, agency_id)}
    if segment_id is not None and segment_id not in held:
        raise NotFound("segment_unknown")
    _check_nesting(held, segment_id, name, rule)
    other = store.named(session, agency_id, name)
    if other is not None and other.id != segment_id:
        raise Invalid("name", "segment_name_taken", name=name)
    found = Segment(agency_id=agency_id, staff_id=by) if segment_id is None else held[segment_id]
    if not store.keep(session, found, name=name, rule=stored):  # somebody else took the name at the same moment
        raise Invalid("name", "segment_name_taken", name=name)
    audit.record(session, agency_id, audit.Did.SEGMENT_SAVED, f"segment:{found.id}", by=by)
    return found


def duplicate(session: Session, agency_id: int, segment_id: int, *, name: str, by: int) -> Segment:
    """A new segment with the rule of another; a number is put after `name` where that is taken. Raises NotFound."""
    old = get(session, agency_id, segment_id)
    taken = {one.name for one in store.of_agency(session, agency_id)}
    name, number = names.read_name(name[: names.LONGEST]), 1
    chosen = name
    while chosen in taken:
        number += 1
        chosen = f"{name[: names.LONGEST - len(str(number)) - 1]} {number}"
    return save(session, agency_id, name=chosen, rule=rule_of(old), by=by)


def get(session: Session, agency_id: int, segment_id: int) -> Segment:
    """One of the agency's segments; raises NotFound."""
    segment = store.get(session, agency_id, segment_id)
    if segment is None:
        raise NotFound("segment_unknown")
    return segment


def rule_of(segment: Segment) -> rules.Rule:
    """The segment's rule as a tree."""
    return rules.parse(segment.rule)


def listed(session: Session, agency_id: int) -> Sequence[Segment]:
    """The agency's segments, by name."""
    return store.of_agency(session, agency_id)


def uses(session: Session, agency_id: int) -> dict[int, Uses]:
    """Segment id -> what names it; those that nothing names are left out."""
    by_segments: dict[int, int] = {}
    for one in store.of_agency(session, agency_id):
        for number in nested_segments.named(rule_of(one)):
            by_segments[number] = by_segments.get(number, 0) + 1
    by_campaigns = store.campaigns_of(session, agency_id)
    return {
        number: Uses(by_campaigns.get(number, 0), by_segments.get(number, 0))
        for number in by_campaigns.keys() | by_segments.keys()
    }


def delete(session: Session, agency_id: int, segment_id: int, *, by: int) -> None:
    """Delete a segment that nothing names. Raises NotFound, Conflict("segment_used", count) for campaigns,
    Conflict("segment_inside", names, count) for other segments.
    """
    held = {one.id: one for one in store.hold_all(session, agency_id)}
    if segment_id not in held:
        raise NotFound("segment_unknown")
    outer = [one.name for one in held.values() if segment_id in nested_segments.named(rule_of(one))]
    if outer:
        raise Conflict("segment_inside", names=", ".join(sorted(outer)), count=len(outer))
    count = store.campaigns_of(session, agency_id).get(segment_id, 0)
    if count:
        raise Conflict("segment_used", count=count)
    if not store.remove(session, held[segment_id]):  # a campaign took it at the same moment
        raise Conflict("segment_used", count=1)
    audit.record(session, agency_id, audit.Did.SEGMENT_DELETED, f"segment:{segment_id}", by=by)


def tags(session: Session, agency_id: int) -> list[str]:
    """The tags on the agency's contacts, at most five hundred."""
    return store.tags(session, agency_id, most=MOST_TAGS)


def count(session: Session, agency_id: int, rule: rules.Rule) -> Count:
    """How many contacts the rule picks now, and why some of them would not be written to. One statement.

    Raises Invalid("rule", rule_segment_unknown) where it names a segment that is not there.
    """
    return headcount.count(session, agency_id, rule)


def _check_nesting(held: Mapping[int, Segment], segment_id: int | None, name: str, rule: rules.Rule) -> None:
    known = {number: rule_of(one) for number, one in held.items()}
    mine = segment_id or _NEW
    known[mine] = rule
    way = nested_segments.circle(mine, known)
    if way:
        told = [name if number == mine else held[number].name for number in way]
        raise Invalid("rule", "rule_circle", way=" → ".join(told), segment=way[1])
    nested_segments.write_out(rule, known)
    for number in sorted(nested_segments.users(mine, known)):
        try:
            nested_segments.write_out(known[number], known)
        except Invalid:
            raise Invalid("rule", "rule_outgrown", name=held[number].name) from None
