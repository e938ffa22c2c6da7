"""Urgent goes first, agencies take turns, places are never exceeded, nothing waits past its moment (DESIGN P3, P9)."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from campaigns import agencies, consent, scheduling, wakeup
from campaigns.orders import Tools
from campaigns.rules.lifecycle import CampaignState
from campaigns.supply import End
from campaigns.wakeup import Work
from tests.carrier import phone

SLOW_MS = 4000  # long enough to do something meanwhile, on a slow machine too


@pytest.fixture
def tools(tools) -> Tools:
    # A slow call is within both.
    return replace(tools, settings=replace(tools.settings, lease=30.0, provider_timeout=12.0))


@pytest.fixture
def flying(send):
    """Starts sending jobs beside the test; how each ended is known after join()."""
    threads, ends = [], []

    class Flying:
        def start(self, campaign_id, **how):
            number = len(ends)
            ends.append(None)

            def job():
                ends[number] = send(campaign_id, **how)

            threads.append(threading.Thread(target=job))
            threads[-1].start()

        def join(self):
            for thread in threads:
                thread.join()
            return ends

    yield Flying()
    for thread in threads:
        thread.join()


def begun(carrier, campaign_id):
    """When each create of a campaign began, by the carrier's clock."""
    entries = [entry for got in carrier.phones().values() for entry in got if entry["campaign"] == str(campaign_id)]
    return sorted(datetime.fromisoformat(entry["began_at"]) for entry in entries)


def test_an_urgent_campaign_overtakes_one_in_mid_flight(carrier, starts, send, flying, states, do):
    do("UPDATE sender SET in_flight = 6")
    carrier.faults(latency_ms=40)
    bulk = starts(250)
    flying.start(bulk)
    carrier.wait_for(30)
    urgent = starts([], is_urgent=True)
    flying.start(urgent)
    assert flying.join() == [End.OVERTAKEN, End.EMPTY]
    assert states(urgent) == {"sent": 250}
    left = states(bulk)
    assert left["queued"] + left["sent"] == 250
    first = begun(carrier, urgent)[0]
    assert sum(at > first for at in begun(carrier, bulk)) <= 12  # what was in hand
    while send(bulk) is End.YIELDED:  # nudges wait that nobody here follows
        pass
    assert states(bulk) == {"sent": 250}


def test_bulk_waits_while_an_urgent_one_is_at_it(carrier, starts, flying, states, do):
    do("UPDATE sender SET in_flight = 4")
    carrier.faults(latency_ms=30)
    urgent, bulk = starts(100, is_urgent=True), starts([])
    flying.start(urgent)
    carrier.wait_for(10)
    flying.start(bulk)
    assert flying.join() == [End.EMPTY, End.OVERTAKEN]
    assert states(bulk) == {"queued": 100}


@pytest.mark.parametrize(("campaigns", "turn"), [(1, 3.0), (3, 1.0)])
def test_an_agency_leaves_the_worker_to_another_after_its_turn(
    campaigns, turn, carrier, starts, send, states, do, valkey, agency, other_agency
):
    do("UPDATE sender SET parts_per_second = 30")
    ids = [starts(300), *(starts([]) for _ in range(campaigns - 1))]
    wakeup.send(valkey, other_agency.id, 77)
    began_at = time.monotonic()
    assert send(ids[0]) is End.YIELDED
    assert time.monotonic() - began_at >= turn
    assert carrier.creates() <= 30 * (turn + 0.5)  # at its pace: how long it takes to end is the machine's affair
    assert states(ids[0])["queued"] > 100
    waiting = wakeup._queue(valkey, wakeup.queue_name(Work.SEND)).jobs
    assert [list(job.args) for job in waiting] == [[other_agency.id, 77], [agency.id, ids[0]]]  # behind the other


def test_two_flights_share_the_places_of_one_sender(carrier, starts, send, flying, states, do):
    do("UPDATE sender SET in_flight = 8")
    carrier.faults(latency_ms=[20, 60])
    first, second = starts(200), starts([])
    flying.start(first)
    carrier.wait_for(40)
    flying.start(second)  # starts while the first is at it, and goes on after it ended
    flying.join()
    assert carrier.control("counters")["most_creates_open"] == 8
    for campaign_id in (first, second):
        send(campaign_id)  # what waited past its moment at the very end, and went back
        assert states(campaign_id) == {"sent": 200}
    assert carrier.creates() == 400


def test_who_refuses_while_the_provider_is_slow_is_not_written_to_a_second_later(
    carrier, starts, send, flying, states, sessions, agency, vault, do
):
    do("UPDATE sender SET in_flight = 4")
    carrier.faults(latency_ms=SLOW_MS)
    campaign_id = starts(30)
    flying.start(campaign_id, seconds=SLOW_MS / 1000 + 3)
    carrier.wait_for(4)
    time.sleep(0.7)
    with sessions(agency.id).begin() as session:
        for number in range(30):
            indexes = vault.address_indexes(phone(number))
            consent.stop(session, agency.id, "sms", indexes, source=consent.Source.WORD, rule="ALTO")
    stopped_at = datetime.now(UTC)
    assert carrier.control("counters")["creates_in_flight"] == 4, "the machine paused for seconds"
    flying.join()
    send(campaign_id)  # what went back last
    assert max(begun(carrier, campaign_id)) < stopped_at + timedelta(seconds=1)
    assert states(campaign_id) == {"sent": 4, "skipped: opted_out": 26}


def test_a_halt_holds_while_the_provider_is_slow(carrier, starts, flying, states, sessions, agency, dora, do):
    do("UPDATE sender SET in_flight = 4")
    carrier.faults(latency_ms=SLOW_MS)
    campaign_id = starts(30)
    flying.start(campaign_id, seconds=SLOW_MS / 1000 + 3)
    carrier.wait_for(4)
    time.sleep(0.7)
    with sessions(agency.id).begin() as session:
        agencies.halt(session, agency.id, by=dora.id)
    assert carrier.control("counters")["creates_in_flight"] == 4, "the machine paused for seconds"
    flying.join()
    assert carrier.creates() == 4
    assert states(campaign_id) == {"queued": 26, "sent": 4}
    rows = do("SELECT charged, reason, leased_until, not_before FROM delivery WHERE state = 'queued'").all()
    assert {tuple(row) for row in rows} == {(0, None, None, None)}  # as if never opened


def test_a_paused_campaign_ends_with_its_expiry(carrier, starts, send, settle, states, sessions, agency, bruno, do):
    campaign_id = starts(3)
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=bruno.id)
    do("UPDATE campaign SET expires_at = now() - interval '1 s' WHERE id = :c", c=campaign_id)
    assert settle(campaign_id) is CampaignState.FINISHED
    assert states(campaign_id) == {"skipped: expired": 3}
    assert carrier.creates() == 0


@pytest.mark.parametrize(("left", "kept"), [(90, 80), (None, 35_990), (40_000, 35_990)])
def test_the_provider_keeps_a_message_no_longer_than_what_is_left(left, kept, carrier, starts, send):
    carrier.faults(drain_rate=0.00001, queue_limit_parts=500)  # a queue that stands still, and the carrier's own clock
    expires_at = datetime.now(UTC) + timedelta(seconds=left) if left else None
    send(starts(3, expires_at=expires_at))

    def statuses():
        return sorted(entry["status"] for got in carrier.phones().values() for entry in got)

    carrier.control("clock", {"advance_s": kept})
    assert statuses()[1:] == ["queued", "queued"]
    carrier.control("clock", {"advance_s": 20})
    assert statuses()[1:] != ["queued", "queued"]
    assert statuses().count("failed") == 2
    assert {entry["error_code"] for got in carrier.phones().values() for entry in got} == {None, 30036}
