"""Planning writes each reachable person once, in a language they read, and says why the others are left out."""

import itertools
from collections import Counter

import pytest
from sqlalchemy import select, text

from campaigns import authoring, planning
from campaigns.rules.audience import Languages
from campaigns.rules.languages import choose_text
from campaigns.rules.segments import EVERYONE, AllOf, InPlace, InSector
from campaigns.store import audiences
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery
from tests.crowd import crowd, person, refuse
from tests.drafts import NOW, draft, submitted


def planned(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        campaign = store.get(session, agency.id, campaign_id)
        rows = session.execute(
            select(Delivery.contact_id, Delivery.language, Delivery.state).where(Delivery.campaign_id == campaign_id)
        )
        return campaign, {row.contact_id: (row.language, row.state) for row in rows}


def test_each_person_once_in_their_language_or_left_out_with_a_reason(sessions, vault, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        people = {
            "spanish": person(session, vault, agency, "+51987000001"),
            "quechua": person(session, vault, agency, "+51987000002", language="qu"),
            "chanka": person(session, vault, agency, "+51987000003", language="quy"),
            "aymara": person(session, vault, agency, "+51987000004", language="ay"),
        }
        person(session, vault, agency, "+51987000005", language="ay", accepts_fallback=False)
        person(session, vault, agency, "+51987000006", ground=None)
        person(session, vault, agency, "+5115550000", kind="landline")
        refuse(session, agency, person(session, vault, agency, "+51987000007"))
    campaign_id = submitted(sessions, agency, ada, sender)

    campaign, deliveries = planned(sessions, agency, campaign_id)
    found = {name: deliveries[contact.id] for name, contact in people.items()}
    assert found == {
        "spanish": ("es", "queued"),
        "quechua": ("qu", "queued"),
        "chanka": ("qu", "queued"),
        "aymara": ("es", "queued"),
    }
    assert len(deliveries) == 4
    assert campaign.state == "submitted"
    assert campaign.submitted_at == NOW
    assert campaign.plan_left_out == {"no_text": 1, "no_ground": 1, "no_mobile": 1, "opted_out": 1}
    assert (campaign.plan_total, campaign.plan_done) == (8, 8)
    assert campaign.content_digest
    assert campaign.audience_digest


def test_sql_chooses_the_language_as_the_rule_does(session, vault, agency):
    languages = ["es", "qu", "quy", "quz", "ay", "en"]
    people = [
        person(session, vault, agency, f"+5198700{i:04}", language=language, accepts_fallback=accepts)
        for i, (language, accepts) in enumerate(itertools.product(languages, [True, False]))
    ]
    for available, fallback in itertools.product(
        [["es"], ["qu"], ["es", "qu"], ["quy", "qu", "es"], ["ay", "quz"], []], ["es", "en", "qu"]
    ):
        wanted = Languages(available, fallback)
        chosen = dict(session.execute(select(Contact.id, audiences._language_to_use(wanted))).all())
        for contact in people:
            assert chosen[contact.id] == choose_text(contact.language, available, contact.accepts_fallback, fallback), (
                contact.language,
                contact.accepts_fallback,
                wanted,
            )


def test_slices_add_up_and_a_second_run_adds_nothing(sessions, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 95)
        campaign_id = draft(session, agency, ada, sender, rule=AllOf((InSector("49"), InPlace("15")))).id
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
    assert planning.plan(sessions, agency.id, campaign_id, now=NOW, slice_size=10)
    campaign, deliveries = planned(sessions, agency, campaign_id)
    with sessions(agency.id)() as session:
        wanted = set(session.scalars(select(Contact.id).where(Contact.place_code.startswith("15"))))
    assert set(deliveries) == wanted
    assert campaign.plan_done == campaign.plan_total == len(wanted)
    assert not planning.plan(sessions, agency.id, campaign_id, now=NOW)
    assert planned(sessions, agency, campaign_id)[1] == deliveries


def test_a_planner_that_dies_is_followed_by_one_that_goes_on(sessions, agency, ada, sender, monkeypatch):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 60)
        campaign_id = draft(session, agency, ada, sender).id
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)

    class Killed(BaseException):
        """What a SIGKILL looks like to the transaction it hits."""

    real, calls = audiences.plan_slice, itertools.count(1)

    def dies_in_the_third(*args, **values):
        done = real(*args, **values)
        if next(calls) == 3:
            raise Killed
        return done

    monkeypatch.setattr(audiences, "plan_slice", dies_in_the_third)
    with pytest.raises(Killed):
        planning.plan(sessions, agency.id, campaign_id, now=NOW, slice_size=10, lease=30)
    campaign, deliveries = planned(sessions, agency, campaign_id)
    assert (len(deliveries), campaign.plan_done, campaign.state) == (20, 20, "planning")

    # The dead one's lease keeps others away until it ends.
    assert not planning.plan(sessions, agency.id, campaign_id, now=NOW)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET plan_leased_until = now() - interval '1 second'"))
    assert planning.plan(sessions, agency.id, campaign_id, now=NOW, slice_size=10)
    campaign, deliveries = planned(sessions, agency, campaign_id)
    assert (len(deliveries), campaign.plan_done, campaign.state) == (60, 60, "submitted")


def test_a_planner_whose_lease_was_taken_over_stops(sessions, agency, ada, sender, monkeypatch):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 30)
        campaign_id = draft(session, agency, ada, sender).id
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
    real = audiences.total

    def slow(*args):
        found = real(*args)
        with sessions(agency.id).begin() as other:
            other.execute(text("UPDATE campaign SET plan_leased_until = now() + interval '1 minute'"))
        return found

    monkeypatch.setattr(audiences, "total", slow)
    assert not planning.plan(sessions, agency.id, campaign_id, now=NOW)
    assert planned(sessions, agency, campaign_id)[1] == {}


def test_taking_it_back_while_it_is_planned_leaves_nothing_behind(sessions, agency, ada, sender, monkeypatch):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 30)
        campaign_id = draft(session, agency, ada, sender).id
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
    keep = store.keep_lease
    seen = itertools.count(1)

    def meanwhile(session, held, *, seconds):
        if next(seen) == 3:
            with sessions(agency.id).begin() as other:
                authoring.take_back(other, agency.id, campaign_id, by=ada.id)
        return keep(session, held, seconds=seconds)

    monkeypatch.setattr(store, "keep_lease", meanwhile)
    assert not planning.plan(sessions, agency.id, campaign_id, now=NOW, slice_size=10)
    campaign, deliveries = planned(sessions, agency, campaign_id)
    assert (campaign.state, deliveries) == ("draft", {})


def test_with_nobody_left_it_goes_back_and_says_so(sessions, vault, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        refuse(session, agency, person(session, vault, agency, "+51987000007"))
    campaign_id = submitted(sessions, agency, ada, sender)
    campaign, deliveries = planned(sessions, agency, campaign_id)
    assert (campaign.state, campaign.return_reason, deliveries) == ("draft", "nobody_left", {})
    assert campaign.plan_left_out == {"opted_out": 1}
    with sessions(agency.id)() as session:
        assert len(authoring.texts(session, agency.id, campaign_id)) == 2
        figures = session.scalar(text("SELECT count(*) FROM figure"))
    assert figures == 0


def test_the_segment_may_change_while_the_audience_is_planned(sessions, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 30)
        campaign_id = draft(session, agency, ada, sender, rule=InPlace("0701")).id
        campaign = authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
        session.execute(text("UPDATE segment SET rule = '{\"all\": []}'"))
    planning.plan(sessions, agency.id, campaign_id, now=NOW)
    campaign, deliveries = planned(sessions, agency, campaign_id)
    assert campaign.rule == {"place": "0701"}
    assert len(deliveries) == 10


def test_a_strangers_campaign_is_not_planned(sessions, agency, other_agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
        campaign_id = draft(session, agency, ada, sender, rule=EVERYONE).id
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
    assert not planning.plan(sessions, other_agency.id, campaign_id, now=NOW)
    assert planned(sessions, agency, campaign_id)[1] == {}


def test_first_figures_are_the_queued_deliveries(sessions, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 50)
    campaign_id = submitted(sessions, agency, ada, sender)
    with sessions(agency.id)() as session:
        counted = Counter(session.scalars(select(Delivery.language).where(Delivery.campaign_id == campaign_id)))
        rows = session.execute(text("SELECT language, state, number FROM figure")).all()
        assert session.scalar(select(Campaign.state).where(Campaign.id == campaign_id)) == "submitted"
    assert {(row.language, row.state): row.number for row in rows} == {
        (language, "queued"): number for language, number in counted.items()
    }
