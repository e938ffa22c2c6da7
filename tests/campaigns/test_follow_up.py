"""Messages nothing was heard of are asked about, receipts that knew nothing of ours find theirs, and it all ends."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from campaigns import receipts, scheduling
from campaigns.orders import Tools
from campaigns.providers.contract import Reported
from campaigns.receipts import Ids
from campaigns.rules.lifecycle import CampaignState, State
from campaigns.rules.outcomes import Failure
from campaigns.store import due
from tests.carrier import phone

ASK_AFTER = 0.1


@pytest.fixture
def tools(tools) -> Tools:
    return replace(tools, settings=replace(tools.settings, ask_after=ASK_AFTER))


@pytest.fixture
def work(sessions):
    """What the clock would call for, of a campaign."""

    def find(campaign_id):
        with sessions(None).begin() as session:
            return [one.what for one in due.work(session) if one.subject == campaign_id]

    return find


@pytest.fixture
def asks(carrier):
    """How often the carrier was asked about a message."""
    return lambda: sum(
        call["method"] == "GET" and "/Messages/SM" in call["path"]
        for call in carrier.control("calls?last=10000")["calls"]
    )


def test_lost_receipts_are_asked_for(carrier, starts, send, settle, states, sessions, agency):
    carrier.faults(callbacks={"drop": 1.0}, outcomes={phone(3): ["undelivered:30005"], phone(4): ["unconfirmed"]})
    campaign_id = starts(12)
    send(campaign_id)
    settle(campaign_id)
    assert states(campaign_id) == {"sent": 12}  # too early to ask
    time.sleep(ASK_AFTER)
    began_at = time.monotonic()
    settle(campaign_id)
    assert time.monotonic() - began_at >= 0.3  # at a pace of twenty a second
    receipts.apply(sessions, agency.id)
    assert states(campaign_id) == {"delivered": 10, "failed: number_unknown": 1, "sent": 1}
    assert settle(campaign_id) is CampaignState.RUNNING


def test_the_next_pass_comes_after_a_while(carrier, starts, send, settle, asks, do):
    carrier.faults(outcomes={phone(0): ["unconfirmed"]})
    campaign_id = starts(1)
    send(campaign_id)
    settle(campaign_id)
    time.sleep(ASK_AFTER)
    now = datetime.now(UTC)
    settle(campaign_id, now=now)
    settle(campaign_id, now=now + timedelta(seconds=10 * ASK_AFTER))
    assert asks() == 1
    settle(campaign_id, now=now + timedelta(seconds=20 * ASK_AFTER))
    assert asks() == 2
    assert do("SELECT asked_upto FROM campaign WHERE id = :c", c=campaign_id).scalar_one() == 0


def test_an_answer_moves_nothing_back(carrier, starts, send, settle, hear, states, sessions, agency):
    carrier.faults(outcomes={phone(0): ["undelivered:30008"]})
    campaign_id = starts(1)
    send(campaign_id)
    settle(campaign_id)
    time.sleep(ASK_AFTER)
    hear(campaign_id, 1, State.DELIVERED)
    settle(campaign_id)
    receipts.apply(sessions, agency.id)
    assert states(campaign_id) == {"delivered": 1}


def test_a_carrier_that_cannot_be_asked_now_is_asked_again(carrier, starts, send, settle, states, sessions, agency):
    carrier.faults(reads_fail=True)
    campaign_id = starts(2)
    send(campaign_id)
    settle(campaign_id)
    time.sleep(ASK_AFTER)
    settle(campaign_id)
    assert states(campaign_id) == {"sent": 2}
    carrier.faults(reads_fail=False)
    settle(campaign_id, now=datetime.now(UTC) + timedelta(seconds=20 * ASK_AFTER))
    receipts.apply(sessions, agency.id)
    assert states(campaign_id) == {"delivered": 2}


def test_a_stopped_campaign_is_followed_to_its_last_message(
    carrier, starts, send, settle, states, work, do, sessions, agency, bruno
):
    carrier.faults(outcomes={phone(0): ["unconfirmed"]})
    campaign_id = starts(3)
    send(campaign_id)
    with sessions(agency.id).begin() as session:
        scheduling.stop(session, agency.id, campaign_id, by=bruno.id)
    assert settle(campaign_id) is CampaignState.STOPPED
    assert work(campaign_id) == ["settle"]
    settle(campaign_id)  # says when to ask
    time.sleep(ASK_AFTER)
    settle(campaign_id)
    receipts.apply(sessions, agency.id)
    assert states(campaign_id) == {"delivered": 2, "sent": 1}
    settled = "SELECT settled_at IS NOT NULL FROM campaign WHERE id = :c"
    assert not do(settled, c=campaign_id).scalar_one()
    do("UPDATE delivery SET handed_at = now() - interval '73 h'")
    do("UPDATE campaign SET started_at = now() - interval '73 h' WHERE id = :c", c=campaign_id)
    for _ in range(2):  # asked once more, then let be
        assert settle(campaign_id, now=datetime.now(UTC) + timedelta(seconds=20 * ASK_AFTER)) is CampaignState.STOPPED
    assert states(campaign_id) == {"delivered": 2, "unconfirmed": 1}
    assert do(settled, c=campaign_id).scalar_one()
    assert work(campaign_id) == []


def test_a_finished_campaign_is_never_looked_at_again(carrier, starts, send, settle, hear, work, asks, do):
    campaign_id = starts(2)
    send(campaign_id)
    assert "settle" in work(campaign_id) or "send" in work(campaign_id)
    hear(campaign_id, 2, State.DELIVERED)
    assert settle(campaign_id) is CampaignState.FINISHED
    assert work(campaign_id) == []
    settle(campaign_id, now=datetime.now(UTC) + timedelta(days=1))
    assert asks() == 0
    assert do("SELECT settled_at IS NOT NULL FROM campaign WHERE id = :c", c=campaign_id).scalar_one()


def test_a_receipt_without_our_ids_finds_its_message(starts, send, settle, states, sessions, agency, sender, do):
    campaign_id = starts(2)
    send(campaign_id)
    settle(campaign_id)
    refs = do("SELECT provider_ref FROM delivery ORDER BY id").scalars().all()
    with sessions(agency.id).begin() as session:
        receipts.keep(session, sender, Reported(refs[0], State.DELIVERED, None), Ids(None, None, None))
        receipts.keep(session, sender, Reported("SM" + "0" * 32, State.DELIVERED, None), Ids(None, None, None))
    receipts.apply(sessions, agency.id)
    assert states(campaign_id) == {"sent": 2}
    time.sleep(ASK_AFTER)
    settle(campaign_id)
    receipts.apply(sessions, agency.id)
    assert states(campaign_id)["delivered"] >= 1
    assert do("SELECT count(*) FROM receipt WHERE matched IS FALSE").scalar_one() == 1


def test_a_receipt_that_came_before_its_message_was_written_down_finds_it(
    carrier, starts, send, settle, states, sessions, agency, sender, do
):
    """As after a restore: the row it names is not there yet, and comes with the same reference."""
    carrier.faults(outcomes={phone(0): ["unconfirmed"]})
    campaign_id = starts(1)
    send(campaign_id)
    settle(campaign_id)
    ref = do("SELECT provider_ref FROM delivery").scalar_one()
    with sessions(agency.id).begin() as session:
        ids = Ids(campaign_id, 999_999, 1)
        receipts.keep(session, sender, Reported(ref, State.FAILED, Failure.CARRIER), ids)
    receipts.apply(sessions, agency.id)
    assert states(campaign_id) == {"sent": 1}
    time.sleep(ASK_AFTER)
    settle(campaign_id)
    receipts.apply(sessions, agency.id)
    assert states(campaign_id) == {"failed: carrier": 1}


def test_a_landline_the_provider_knew_is_left_out_next_time(carrier, starts, send, do):
    campaign_id = starts(["+51900000014", phone(1)])
    send(campaign_id)
    assert do("SELECT phone_kind FROM contact ORDER BY id").scalars().all() == ["landline", "mobile"]
    following = starts([])
    assert do("SELECT plan_left_out FROM campaign WHERE id = :c", c=following).scalar_one() == {"no_mobile": 1}
