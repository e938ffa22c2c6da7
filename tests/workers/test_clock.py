"""The clock outlives outages and finds what is due afterwards."""

import threading
from dataclasses import replace

from campaigns import wakeup
from workers import clock


def run(settings):
    stop = threading.Event()
    thread = threading.Thread(target=clock.run, args=(settings, stop))
    thread.start()
    return stop, thread


def test_it_nudges_for_a_running_campaign(tools, running, until, valkey):
    campaign_id = running(1)
    stop, thread = run(replace(tools.settings, clock_interval=0.05))
    until(lambda: valkey.exists(f"nudge:send:1:{campaign_id}"), 10)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_it_outlives_a_database_that_is_gone(tools, database):
    gone = "postgresql+psycopg://outreach_app@127.0.0.1:1/outreach"
    stop, thread = run(replace(tools.settings, clock_interval=0.05, database_url=gone))
    thread.join(0.5)
    assert thread.is_alive()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_it_outlives_a_valkey_that_is_gone(tools, running):
    running(1)
    stop, thread = run(replace(tools.settings, clock_interval=0.05, redis_url="redis://127.0.0.1:1/0"))
    thread.join(0.5)
    assert thread.is_alive()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_worker_runs_what_the_clock_found(sessions, valkey, carrier, running, programs, states, until):
    campaign_id = running(3)
    assert wakeup.everything_due(sessions, valkey) == 2  # and its news
    programs.worker()
    until(lambda: set(states(campaign_id)) == {"sent"}, 20)
