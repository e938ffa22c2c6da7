"""Whatever dies when: every phone gets exactly one text, and nobody is lost (DESIGN P1)."""

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import text

PEOPLE = 400


@pytest.fixture
def slow(carrier):
    """Every answer takes its time, so that a kill always meets calls in flight."""
    carrier.faults(latency_ms=[200, 600], status_delay_ms=0)
    return carrier


def _ended(states, campaign_id):
    return set(states(campaign_id)) <= {"sent", "delivered"}


def _exactly_one_each(carrier):
    phones = carrier.phones()
    assert len(phones) == PEOPLE
    assert {phone: len(got) for phone, got in phones.items() if len(got) != 1} == {}


def _children(pid):
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _is_alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("also_the_horse", [True, False])
def test_a_worker_killed_three_times_sends_nobody_twice(
    also_the_horse, slow, programs, running, states, until, sessions, agency
):
    campaign_id = running(PEOPLE)
    programs.clock()
    seen = 0
    for _ in range(3):
        worker = programs.worker()
        until(lambda: slow.creates() > seen + 20)  # noqa: B023
        horses = until(lambda: _children(worker.pid))  # noqa: B023
        os.kill(worker.pid, signal.SIGKILL)
        if also_the_horse:
            os.kill(horses[0], signal.SIGKILL)
        until(lambda: not any(_is_alive(horse) for horse in horses), 2)  # noqa: B023
        worker.wait()
        seen = slow.creates()
        assert seen < PEOPLE
    programs.worker()
    until(lambda: _ended(states, campaign_id), 60)
    _exactly_one_each(slow)
    with sessions(agency.id)() as session:
        assert session.scalar(text("SELECT max(attempt) FROM delivery")) > 1  # the kills did meet calls in flight


def test_told_to_stop_a_worker_leaves_nothing_open(slow, programs, running, states, until):
    campaign_id = running(PEOPLE)
    programs.clock()
    worker = programs.worker()
    until(lambda: slow.creates() > 50)
    worker.terminate()
    assert worker.wait(15) == 0
    left = states(campaign_id)
    assert set(left) == {"queued", "sent"}
    assert left["sent"] == slow.creates() < PEOPLE
    programs.worker()
    until(lambda: _ended(states, campaign_id), 60)
    _exactly_one_each(slow)


def test_valkey_emptied_in_the_middle_loses_and_doubles_nothing(slow, programs, running, states, until, valkey):
    campaign_id = running(PEOPLE)
    programs.clock()
    programs.worker()
    for seen in (50, 150, 250):
        until(lambda: slow.creates() > seen)  # noqa: B023
        valkey.flushdb()
    until(lambda: _ended(states, campaign_id), 60)
    _exactly_one_each(slow)


def test_several_workers_send_nobody_twice(slow, programs, running, states, until):
    campaign_id = running(PEOPLE)
    programs.clock()
    for _ in range(3):
        programs.worker()
    until(lambda: _ended(states, campaign_id), 60)
    _exactly_one_each(slow)


@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "too_many", "probability": 0.1}],
        [{"kind": f"error_{when}", "probability": 0.1, "count": 30} for when in ("before", "after")],
        [{"kind": f"reset_{when}", "probability": 0.1, "count": 30} for when in ("before", "after")],
        [{"kind": "hang_after", "count": 3}, {"kind": "hang_before", "count": 3}],
    ],
    ids=["429", "500", "reset", "hang"],
)
def test_a_provider_in_trouble_gets_everyone_once_in_the_end(faults, carrier, programs, running, states, until):
    carrier.faults(latency_ms=[5, 30], create=faults)
    campaign_id = running(PEOPLE)
    programs.clock()
    programs.worker()
    until(lambda: _ended(states, campaign_id), 60)
    _exactly_one_each(carrier)


def test_nothing_personal_is_logged(carrier, programs, running, states, until):
    carrier.faults(create=[{"kind": "error_before", "probability": 0.2, "count": 40}])
    campaign_id = running(PEOPLE)
    programs.clock()
    programs.worker()
    until(lambda: _ended(states, campaign_id), 60)
    log = programs.log.read_text()
    assert '"event": "sent"' in log
    assert "Rosa" not in log
    assert "51910000" not in log.replace(" ", "")
