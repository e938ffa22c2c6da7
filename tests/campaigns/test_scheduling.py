"""Pause, resume and stop: only from where it makes sense, only within the agency, each with an audit row."""

import pytest
from sqlalchemy import text

from campaigns import scheduling
from campaigns.errors import Conflict, NotFound
from campaigns.rules.lifecycle import CampaignState


@pytest.fixture
def do(sessions, agency, bruno):
    def verb(name, campaign_id, *, agency_id=None, **values):
        with sessions(agency_id or agency.id).begin() as session:
            return getattr(scheduling, name)(session, agency_id or agency.id, campaign_id, by=bruno.id, **values).state

    return verb


def deeds(sessions, agency):
    with sessions(agency.id)() as session:
        return list(session.scalars(text("SELECT did FROM audit WHERE subject LIKE 'campaign:%' ORDER BY id")))


def test_there_and_back_and_out(do, running, sessions, agency, bruno):
    campaign_id = running(1)
    assert do("pause", campaign_id, reason="  wait\nfor news ") is not None
    with sessions(agency.id)() as session:
        assert session.scalar(text("SELECT pause_reason FROM campaign WHERE id = :c"), {"c": campaign_id}) == (
            "wait for news"
        )
    assert do("resume", campaign_id) == CampaignState.RUNNING
    assert do("stop", campaign_id) == CampaignState.STOPPING
    assert deeds(sessions, agency)[-3:] == ["campaign:paused", "campaign:resumed", "campaign:stopped"]


@pytest.mark.parametrize(
    ("before", "verb", "code"),
    [
        ([], "resume", "campaign_not_paused"),
        (["pause"], "pause", "campaign_not_running"),
        (["stop"], "pause", "campaign_not_running"),
        (["stop"], "resume", "campaign_not_paused"),
        (["stop"], "stop", "campaign_not_under_way"),
    ],
)
def test_only_from_where_it_makes_sense(do, running, before, verb, code):
    campaign_id = running(1)
    for earlier in before:
        do(earlier, campaign_id)
    with pytest.raises(Conflict) as conflict:
        do(verb, campaign_id)
    assert conflict.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE text SET body = body || '!'",
        "UPDATE sender SET account = account || 'x'",
    ],
)
def test_what_changed_since_approval_does_not_go_on(do, running, sessions, agency, change):
    campaign_id = running(1)
    do("pause", campaign_id)
    with sessions(agency.id).begin() as session:
        session.execute(text(change))
    with pytest.raises(Conflict) as conflict:
        do("resume", campaign_id)
    assert conflict.value.code == "campaign_changed_since_approval"
    assert do("stop", campaign_id) == CampaignState.STOPPING


def test_an_audience_that_was_tampered_with_does_not_go_on(do, running, settings, agency):
    import psycopg

    campaign_id = running(3)
    do("pause", campaign_id)
    owner = settings.owner_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("DELETE FROM delivery WHERE id = (SELECT min(id) FROM delivery)")
    with pytest.raises(Conflict) as conflict:
        do("resume", campaign_id)
    assert conflict.value.code == "campaign_changed_since_approval"


def test_a_stranger_sees_no_campaign(do, running, other_agency):
    campaign_id = running(1)
    for verb in ("pause", "resume", "stop"):
        with pytest.raises(NotFound):
            do(verb, campaign_id, agency_id=other_agency.id)
