"""A budget is never passed, by however many workers, and is used up to the last message that fits."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest

from campaigns import dispatch, orders
from campaigns.rules.lifecycle import CampaignState, State
from campaigns.store import deliveries, figures, windows
from campaigns.store.deliveries import Sending
from campaigns.supply import End
from tests.carrier import phone

LONG = {"es": "No pague. Llame al 111. " * 6}  # with the frame two parts for everybody
NAMED = {"es": "{{nombre}}: " + "no pague. " * 6}  # one part, or six with the longest name there can be


def together(*jobs):
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def charged(do):
    return lambda: do("SELECT coalesce(sum(parts), 0) FROM figure").scalar_one()


def test_two_workers_stop_at_the_cap_together(carrier, starts, send, states, hear, settle, do, charged):
    do("UPDATE sender SET in_flight = 10")
    carrier.faults(latency_ms=[1, 30])
    campaign_id = starts(90, parts_cap=37)
    together(*(lambda: send(campaign_id) for _ in range(2)))
    assert carrier.creates() == 37 == charged()
    assert states(campaign_id) == {"sent": 37, "skipped: budget": 53}
    hear(campaign_id, 37, State.DELIVERED)
    assert settle(campaign_id) is CampaignState.FINISHED


def test_a_message_of_two_parts_costs_two(carrier, starts, send, states, charged):
    campaign_id = starts(20, texts=LONG, parts_cap=25)
    send(campaign_id)
    assert states(campaign_id) == {"sent": 12, "skipped: budget": 8}
    assert charged() == 24


def test_what_turns_out_shorter_leaves_its_part_to_others(carrier, starts, send, states, charged, tools, agency):
    campaign_id = starts(60, texts=NAMED, parts_cap=25)
    most = orders.read(tools, agency.id, campaign_id)[0].most_parts
    assert most == 6
    carrier.faults(latency_ms=20)
    send(campaign_id)
    left = states(campaign_id)
    assert 25 - most < carrier.creates() <= 25  # what is left at the end is too little for what a message may need
    assert left == {"sent": carrier.creates(), "skipped: budget": 60 - carrier.creates()}
    assert charged() == carrier.creates()


def test_what_a_dead_worker_had_in_hand_counts_until_it_is_settled(
    carrier, starts, send, settle, states, tools, sessions, agency, do
):
    campaign_id = starts(60, parts_cap=25)
    do("UPDATE contact SET changed_at = now() - interval '1 hour'")
    order = orders.read(tools, agency.id, campaign_id)[0]
    gate = dispatch._gate(tools, order, datetime.now(UTC))
    with sessions(agency.id).begin() as session:
        assert len(windows.open_window(session, gate, size=10)) == 10
    for _ in range(30):  # a slow machine does not send all that may go within one second
        assert send(campaign_id, seconds=1.0) is End.TIME  # what is in hand may leave something to spend
        if carrier.creates() == 15:
            break
    assert carrier.creates() == 15
    do(
        "UPDATE delivery SET leased_until = now() - interval '1 s', handed_at = now() - interval '9 s'"
        " WHERE state = 'sending'"
    )
    settle(campaign_id)
    assert states(campaign_id) == {"queued": 45, "sent": 15}
    send(campaign_id)
    assert carrier.creates() == 25
    assert states(campaign_id) == {"sent": 25, "skipped: budget": 35}


def test_what_may_have_been_taken_is_charged(carrier, starts, send, states, charged):
    carrier.faults(create=[{"kind": "error_after", "count": 5}])
    campaign_id = starts(20, parts_cap=12)
    send(campaign_id)
    assert carrier.creates() == 12 == charged()
    assert states(campaign_id) == {"sent": 7, "unknown": 5, "skipped: budget": 8}


def test_what_was_refused_costs_nothing(carrier, starts, send, states, charged):
    carrier.faults(create=[{"kind": "refused", "code": 21211, "status": 400, "count": 6}])
    campaign_id = starts(30, parts_cap=12)
    send(campaign_id)
    assert states(campaign_id) == {"sent": 12, "failed: number_invalid": 6, "skipped: budget": 12}
    assert charged() == 12


def test_the_month_is_shared_by_the_agencys_campaigns_and_test_sends(
    carrier, starts, send, sessions, vault, agency, do, charged
):
    do("UPDATE agency SET parts_per_month = 60 WHERE id = :a", a=agency.id)
    carrier.faults(latency_ms=[1, 20])
    service = do("SELECT id FROM campaign WHERE kind = 'service'").scalar_one()
    with sessions(agency.id).begin() as session:
        sealed = [vault.seal(words, agency.id) for words in (phone(999), "Prueba")]
        message = Sending("es", vault.address_index(phone(999)), *sealed)
        deliveries.queue_message(session, agency.id, service, message, staff_id=None)
        figures.add_queued(session, agency.id, service, "sms", "es")
    send(service)
    assert charged() == 1
    first, second = starts(40), starts([])
    together(lambda: send(first), lambda: send(second))
    assert carrier.creates() == 60 == charged()
    assert do("SELECT count(*) FROM delivery WHERE reason = 'budget'").scalar_one() == 21


def test_last_months_parts_do_not_count(starts, send, states, agency, settings, do):
    do("UPDATE agency SET parts_per_month = 10 WHERE id = :a", a=agency.id)
    campaign_id = starts(10)
    send(campaign_id)
    with psycopg.connect(settings.owner_url.replace("+psycopg", "")) as owner:
        owner.execute("UPDATE figure SET made_at = made_at - interval '32 days'")
    other = starts([])
    send(other)
    assert states(other) == {"sent": 10}


def test_another_agencys_month_is_its_own(carrier, starts, send, states, other_agency, do):
    do("UPDATE agency SET parts_per_month = 1 WHERE id = :a", a=other_agency.id)
    campaign_id = starts(5)
    send(campaign_id)
    assert states(campaign_id) == {"sent": 5}
