"""How campaigns with mails end: nothing waits for what will never come, and no mail holds up what it cannot change."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns import dispatch, orders
from campaigns.rules.channels import Channels
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.local_time import month_start
from campaigns.store import budgets, windows
from campaigns.store.budgets import Budget


@pytest.fixture
def office(carrier):
    """The mail side of the simulator, without faults."""
    carrier.faults(mail={"events": [], "notice_delay_ms": 3_600_000})
    return carrier


def test_a_stopped_campaign_waits_for_no_mail_that_nobody_can_ask_about(
    office, mail_people, start_mailing, send, settle, states, do
):
    mail_people(3, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    office.faults(mail={"events": [{"kind": "drop", "at": "end"}]})
    send(campaign_id)
    do("UPDATE campaign SET state = 'stopping' WHERE id = :c", c=campaign_id)
    assert settle(campaign_id) is CampaignState.STOPPED
    assert states(campaign_id) == {"unknown": 3}
    # It is looked after until it is known how each ended.
    assert do("SELECT settled_at FROM campaign WHERE id = :c", c=campaign_id).scalar_one() is None
    do("UPDATE delivery SET handed_at = handed_at - interval '73 hours'")
    do(
        "UPDATE campaign SET started_at = now() - interval '73 hours', ask_at = now() - interval '1 s' WHERE id = :c",
        c=campaign_id,
    )
    due = "SELECT count(*) FROM due_work() WHERE what = 'settle' AND id = :c"
    assert do(due, c=campaign_id).scalar_one() == 1
    settle(campaign_id, now=datetime.now(UTC) + timedelta(seconds=1))
    assert states(campaign_id) == {"unconfirmed": 3}
    assert do("SELECT settled_at FROM campaign WHERE id = :c", c=campaign_id).scalar_one() is not None


def test_a_running_one_is_not_over_while_a_mail_is_open(office, mail_people, start_mailing, send, settle, states):
    mail_people(1, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    office.faults(mail={"events": [{"kind": "drop", "at": "end"}]})
    send(campaign_id)
    assert settle(campaign_id) is CampaignState.RUNNING
    assert states(campaign_id) == {"unknown": 1}


def test_mails_on_their_way_leave_nothing_to_spend(office, mail_people, start_mailing, sessions, agency, tools):
    """SMS without a part left do not wait for them: a mail costs nothing, so none gives anything back."""
    mail_people(2)
    campaign_id, now = start_mailing(Channels.BOTH), datetime.now(UTC)
    sms, mail = orders.read(tools, agency.id, campaign_id)
    month = month_start(now, agency.time_zone)
    for order, comes_back in ((mail, False), (sms, True)):
        with sessions(agency.id).begin() as session:
            assert len(windows.open_window(session, dispatch._gate(tools, order, now), size=5)) == 2
        with sessions(agency.id)() as session:
            for budget in (Budget(1, None, month), Budget(None, 1, month)):
                assert budgets.is_in_hand(session, agency.id, campaign_id, budget) is comes_back
