"""The pace is shared by all workers, never exceeded, and closed when nobody answers."""

import threading
import time

import pytest
import redis

from campaigns.throttle import Throttle


@pytest.fixture
def throttle(valkey):
    return lambda rate, holder="a", sender=1: Throttle(valkey, sender, rate, holder)


def used(throttle, seconds, *, parts=1, wanted=50):
    taken, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        room = throttle.take(wanted, parts=parts)
        taken += room.messages * parts
        time.sleep(min(max(room.wait, 0.001), max(0.0, end - time.monotonic())))
    return taken


def test_the_pace_is_used_and_never_exceeded(throttle):
    assert 190 <= used(throttle(100), 2.0) <= 200


def test_a_fresh_sender_has_no_credit(throttle):
    room = throttle(100).take(50, parts=1)
    assert (room.messages, 0 < room.wait <= 0.01) == (0, True)


def test_after_a_rest_no_more_than_the_burst(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    time.sleep(0.5)
    assert one.take(50, parts=1).messages == 10


def test_workers_share_it(throttle):
    taken = []
    workers = [
        threading.Thread(target=lambda name=name: taken.append(used(throttle(200, name), 1.5))) for name in "abc"
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert 280 <= sum(taken) <= 300


def test_senders_do_not_share_it(throttle):
    throttle(100, sender=1).take(1, parts=1)
    throttle(100, sender=2).take(1, parts=1)
    time.sleep(0.2)
    assert throttle(100, sender=1).take(50, parts=1).messages == 10
    assert throttle(100, sender=2).take(50, parts=1).messages == 10


def test_a_message_of_more_parts_than_the_burst_still_goes_at_the_pace(throttle):
    slow = throttle(10)  # a burst of one part
    assert 6 <= used(slow, 1.0, parts=3) <= 10


def test_what_was_not_needed_can_be_taken_again(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    time.sleep(0.2)
    assert one.take(1, parts=10).messages == 1
    assert one.take(9, parts=1).messages <= 1
    one.give_back(9)
    assert one.take(9, parts=1).messages >= 8
    assert one.take(9, parts=1, unused=9).messages >= 8


def test_giving_back_makes_no_credit_beyond_the_burst(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    one.give_back(1000)
    assert one.take(500, parts=1).messages <= 10


def test_workers_are_counted_until_they_leave(throttle):
    one, two = throttle(100, "a"), throttle(100, "b")
    assert one.take(1, parts=1).holders == 1
    assert two.take(1, parts=1).holders == 2
    assert two.leave_to_others()
    assert not one.leave_to_others()
    assert one.take(1, parts=1).holders == 1


def test_silence_means_none():
    with redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2) as nobody:
        silent = Throttle(nobody, 1, 100, "a")
        room = silent.take(50, parts=1)
        assert (room.messages, room.answered) == (0, False)
        silent.give_back(5)
        silent.leave()


def test_a_flush_lets_no_burst_through(throttle, valkey):
    one = throttle(100)
    used(one, 0.5)
    valkey.flushdb()
    assert one.take(50, parts=1).messages == 0
