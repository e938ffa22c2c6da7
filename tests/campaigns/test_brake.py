"""A campaign of which too much fails pauses itself, and says why; a person lets it go on (DOMAIN 1.12)."""

import pytest

from campaigns import brake, receipts, scheduling
from campaigns.providers.twilio_codes import failure
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import CONCERNS_SENDER, Failure
from campaigns.supply import End

RUNNING = ("running", None)


def test_refusals_while_it_sends_pause_it(carrier, starts, send, states, stands, do):
    do("UPDATE sender SET in_flight = 10")
    carrier.faults(
        latency_ms=10, create=[{"kind": "refused", "code": 21612, "status": 400, "probability": 0.6}], seed=3
    )
    campaign_id = starts(600)
    assert send(campaign_id) is End.EMPTY
    left = states(campaign_id)
    assert stands(campaign_id) == ("paused", "brake_failed")
    assert left["failed: no_route"] >= brake.FEWEST
    assert left["queued"] > 100
    assert sum(left.values()) == 600


@pytest.mark.parametrize(("share", "expected"), [(0.1, RUNNING), (0.5, ("paused", "brake_failed"))])
def test_refusals_are_not_judged_by_themselves_while_receipts_are_on_their_way(
    share, expected, carrier, starts, send, stands
):
    refused = {"kind": "refused", "code": 21211, "status": 400, "probability": share}
    carrier.faults(create=[refused], seed=5)
    campaign_id = starts(1400)
    send(campaign_id)
    assert stands(campaign_id) == expected


@pytest.mark.parametrize(
    ("delivered", "failed", "why", "expected"),
    [
        (80, 20, Failure.CARRIER, None),  # the limit is not passed
        (79, 21, Failure.CARRIER, "brake_failed"),
        (98, 2, Failure.FILTERED, None),
        (97, 3, Failure.FILTERED, "brake_filtered"),
        (0, 99, Failure.CARRIER, None),  # too few to judge
        (0, 100, Failure.CARRIER, "brake_failed"),
        (0, 99, Failure.FILTERED, None),
    ],
)
def test_receipts_pause_it_above_the_limits(delivered, failed, why, expected, starts, send, hear, stands):
    campaign_id = starts(delivered + failed)
    send(campaign_id)
    hear(campaign_id, delivered, State.DELIVERED)
    hear(campaign_id, failed, State.FAILED, why)
    assert stands(campaign_id) == (("paused", expected) if expected else RUNNING)


@pytest.mark.parametrize(("limit", "expected"), [(40, RUNNING), (39, ("paused", "brake_failed"))])
def test_the_limit_is_the_agencys(limit, expected, starts, send, hear, stands, do):
    do("UPDATE agency SET brake_failed = :limit", limit=limit)
    campaign_id = starts(100)
    send(campaign_id)
    hear(campaign_id, 60, State.DELIVERED)
    hear(campaign_id, 40, State.FAILED, Failure.CARRIER)
    assert stands(campaign_id) == expected


def test_only_the_latest_five_hundred_are_judged(starts, send, hear, stands, do):
    do("UPDATE agency SET brake_failed = 100")
    campaign_id = starts(660)
    send(campaign_id)
    hear(campaign_id, 150, State.FAILED, Failure.CARRIER)
    hear(campaign_id, 500, State.DELIVERED)
    do("UPDATE agency SET brake_failed = 20")
    hear(campaign_id, 10, State.FAILED, Failure.CARRIER)  # 160 of 660 failed, but 10 of the last 510
    assert stands(campaign_id) == RUNNING


def test_a_person_lets_it_go_on_and_it_is_judged_anew(starts, send, hear, stands, sessions, agency, bruno):
    campaign_id = starts(160)
    send(campaign_id)
    hear(campaign_id, 110, State.FAILED, Failure.CARRIER)
    assert stands(campaign_id) == ("paused", "brake_failed")
    with sessions(agency.id).begin() as session:
        scheduling.resume(session, agency.id, campaign_id, by=bruno.id)
    hear(campaign_id, 50, State.FAILED, Failure.CARRIER)
    assert stands(campaign_id) == RUNNING


def test_author_and_approver_are_told_once(starts, send, hear, states, do, ada, bruno):
    campaign_id = starts(120)
    send(campaign_id)
    hear(campaign_id, 110, State.FAILED, Failure.CARRIER)
    hear(campaign_id, 10, State.FAILED, Failure.CARRIER)
    told = do("SELECT staff_id, reason FROM notice WHERE what = 'braked' ORDER BY staff_id").all()
    assert [tuple(row) for row in told] == [(ada.id, "brake_failed"), (bruno.id, "brake_failed")]
    rows = do("SELECT staff_id FROM audit WHERE did = 'campaign:paused'").all()
    assert [tuple(row) for row in rows] == [(None,)]
    assert states(campaign_id) == {"failed: carrier": 120}


def test_a_stopped_campaign_stays_stopped(starts, send, hear, stands, sessions, agency, bruno):
    campaign_id = starts(110)
    send(campaign_id)
    with sessions(agency.id).begin() as session:
        scheduling.stop(session, agency.id, campaign_id, by=bruno.id)
    hear(campaign_id, 110, State.FAILED, Failure.CARRIER)
    assert stands(campaign_id)[0] == "stopping"


@pytest.mark.parametrize("code", [30002, 63038, 30034, 30032, 20003, 21606, 21608])
def test_one_message_that_says_something_about_the_sender_is_enough(code, starts, send, hear, stands, do):
    campaign_id = starts(3)
    send(campaign_id)
    assert failure(code) in CONCERNS_SENDER
    hear(campaign_id, 1, State.FAILED, failure(code))
    assert stands(campaign_id) == ("paused", failure(code).value)
    assert do("SELECT count(*) FROM notice WHERE what = 'paused'").scalar_one() == 2


def test_what_concerned_the_sender_before_a_person_resumed_does_not_pause_it_again(
    starts, send, hear, stands, sessions, agency, bruno
):
    campaign_id = starts(3)
    send(campaign_id)
    hear(campaign_id, 1, State.FAILED, Failure.ACCOUNT)
    with sessions(agency.id).begin() as session:
        scheduling.resume(session, agency.id, campaign_id, by=bruno.id)
    hear(campaign_id, 1, State.FAILED, Failure.ACCOUNT)
    receipts.apply(sessions, agency.id)
    assert stands(campaign_id) == RUNNING
