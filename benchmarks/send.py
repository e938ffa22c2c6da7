"""Sending through the whole path, against the async Twilio client alone on the same simulator in the same run."""

import argparse
import subprocess
import sys
import time
from contextlib import ExitStack

from sqlalchemy import text

from benchmarks import stage
from benchmarks.stage import Carrier, Stage, Tell
from campaigns import wakeup
from campaigns.store import figures

_PATIENCE_SECONDS = 600.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="what the simulator waits before each answer")


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Measure half of the bare client before and half after the whole path: machines change their speed meanwhile."""
    half, latency = chosen.messages // 2, chosen.latency_ms
    with stage.carrier() as outside:
        bare = _bare(outside, half, latency, tell)
        with stage.installation(twilio_url=outside.url, base_url="http://127.0.0.1:9") as live:
            tell(f"making {chosen.messages} contacts")
            stage.people(live, chosen.messages)
            campaign_id = stage.start_campaign(live)
            outside.begin(latency_ms=latency)
            per_second = chosen.messages / _whole_path(live, campaign_id, chosen.workers, tell)
            phones = outside.control("ledger")["phones"]
        bare += _bare(outside, half, latency, tell)
    bare_per_second = 2 * half / bare
    return {
        "messages": chosen.messages,
        "workers": chosen.workers,
        "latency_ms": chosen.latency_ms,
        "per_second": round(per_second, 1),
        "bare_client_per_second": round(bare_per_second, 1),
        "ratio": round(per_second / bare_per_second, 3),
        "duplicates": sum(len(texts) - 1 for texts in phones.values()),
        "missing": chosen.messages - len(phones),
    }


def _bare(outside: Carrier, messages: int, latency_ms: float, tell: Tell) -> float:
    outside.begin(latency_ms=latency_ms)
    command = [sys.executable, "-m", "benchmarks.bare_client", outside.url, str(messages), "100"]
    seconds = float(subprocess.run(command, cwd=stage.ROOT, check=True, capture_output=True, text=True).stdout)
    tell(f"bare client: {messages / seconds:.0f} messages/s")
    return seconds


def _whole_path(live: Stage, campaign_id: int, workers: int, tell: Tell) -> float:
    """Seconds from the first window to the last result written down, by the database's clock."""
    with ExitStack() as running:
        for _ in range(workers):
            running.enter_context(stage.program(["-m", "workers.runner"], environment=stage.environment(live.settings)))
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while _unsent(live, campaign_id):
            if time.monotonic() > give_up:
                raise RuntimeError("the campaign was not sent in time")
            wakeup.nudge(live.connections.valkey, wakeup.Work.SEND, live.agency.id, campaign_id)
            time.sleep(0.25)
    with live.connections.sessions(live.agency.id)() as session:
        seconds = float(
            session.execute(
                text(
                    "SELECT extract(epoch FROM max(changed_at) - min(handed_at)) FROM delivery WHERE campaign_id = :c"
                ),
                {"c": campaign_id},
            ).scalar_one()
        )
    tell(f"whole path: {seconds:.1f} s")
    return seconds


def _unsent(live: Stage, campaign_id: int) -> int:
    with live.connections.sessions(live.agency.id)() as session:
        found = figures.sums(session, live.agency.id, campaign_id)
    return sum(row.number for row in found if row.state in {"queued", "sending", "unknown"})
