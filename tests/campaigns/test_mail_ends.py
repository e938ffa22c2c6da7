"""How campaigns with mails end: nothing waits for what will never come, and no mail holds up what it cannot change."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from campaigns import dispatch, orders, planning, receipts
from campaigns.rules.channels import Channels
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.local_time import month_start
from campaigns.store import audiences, budgets, waiting, windows
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


@pytest.fixture
def neighbours(mail_people, do):
    """Three people with a mobile each and one mailbox."""
    mail_people(3)
    first = "(SELECT {} FROM contact ORDER BY id LIMIT 1)"
    do(f"UPDATE contact SET email_index = {first.format('email_index')}, email_sealed = {first.format('email_sealed')}")


@pytest.fixture
def report(sessions, agency, do):
    """What the provider says of the SMS to one of the people, the first being 0."""

    def verb(person, state, reason=None):
        do(
            "INSERT INTO receipt (agency_id, sender_id, provider_ref, campaign_id, delivery_id, attempt, state, reason)"
            " SELECT agency_id, (SELECT min(id) FROM sender), provider_ref, campaign_id, id, attempt, :s, :r"
            " FROM delivery WHERE channel = 'sms' ORDER BY id OFFSET :p LIMIT 1",
            s=state,
            r=reason,
            p=person,
        )
        receipts.apply(sessions, agency.id)

    return verb


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_a_mailbox_of_several_gets_the_mail_when_one_of_their_sms_fails(
    fails, office, neighbours, start_mailing, send, settle, states, report
):
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    for person in (one for one in range(3) if one != fails):
        report(person, "delivered")
        settle(campaign_id)
    assert states(campaign_id) == {"delivered": 2, "sent": 1, "queued: after_sms": 1}
    report(fails, "failed", "number_unknown")
    for _ in range(2):
        settle(campaign_id)
        send(campaign_id)
    assert states(campaign_id) == {"delivered": 2, "failed: number_unknown": 1, "sent": 1}
    assert [len(found) for found in office.control("mails?headers=1")["mailboxes"].values()] == [1]


def test_nobody_of_several_needs_it_when_all_their_sms_arrived(
    office, neighbours, start_mailing, send, settle, states, report
):
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    for person in range(3):
        report(person, "delivered")
    assert settle(campaign_id) is CampaignState.FINISHED
    assert states(campaign_id) == {"delivered": 3, "skipped: not_needed": 1}


def test_two_who_decide_at_once_leave_it_to_nobody_else(
    office, neighbours, start_mailing, send, states, report, sessions, agency
):
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    for person in range(3):
        report(person, "delivered")
    with sessions(agency.id).begin() as session:
        assert waiting.decide(session, agency.id, campaign_id, size=1).looked_at == 1
        other = threading.Thread(target=_decide, args=(sessions, agency.id, campaign_id))
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(20)
    assert states(campaign_id) == {"delivered": 3, "skipped: not_needed": 1}


def _decide(sessions, agency_id, campaign_id):
    with sessions(agency_id).begin() as session:
        waiting.decide(session, agency_id, campaign_id, size=100)


def test_a_number_that_moves_while_it_is_planned_leaves_no_mail_behind(
    office, mail_people, start_mailing, send, settle, states, do, monkeypatch
):
    """The SMS is with who had the number first, so the mail of who has it now waits for none of theirs."""
    mail_people(2)
    slices, plan, plan_slice = [], planning.plan, audiences.plan_slice

    def in_between(*given, **named):
        slices.append(given)
        if len(slices) == 2:
            do("UPDATE contact SET phone_index = NULL, phone_kind = NULL WHERE id = (SELECT min(id) FROM contact)")
            number = "(SELECT address_index FROM delivery WHERE channel = 'sms' ORDER BY id LIMIT 1)"
            do(f"UPDATE contact SET phone_index = {number} WHERE id = (SELECT max(id) FROM contact)")
        return plan_slice(*given, **named)

    monkeypatch.setattr(audiences, "plan_slice", in_between)
    monkeypatch.setattr(planning, "plan", lambda *given, **named: plan(*given, **named, slice_size=1))
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    assert states(campaign_id) == {"queued": 1, "queued: after_sms": 2}
    send(campaign_id)
    assert settle(campaign_id) is CampaignState.RUNNING
    send(campaign_id)
    assert states(campaign_id) == {"skipped: changed": 2, "sent": 1}
