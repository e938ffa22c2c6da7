"""What no worker has in hand is asked about, and sent again only after proof that it never left (DESIGN P1)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns import consent, orders, receipts, scheduling, settling
from campaigns.providers.contract import Reported
from campaigns.receipts import Ids
from campaigns.rules.lifecycle import CampaignState, State
from campaigns.rules.outcomes import Failure
from campaigns.store import due as due_work
from campaigns.supply import End
from tests.carrier import phone


@pytest.fixture
def do(sessions, agency):
    def execute(statement, **values):
        with sessions(agency.id).begin() as session:
            return session.execute(text(statement), values)

    return execute


@pytest.fixture
def leave(do):
    """As a worker killed so many seconds ago left it: in hand, handed over or not."""

    def in_hand(seconds=10.0):
        do("UPDATE contact SET changed_at = now() - interval '1 hour'")
        do(
            "UPDATE delivery SET state = 'sending', attempt = attempt + 1,"
            " handed_at = now() - make_interval(secs => :s), leased_until = now() - make_interval(secs => :s - 2)"
            " WHERE state = 'queued'",
            s=seconds,
        )
        do(
            "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)"
            " SELECT agency_id, campaign_id, channel, language, 'queued', -number FROM figure WHERE state = 'queued'"
            " UNION ALL SELECT agency_id, campaign_id, channel, language, 'sending', number FROM figure"
            " WHERE state = 'queued'"
        )

    return in_hand


def state_of(do, campaign_id):
    return do("SELECT state FROM campaign WHERE id = :c", c=campaign_id).scalar_one()


def due(do):
    """Let every unknown be due now: its grace is over."""
    do("UPDATE delivery SET leased_until = now() - interval '1 second' WHERE state = 'unknown'")


@pytest.mark.parametrize("kind", ["error_after", "reset_after", "bad_gateway_after"])
def test_a_lost_answer_is_found_and_not_sent_again(kind, carrier, running, send, settle, states, do):
    carrier.faults(create=[{"kind": kind}])
    campaign_id = running(5)
    send(campaign_id)
    assert states(campaign_id) == {"unknown": 5}
    carrier.faults(create=[])
    grace = do("SELECT min(extract(epoch FROM leased_until - changed_at)) FROM delivery").scalar_one()
    assert grace >= 1
    do("UPDATE delivery SET leased_until = now() + interval '1 hour'")  # or a slow machine would be there too late
    settle(campaign_id)
    assert states(campaign_id) == {"unknown": 5}  # its grace is not over
    due(do)
    settle(campaign_id)
    left = states(campaign_id)
    assert set(left) <= {"sent", "delivered"}
    assert sum(left.values()) == 5
    send(campaign_id)
    assert {len(got) for got in carrier.phones().values()} == {1}


@pytest.mark.parametrize("kind", ["error_before", "reset_before", "unavailable"])
def test_proven_absent_is_sent_again(kind, carrier, running, send, settle, states, do):
    carrier.faults(create=[{"kind": kind}])
    campaign_id = running(5)
    send(campaign_id)
    assert states(campaign_id) == {"unknown": 5}
    carrier.faults(create=[])
    due(do)
    settle(campaign_id)
    assert states(campaign_id) == {"queued": 5}
    send(campaign_id)
    assert states(campaign_id) == {"sent": 5}
    assert {len(got) for got in carrier.phones().values()} == {1}
    attempts = {int(entry["attempt"]) for got in carrier.phones().values() for entry in got}
    assert attempts == set(do("SELECT attempt FROM delivery").scalars())  # the second, if the machine did not pause
    assert min(attempts) > 1


def test_what_is_never_taken_fails_in_the_end(carrier, running, send, settle, states, do):
    carrier.faults(create=[{"kind": "error_before"}])
    campaign_id = running(2)
    for _ in range(4):
        send(campaign_id)
        due(do)
        settle(campaign_id)
    assert states(campaign_id) == {"failed: never_taken": 2}
    assert carrier.phones() == {}


def test_what_a_dead_worker_left_unsent_is_sent(carrier, running, send, settle, states, leave):
    campaign_id = running(3)
    leave()
    settle(campaign_id)
    assert states(campaign_id) == {"queued": 3}
    send(campaign_id)
    assert states(campaign_id) == {"sent": 3}


def test_what_a_worker_has_in_hand_is_left_alone(carrier, running, settle, states, do):
    campaign_id = running(1)
    do("UPDATE delivery SET state = 'sending', attempt = 1, handed_at = now(), leased_until = now() + interval '1 h'")
    settle(campaign_id)
    assert do("SELECT state FROM delivery").scalar_one() == "sending"


def test_a_provider_that_cannot_be_asked_leaves_it_unknown(carrier, running, settle, states, leave):
    carrier.faults(reads_fail=True)
    campaign_id = running(2)
    leave()
    settle(campaign_id)
    assert states(campaign_id) == {"unknown": 2}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contact SET changed_at = now(), name_sealed = name_sealed",
        "DELETE FROM contact",
        "UPDATE text SET body = body || '.'",
    ],
)
def test_where_the_text_can_no_longer_be_written_absence_proves_nothing(change, running, settle, states, leave, do):
    campaign_id = running(2)
    leave()
    do(change)
    settle(campaign_id)
    assert states(campaign_id) == {"unknown": 2}


def test_a_late_result_of_a_slow_worker_moves_nothing_of_the_next_attempt(
    running, send, settle, states, leave, do, sessions, agency
):
    from campaigns.rules.lifecycle import State
    from campaigns.store import results
    from campaigns.store.results import Result

    campaign_id = running(1)
    leave()
    settle(campaign_id)
    send(campaign_id)
    (delivery_id,) = do("SELECT id FROM delivery").one()
    with sessions(agency.id).begin() as session:
        late = Result(delivery_id, 1, State.FAILED, "other")
        assert results.close_window(session, agency.id, campaign_id, [late], most=1) == 0
    assert states(campaign_id) == {"sent": 1}


def test_a_receipt_before_the_answer_keeps_its_state_and_gets_the_reference(sessions, agency, running, do, states):
    from campaigns.rules.lifecycle import State
    from campaigns.store import results
    from campaigns.store.results import Result

    campaign_id = running(1)
    do("UPDATE delivery SET state = 'delivered', attempt = 1, charged = 3")
    (delivery_id,) = do("SELECT id FROM delivery").one()
    with sessions(agency.id).begin() as session:
        sent = Result(delivery_id, 1, State.SENT, ref="SM1", parts=2)
        results.close_window(session, agency.id, campaign_id, [sent], most=3)
    assert do("SELECT state, provider_ref, parts FROM delivery").one() == ("delivered", "SM1", 2)


def test_without_news_for_three_days_it_is_unconfirmed(running, send, settle, states, do):
    campaign_id = running(2)
    send(campaign_id)
    do("UPDATE delivery SET handed_at = now() - interval '73 hours' WHERE id = (SELECT min(id) FROM delivery)")
    do("UPDATE campaign SET started_at = now() - interval '73 hours' WHERE id = :c", c=campaign_id)
    settle(campaign_id)
    assert states(campaign_id) == {"sent": 1, "unconfirmed": 1}


def test_a_campaign_whose_messages_all_ended_is_finished(running, send, settle, do):
    campaign_id = running(2)
    send(campaign_id)
    assert settle(campaign_id) is CampaignState.RUNNING
    do("UPDATE delivery SET state = 'delivered'")
    do(
        "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)"
        " VALUES (1, :c, 'sms', 'es', 'sent', -2), (1, :c, 'sms', 'es', 'delivered', 2)",
        c=campaign_id,
    )
    assert settle(campaign_id) is CampaignState.FINISHED
    assert settle(campaign_id) is CampaignState.FINISHED
    assert do("SELECT ended_at IS NOT NULL FROM campaign WHERE id = :c", c=campaign_id).scalar_one()


def test_stopping_skips_whoever_was_not_written_to(carrier, running, send, settle, states, sessions, agency, bruno):
    campaign_id = running(3)
    with sessions(agency.id).begin() as session:
        scheduling.stop(session, agency.id, campaign_id, by=bruno.id)
    send(campaign_id)
    assert settle(campaign_id) is CampaignState.STOPPED
    assert states(campaign_id) == {"skipped: stopped": 3}
    assert carrier.creates() == 0


def test_stopping_waits_for_what_is_unknown(running, settle, states, sessions, agency, bruno, leave, carrier):
    campaign_id = running(2)
    leave(seconds=2.5)
    with sessions(agency.id).begin() as session:
        scheduling.stop(session, agency.id, campaign_id, by=bruno.id)
    carrier.faults(reads_fail=True)
    assert settle(campaign_id) is CampaignState.STOPPING
    carrier.faults(reads_fail=False)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET leased_until = now() - interval '1 s'"))
    assert settle(campaign_id) is CampaignState.STOPPED
    assert states(campaign_id) == {"skipped: stopped": 2}


def test_too_many_waits_and_goes_on(carrier, running, send, states):
    carrier.faults(create=[{"kind": "too_many", "count": 5, "retry_after": 1}])
    campaign_id = running(40)
    send(campaign_id)
    end = datetime.now(UTC) + timedelta(seconds=60)
    while states(campaign_id) != {"sent": 40}:
        assert datetime.now(UTC) < end
        send(campaign_id)
    assert {len(got) for got in carrier.phones().values()} == {1}


def test_a_provider_that_is_down_is_left_alone(carrier, running, send, states, tools):
    from dataclasses import replace

    campaign_id = running(30)
    nobody = replace(tools, settings=replace(tools.settings, twilio_url="http://127.0.0.1:9"))
    assert send(campaign_id, using=nobody, seconds=2.0) in {End.PROVIDER, End.TIME, End.EMPTY}
    assert states(campaign_id) == {"queued": 30}
    with tools.sessions(1)() as session:
        assert session.scalar(text("SELECT max(attempt) FROM delivery")) < 12


def test_a_refused_sender_pauses_the_campaign_and_loses_nobody(carrier, running, send, states, do, vault, agency):
    campaign_id = running(20)
    do("UPDATE sender SET credentials_sealed = :wrong", wrong=vault.seal("wrong", agency.id))
    assert send(campaign_id) is End.SENDER
    assert states(campaign_id) == {"queued": 20}
    row = do("SELECT state, pause_reason FROM campaign WHERE id = :c", c=campaign_id).one()
    assert row == ("paused", "credentials")
    assert do("SELECT count(*) FROM audit WHERE did = 'campaign:paused' AND staff_id IS NULL").scalar_one() == 1


def test_a_person_the_provider_knows_to_have_refused_is_refused_here_too(
    carrier, sessions, vault, agency, ada, bruno, sender, send, states, do
):
    from tests import crowd, drafts

    with sessions(agency.id).begin() as session:
        crowd.person(session, vault, agency, "+51900000010")
        crowd.person(session, vault, agency, "+51900000014")
    campaign_id = drafts.running(sessions, agency, ada, bruno, sender)
    send(campaign_id)
    assert states(campaign_id) == {"failed: refused_by_person": 1, "failed: landline": 1}
    with sessions(agency.id)() as session:
        assert consent.is_stopped(session, agency.id, "sms", vault.address_indexes("+51900000010"))
        assert not consent.is_stopped(session, agency.id, "sms", vault.address_indexes("+51900000014"))
    assert do("SELECT source FROM opt_out").scalar_one() == "provider"


def test_a_test_send_passes_the_same_gate(carrier, sessions, vault, agency, sender, send, do):
    from campaigns.store import deliveries, figures
    from campaigns.store.deliveries import Sending

    numbers = [phone(1), phone(2)]
    with sessions(agency.id).begin() as session:
        service = session.scalar(text("SELECT id FROM campaign WHERE kind = 'service'"))
        for number in numbers:
            message = Sending(
                "es", vault.address_index(number), vault.seal(number, agency.id), vault.seal("Prueba", agency.id)
            )
            deliveries.queue_message(session, agency.id, service, message, staff_id=None)
            figures.add_queued(session, agency.id, service, "sms", "es")
        indexes = vault.address_indexes(phone(2))
        consent.stop(session, agency.id, "sms", indexes, source=consent.Source.WORD, rule="ALTO")
    assert send(service) is End.EMPTY
    assert carrier.texts() == {phone(1): ["Prueba"]}
    assert dict(do("SELECT state, reason FROM delivery ORDER BY id").all()) == {"sent": None, "skipped": "opted_out"}


def test_a_stop_whose_nudge_is_lost_is_found_by_the_clock(running, settle, states, sessions, agency, ada):
    campaign_id = running(2)
    with sessions(agency.id).begin() as session:
        scheduling.stop(session, agency.id, campaign_id, by=ada.id)
    with sessions(None).begin() as session:
        found = [(one.what, one.subject) for one in due_work.work(session)]
        assert [one for one in found if one[0] != "notices"] == [("settle", campaign_id)]
    assert settle(campaign_id) == CampaignState.STOPPED
    assert states(campaign_id) == {"skipped: stopped": 2}


def test_a_campaign_does_not_end_before_its_second_attempts(running, send, states, tools, sessions, agency, sender, do):
    campaign_id = running(1)
    send(campaign_id)
    order, now = orders.read(tools, agency.id, campaign_id)[0], datetime.now(UTC)
    # The last news comes when a settling job has looked already for what may go again.
    one = do("SELECT id, attempt, provider_ref FROM delivery WHERE campaign_id = :c", c=campaign_id).one()
    reported = Reported(one.provider_ref, State.FAILED, Failure.UNREACHABLE)
    with sessions(agency.id).begin() as session:
        receipts.keep(session, sender, reported, Ids(campaign_id, one.id, one.attempt))
    receipts.apply(sessions, agency.id)
    assert settling._end(tools, order, now) == CampaignState.RUNNING
    settling._requeue(tools, order, now)
    assert states(campaign_id) == {"queued: unreachable": 1}
