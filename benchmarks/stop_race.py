"""People answer STOP while their campaign is sending: nothing may begin later; and how soon pause and halt hold."""

import argparse
import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from benchmarks import parts, stage
from benchmarks.parts import Parts
from benchmarks.signed import Line, inbound
from benchmarks.stage import Carrier, Stage, Tell
from campaigns import agencies, scheduling, wakeup
from campaigns.store import sweeps

_ALLOWED_SECONDS = 1.0
_LINES = 8  # people who write at the same moment
_AHEAD = 300  # how far in front of the sending people write: what two workers take in hand within a moment
_QUIET_SECONDS = 6.0  # longer than anything that was in hand may wait
_PATIENCE_SECONDS = 300.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--stops", type=int, default=2_000)
    parser.add_argument("--messages", type=int, default=0, help="people in the campaign (twenty for each stop)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="what the simulator waits before each answer")
    parser.add_argument("--seed", type=int, default=1)


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Race stops against one campaign, then pause and halt another, with one more worker."""
    port, messages = parts.free_port(), chosen.messages or 20 * chosen.stops
    base_url = f"http://127.0.0.1:{port}"
    with stage.carrier() as outside, stage.installation(twilio_url=outside.url, base_url=base_url) as live:
        tell(f"making {messages} contacts")
        stage.people(live, messages)
        outside.begin(latency_ms=chosen.latency_ms)
        environment, log = stage.environment(live.settings), live.settings.data / "parts.log"
        with parts.installed(environment, log, workers=chosen.workers, port=port) as programs:
            raced = _race(live, outside, chosen, messages, tell)
            programs.start(f"worker {chosen.workers + 1}", "worker")
            holds = _holds(live, outside, programs, tell)
    return {
        "messages": messages,
        "workers": chosen.workers,
        "latency_ms": chosen.latency_ms,
        **raced,
        **holds,
    }


class Front:
    """Where the sending is, and who near it has not written yet. Used from many threads."""

    def __init__(self, outside: Carrier, people: int, wanted: int, seed: int) -> None:
        self.stopped: dict[str, float] = {}  # phone -> when its STOP was answered
        self.wrong: list[str] = []
        self._outside, self._people, self._wanted = outside, people, wanted
        self._dice, self._lock = random.Random(seed), threading.Lock()
        self._taken: set[int] = set()
        self.at = 0

    def look(self) -> None:
        """Ask the carrier how far the campaign is."""
        self.at = self._outside.control("counters").get("creates_accepted", 0) + len(self.stopped)

    def next(self) -> str | None:
        """The phone of somebody who is about to be written to; None when there is nobody any more."""
        with self._lock:
            while len(self._taken) < self._wanted and self.at < self._people - _AHEAD:
                number = self.at + self._dice.randrange(_AHEAD)
                if number not in self._taken:
                    self._taken.add(number)
                    return stage.phone(number)
        return None


def _race(live: Stage, outside: Carrier, chosen: argparse.Namespace, messages: int, tell: Tell) -> dict[str, Any]:
    front = Front(outside, messages, chosen.stops, chosen.seed)
    campaign_id = stage.start_campaign(live)
    wakeup.send(live.connections.valkey, live.agency.id, campaign_id)
    _wait_for_creates(outside, 1)
    writers = [threading.Thread(target=_write, args=(live, front)) for _ in range(_LINES)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        front.look()
        time.sleep(0.02)
    if front.wrong:
        raise RuntimeError(f"{len(front.wrong)} stops were not taken: {front.wrong[0]}")
    tell(f"{len(front.stopped)} stops answered while {front.at} of {messages} were sent")
    _wait_until_quiet(outside)
    began = _began(outside, campaign_id)
    after = [began[phone] - at for phone, at in front.stopped.items() if phone in began]
    return {
        "stops": len(front.stopped),
        "raced": sum(began.get(phone, at + 1) > at for phone, at in front.stopped.items()),
        "sent_after_stop": sum(seconds > 0 for seconds in after),
        "latest_seconds": round(max([0.0, *after]), 3),
        "violations": sum(seconds > _ALLOWED_SECONDS for seconds in after),
    }


def _write(live: Stage, front: Front) -> None:
    line = Line(live.settings.base_url)
    try:
        while phone := front.next():
            front.stopped[phone] = line.post(f"/hooks/twilio/{live.sender.key}/inbound", inbound(phone, "ALTO"))
    except (OSError, RuntimeError) as error:
        front.wrong.append(str(error))
    finally:
        line.close()


def _holds(live: Stage, outside: Carrier, programs: Parts, tell: Tell) -> dict[str, float]:
    """Seconds from the commit of a pause, and of a halt, to the begin of the last create of any worker."""
    agency_id, valkey = live.agency.id, live.connections.valkey
    sessions = live.connections.sessions(agency_id)
    outside.begin(latency_ms=outside.control("faults")["latency_ms"][0])
    campaign_id = stage.start_campaign(live, name="second")
    with sessions.begin() as session:
        by = stage.person(session, agency_id, "admin", "admin")
    wakeup.send(valkey, agency_id, campaign_id)
    _let_workers_join(outside, programs)
    with sessions.begin() as session:
        scheduling.pause(session, agency_id, campaign_id, by=by)
    pause = _seconds_to_last(live, outside, campaign_id, time.time())
    with sessions.begin() as session:
        scheduling.resume(session, agency_id, campaign_id, by=by)
    wakeup.send(valkey, agency_id, campaign_id)
    _let_workers_join(outside, programs)
    with sessions.begin() as session:
        agencies.halt(session, agency_id, by=by)
    halt = _seconds_to_last(live, outside, campaign_id, time.time())
    tell(f"the last create began {pause:.3f} s after the pause, {halt:.3f} s after the halt")
    return {"pause_seconds": round(pause, 3), "halt_seconds": round(halt, 3)}


def _let_workers_join(outside: Carrier, programs: Parts) -> None:
    before = outside.control("counters").get("creates_accepted", 0)
    _wait_for_creates(outside, before + 1)
    give_up = time.monotonic() + 3.0
    while time.monotonic() < give_up and not all(parts.children(programs.pid(n)) for n in programs.names("worker")):
        time.sleep(0.05)
    time.sleep(0.3)


def _seconds_to_last(live: Stage, outside: Carrier, campaign_id: int, since: float) -> float:
    _wait_until_quiet(outside)
    with live.connections.sessions(live.agency.id)() as session:
        if not sweeps.still_open(session, live.agency.id, campaign_id).queued:
            raise RuntimeError("everybody was written to before it could be held: take more --messages")
    return max(0.0, max(_began(outside, campaign_id).values()) - since)


def _wait_for_creates(outside: Carrier, number: int) -> None:
    give_up = time.monotonic() + 60
    while outside.control("counters").get("creates_accepted", 0) < number:
        if time.monotonic() > give_up:
            raise RuntimeError("nobody sends")
        time.sleep(0.02)


def _wait_until_quiet(outside: Carrier) -> None:
    """Until no create has come for longer than anything may have been in hand."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    last, since = -1, time.monotonic()
    while time.monotonic() - since < _QUIET_SECONDS:
        creates = outside.control("counters").get("creates", 0)
        if creates != last:
            last, since = creates, time.monotonic()
        if time.monotonic() > give_up:
            raise RuntimeError("the sending does not end")
        time.sleep(0.1)


def _began(outside: Carrier, campaign_id: int) -> dict[str, float]:
    """Phone -> when the last create of this campaign to it began, seconds since 1970."""
    phones = outside.control("ledger")["phones"]
    return {
        phone: max(_began_at(entry) for entry in ours)
        for phone, entries in phones.items()
        if (ours := [entry for entry in entries if entry["campaign"] == str(campaign_id)])
    }


def _began_at(entry: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(entry.get("began_at") or entry["accepted_at"]).astimezone(UTC).timestamp()
