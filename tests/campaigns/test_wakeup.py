"""Nudges say "look" and nothing else, once, and may be lost."""

import zlib

import pytest
import redis

from campaigns import wakeup
from campaigns.wakeup import JOBS, Work


def waiting(valkey, what):
    return valkey.llen(f"rq:queue:{wakeup.queue_name(what)}")


@pytest.mark.parametrize("what", list(Work))
def test_a_nudge_waits_once(valkey, what):
    assert wakeup.nudge(valkey, what, 1, 2)
    assert not wakeup.nudge(valkey, what, 1, 2)
    assert wakeup.nudge(valkey, what, 1, 3)
    assert waiting(valkey, what) == 2


def test_once_heard_a_nudge_says_something_new(valkey):
    wakeup.nudge(valkey, Work.SEND, 1, 2)
    wakeup.heard(valkey, Work.SEND, 1, 2)
    assert wakeup.nudge(valkey, Work.SEND, 1, 2)


def test_a_rest_keeps_the_clock_away_but_not_people(valkey):
    wakeup.rest(valkey, Work.SEND, 1, 2, seconds=60)
    assert not wakeup.nudge(valkey, Work.SEND, 1, 2)
    assert wakeup.send(valkey, 1, 2)


def test_a_nudge_holds_ids_and_can_run_no_code(valkey):
    wakeup.nudge(valkey, Work.SEND, 7, 11)
    (key,) = [key for key in valkey.keys("rq:job:*") if valkey.type(key) == b"hash"]
    assert zlib.decompress(valkey.hget(key, "data")) == b'["workers.dispatch.send", null, [7, 11], {}]'
    assert valkey.hget(key, "description") == b"workers.dispatch.send(7, 11)"


def test_without_valkey_a_nudge_is_lost_and_nothing_breaks():
    with redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2) as nobody:
        assert not wakeup.nudge(nobody, Work.SEND, 1, 2)
        assert not wakeup.send(nobody, 1, 2)
        assert not wakeup.others_wait(nobody, Work.SEND, 1, 2)
        wakeup.rest(nobody, Work.SEND, 1, 2, seconds=1)


def test_other_work_that_waits_is_seen(valkey):
    assert not wakeup.others_wait(valkey, Work.SEND, 1, 2)
    wakeup.nudge(valkey, Work.SEND, 1, 2)
    assert not wakeup.others_wait(valkey, Work.SEND, 1, 2)
    assert wakeup.others_wait(valkey, Work.SEND, 1, 3)
    assert not wakeup.others_wait(valkey, Work.URGENT, 1, 3)
    wakeup.nudge(valkey, Work.RECEIPTS, 1)
    assert wakeup.others_wait(valkey, Work.SEND, 1, 2)
    assert wakeup.others_wait(valkey, Work.URGENT, 1, 3)


def test_the_clock_finds_what_no_nudge_told(sessions, valkey, agency, running):
    campaign_id = running(1)
    assert wakeup.everything_due(sessions, valkey) == 2
    assert (waiting(valkey, Work.SEND), waiting(valkey, Work.NOTICES)) == (1, 1)
    assert wakeup.everything_due(sessions, valkey) == 0
    valkey.flushdb()
    assert wakeup.everything_due(sessions, valkey) == 2
    assert valkey.exists(f"nudge:send:{agency.id}:{campaign_id}")


def test_every_kind_of_work_has_a_job():
    assert set(JOBS) == set(Work)
