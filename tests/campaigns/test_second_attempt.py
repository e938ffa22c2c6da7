"""After a certain failure that may pass, once more, half an hour to an hour later; never if the phone may have it."""

import time
from dataclasses import replace

import pytest

from campaigns import consent, receipts, reports, scheduling
from campaigns.orders import Tools
from campaigns.providers.contract import Reported
from campaigns.receipts import Ids
from campaigns.rules.lifecycle import CampaignState, State
from campaigns.rules.outcomes import Failure
from tests.carrier import phone

AGAIN_AFTER = 0.2


@pytest.fixture
def tools(tools) -> Tools:
    return replace(tools, settings=replace(tools.settings, again_after=AGAIN_AFTER, ask_after=0.1))


@pytest.fixture
def failed_once(starts, send, hear, settle):
    """The id of a campaign to so many, of which each message failed once and waits for its second attempt."""

    def begin(people=1, reason=Failure.UNREACHABLE):
        campaign_id = starts(people)
        send(campaign_id)
        hear(campaign_id, people, State.FAILED, reason)
        settle(campaign_id)
        return campaign_id

    return begin


@pytest.fixture
def one(do):
    def read():
        return do("SELECT id, campaign_id, state, reason, attempt, again, provider_ref FROM delivery").one()

    return read


@pytest.fixture
def report(sessions, agency, sender):
    """A report on one attempt of a delivery, applied."""

    def receive(row, state, reason=None, *, ref=None, attempt=None):
        with sessions(agency.id).begin() as session:
            reported = Reported(ref or row.provider_ref, state, reason)
            receipts.keep(session, sender, reported, Ids(row.campaign_id, row.id, attempt or row.attempt))
        receipts.apply(sessions, agency.id)

    return receive


def figures(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        return reports.figures(session, agency.id, campaign_id)


@pytest.mark.parametrize("reason", [Failure.UNREACHABLE, Failure.QUEUE_FULL, Failure.TOO_LATE])
def test_once_more_after_a_while_and_never_a_third_time(
    reason, carrier, failed_once, send, hear, settle, states, do, sessions, agency
):
    campaign_id = failed_once(3, reason)
    assert states(campaign_id) == {f"queued: {reason}": 3}
    waits = do("SELECT extract(epoch FROM not_before - changed_at) FROM delivery").scalars().all()
    assert all(AGAIN_AFTER <= wait <= 2 * AGAIN_AFTER for wait in waits)
    assert len(set(waits)) == 3  # not all at the same moment
    do("UPDATE delivery SET not_before = now() + interval '1 hour'")  # or a slow machine would be there too late
    send(campaign_id)
    assert carrier.creates() == 3  # not yet
    do("UPDATE delivery SET not_before = now()")
    send(campaign_id)
    assert states(campaign_id) == {"sent": 3}
    assert {entry["attempt"] for got in carrier.phones().values() for entry in got} == {"1", "2"}
    hear(campaign_id, 3, State.FAILED, reason)
    assert settle(campaign_id) is CampaignState.FINISHED
    assert states(campaign_id) == {f"failed: {reason}": 3}
    assert figures(sessions, agency, campaign_id).again == 3
    assert figures(sessions, agency, campaign_id).parts == 6  # what failed was charged, too
    assert carrier.creates() == 6


@pytest.mark.parametrize("reason", [Failure.CARRIER, Failure.NUMBER_UNKNOWN, Failure.BLOCKED, Failure.FILTERED])
def test_where_the_phone_may_have_it_or_never_will_it_is_final(reason, failed_once, states, do):
    campaign_id = failed_once(2, reason)
    assert states(campaign_id) == {f"failed: {reason}": 2}
    assert do("SELECT state FROM campaign WHERE id = :c", c=campaign_id).scalar_one() == "finished"


def test_through_the_carrier_the_second_attempt_arrives(carrier, starts, send, settle, states, sessions, agency):
    numbers = ["+51900000033", "+51900000008", "+51900000005"]
    campaign_id = starts(numbers)
    end = time.monotonic() + 60
    while states(campaign_id) != {"delivered": 1, "failed: carrier": 1, "failed: number_unknown": 1}:
        assert time.monotonic() < end, states(campaign_id)
        send(campaign_id, seconds=1.0)
        settle(campaign_id)  # asks the carrier, because no callback comes here
        receipts.apply(sessions, agency.id)
        time.sleep(0.1)
    assert {number: len(carrier.phones()[number]) for number in numbers} == dict(zip(numbers, [2, 1, 1], strict=True))
    assert settle(campaign_id) is CampaignState.FINISHED


def test_word_of_the_first_failure_does_not_take_the_second_attempt_back(failed_once, report, one, states):
    campaign_id, first = failed_once(), one()
    report(first, State.FAILED, Failure.UNREACHABLE, ref="SM-another-name-for-it")
    report(first, State.SENT)
    assert states(campaign_id) == {"queued: unreachable": 1}
    assert one().again == 1


def test_that_the_first_message_arrived_after_all_wins(carrier, failed_once, report, send, one, states, settle):
    campaign_id = failed_once()
    report(one(), State.DELIVERED)
    assert states(campaign_id) == {"delivered": 1}
    time.sleep(2 * AGAIN_AFTER)
    send(campaign_id)
    assert carrier.creates() == 1
    assert settle(campaign_id) is CampaignState.FINISHED


def test_the_first_attempts_receipts_do_not_settle_the_second(failed_once, report, send, one, states):
    campaign_id, first = failed_once(), one()
    time.sleep(2 * AGAIN_AFTER)
    send(campaign_id)
    report(first, State.DELIVERED)
    report(first, State.FAILED, Failure.CARRIER, ref="SM-late")
    assert states(campaign_id) == {"sent": 1}
    assert one().provider_ref != first.provider_ref


@pytest.mark.parametrize(("how", "ends"), [("stopped", CampaignState.STOPPED), ("expired", CampaignState.FINISHED)])
def test_a_second_attempt_that_is_given_up_gives_back_the_first_failure(
    how, ends, failed_once, settle, states, do, sessions, agency, bruno
):
    campaign_id = failed_once(2)
    if how == "stopped":
        with sessions(agency.id).begin() as session:
            scheduling.stop(session, agency.id, campaign_id, by=bruno.id)
    else:
        do("UPDATE campaign SET expires_at = now() - interval '1 s' WHERE id = :c", c=campaign_id)
    assert settle(campaign_id) is ends
    assert states(campaign_id) == {"failed: unreachable": 2}


def test_who_refuses_meanwhile_gets_nothing_more(carrier, failed_once, send, states, sessions, agency, vault):
    campaign_id = failed_once(2)
    with sessions(agency.id).begin() as session:
        indexes = vault.address_indexes(phone(1))
        consent.stop(session, agency.id, "sms", indexes, source=consent.Source.WORD, rule="ALTO")
    time.sleep(2 * AGAIN_AFTER)
    send(campaign_id)
    assert states(campaign_id) == {"sent": 1, "skipped: opted_out": 1}
    assert len(carrier.phones()[phone(1)]) == 1


@pytest.mark.parametrize(("kind", "left"), [("error_before", "queued: unreachable"), ("error_after", "sent")])
def test_an_unknown_second_attempt_is_not_settled_by_the_first_message(
    kind, left, carrier, failed_once, send, settle, states, do, one
):
    do("UPDATE contact SET changed_at = now() - interval '1 hour'")
    carrier.faults(outcomes={phone(0): ["undelivered:30003", "unconfirmed"]})
    campaign_id, first = failed_once(), one()
    time.sleep(2 * AGAIN_AFTER)
    carrier.faults(create=[{"kind": kind}])
    send(campaign_id)
    assert states(campaign_id) == {"unknown: unreachable": 1}
    carrier.faults(create=[])
    do("UPDATE delivery SET leased_until = now() - interval '1 s'")
    settle(campaign_id)
    assert states(campaign_id) == {left: 1}
    assert (one().provider_ref == first.provider_ref) is (kind == "error_before")
