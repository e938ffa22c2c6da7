"""Sending through the whole path, against the async Twilio client alone on the same simulator in the same run.

Twice: against the library's client as it comes (`ratio`), and with our own HTTP client in it (`ratio_to_tuned`), which
is what the worker's calls alone would cost.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from sqlalchemy import text

from benchmarks import stage
from benchmarks.memory import Peak
from benchmarks.parts import Parts
from benchmarks.stage import Carrier, Stage, Tell
from campaigns import wakeup
from campaigns.store import figures

_PATIENCE_SECONDS = 600.0


class Leg(NamedTuple):
    """Campaigns, sent to their end by so many workers."""

    seconds: float
    peak_bytes: int
    most_creates_open: int
    duplicates: int
    missing: int

    @classmethod
    def together(cls, legs: Sequence["Leg"]) -> "Leg":
        """Several as one."""
        times, peaks, opens, duplicates, missing = zip(*legs, strict=True)
        return cls(sum(times), max(peaks), max(opens), sum(duplicates), sum(missing))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1, help="whose speed is `per_second`")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="what the simulator waits before each answer")
    parser.add_argument("--in-flight", type=int, default=100, help="calls at once, of all workers together")
    parser.add_argument(
        "--rounds", type=int, default=2, help="machines change their speed: everything in turn, so often"
    )
    parser.add_argument("--jobs", type=int, default=500, help="messages of the way with one job for each")
    parser.add_argument("--ordinary", action="store_true", help="without the simulator's fast mode")


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Measure the bare client, one worker and two, in turn; the bare client once more at the end; then the usual way.

    With a latency the speed is that of the calls in flight, so more workers and other ways are left out.
    """
    kinds = [chosen.workers] if chosen.latency_ms else sorted({1, 2, chosen.workers})
    legs: dict[int, list[Leg]] = {workers: [] for workers in kinds}
    found: dict[str, object] = {}
    with stage.carrier(*(() if chosen.ordinary else stage.FAST)) as outside:
        bare, tuned = [_bare(outside, chosen, tell)], [_bare(outside, chosen, tell, "tuned")]
        with stage.installation(twilio_url=outside.url, base_url="http://127.0.0.1:9") as live:
            tell(f"making {chosen.messages} contacts")
            stage.people(live, chosen.messages)
            stage.pace(live, stage.UNLIMITED, in_flight=chosen.in_flight)
            for number in range(chosen.rounds):
                for workers in kinds:
                    legs[workers].append(_leg(live, outside, chosen, workers, f"round-{number}-{workers}"))
                    tell(f"whole path, workers {workers}: {chosen.messages / legs[workers][-1].seconds:.0f} messages/s")
                bare.append(_bare(outside, chosen, tell))
                tuned.append(_bare(outside, chosen, tell, "tuned"))
            if not chosen.latency_ms:
                found["one_job_per_message_per_second"] = _one_job_each(live, outside, chosen.jobs, tell)
    sums = {workers: Leg.together(each) for workers, each in legs.items()}
    measured = _figures(chosen, sums, len(bare) * _half(chosen) / sum(bare), len(tuned) * _half(chosen) / sum(tuned))
    return measured | found | _against(chosen, sums, found)


def _against(chosen: argparse.Namespace, legs: Mapping[int, Leg], found: Mapping[str, Any]) -> dict[str, object]:
    per_second = _per_second(chosen, legs[chosen.workers])
    if chosen.latency_ms:
        return {"latency_ratio": round(per_second / (chosen.in_flight / (chosen.latency_ms / 1000)), 3)}
    return {
        "speedup": round(legs[1].seconds / legs[2].seconds, 3),
        "ratio_to_one_job_per_message": round(per_second / found["one_job_per_message_per_second"], 1),
    }


def _per_second(chosen: argparse.Namespace, leg: Leg) -> float:
    return float(chosen.messages * chosen.rounds / leg.seconds)


def _figures(
    chosen: argparse.Namespace, legs: Mapping[int, Leg], bare_per_second: float, tuned_per_second: float
) -> dict[str, object]:
    per_second = _per_second(chosen, legs[chosen.workers])
    return {
        "messages": chosen.messages,
        "rounds": chosen.rounds,
        "workers": chosen.workers,
        "latency_ms": chosen.latency_ms,
        "in_flight": chosen.in_flight,
        "per_second": round(per_second, 1),
        "bare_client_per_second": round(bare_per_second, 1),
        "ratio": round(per_second / bare_per_second, 3),
        "tuned_client_per_second": round(tuned_per_second, 1),
        "ratio_to_tuned": round(per_second / tuned_per_second, 3),
        "peak_rss_mb": round(legs[chosen.workers].peak_bytes / 1e6, 1),
        "most_creates_open": max(leg.most_creates_open for leg in legs.values()),
        "duplicates": sum(leg.duplicates for leg in legs.values()),
        "missing": sum(leg.missing for leg in legs.values()),
    }


def _bare(outside: Carrier, chosen: argparse.Namespace, tell: Tell, *how: str) -> float:
    """Seconds of the bare client for half as many messages as a campaign has."""
    messages = _half(chosen)
    outside.begin(latency_ms=chosen.latency_ms)
    arguments = [outside.url, str(messages), str(chosen.in_flight), *how]
    seconds = _program("benchmarks.bare_client", arguments)
    tell(f"bare client {' '.join(how)}: {messages / seconds:.0f} messages/s")
    return seconds


def _half(chosen: argparse.Namespace) -> int:
    return max(1, int(chosen.messages) // 2)


def _one_job_each(live: Stage, outside: Carrier, messages: int, tell: Tell) -> float:
    outside.begin(latency_ms=0)
    seconds = _program("benchmarks.one_job", [outside.url, live.settings.queue_url, str(messages)])
    if (taken := outside.control("counters").get("creates_accepted", 0)) != messages:
        raise RuntimeError(f"{taken} of {messages} jobs sent their message")
    tell(f"one job each: {messages / seconds:.0f} messages/s")
    return round(messages / seconds, 1)


def _program(module: str, arguments: list[str]) -> float:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=stage.ROOT, check=True, capture_output=True, text=True, timeout=_PATIENCE_SECONDS
    )
    return float(done.stdout)


def _leg(live: Stage, outside: Carrier, chosen: argparse.Namespace, workers: int, name: str) -> Leg:
    outside.begin(latency_ms=chosen.latency_ms)
    campaign_id = stage.start_campaign(live, name=name)
    with ExitStack() as running:
        log = live.settings.data / "parts.log"
        programs = running.enter_context(Parts(stage.environment(live.settings), log))
        peaks = []
        for number in range(workers):
            programs.start(f"worker {number + 1}", "worker")
            peaks.append(running.enter_context(Peak(programs.pid(f"worker {number + 1}"))))
        _wait_until_sent(live, campaign_id)
    seconds = _seconds(live, campaign_id)
    phones = outside.control("ledger")["phones"]
    return Leg(
        seconds,
        max(peak.bytes for peak in peaks),
        outside.control("counters")["most_creates_open"],
        sum(len(texts) - 1 for texts in phones.values()),
        chosen.messages - len(phones),
    )


def _wait_until_sent(live: Stage, campaign_id: int) -> None:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while _unsent(live, campaign_id):
        if time.monotonic() > give_up:
            raise RuntimeError("the campaign was not sent in time")
        wakeup.nudge(live.connections.valkey, wakeup.Work.SEND, live.agency.id, campaign_id)
        time.sleep(0.25)


def _seconds(live: Stage, campaign_id: int) -> float:
    """From the first window to the last result written down, by the database's clock."""
    words = "SELECT extract(epoch FROM max(changed_at) - min(handed_at)) FROM delivery WHERE campaign_id = :c"
    with live.connections.sessions(live.agency.id)() as session:
        return float(session.execute(text(words), {"c": campaign_id}).scalar_one())


def _unsent(live: Stage, campaign_id: int) -> int:
    with live.connections.sessions(live.agency.id)() as session:
        found = figures.sums(session, live.agency.id, campaign_id)
    return sum(row.number for row in found if row.state in {"queued", "sending", "unknown"})
