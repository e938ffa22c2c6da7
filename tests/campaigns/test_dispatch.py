"""One campaign leaves through the real client: everyone once, and nobody who must not be written to (DESIGN 4)."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns import agencies, consent, scheduling, wakeup
from campaigns.orders import Shut
from campaigns.rules import hours
from campaigns.rules.lifecycle import CampaignState
from campaigns.supply import End
from tests.carrier import phone


def do(sessions, agency, statement, **values):
    with sessions(agency.id).begin() as session:
        session.execute(text(statement), values)


def campaign(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        return session.execute(text("SELECT * FROM campaign WHERE id = :c"), {"c": campaign_id}).one()


def test_everyone_gets_one_text_of_their_own(carrier, running, send, states):
    campaign_id = running(130)
    assert send(campaign_id) is End.EMPTY
    assert states(campaign_id) == {"sent": 130}
    texts = carrier.texts()
    assert {number: len(got) for number, got in texts.items()} == {phone(n): 1 for n in range(130)}
    expected = "Municipalidad de Lima Norte: Rosa 7, no pague. Llame al 111.\nResponda ALTO para no recibir mas."
    assert texts[phone(7)] == [expected]
    entry = carrier.phones()[phone(7)][0]
    assert (entry["campaign"], entry["attempt"]) == (str(campaign_id), "1")


def test_each_reads_their_language_and_the_frame_falls_back_to_spanish(carrier, running, send):
    send(running(1, language="qu"))
    assert carrier.texts()[phone(0)] == [
        "Municipalidad de Lima Norte: Ama qullqita quychu. Waqyay 111.\nResponda ALTO para no recibir mas."
    ]


def test_a_clock_that_jumps_ends_the_job_before_anything_more_starts(
    carrier, running, send, states, sessions, agency, monkeypatch
):
    campaign_id = running(400)
    carrier.faults(latency_ms=300)
    do(sessions, agency, "UPDATE sender SET in_flight = 20 WHERE agency_id = :a", a=agency.id)  # six seconds for all
    real, slept = time.time, threading.Event()
    monkeypatch.setattr("campaigns.handover.time.time", lambda: real() + (3600 if slept.is_set() else 0))

    def sleep() -> None:
        carrier.wait_for(30)
        slept.set()

    machine = threading.Thread(target=sleep)
    machine.start()
    assert send(campaign_id) is End.TOLD
    machine.join()
    found = states(campaign_id)
    assert set(found) == {"sent", "queued"}
    assert carrier.creates() == found["sent"]


def test_sending_again_sends_nothing(carrier, running, send):
    campaign_id = running(5)
    send(campaign_id)
    assert send(campaign_id) is End.EMPTY
    assert carrier.creates() == 5


def test_the_reference_and_parts_are_kept(running, send, sessions, agency):
    campaign_id = running(2)
    send(campaign_id)
    with sessions(agency.id)() as session:
        rows = session.execute(text("SELECT provider_ref, parts, attempt, leased_until FROM delivery")).all()
    assert all(ref.startswith("SM") and parts == 1 and attempt == 1 for ref, parts, attempt, _ in rows)
    assert all(lease is None for *_, lease in rows)


def test_several_at_once_send_nobody_twice(carrier, running, send, states):
    campaign_id = running(300)
    carrier.faults(latency_ms=[1, 30])
    jobs = [threading.Thread(target=send, args=(campaign_id,)) for _ in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert states(campaign_id) == {"sent": 300}
    assert {len(got) for got in carrier.phones().values()} == {1}
    assert len(carrier.phones()) == 300


def test_who_refused_after_planning_is_skipped(carrier, running, send, states, sessions, vault, agency):
    campaign_id = running(3)
    with sessions(agency.id).begin() as session:
        consent.stop(
            session, agency.id, "sms", [vault.address_index(phone(1))], source=consent.Source.WORD, rule="ALTO"
        )
    send(campaign_id)
    assert states(campaign_id) == {"sent": 2, "skipped: opted_out": 1}
    assert phone(1) not in carrier.phones()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE contact SET phone_index = 'another' WHERE phone_index = :index", "changed"),
        ("DELETE FROM contact WHERE phone_index = :index", "changed"),
        ("UPDATE contact SET legal_ground = NULL WHERE phone_index = :index", "no_ground"),
    ],
)
def test_who_changed_after_planning_is_skipped(change, reason, running, send, states, sessions, vault, agency):
    campaign_id = running(3)
    do(sessions, agency, change, index=vault.address_index(phone(2)))
    send(campaign_id)
    assert states(campaign_id) == {"sent": 2, f"skipped: {reason}": 1}


CHANGES = {
    "text": "UPDATE text SET body = body || '!' WHERE campaign_id = :c",
    "expiry": "UPDATE campaign SET expires_at = now() + interval '1 hour' WHERE id = :c",
    "sender": "UPDATE sender SET address = '+5117000002' WHERE :c > 0",
    "name": "UPDATE agency SET name = 'Otra' WHERE :c > 0",
    "hours": "UPDATE agency SET hours = jsonb_set(hours, '{days,mon}', '[\"00:00\", \"23:59\"]') WHERE :c > 0",
    "zone": "UPDATE agency SET time_zone = 'America/Bogota' WHERE :c > 0",
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_not_approved_does_not_leave(what, carrier, running, send, states, sessions, agency):
    campaign_id = running(3)
    do(sessions, agency, CHANGES[what], c=campaign_id)
    assert send(campaign_id) is Shut.CHANGED
    assert carrier.creates() == 0
    assert states(campaign_id) == {"queued": 3}
    held = campaign(sessions, agency, campaign_id)
    assert (held.state, held.pause_reason) == ("paused", "changed_since_approval")


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_between_two_windows_shuts_the_gate(what, carrier, running, send, states, sessions, agency):
    carrier.faults(latency_ms=200)  # four seconds for all
    campaign_id = running(400)
    do(sessions, agency, "UPDATE sender SET in_flight = 20 WHERE agency_id = :a", a=agency.id)  # small windows
    job = threading.Thread(target=send, args=(campaign_id,))
    job.start()
    carrier.wait_for(60)
    do(sessions, agency, CHANGES[what], c=campaign_id)
    job.join()
    left = states(campaign_id)
    assert left["queued"] > 0
    assert left["sent"] == carrier.creates() < 400


def test_a_refusal_between_two_windows_is_kept(carrier, running, send, sessions, vault, agency):
    carrier.faults(latency_ms=200)  # four seconds for all
    campaign_id = running(400)
    do(sessions, agency, "UPDATE sender SET in_flight = 20 WHERE agency_id = :a", a=agency.id)  # small windows
    job = threading.Thread(target=send, args=(campaign_id,))
    job.start()
    carrier.wait_for(60)
    with sessions(agency.id).begin() as session:
        consent.stop(
            session, agency.id, "sms", [vault.address_index(phone(399))], source=consent.Source.WORD, rule="ALTO"
        )
    job.join()
    assert phone(399) not in carrier.phones()
    assert len(carrier.phones()) == 399


def test_halt_stops_every_window(carrier, running, send, states, sessions, agency, dora):
    carrier.faults(latency_ms=200)  # four seconds for all
    campaign_id = running(400)
    do(sessions, agency, "UPDATE sender SET in_flight = 20 WHERE agency_id = :a", a=agency.id)  # small windows
    job = threading.Thread(target=send, args=(campaign_id,))
    job.start()
    carrier.wait_for(60)
    with sessions(agency.id).begin() as session:
        agencies.halt(session, agency.id, by=dora.id)
    job.join()
    assert states(campaign_id)["queued"] > 0
    assert send(campaign_id) is Shut.HALTED
    with sessions(agency.id).begin() as session:
        agencies.resume(session, agency.id, by=dora.id)
    carrier.faults(latency_ms=0)
    while send(campaign_id) is End.YIELDED:  # nudges wait that nobody here follows
        pass
    assert states(campaign_id) == {"sent": 400}


def test_pause_and_resume(carrier, running, send, states, sessions, agency, bruno):
    campaign_id = running(4)
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, campaign_id, by=bruno.id, reason="wait")
    assert send(campaign_id) is Shut.NOT_RUNNING
    assert carrier.creates() == 0
    with sessions(agency.id).begin() as session:
        scheduling.resume(session, agency.id, campaign_id, by=bruno.id)
    send(campaign_id)
    assert states(campaign_id) == {"sent": 4}


def test_outside_hours_is_waiting(carrier, running, send, states, sessions, agency, ada, bruno, sender, vault):
    now = datetime.now(UTC)
    day = (now - timedelta(hours=5)).strftime("%a").lower()
    open_days = {name: span for name, span in hours.always()["days"].items() if name != day}
    with sessions(agency.id).begin() as session:
        form = agencies.AgencyForm(agency.name, "America/Lima", {"days": open_days, "holidays": None})
        agencies.change(session, agency.id, form, by=bruno.id)
    campaign_id = running(2)
    assert send(campaign_id, now=now) is Shut.OUTSIDE_HOURS
    assert states(campaign_id) == {"queued": 2}
    assert carrier.creates() == 0


def test_after_its_expiry_a_campaign_skips_everyone(carrier, running, send, settle, states, sessions, agency):
    campaign_id = running(3)
    do(sessions, agency, "UPDATE campaign SET expires_at = now() - interval '1 second' WHERE id = :c", c=campaign_id)
    assert send(campaign_id) is Shut.EXPIRED
    assert settle(campaign_id) is CampaignState.FINISHED
    assert states(campaign_id) == {"skipped: expired": 3}
    assert carrier.creates() == 0


def test_without_valkey_nothing_leaves(carrier, running, send, states, tools):
    import redis

    campaign_id = running(2)
    silent = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    from dataclasses import replace

    assert send(campaign_id, using=replace(tools, valkey=silent)) is End.SILENT
    assert states(campaign_id) == {"queued": 2}
    assert carrier.creates() == 0
    silent.close()


def test_a_sealed_row_that_does_not_open_fails_alone(carrier, running, send, states, sessions, vault, agency):
    campaign_id = running(3)
    index = vault.address_index(phone(1))
    do(sessions, agency, "UPDATE contact SET phone_sealed = '\\x0001' WHERE phone_index = :index", index=index)
    send(campaign_id)
    assert states(campaign_id) == {"sent": 2, "failed: unreadable": 1}


def test_another_agency_sends_nothing_of_it(running, tools, other_agency, carrier):
    import asyncio

    from campaigns import dispatch

    campaign_id = running(2)

    async def job():
        return await dispatch.send(
            tools, other_agency.id, campaign_id, now=datetime.now(UTC), stop=asyncio.Event(), seconds=5
        )

    assert asyncio.run(job()) is None
    assert carrier.creates() == 0


def test_the_sender_keeps_its_pace(carrier, running, send, sessions, agency):
    campaign_id = running(60)
    do(sessions, agency, "UPDATE sender SET parts_per_second = 30 WHERE agency_id = :a", a=agency.id)
    send(campaign_id)
    texts = [entry for entries in carrier.phones().values() for entry in entries]
    assert len(texts) == 60
    moments = sorted(datetime.fromisoformat(entry["began_at"]) for entry in texts)
    # Thirty may be granted in any second; how soon each then arrives is the machine's affair.
    assert moments[-1] - moments[0] >= timedelta(seconds=1.9)


def test_where_one_job_uses_the_whole_pace_the_others_leave(carrier, running, send, states, sessions, agency):
    campaign_id = running(60)
    do(sessions, agency, "UPDATE sender SET parts_per_second = 20 WHERE agency_id = :a", a=agency.id)
    ends = []
    jobs = [threading.Thread(target=lambda: ends.append(send(campaign_id))) for _ in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert sorted(ends) == [End.EMPTY, End.SHARED, End.SHARED]
    assert states(campaign_id) == {"sent": 60}


def test_a_job_leaves_its_worker_to_other_work(running, send, states, sessions, agency, valkey):
    campaign_id = running(120)
    do(sessions, agency, "UPDATE sender SET parts_per_second = 20 WHERE agency_id = :a", a=agency.id)
    wakeup.receipts(valkey, agency.id)
    assert send(campaign_id) is End.YIELDED
    assert states(campaign_id)["queued"] > 0
    assert valkey.exists(f"nudge:send:{agency.id}:{campaign_id}")  # and comes back


def test_no_more_than_the_sender_allows_are_in_flight(carrier, running, send, states, sessions, agency):
    campaign_id = running(80)
    do(sessions, agency, "UPDATE sender SET in_flight = 8 WHERE agency_id = :a", a=agency.id)
    carrier.faults(latency_ms=20, concurrency_limit=8)
    send(campaign_id)
    assert states(campaign_id) == {"sent": 80}
    assert carrier.creates() == 80  # none was refused


def test_figures_are_compacted_and_stay_true(running, send, states, sessions, agency):
    from campaigns.store import figures

    campaign_id = running(30)
    send(campaign_id)
    with sessions(agency.id).begin() as session:
        figures.compact(session, agency.id, campaign_id, keep=0)
        assert session.scalar(text("SELECT count(*) FROM figure")) == 1
    assert states(campaign_id) == {"sent": 30}
