"""Signed status callbacks: how many a second are accepted, against a bare endpoint, and how soon they are applied."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text

from benchmarks import parts, stage
from benchmarks.stage import Stage, Tell
from outreach import supervisor

_PATIENCE_SECONDS = 120.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--receipts", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=1)


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Measure half of the bare endpoint before and half after; then the same receipts with everything running."""
    port, number = parts.free_port(), chosen.receipts
    with stage.installation(base_url=f"http://127.0.0.1:{port}") as live:
        tell(f"making {number} messages that were sent")
        campaign_id, first = _sent_campaign(live, number)
        environment, log = stage.environment(live.settings), live.settings.data / "parts.log"
        path = f"/hooks/twilio/{live.sender.key}/status?c={campaign_id}&n=1"
        bare = [_bare(live, port, path, number // 2)]
        with parts.Parts({**environment, "OUTREACH_PORT": str(port)}, log) as programs:
            programs.start("web", "web")
            parts.wait_for(f"{live.settings.base_url}/health")
            _load(live, path, first, min(1000, number), "queued")  # moves nothing: opens the connections
            alone = _taken(programs.pid("web"), lambda: _load(live, path, first, number, "sent"))
        bare.append(_bare(live, port, path, number - number // 2))
        bare_alone = _Taken(sum(one.wall for one in bare), sum(one.cpu for one in bare))
        tell(f"bare endpoint {number / bare_alone.wall:.0f}/s, web alone {number / alone.wall:.0f}/s")
        with parts.installed(environment, log, workers=chosen.workers, port=port):
            _wait_until_applied(live, number)
            together = _load(live, path, first, number, "delivered")
            lag = _wait_until_applied(live, 2 * number)
        delivered = _count(live, "SELECT count(*) FROM delivery WHERE state = 'delivered'")
    return {
        "receipts": number,
        "workers": chosen.workers,
        "accepted_per_second": round(number / alone.wall, 1),
        "bare_per_second": round(number / bare_alone.wall, 1),
        "ratio": round(bare_alone.wall / alone.wall, 3),
        "cpu_microseconds": round(alone.cpu / number * 1e6),
        "bare_cpu_microseconds": round(bare_alone.cpu / number * 1e6),
        "cpu_ratio": round(bare_alone.cpu / alone.cpu, 3),
        "accepted_per_second_while_applied": round(number / together, 1),
        "applied_lag_seconds": round(lag, 3),
        "not_applied": number - delivered,
    }


def _sent_campaign(live: Stage, number: int) -> tuple[int, int]:
    """A running campaign whose messages were all handed over, and the first of their deliveries."""
    stage.people(live, number)
    campaign_id = stage.start_campaign(live)
    with live.connections.sessions(live.agency.id).begin() as session:
        moved = session.execute(
            text(
                "WITH moved AS (UPDATE delivery SET state = 'sent', attempt = 1, handed_at = now(), changed_at = now()"
                " WHERE campaign_id = :c RETURNING id, language),"
                " counted AS (INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)"
                " SELECT :a, :c, 'sms', language, state, sign * count(*) FROM moved,"
                " (VALUES ('queued', -1), ('sent', 1)) AS change (state, sign) GROUP BY language, state, sign)"
                " SELECT min(id), max(id) FROM moved"
            ),
            {"a": live.agency.id, "c": campaign_id},
        ).one()
    if moved[1] - moved[0] + 1 != number:
        raise RuntimeError("the deliveries are not numbered one after the other")
    return campaign_id, moved[0]


class _Taken(NamedTuple):
    """Seconds by the clock, and seconds of CPU of the web server: steadier where others use the machine too."""

    wall: float
    cpu: float


def _taken(pid: int, load: Callable[[], float]) -> _Taken:
    before = _cpu_seconds(pid)
    wall = load()
    return _Taken(wall, _cpu_seconds(pid) - before)


def _cpu_seconds(pid: int) -> float:
    """What a process and those it made have used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(_cpu_seconds(child) for child in parts.children(pid))


@contextmanager
def _bare_server(live: Stage, port: int) -> Iterator[int]:
    arguments = supervisor.web("127.0.0.1", port)
    arguments[-1] = "benchmarks.bare_receipts:app"
    with stage.program(arguments[1:], environment={"OUTREACH_BASE_URL": live.settings.base_url}) as process:
        parts.wait_for(f"{live.settings.base_url}/health")
        yield process.pid


def _bare(live: Stage, port: int, path: str, count: int) -> _Taken:
    with _bare_server(live, port) as pid:
        _load(live, path, 1, min(1000, count), "sent")
        return _taken(pid, lambda: _load(live, path, 1, count, "sent"))


def _load(live: Stage, path: str, first: int, count: int, state: str) -> float:
    arguments = [live.settings.base_url, path, str(first), str(count), state]
    command = [sys.executable, "-m", "benchmarks.callback_load", *arguments]
    done = subprocess.run(command, cwd=stage.ROOT, env={**os.environ}, check=True, capture_output=True, text=True)
    seconds, wrong = done.stdout.split()
    if int(wrong):
        raise RuntimeError(f"{wrong} of {count} callbacks were refused")
    return float(seconds)


def _wait_until_applied(live: Stage, number: int) -> float:
    """Seconds from now until all so many receipts are kept and applied."""
    began_at = time.monotonic()
    while _count(live, "SELECT count(*) FROM (SELECT FROM receipt WHERE applied_at IS NULL LIMIT 1) AS waiting"):
        if time.monotonic() - began_at > _PATIENCE_SECONDS:
            raise RuntimeError("the receipts are not applied")
        time.sleep(0.02)
    lag = time.monotonic() - began_at
    if (kept := _count(live, "SELECT count(*) FROM receipt")) != number:
        raise RuntimeError(f"{kept} receipts were kept of {number}")
    return lag


def _count(live: Stage, statement: str) -> int:
    with live.connections.sessions(live.agency.id)() as session:
        return int(session.execute(text(statement)).scalar_one())
