"""The pace is shared by all workers, never exceeded, and closed when nobody answers."""

import threading
import time

import pytest
import redis

from campaigns.throttle import Throttle

THROTTLE_KEYS = ("clock", "grants", "holders", "places", "urgent")


@pytest.fixture
def throttle(valkey):
    def make(rate, holder="a", sender="1", *, in_flight=100, urgent=False):
        return Throttle(valkey, sender, rate, holder, in_flight=in_flight, urgent=urgent)

    return make


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
    assert (room.messages, 0 < room.wait <= 0.05) == (0, True)


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
    throttle(100, sender="1").take(1, parts=1)
    throttle(100, sender="2").take(1, parts=1)
    time.sleep(0.2)
    assert throttle(100, sender="1").take(50, parts=1).messages == 10
    assert throttle(100, sender="2").take(50, parts=1).messages == 10


def test_a_message_of_more_parts_than_the_burst_still_goes_at_the_pace(throttle):
    slow = throttle(10)  # a burst of one part
    assert 6 <= used(slow, 1.0, parts=3) <= 10


def test_what_was_not_needed_can_be_taken_again(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    time.sleep(0.2)
    assert one.take(1, parts=10).messages == 1
    assert one.take(9, parts=1).messages <= 1
    assert one.take(9, parts=1, unused=9).messages >= 8
    one.give_back(9, using=0)
    assert one.take(9, parts=1).messages >= 8


def test_giving_back_makes_no_credit_beyond_the_burst(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    one.give_back(1000, using=0)
    assert one.take(500, parts=1).messages <= 10


def test_fewer_than_help_are_not_granted(throttle):
    one = throttle(10)  # a burst of one part
    assert one.take(1, parts=1).messages == 0
    time.sleep(0.15)
    room = one.take(50, parts=1, fewest=3)
    assert (room.messages, 0 < room.wait <= 0.3) == (0, True)
    time.sleep(0.3)
    assert 3 <= one.take(50, parts=1, fewest=3).messages <= 4


def test_workers_are_counted_until_they_leave(throttle):
    one, two = throttle(100, "a"), throttle(100, "b")
    assert one.take(1, parts=1).holders == 1
    assert two.take(1, parts=1).holders == 2
    assert two.leave_to_others()
    assert not one.leave_to_others()
    assert one.take(1, parts=1).holders == 1


def test_places_are_shared_and_nobody_takes_one_that_is_used(throttle):
    one, two = throttle(1000, "a", in_flight=10), throttle(1000, "b", in_flight=10)
    assert one.take(1, parts=1, using=0).places == 10
    assert two.take(1, parts=1, using=0).places == 0
    assert one.take(1, parts=1, using=10).places == 5
    assert two.take(1, parts=1, using=0).places == 0
    assert one.take(1, parts=1, using=7).places == 5
    assert two.take(1, parts=1, using=0).places == 3
    assert one.take(1, parts=1, using=5).places == 5
    assert two.take(1, parts=1, using=3).places == 5
    one.leave_to_others()
    assert two.take(1, parts=1, using=5).places == 5  # its calls are still open
    one.leave()
    assert two.take(1, parts=1, using=5).places == 10


def test_without_a_free_place_nothing_is_granted(throttle):
    one = throttle(1000, in_flight=2)
    one.take(1, parts=1, using=2)
    time.sleep(0.2)
    two = throttle(1000, "b", in_flight=2)
    room = two.take(5, parts=1)
    assert (room.messages, room.places, 0 < room.wait < 0.1) == (0, 0, True)
    assert one.take(5, parts=1, using=2).messages == 5  # windows may be larger than what is free


def test_no_second_holds_more_than_its_share(throttle, valkey):
    grants, end = [], time.monotonic() + 3.0
    workers = [throttle(100, name) for name in "abc"]
    while time.monotonic() < end:
        for worker in workers:
            if number := worker.take(7, parts=1).messages:
                seconds, micros = valkey.time()
                grants.append((seconds + micros / 1e6, number))
        time.sleep(0.05 if len(grants) % 9 else 0.25)  # a pause fills the bucket
    for at, _ in grants:
        assert sum(number for moment, number in grants if at <= moment < at + 0.99) <= 100


def test_urgent_goes_first(throttle):
    bulk, urgent = throttle(100, "a"), throttle(100, "b", urgent=True)
    bulk.take(1, parts=1)
    urgent.take(1, parts=1)
    time.sleep(0.1)
    room = bulk.take(5, parts=1, using=3)
    assert (room.messages, room.is_overtaken, room.places) == (0, True, 0)
    assert urgent.take(5, parts=1).messages == 5
    urgent.leave()
    time.sleep(0.1)
    assert bulk.take(5, parts=1).messages == 5


def test_silence_means_none():
    with redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2) as nobody:
        silent = Throttle(nobody, "1", 100, "a", in_flight=100, urgent=False)
        room = silent.take(50, parts=1)
        assert (room.messages, room.answered) == (0, False)
        silent.give_back(5, using=0)
        silent.leave()


def test_a_flush_lets_no_burst_through(throttle, valkey):
    one = throttle(100)
    used(one, 0.5)
    valkey.flushdb()
    assert one.take(50, parts=1).messages == 0


def test_urgent_leaves_to_nobody_who_is_less_urgent(throttle):
    bulk, urgent = throttle(100, "a"), throttle(100, "b", urgent=True)
    bulk.take(1, parts=1)
    assert urgent.take(1, parts=1).holders == 2
    assert not urgent.leave_to_others()
    throttle(100, "c", urgent=True).take(1, parts=1)
    assert urgent.leave_to_others()


def test_a_clock_that_is_set_back_stops_nobody(throttle, valkey):
    one = throttle(100)
    one.take(1, parts=1)
    ahead = int((time.time() + 3600) * 1e6)
    clock, grants, holders, places, urgent = (f"throttle:{{1}}:{name}" for name in THROTTLE_KEYS)
    valkey.set(clock, ahead)
    valkey.rpush(grants, f"{ahead}:100:a")
    for key in (holders, urgent):
        valkey.zadd(key, {"dead": ahead})
    valkey.hset(places, "dead", f"100:{ahead}")
    room = one.take(1, parts=1)
    assert (room.holders, room.is_overtaken, room.places) == (1, False, 100)
    assert used(one, 1.0) >= 90
