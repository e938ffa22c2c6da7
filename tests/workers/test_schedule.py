"""A scheduled campaign goes out by itself, with real workers and a real clock, and one that is late does not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns import approval, authoring, planning
from tests import crowd, drafts
from tests.carrier import phone


@pytest.fixture
def scheduled(sessions, vault, agency, ada, bruno, sender):
    """The id of a campaign for three people that starts in so many seconds."""

    def make(seconds, **settings):
        now = datetime.now(UTC)
        with sessions(agency.id).begin() as session:
            for number in range(3):
                crowd.person(session, vault, agency, phone(number))
            made = drafts.draft(session, agency, ada, sender)
            wanted = authoring.Draft(
                made.name,
                made.segment_id,
                sender.id,
                starts_at=now + timedelta(seconds=seconds),
                texts=drafts.TEXTS,
                **settings,
            )
            authoring.change(session, agency.id, made.id, wanted, by=ada.id, now=now)
            authoring.submit(session, agency.id, made.id, by=ada.id, now=now)
        planning.plan(sessions, agency.id, made.id, now=now)
        with sessions(agency.id).begin() as session:
            approval.approve(session, agency.id, made.id, by=bruno.id, now=now)
            assert approval.start(session, agency.id, made.id, by=bruno.id, now=now).state == "scheduled"
        return made.id

    return make


@pytest.fixture
def state(sessions, agency):
    def now(campaign_id):
        with sessions(agency.id)() as session:
            campaign = authoring.get(session, agency.id, campaign_id)
            return campaign.state, campaign.pause_reason

    return now


@pytest.mark.parametrize("is_urgent", [False, True])
def test_it_goes_out_by_itself(scheduled, programs, states, state, until, is_urgent):
    campaign_id = scheduled(8, is_urgent=is_urgent)
    programs.worker()
    programs.clock()
    assert state(campaign_id) == ("scheduled", None)
    assert states(campaign_id) == {"queued": 3}
    until(lambda: set(states(campaign_id)) == {"sent"}, 40)


def test_one_that_is_late_waits_for_a_person(scheduled, programs, sessions, agency, states, state, until):
    campaign_id = scheduled(600)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET starts_at = now() - interval '61 minutes'"))
        session.execute(text("UPDATE campaign SET content_digest = campaign_content_digest(id)"))
    programs.worker()
    programs.clock()
    until(lambda: state(campaign_id) == ("approved", "late"), 40)
    assert states(campaign_id) == {"queued": 3}
