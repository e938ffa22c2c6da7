"""Rules in SQL pick whom the same rules pick when they are read by hand, over a small book with everything in it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import insert, select

from campaigns import segments
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import State
from campaigns.rules.roles import Role
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
    NoneOf,
    Reachable,
    Reads,
    Tagged,
)
from campaigns.store import audiences
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery
from campaigns.store.inbound import Inbound
from campaigns.store.segment_sql import Run, picks, picks_of_all
from campaigns.store.segments import written_out
from tests.crowd import person, refuse

INNER = AnyOf((InPlace("1501"), Answered()))


@dataclass
class Known:
    """What the plain reading goes by: the contact's row, and what is written elsewhere about it."""

    row: Contact
    sectors: tuple[str, ...]
    tags: tuple[str, ...]
    refused: str | None
    reached: float | None  # days ago
    wrote: float | None


# phone kind | email, place, language, sectors, tags, role, ground, refused, days since reached, days since they wrote
BOOK = [
    ("mobile", None, "150110", "es", ("4921",), ("ruta 5",), "driver", "consent", None, 0.5, None),
    ("mobile", "a@correo.example", "150117", "qu", ("4922",), (), "owner", "consent", "sms", 6.9, 3.0),
    ("mobile", None, "070101", "es", ("4711", "4921"), ("mercado",), None, None, None, 7.1, 400.0),
    ("landline", "b@correo.example", None, "quy", (), (), "driver", "consent", "email", None, 0.1),
    (None, "c@correo.example", "15", "es", ("4923",), ("ruta 5", "mercado"), None, "consent", None, 29.0, None),
    (None, "d@correo.example", "1501", "ay", (), (), "dispatcher", None, None, None, None),
    ("mobile", None, None, "es", ("4921",), (), "fare_collector", "consent", None, 200.0, 29.5),
    ("mobile", None, "150110", "qu", ("4922", "4923"), ("mercado",), None, "consent", None, None, 364.0),
]


@pytest.fixture
def book(session, vault, agency, ada, sender):
    """The whole book, with a finished campaign of long ago and one that goes on, and a segment."""
    now = datetime.now(UTC)
    old, recent = (
        Campaign(agency_id=agency.id, name="Aviso", state="planning", started_at=now - timedelta(days=days))
        for days in (500, 30)
    )
    old.ended_at = now - timedelta(days=190)
    session.add_all([old, recent])
    session.flush()
    found = []
    for number, entry in enumerate(BOOK):
        kind, email, place, language, sectors, tags, role, ground, refused, reached, wrote = entry
        row = person(
            session,
            vault,
            agency,
            f"+5198700000{number}" if kind else None,
            kind=kind or "mobile",
            email=email,
            place=place,
            language=language,
            sectors=sectors,
            tags=tags,
            ground=ground,
        )
        row.role = role
        if refused:
            refuse(session, agency, row, channel=refused)
        common = {"agency_id": agency.id, "contact_id": row.id, "channel": "sms", "language": "es"}
        if reached is not None:
            session.execute(
                insert(Delivery).values(
                    **common,
                    campaign_id=(old if reached > 100 else recent).id,
                    address_index=bytes([number]),
                    state=[State.SENT, State.DELIVERED, State.UNKNOWN, State.UNCONFIRMED][number % 4],
                    handed_at=now - timedelta(days=reached),
                )
            )
        # Was certainly not reached: it failed, or it only waits.
        for state, address in ((State.FAILED, b"f"), (State.QUEUED, b"q")):
            session.execute(
                insert(Delivery).values(
                    **common,
                    campaign_id=recent.id,
                    address_index=address + bytes([number]),
                    state=state,
                    handed_at=now - timedelta(hours=1),
                )
            )
        if wrote is not None:
            session.execute(
                insert(Inbound).values(
                    **common,
                    sender_id=sender.id,
                    provider_ref=f"SM{number}",
                    address_index=b"x",
                    address_sealed=b"x",
                    body_sealed=b"x",
                    kind="other",
                    received_at=now - timedelta(days=wrote),
                )
            )
        found.append(Known(row, sectors, tags, refused, reached, wrote))
    old.state, recent.state = "finished", "running"
    session.flush()
    inner = segments.save(session, agency.id, name="Lima o respondieron", rule=INNER, by=ada.id)
    return found, inner.id


def fits(rule, one, segment_id):
    """Whether the person is in it, as a person would say by reading the rule."""
    row = one.row
    match rule:
        case AllOf(rules):
            return all(fits(inner, one, segment_id) for inner in rules)
        case AnyOf(rules):
            return any(fits(inner, one, segment_id) for inner in rules)
        case NoneOf(rules):
            return not any(fits(inner, one, segment_id) for inner in rules)
        case InSector(code):
            return any(sector.startswith(code) for sector in one.sectors)
        case InPlace(code):
            return (row.place_code or "").startswith(code)
        case Reads(language):
            return row.language == language
        case Tagged(tag):
            return tag in one.tags
        case HasRole(role):
            return row.role == role
        case HasSms():
            return row.phone_kind == "mobile"
        case HasEmail():
            return row.email_index is not None
        case Reachable(channel):
            has = row.phone_kind == "mobile" if channel is Channel.SMS else row.email_index is not None
            return has and row.legal_ground is not None and one.refused != channel
        case Contacted(days):
            return one.reached is not None and one.reached < days
        case Answered(days):
            return one.wrote is not None and (days is None or one.wrote < days)
        case InSegment():
            return fits(INNER, one, segment_id)
    raise AssertionError(rule)


LEAVES = some.one_of(
    some.sampled_from(["4", "492", "4921", "47"]).map(InSector),
    some.sampled_from(["15", "1501", "150110", "07"]).map(InPlace),
    some.sampled_from(["es", "qu", "quy", "ay"]).map(Reads),
    some.sampled_from(["ruta 5", "mercado", "nadie"]).map(Tagged),
    some.sampled_from(Role).map(HasRole),
    some.sampled_from([HasSms(), HasEmail(), Reachable(Channel.SMS), Reachable(Channel.EMAIL)]),
    some.sampled_from([1, 7, 30, 365]).map(Contacted),
    some.sampled_from([None, 1, 7, 30, 365]).map(Answered),
    some.just(InSegment(1)),
)


def groups(inner):
    rules = some.lists(inner, min_size=1, max_size=4).map(tuple)
    return some.one_of(rules.map(AllOf), rules.map(AnyOf), rules.map(NoneOf))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rule=some.recursive(LEAVES, groups, max_leaves=10), part=some.booleans())
def test_sql_and_a_plain_reading_pick_the_same(session, agency, book, rule, part):
    found, segment_id = book
    run = Run(found[1].row.id, found[5].row.id) if part else None
    picked = picks(written_out(session, agency.id, _with(rule, segment_id)), agency.id, run)
    ids = set(session.scalars(select(Contact.id).where(picked)))
    among = found[2:6] if part else found
    assert ids == {one.row.id for one in among if fits(rule, one, segment_id)}
    if not part:
        at_once = picks_of_all(written_out(session, agency.id, _with(rule, segment_id)), agency.id)
        assert ids == set(session.scalars(select(Contact.id).where(at_once)))


def _with(rule, segment_id):
    match rule:
        case AllOf(rules) | AnyOf(rules) | NoneOf(rules):
            return type(rule)(tuple(_with(inner, segment_id) for inner in rules))
        case InSegment():
            return InSegment(segment_id)
    return rule


def test_every_count_takes_a_rule_with_segments_in_it(session, agency, book):
    found, segment_id = book
    rule = NoneOf((InSegment(segment_id),))
    wanted = {one.row.id for one in found if fits(rule, one, segment_id)}
    assert audiences.total(session, agency.id, rule) == len(wanted)
    assert segments.count(session, agency.id, rule).total == len(wanted)


def test_a_segment_that_is_not_written_out_is_no_condition(agency):
    with pytest.raises(ValueError, match="segment 3 is not written out"):
        picks(AllOf((InSegment(3),)), agency.id)
