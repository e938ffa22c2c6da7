"""A budget that is used up ends a campaign, but not while what others have in hand may give parts back."""

import threading

import pytest
from sqlalchemy import text

from campaigns.supply import End

PEOPLE = 3


@pytest.fixture
def do(sessions, agency):
    def execute(statement, **values):
        with sessions(agency.id).begin() as session:
            return session.execute(text(statement), values)

    return execute


@pytest.fixture
def in_hand_elsewhere(do, agency, sender):
    """The agency's month is used up, by what its service campaign has in hand at the most it can cost."""
    do("UPDATE agency SET parts_per_month = 60 WHERE id = :a", a=agency.id)
    add = (
        "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number, parts)"
        " SELECT :a, id, 'sms', 'es', 'sending', :number, :parts FROM campaign WHERE kind = 'service'"
    )
    do(add, a=agency.id, number=1, parts=60)
    return lambda: do(add, a=agency.id, number=-1, parts=-59)


def test_it_waits_for_what_another_campaign_has_in_hand(in_hand_elsewhere, running, send, states):
    campaign_id = running(PEOPLE)
    comes_back = threading.Timer(1.0, in_hand_elsewhere)
    comes_back.start()
    assert send(campaign_id) is End.EMPTY
    comes_back.join()
    assert states(campaign_id) == {"sent": PEOPLE}


def test_whoever_waits_keeps_nobody_else_from_spending(in_hand_elsewhere, running, send, do, agency):
    campaign_id = running(PEOPLE)
    free = []

    def look():
        sql = "SELECT pg_try_advisory_xact_lock(7112028, CAST(:a AS integer))"
        free.extend(do(sql, a=agency.id).scalar_one() for _ in range(50))

    looks = threading.Timer(0.5, look)
    looks.start()
    assert send(campaign_id, seconds=2.0) is End.TIME
    looks.join()
    assert sum(free) > 25
