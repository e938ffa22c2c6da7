"""Segments whose people a campaign leaves out."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from campaigns import authoring, planning, segments
from campaigns.errors import Conflict, Invalid
from campaigns.rules.segments import EVERYONE, Reads, Tagged
from campaigns.store import campaigns as store
from campaigns.store.deliveries import Delivery
from tests.crowd import person
from tests.drafts import NOW, TEXTS, draft


@pytest.fixture
def people(sessions, vault, agency):
    with sessions(agency.id).begin() as session:
        return {
            "plain": person(session, vault, agency, "+51987000001").id,
            "tagged": person(session, vault, agency, "+51987000002", tags=("taller",)).id,
            "quechua": person(session, vault, agency, "+51987000003", language="qu").id,
        }


@pytest.fixture
def leave_out(sessions, agency, ada):
    """A segment to leave out; its id."""

    def make(rule, name="Fuera"):
        with sessions(agency.id).begin() as session:
            return segments.save(session, agency.id, name=name, rule=rule, by=ada.id).id

    return make


def made(sessions, agency, ada, sender, excluded):
    with sessions(agency.id).begin() as session:
        campaign = draft(session, agency, ada, sender)
        wanted = authoring.Draft(
            name=campaign.name,
            segment_id=campaign.segment_id,
            sender_id=sender.id,
            texts=TEXTS,
            excluded_ids=excluded,
        )
        authoring.change(session, agency.id, campaign.id, wanted, by=ada.id, now=NOW)
        return campaign.id


def test_whoever_a_segment_left_out_picks_gets_nothing(sessions, agency, ada, sender, people, leave_out):
    tagged, quechua = leave_out(Tagged("taller")), leave_out(Reads("qu"), "Quechua")
    campaign_id = made(sessions, agency, ada, sender, [quechua, tagged])
    with sessions(agency.id).begin() as session:
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
        # What is changed after that changes nothing any more.
        segments.save(session, agency.id, name="Fuera", rule=EVERYONE, by=ada.id, segment_id=tagged)
    planning.plan(sessions, agency.id, campaign_id, now=NOW)
    with sessions(agency.id)() as session:
        found = session.scalars(select(Delivery.contact_id).where(Delivery.campaign_id == campaign_id)).all()
        assert found == [people["plain"]]
        assert store.get(session, agency.id, campaign_id).plan_total == 1


def test_what_cannot_be_left_out(sessions, agency, ada, sender, people, leave_out, other_agency):
    campaign_id = made(sessions, agency, ada, sender, [])
    with sessions(agency.id)() as session:
        campaign = authoring.get(session, agency.id, campaign_id)
        wanted = authoring.Draft(name="Otra", segment_id=campaign.segment_id, sender_id=sender.id, texts=TEXTS)
        for excluded, code in (([campaign.segment_id], "segment_excluded"), ([10**9], "segment_unknown")):
            with pytest.raises(Invalid) as refused:
                authoring.change(
                    session, agency.id, campaign_id, replace(wanted, excluded_ids=excluded), by=ada.id, now=NOW
                )
            assert (refused.value.field, refused.value.code) == ("excluded", code)


def test_a_segment_that_is_left_out_by_a_campaign_stays(sessions, agency, ada, sender, people, leave_out):
    tagged = leave_out(Tagged("taller"))
    made(sessions, agency, ada, sender, [tagged])
    with sessions(agency.id)() as session:
        assert segments.uses(session, agency.id)[tagged].campaigns == 1
        with pytest.raises(Conflict, match="segment_used"):
            segments.delete(session, agency.id, tagged, by=ada.id)


def test_a_copy_leaves_out_the_same_and_saving_it_unchanged_changes_nothing(
    sessions, agency, ada, sender, people, leave_out
):
    tagged = leave_out(Tagged("taller"))
    campaign_id = made(sessions, agency, ada, sender, [tagged])
    with sessions(agency.id).begin() as session:
        copy = authoring.duplicate(session, agency.id, campaign_id, name="Copia", by=ada.id)
        assert copy.excluded_ids == [tagged]
        stamp = authoring.stamp(copy)
        same = authoring.Draft(
            name="Copia",
            segment_id=copy.segment_id,
            excluded_ids=(tagged, tagged),
            sender_id=sender.id,
            texts=TEXTS,
            starts_at=copy.starts_at,
        )
        assert authoring.stamp(authoring.change(session, agency.id, copy.id, same, by=ada.id, now=NOW)) == stamp
