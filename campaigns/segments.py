"""Segments: saved rules that pick contacts, and how many they pick."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from campaigns import audit
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules import names
from campaigns.rules import segments as rules
from campaigns.rules.audience import Count
from campaigns.store import audiences
from campaigns.store import segments as store
from campaigns.store.segments import Segment

MOST_TAGS = 500

__all__ = ["Count", "Segment", "count", "delete", "get", "listed", "rule_of", "save", "tags", "uses"]


def save(
    session: Session, agency_id: int, *, name: str, rule: rules.Rule, by: int, segment_id: int | None = None
) -> Segment:
    """Add a segment, or change the one with `segment_id`. Campaigns planned with it keep the audience they have.

    Raises Invalid("name", name_length | segment_name_taken), NotFound.
    """
    name = names.read_name(name)
    other = store.named(session, agency_id, name)
    if other is not None and other.id != segment_id:
        raise Invalid("name", "segment_name_taken", name=name)
    # A rule made in code goes through the same limits as one from a form.
    stored = rules.store(rules.parse(rules.store(rule)))
    found = Segment(agency_id=agency_id, staff_id=by) if segment_id is None else get(session, agency_id, segment_id)
    if not store.keep(session, found, name=name, rule=stored):  # somebody else took the name at the same moment
        raise Invalid("name", "segment_name_taken", name=name)
    audit.record(session, agency_id, audit.Did.SEGMENT_SAVED, f"segment:{found.id}", by=by)
    return found


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


def uses(session: Session, agency_id: int) -> dict[int, int]:
    """Segment id -> how many campaigns name it; those that none names are left out."""
    return store.campaigns_of(session, agency_id)


def delete(session: Session, agency_id: int, segment_id: int, *, by: int) -> None:
    """Delete a segment that no campaign names. Raises NotFound, Conflict("segment_used", count)."""
    segment = get(session, agency_id, segment_id)
    count = uses(session, agency_id).get(segment_id, 0)
    if count:
        raise Conflict("segment_used", count=count)
    if not store.remove(session, segment):  # a campaign took it at the same moment
        raise Conflict("segment_used", count=1)
    audit.record(session, agency_id, audit.Did.SEGMENT_DELETED, f"segment:{segment_id}", by=by)


def tags(session: Session, agency_id: int) -> list[str]:
    """The tags on the agency's contacts, at most five hundred."""
    return store.tags(session, agency_id, most=MOST_TAGS)


def count(session: Session, agency_id: int, rule: rules.Rule) -> Count:
    """How many contacts the rule picks now, and why some of them would not be written to. One statement."""
    return audiences.count(session, agency_id, rule)
