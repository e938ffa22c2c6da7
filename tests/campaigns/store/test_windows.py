"""Windows touch no more than what they move, and results wait for whoever holds the same rows."""

import threading
import time
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text

from campaigns.rules.lifecycle import State
from campaigns.store import results, windows
from campaigns.store.results import Result
from campaigns.store.windows import Gate

PEOPLE, SIZE = 800, 10
READ = (
    "SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)"
    " FROM pg_stat_xact_user_tables WHERE relname LIKE 'delivery%'"
)


@pytest.fixture
def begin(sessions, agency):
    return lambda: sessions(agency.id).begin()


@pytest.fixture
def owner(settings):
    with psycopg.connect(settings.owner_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection.execute


@pytest.fixture
def gate(begin, agency, running):
    campaign_id = running(PEOPLE)
    with begin() as session:
        digest = session.execute(text("SELECT content_digest FROM campaign WHERE kind = 'alert'")).scalar_one()
    end = datetime(2100, 1, 1, tzinfo=UTC)
    return Gate(agency.id, campaign_id, "sms", agency.hours, agency.time_zone, end, digest, 60.0, 1)


@pytest.mark.parametrize("is_analyzed", [False, True])
def test_neither_opening_nor_closing_reads_the_whole_campaign_while_the_planner_knows_nothing_of_it(
    begin, agency, gate, owner, is_analyzed
):
    if is_analyzed:  # at a time when there was another campaign only
        owner("UPDATE delivery SET campaign_id = campaign_id + 1")
        owner("ANALYZE delivery")
        owner("UPDATE delivery SET campaign_id = campaign_id - 1")
    with begin() as session:
        before = session.scalar(text(READ))
        opened = windows.open_window(session, gate, size=SIZE)
        assert SIZE <= session.scalar(text(READ)) - before <= 5 * SIZE
    assert len(opened) == SIZE
    batch = [Result(one.id, one.attempt, State.SENT, ref="SM1", parts=1) for one in opened]
    with begin() as session:
        before = session.scalar(text(READ))
        assert results.close_window(session, agency.id, gate.campaign_id, batch, most=1) == SIZE
        assert SIZE <= session.scalar(text(READ)) - before <= 5 * SIZE


@pytest.mark.parametrize(
    ("first", "second", "moves", "ends"),
    [(State.SENT, State.FAILED, 0, "sent"), (State.UNKNOWN, State.SENT, 1, "sent")],
)
def test_results_that_wait_for_others_of_the_same_delivery_see_what_became_of_it(
    first, second, moves, ends, begin, agency, gate, states
):
    with begin() as session:
        (one,) = windows.open_window(session, gate, size=1)
    moved = []

    def write_down(state):
        with begin() as session:
            batch = [Result(one.id, one.attempt, state, ref="SM1" if state == State.SENT else None, parts=1, after=60)]
            moved.append(results.close_window(session, agency.id, gate.campaign_id, batch, most=1))
            begun.wait(10)
            time.sleep(0.3 if len(moved) == 1 else 0)

    begun = threading.Event()
    writing = [threading.Thread(target=write_down, args=(state,)) for state in (first, second)]
    writing[0].start()
    while not moved:
        time.sleep(0.01)
    writing[1].start()
    begun.set()
    for each in writing:
        each.join(30)
    assert moved == [1, moves]
    assert states(gate.campaign_id) == {"queued": PEOPLE - 1, ends: 1}
