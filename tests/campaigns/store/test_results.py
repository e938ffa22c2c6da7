"""Results are written down once, for the opening they belong to, however late or often they come."""

import re
import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from campaigns.store import receipts, results, sweeps, windows
from campaigns.store.results import Result
from campaigns.store.windows import Gate

MOST = 3


@pytest.fixture
def begin(sessions, agency):
    return lambda: sessions(agency.id).begin()


@pytest.fixture
def campaign_id(running) -> int:
    return running(1)


@pytest.fixture
def open_one(begin, agency, campaign_id):
    """Opens a window with the campaign's one delivery."""
    with begin() as session:
        digest = session.execute(text("SELECT content_digest FROM campaign WHERE kind = 'alert'")).scalar_one()
    end = datetime(2100, 1, 1, tzinfo=UTC)
    gate = Gate(agency.id, campaign_id, "sms", agency.hours, agency.time_zone, end, digest, 60.0, MOST)

    def opened():
        with begin() as session:
            (one,) = windows.open_window(session, gate, size=10)
        return one

    return opened


@pytest.fixture
def write_down(begin, agency, campaign_id):
    def write(result):
        with begin() as session:
            return results.close_window(session, agency.id, campaign_id, [result], most=MOST)

    return write


def test_what_is_written_down_twice_takes_nothing_back_from_a_later_opening(open_one, write_down, states, campaign_id):
    first = open_one()
    unbegun = Result(first.id, first.attempt, State.QUEUED)
    assert write_down(unbegun) == 1  # committed, but the answer is lost: it is written down once more
    second = open_one()
    assert second.attempt > first.attempt
    assert write_down(unbegun) == 0
    assert states(campaign_id) == {"sending": 1}


def test_an_answer_later_than_its_receipt_does_not_hasten_the_second_attempt(
    open_one, write_down, begin, agency, sender, states, campaign_id
):
    one = open_one()
    told = {"agency_id": agency.id, "sender_id": sender.id, "provider_ref": "SM1", "state": State.FAILED}
    ids = {"campaign_id": campaign_id, "delivery_id": one.id, "attempt": one.attempt}
    with begin() as session:
        receipts.keep(session, **told, **ids, reason=Failure.UNREACHABLE)
        receipts.apply(session, agency.id, limit=10)
        assert sweeps.try_again(session, agency.id, campaign_id, wait=1800, size=10) == 1
    write_down(Result(one.id, one.attempt, State.UNKNOWN, parts=1, after=2.0))
    assert states(campaign_id) == {"queued: unreachable": 1}
    with begin() as session:
        waits = session.execute(text("SELECT not_before > now() + interval '25 minutes' FROM delivery"))
        assert waits.scalar_one()


@pytest.mark.parametrize("meanwhile", ["unknown", "delivered"])
def test_a_result_is_written_on_what_changed_while_it_waited(
    meanwhile, open_one, write_down, sessions, agency, states, campaign_id
):
    """A sweep or a receipt that was first holds the row, so that the statement began before it was changed."""
    one, moved = open_one(), []
    writing = threading.Thread(
        target=lambda: moved.append(write_down(Result(one.id, one.attempt, State.SENT, None, "SM1", 1)))
    )
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET state = :s, leased_until = NULL"), {"s": meanwhile})
        session.execute(
            text(
                "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number, parts)"
                " VALUES (:a, :c, 'sms', 'es', 'sending', -1, -:m), (:a, :c, 'sms', 'es', :s, 1, :m)"
            ),
            {"a": agency.id, "c": campaign_id, "s": meanwhile, "m": MOST},
        )
        writing.start()
        with sessions(None)() as watching:
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = :name")
            name = watching.scalar(text("SELECT current_database()"))
            for _ in range(500):
                if watching.scalar(waits, {"name": name}):
                    break
                watching.rollback()
                time.sleep(0.01)
    writing.join(20)
    assert moved == [meanwhile == "unknown"]
    assert states(campaign_id) == {"sent" if meanwhile == "unknown" else "delivered": 1}
    with sessions(agency.id)() as session:
        row = session.execute(text("SELECT provider_ref, parts, charged FROM delivery")).one()
    assert tuple(row) == ("SM1", 1, 1)


def test_what_may_go_again_is_named_as_failures_are(begin):
    with begin() as session:
        rule = session.execute(
            text(
                "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a"
                " ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
                " WHERE d.adrelid = 'delivery'::regclass AND a.attname = 'may_go_again'"
            )
        ).scalar_one()
    named = set(re.findall(r"'(\w+)'", rule.partition("ARRAY")[2]))
    assert named == {Failure.UNREACHABLE, Failure.QUEUE_FULL, Failure.TOO_LATE}
