"""Any order and repetition of windows, results, receipts, sweeps and listings, on the store's own statements.

Whatever hypothesis thinks of, a delivery moves forward only, a phone gets at most one message (a second only after the
first certainly did not arrive), the figures stay true, and everything ends.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as profile
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine, text

from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import Failure
from campaigns.store import results, sweeps
from campaigns.store.results import Result
from campaigns.store.windows import Gate
from tests.delivery_machine import MOST, Deliveries
from tests.machine import WORLD, World


@pytest.fixture
def world(sessions, settings, agency, sender):
    owner = create_engine(settings.owner_url)
    with sessions(agency.id)() as session:
        campaign_id = session.scalar(text("SELECT id FROM campaign WHERE kind = 'service'"))
    gate = Gate(
        agency_id=agency.id,
        campaign_id=campaign_id,
        channel="sms",
        hours=agency.hours,
        zone=agency.time_zone,
        open_until=datetime.now(UTC) + timedelta(hours=1),
        digest=None,
        lease=60.0,
        most_parts=MOST,
    )
    WORLD.append(World(sessions, owner, agency, sender, campaign_id, gate))
    yield WORLD[-1]
    WORLD.pop()
    owner.dispose()


def test_that_a_failed_message_had_been_sent_told_late_takes_back_no_second_attempt(world):
    story = Deliveries()
    story.open_a_window(1)
    story.over(story.model.hands[0], "taken")
    story.end(story.model.messages[0], State.FAILED, Failure.UNREACHABLE)
    sent, failed = story.model.told
    for step in (lambda: story.land(list(story.model.landing)), lambda: story.keep(failed), lambda: story.apply(1)):
        step()
    story.check()
    story.try_again()
    story.keep(sent)
    story.apply(1)
    assert story.read()[story.model.ids[0]].state is State.QUEUED
    story.teardown()


@pytest.mark.parametrize("how", ["not taken", "later", "no text", "refused"])
def test_what_a_worker_writes_after_the_proof_of_absence_changes_nothing(world, how):
    story = Deliveries()
    story.open_a_window(1)
    story.over(story.model.hands[0], how)
    story.give_up_on_a_worker()
    story.check()
    before = story.was
    story.land(list(story.model.landing))
    story.check()
    assert story.was == before
    story.teardown()


@pytest.mark.parametrize("skipped", [False, True])
def test_what_was_called_absent_and_was_taken_after_all_does_not_go_again(world, skipped):
    story = Deliveries()
    story.open_a_window(1)
    hand = story.model.hands[0]
    story.lapse_all()
    with story.begin() as session:  # the provider's list does not have it yet
        absent = Result(hand.delivery, hand.attempt, State.QUEUED)
        results.close_window(session, story.agency_id, story.campaign_id, [absent], most=MOST)
    story.check()
    if skipped:
        with story.begin() as session:
            sweeps.skip_queued(session, story.agency_id, story.campaign_id, Reason.STOPPED, size=100)
    story.over(hand, "taken")
    for _ in range(2):
        story.land(list(story.model.landing) or [])
        story.write_again()
    story.check()
    row = story.was[hand.delivery]
    assert (row.state, row.charged) == (State.SKIPPED if skipped else State.SENT, story.model.parts[hand.delivery])


def test_whatever_happens_a_delivery_moves_forward_and_ends(world):
    run_state_machine_as_test(
        Deliveries,
        settings=profile(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # to make a failure small takes minutes: take this away for that
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert world.examples >= 60
