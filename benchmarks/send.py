"""Sending through the whole path, against the async Twilio client alone on the same simulator in the same run."""

import argparse
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import NamedTuple

from sqlalchemy import text

from benchmarks import stage
from benchmarks.memory import Peak
from benchmarks.parts import Parts
from benchmarks.stage import Carrier, Stage, Tell
from campaigns import wakeup
from campaigns.store import figures

_PATIENCE_SECONDS = 600.0


class Leg(NamedTuple):
    """One campaign, sent to its end."""

    per_second: float
    peak_bytes: int
    most_creates_open: int
    duplicates: int
    missing: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1, help="whose speed is `per_second`")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="what the simulator waits before each answer")
    parser.add_argument("--in-flight", type=int, default=100, help="calls at once, of all workers together")
    parser.add_argument("--jobs", type=int, default=500, help="messages of the way with one job for each")
    parser.add_argument("--ordinary", action="store_true", help="without the simulator's fast mode")


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Measure half of the bare client before and half after the whole path: machines change their speed meanwhile.

    With a latency the speed is that of the calls in flight, so more workers and other ways are left out.
    """
    other = None if chosen.latency_ms else (2 if chosen.workers == 1 else 1)
    job_seconds = None
    with stage.carrier(*(() if chosen.ordinary else stage.FAST)) as outside:
        bare = _bare(outside, chosen, tell)
        with stage.installation(twilio_url=outside.url, base_url="http://127.0.0.1:9") as live:
            tell(f"making {chosen.messages} contacts")
            stage.people(live, chosen.messages)
            stage.pace(live, stage.UNLIMITED, in_flight=chosen.in_flight)
            leg = _leg(live, outside, chosen, chosen.workers, tell)
            second = _leg(live, outside, chosen, other, tell) if other else None
            if other:
                job_seconds = _one_job_each(live, outside, chosen.jobs, tell)
        bare += _bare(outside, chosen, tell)
    found = _figures(chosen, leg, 2 * (chosen.messages // 2) / bare)
    if second is not None:
        two, one = (leg, second) if chosen.workers > 1 else (second, leg)
        found["speedup"] = round(two.per_second / one.per_second, 3)
        found["duplicates"], found["missing"] = leg.duplicates + second.duplicates, leg.missing + second.missing
    if job_seconds:
        found["one_job_per_message_per_second"] = round(chosen.jobs / job_seconds, 1)
        found["ratio_to_one_job_per_message"] = round(leg.per_second * job_seconds / chosen.jobs, 1)
    return found


def _figures(chosen: argparse.Namespace, leg: Leg, bare_per_second: float) -> dict[str, object]:
    found: dict[str, object] = {
        "messages": chosen.messages,
        "workers": chosen.workers,
        "latency_ms": chosen.latency_ms,
        "in_flight": chosen.in_flight,
        "per_second": round(leg.per_second, 1),
        "bare_client_per_second": round(bare_per_second, 1),
        "ratio": round(leg.per_second / bare_per_second, 3),
        "peak_rss_mb": round(leg.peak_bytes / 1e6, 1),
        "most_creates_open": leg.most_creates_open,
        "duplicates": leg.duplicates,
        "missing": leg.missing,
    }
    if chosen.latency_ms:
        found["latency_ratio"] = round(leg.per_second / (chosen.in_flight / (chosen.latency_ms / 1000)), 3)
    return found


def _bare(outside: Carrier, chosen: argparse.Namespace, tell: Tell) -> float:
    messages = chosen.messages // 2
    outside.begin(latency_ms=chosen.latency_ms)
    arguments = [outside.url, str(messages), str(chosen.in_flight)]
    seconds = _program("benchmarks.bare_client", arguments)
    tell(f"bare client: {messages / seconds:.0f} messages/s")
    return seconds


def _one_job_each(live: Stage, outside: Carrier, messages: int, tell: Tell) -> float:
    outside.begin(latency_ms=0)
    seconds = _program("benchmarks.one_job", [outside.url, live.settings.queue_url, str(messages)])
    if (taken := outside.control("counters").get("creates_accepted", 0)) != messages:
        raise RuntimeError(f"{taken} of {messages} jobs sent their message")
    tell(f"one job each: {messages / seconds:.0f} messages/s")
    return seconds


def _program(module: str, arguments: list[str]) -> float:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=stage.ROOT, check=True, capture_output=True, text=True, timeout=_PATIENCE_SECONDS
    )
    return float(done.stdout)


def _leg(live: Stage, outside: Carrier, chosen: argparse.Namespace, workers: int, tell: Tell) -> Leg:
    outside.begin(latency_ms=chosen.latency_ms)
    campaign_id = stage.start_campaign(live, name=f"with-{workers}")
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
    tell(f"whole path, workers {workers}: {chosen.messages / seconds:.0f} messages/s")
    return Leg(
        chosen.messages / seconds,
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
