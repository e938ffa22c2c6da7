"""How often one person is written to: the agency's own cap, and the one that all agencies share."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from campaigns import agencies, authoring, planning
from campaigns.errors import Invalid
from campaigns.rules.frequency import Cap
from campaigns.store import campaigns as store
from campaigns.store.agencies import Agency
from campaigns.store.campaigns import Campaign
from campaigns.store.deliveries import Delivery
from tests.crowd import person
from tests.drafts import NOW, draft, running, submitted


@pytest.fixture
def capped(sessions, agency):
    def cap(messages: int | None, days: int | None) -> None:
        with sessions(agency.id).begin() as session:
            session.execute(update(Agency).where(Agency.id == agency.id).values(cap_messages=messages, cap_days=days))

    return cap


@pytest.fixture
def people(sessions, vault, agency):
    """Rosa by SMS, Juan by SMS and mail."""
    with sessions(agency.id).begin() as session:
        return [
            person(session, vault, agency, "+51987000001").id,
            person(session, vault, agency, "+51987000002", email="juan@empresa.example").id,
        ]


@pytest.fixture
def plan(sessions, agency, ada, sender):
    """Plan one more campaign; whom it writes to, and why not to the others."""

    def again(*, shared: Cap | None = None, urgent: bool = False):
        with sessions(agency.id).begin() as session:
            made = draft(session, agency, ada, sender)
            authoring.submit(session, agency.id, made.id, by=ada.id, now=NOW)
            session.execute(update(Campaign).where(Campaign.id == made.id).values(is_urgent=urgent))
        planning.plan(sessions, agency.id, made.id, now=NOW, shared=shared)
        with sessions(agency.id)() as session:
            found = store.get(session, agency.id, made.id)
            people = session.scalars(select(Delivery.contact_id).where(Delivery.campaign_id == made.id)).all()
            return set(people), found.plan_left_out or {}

    return again


def handed(sessions, agency, campaign_id, *, at=NOW, state="delivered", contact_id=None):
    """What became of a campaign's messages."""
    with sessions(agency.id).begin() as session:
        rows = update(Delivery).where(Delivery.campaign_id == campaign_id)
        if contact_id:
            rows = rows.where(Delivery.contact_id == contact_id)
        session.execute(rows.values(state=state, handed_at=at))


def test_without_a_cap_everybody_is_written_to_every_time(sessions, agency, ada, bruno, sender, people, plan):
    handed(sessions, agency, running(sessions, agency, ada, bruno, sender))
    assert plan() == (set(people), {})


def test_who_had_enough_is_left_out_and_counted(sessions, agency, ada, bruno, sender, people, plan, capped):
    capped(1, 7)
    first = running(sessions, agency, ada, bruno, sender)
    handed(sessions, agency, first, contact_id=people[0])
    handed(sessions, agency, first, contact_id=people[1], state="failed")
    assert plan() == ({people[1]}, {"lately": 1})
    capped(2, 7)
    assert plan() == (set(people), {})


def test_what_waits_in_an_approved_campaign_counts_and_what_nobody_approved_does_not(
    sessions, agency, ada, bruno, sender, people, plan, capped
):
    capped(1, 7)
    submitted(sessions, agency, ada, sender)
    assert plan() == (set(people), {})
    running(sessions, agency, ada, bruno, sender)
    assert plan() == (set(), {"lately": 2})


def test_days_are_counted_back_from_now(sessions, agency, ada, bruno, sender, people, plan, capped):
    capped(1, 2)
    first = running(sessions, agency, ada, bruno, sender)
    handed(sessions, agency, first, at=NOW - timedelta(days=2, seconds=1), contact_id=people[0])
    handed(sessions, agency, first, at=NOW - timedelta(days=2, seconds=-1), contact_id=people[1])
    assert plan() == ({people[0]}, {"lately": 1})


def test_an_urgent_campaign_reaches_everybody(sessions, agency, ada, bruno, sender, people, plan, capped):
    capped(1, 7)
    handed(sessions, agency, running(sessions, agency, ada, bruno, sender))
    assert plan(urgent=True) == (set(people), {})


def test_several_channels_of_one_campaign_count_once(sessions, vault, agency, ada, bruno, sender, people, plan, capped):
    capped(2, 7)
    first = running(sessions, agency, ada, bruno, sender)
    handed(sessions, agency, first)
    with sessions(agency.id).begin() as session:
        session.execute(update(Campaign).where(Campaign.id == first).values(state="planning"))
        session.add(
            Delivery(
                campaign_id=first,
                agency_id=agency.id,
                contact_id=people[1],
                channel="email",
                address_index=vault.address_index("juan@empresa.example"),
                language="es",
                state="delivered",
                handed_at=NOW,
            )
        )
        session.flush()
        session.execute(update(Campaign).where(Campaign.id == first).values(state="running"))
    assert plan() == (set(people), {})


def test_agencies_share_a_cap_without_seeing_each_other(
    sessions, vault, agency, other_agency, ada, bruno, carla, sender, people, plan
):
    with sessions(other_agency.id).begin() as session:
        same = person(session, vault, other_agency, "+51987000001")
        campaign = Campaign(
            agency_id=other_agency.id, name="Callao", state="planning", ended_at=NOW, started_at=NOW, channels="sms"
        )
        session.add(campaign)
        session.flush()
        session.add(
            Delivery(
                campaign_id=campaign.id,
                agency_id=other_agency.id,
                contact_id=same.id,
                channel="sms",
                address_index=same.phone_index,
                language="es",
                state="sent",
                handed_at=NOW - timedelta(hours=1),
            )
        )
        session.flush()
        campaign.state = "finished"
    assert plan(shared=Cap(1, 1)) == ({people[1]}, {"lately": 1})
    assert plan(shared=Cap(2, 1)) == (set(people), {})
    assert plan() == (set(people), {})
    with sessions(agency.id)() as session:
        assert session.scalars(select(Delivery.agency_id).distinct()).all() in ([agency.id], [])


def test_nobody_counts_for_an_agency_they_do_not_act_for(sessions, vault, agency, other_agency, people):
    with sessions(other_agency.id)() as session:
        asked = text("SELECT count(*) FROM written_lately(0, 0, 1000000, now(), now())")
        assert session.scalar(asked) == 0


@pytest.mark.parametrize(
    ("messages", "days", "field"),
    [(1, None, "cap_days"), (None, 1, "cap_messages"), (0, 1, "cap_messages"), (1, 91, "cap_days")],
)
def test_half_a_cap_is_refused(sessions, agency, dora, messages, days, field):
    form = agencies.AgencyForm(agency.name, agency.time_zone, agency.hours, cap_messages=messages, cap_days=days)
    with sessions(agency.id)() as session, pytest.raises(Invalid) as refused:
        agencies.change(session, agency.id, form, by=dora.id)
    assert refused.value.field == field
