"""Segments: saved rules that pick contacts."""

from collections.abc import Callable, Sequence

from sqlalchemy import ForeignKey, UniqueConstraint, func, select, text, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.rules import nested_segments, segments
from campaigns.store.campaigns import Campaign
from campaigns.store.metadata import Id, Made, Ref, Stored, Table


class Segment(Table):
    """A saved rule: a closed tree (rules/segments.py), never SQL."""

    __tablename__ = "segment"
    __table_args__ = (UniqueConstraint("agency_id", "name"),)
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    name: Mapped[str]
    rule: Mapped[Stored]
    staff_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Made]
    changed_at: Mapped[Made]


def get(session: Session, agency_id: int, segment_id: int) -> Segment | None:
    """One of the agency's segments, or None."""
    return session.scalar(select(Segment).where(Segment.agency_id == agency_id, Segment.id == segment_id))


def named(session: Session, agency_id: int, name: str) -> Segment | None:
    """The agency's segment with this name, or None."""
    return session.scalar(select(Segment).where(Segment.agency_id == agency_id, Segment.name == name))


def of_agency(session: Session, agency_id: int) -> Sequence[Segment]:
    """The agency's segments, by name."""
    return session.scalars(select(Segment).where(Segment.agency_id == agency_id).order_by(Segment.name)).all()


def hold_all(session: Session, agency_id: int) -> Sequence[Segment]:
    """The agency's segments as the database has them now; nobody else changes or deletes any until this transaction
    ends. Campaigns may still name them.
    """
    return session.scalars(
        select(Segment)
        .where(Segment.agency_id == agency_id)
        .order_by(Segment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def written_out(session: Session, agency_id: int, rule: segments.Rule) -> segments.Rule:
    """The rule with those of the segments it names in their place; the rule itself where it names none.

    Raises Invalid("rule", rule_segment_unknown | rule_too_deep | rule_too_large).
    """
    if not nested_segments.named(rule):
        return rule
    known = {one.id: segments.parse(one.rule) for one in of_agency(session, agency_id)}
    return nested_segments.write_out(rule, known)


def keep(session: Session, segment: Segment, *, name: str, rule: dict[str, object]) -> bool:
    """Write the segment with this name and rule; False if the name is taken. The session stays of use either way."""

    def write() -> None:
        # Not before: to begin the savepoint writes whatever was changed, outside of it.
        segment.name, segment.rule, segment.changed_at = name, rule, func.now()
        session.add(segment)

    return _tried(session, write)


def remove(session: Session, segment: Segment) -> bool:
    """Delete the segment; False if a campaign names it."""
    return _tried(session, lambda: session.delete(segment))


def campaigns_of(session: Session, agency_id: int) -> dict[int, int]:
    """Segment -> how many campaigns go to it or leave it out; those that none names are left out."""
    named = union_all(
        select(Campaign.segment_id.label("id")).where(
            Campaign.agency_id == agency_id, Campaign.segment_id.is_not(None)
        ),
        select(func.unnest(Campaign.excluded_ids)).where(Campaign.agency_id == agency_id),
    ).subquery()
    return {
        row.id: row.number
        for row in session.execute(select(named.c.id, func.count().label("number")).group_by(named.c.id))
    }


def _tried(session: Session, act: Callable[[], None]) -> bool:
    try:
        with session.begin_nested():
            act()
    except IntegrityError:
        return False
    return True


# Jumps from tag to tag in the key's order, so its time follows the number of tags, not that of contacts.
_TAGS = text("""
WITH RECURSIVE found AS (
    (SELECT tag FROM contact_tag WHERE agency_id = :agency ORDER BY tag LIMIT 1)
    UNION ALL
    SELECT (SELECT t.tag FROM contact_tag t WHERE t.agency_id = :agency AND t.tag > f.tag ORDER BY t.tag LIMIT 1)
    FROM found f WHERE f.tag IS NOT NULL
)
SELECT tag FROM found WHERE tag IS NOT NULL LIMIT :most
""")


def tags(session: Session, agency_id: int, *, most: int) -> list[str]:
    """The tags on the agency's contacts, in order of their letters, at most so many."""
    return list(session.scalars(_TAGS, {"agency": agency_id, "most": most}))
