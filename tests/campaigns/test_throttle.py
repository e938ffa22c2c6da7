"""The pace is shared by all workers, never exceeded, and closed when nobody answers.

Time is Valkey's own, read before and after what is measured: a machine that pauses makes a test longer, never red.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from campaigns.throttle import Throttle

THROTTLE_KEYS = ("clock", "grants", "holders", "places", "urgent")
REST = 0.11  # after it a full burst is there, and never more


@pytest.fixture
def throttle(valkey):
    def make(rate, holder="a", sender="1", *, in_flight=100, urgent=False):
        return Throttle(valkey, sender, rate, holder, in_flight=in_flight, urgent=urgent)

    return make


def moment(valkey):
    seconds, micros = valkey.time()
    return seconds + micros / 1e6


def used(valkey, workers, rounds):
    """What all of them together got, and the seconds it took: they ask side by side, each as often as told."""

    def ask(worker):
        messages = 0
        for _ in range(rounds):
            room = worker.take(50, parts=1)
            messages += room.messages
            time.sleep(max(room.wait, 0.001))
        return messages

    began = moment(valkey)
    with ThreadPoolExecutor(len(workers)) as pool:
        asked = list(pool.map(ask, workers))
    return asked, moment(valkey) - began


def undisturbed(valkey, within, work):
    """What `work` gave, for a sender nobody used yet, when no more than so many seconds lay between its two moments."""
    for sender in range(20):
        got, began, ended = work(f"fresh {sender}")
        if ended - began < within:
            return got
    pytest.fail(f"{within} s were always over: the machine pauses all the time")


def test_the_pace_is_used_and_never_exceeded(throttle, valkey):
    asked, seconds = used(valkey, [throttle(100)], 40)
    assert 0 < sum(asked) <= 100 * seconds
    one = throttle(100, sender="2")
    one.take(1, parts=1)
    for _ in range(12):
        time.sleep(REST)
        assert one.take(50, parts=1).messages == 10


def test_a_fresh_sender_has_no_credit(throttle):
    room = throttle(100).take(50, parts=1)
    assert (room.messages, 0 < room.wait <= 0.05) == (0, True)


def test_after_a_rest_no_more_than_the_burst(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    time.sleep(0.5)
    assert one.take(50, parts=1).messages == 10


def test_what_was_not_asked_for_is_still_there(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    time.sleep(REST)
    assert one.take(3, parts=1).messages == 3
    assert one.take(50, parts=1).messages >= 7


def test_workers_share_it(throttle, valkey):
    asked, seconds = used(valkey, [throttle(200, name) for name in "abc"], 40)
    assert 0 < sum(asked) <= 200 * seconds
    workers = [throttle(200, name, sender="2") for name in "abc"]
    for worker in 3 * workers:  # until each has places of its own
        worker.take(0, parts=1)
    workers[0].take(1, parts=1)
    for turn in range(9):
        time.sleep(2 * REST)
        # All of the burst is there for whoever asks first, and for the others what came since.
        got = [workers[(turn + place) % 3].take(50, parts=1).messages for place in range(3)]
        assert got[0] == 20


def test_senders_do_not_share_it(throttle):
    throttle(100, sender="1").take(1, parts=1)
    throttle(100, sender="2").take(1, parts=1)
    time.sleep(0.2)
    assert throttle(100, sender="1").take(50, parts=1).messages == 10
    assert throttle(100, sender="2").take(50, parts=1).messages == 10


def test_a_message_of_more_parts_than_the_burst_still_goes_at_the_pace(throttle, valkey):
    slow = throttle(10)  # a burst of one part
    began = moment(valkey)
    for _ in range(3):
        room = slow.take(50, parts=3)
        if not room.messages:
            assert 0 < room.wait <= 0.3
            time.sleep(room.wait + 0.005)  # two clocks may differ by a hair
            room = slow.take(50, parts=3)
        assert room.messages == 1
    assert moment(valkey) - began >= 3 * 3 / 10


def test_what_was_not_needed_can_be_taken_again(throttle, valkey):
    def work(sender):
        one = throttle(100, sender=sender)
        one.take(1, parts=1)
        time.sleep(REST)
        began = moment(valkey)
        got = [one.take(1, parts=10).messages, one.take(9, parts=1).messages, one.take(9, parts=1, unused=9).messages]
        one.give_back(9, using=0)
        return [*got, one.take(9, parts=1).messages], began, moment(valkey)

    assert undisturbed(valkey, 0.03, work) == [1, 0, 9, 9]


def test_what_is_given_back_is_credited_once(throttle, valkey):
    def work(sender):
        one = throttle(100, sender=sender)
        one.take(1, parts=1)
        time.sleep(REST)
        began = moment(valkey)
        assert one.take(50, parts=1).messages == 10
        one.give_back(4, using=0)
        again = one.take(50, parts=1).messages
        more = one.take(50, parts=1, unused=5).messages
        return (again, again + more), began, moment(valkey)

    again, both = undisturbed(valkey, 0.03, work)
    assert 4 <= again < 8  # three more have come in the meantime, at most
    assert 9 <= both < 13


def test_giving_back_makes_no_credit_beyond_the_burst(throttle):
    one = throttle(100)
    one.take(1, parts=1)
    one.give_back(1000, using=0)
    assert one.take(500, parts=1).messages <= 10


def test_fewer_than_help_are_not_granted(throttle, valkey):
    def work(sender):
        one, began = throttle(10, sender=sender), moment(valkey)  # a burst of one part
        assert one.take(1, parts=1).messages == 0
        time.sleep(0.15)
        return (one, one.take(50, parts=1, fewest=3)), began, moment(valkey)

    one, room = undisturbed(valkey, 0.3, work)
    assert (room.messages, 0 < room.wait <= 0.3) == (0, True)
    time.sleep(0.3)
    assert one.take(50, parts=1, fewest=3).messages == 3


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
    grants, workers = [], [throttle(100, name) for name in "abc"]
    for _ in range(3):
        time.sleep(REST)  # the burst comes on top of a second's pace
        end = moment(valkey) + 1.2
        while (before := moment(valkey)) < end:
            for worker in workers:
                if number := worker.take(7, parts=1).messages:
                    grants.append((before, moment(valkey), number))
                before = moment(valkey)
            time.sleep(0.01)
    for began, _, _ in grants:
        # Those that were certainly granted within one second of Valkey's, however long the answer took.
        second = [number for before, after, number in grants if began <= before and after - began < 1]
        assert sum(second) <= 100


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
    used(valkey, [one], 10)
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
    ahead = int((moment(valkey) + 3600) * 1e6)
    clock, grants, holders, places, urgent = (f"throttle:{{1}}:{name}" for name in THROTTLE_KEYS)
    valkey.set(clock, ahead)
    valkey.rpush(grants, f"{ahead}:100:a")
    for key in (holders, urgent):
        valkey.zadd(key, {"dead": ahead})
    valkey.hset(places, "dead", f"100:{ahead}")
    room = one.take(1, parts=1)
    assert (room.holders, room.is_overtaken, room.places) == (1, False, 100)
    for _ in range(3):
        time.sleep(REST)
        assert one.take(50, parts=1).messages == 10
