"""What a worker's memory comes to for a campaign of a million, against one of ten thousand."""

import argparse
import threading
import time
from contextlib import suppress
from pathlib import Path

from benchmarks import parts, stage
from benchmarks.parts import Parts
from benchmarks.stage import Carrier, Stage, Tell
from campaigns.store import figures

_LOOK_SECONDS = 0.02
_LEAST_PER_SECOND = 200  # slower than this, something is wrong
_KB = 1024


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--against", type=int, default=10_000)


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Send the small campaign, then the large one, each with a worker that has done nothing before."""
    peaks = [_peak(number, tell) for number in (chosen.against, chosen.messages)]
    return {
        "messages": chosen.messages,
        "against": chosen.against,
        "peak_rss_mb": round(peaks[1] / 1e6, 1),
        "peak_rss_mb_against": round(peaks[0] / 1e6, 1),
        "ratio": round(peaks[1] / peaks[0], 3),
    }


class Peak:
    """Watches a process and what it makes, while the block lasts: the most memory any one of them had, in bytes."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid, self._is_over = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_LOOK_SECONDS):
            for pid in (self._pid, *parts.children(self._pid)):
                self.bytes = max(self.bytes, high_water(pid))


def _peak(number: int, tell: Tell) -> int:
    with (
        stage.carrier(*stage.FAST) as outside,
        stage.installation(twilio_url=outside.url, base_url="http://127.0.0.1:9") as live,
    ):
        tell(f"making {number} contacts")
        stage.people(live, number)
        outside.begin(latency_ms=0)
        campaign_id = stage.start_campaign(live)
        environment, log = stage.environment(live.settings), live.settings.data / "parts.log"
        with parts.installed(environment, log, workers=1) as programs, Peak(programs.pid("worker 1")) as peak:
            _wait_until_sent(live, outside, programs, campaign_id, number)
    tell(f"{number} messages: {peak.bytes / 1e6:.1f} MB")
    return peak.bytes


def _wait_until_sent(live: Stage, outside: Carrier, programs: Parts, campaign_id: int, number: int) -> None:
    give_up = time.monotonic() + 60 + number / _LEAST_PER_SECOND
    worker = programs.pid("worker 1")
    while _sent(live, campaign_id) < number:
        if time.monotonic() > give_up:
            taken = outside.control("counters").get("creates_accepted", 0)
            raise RuntimeError(f"{taken} of {number} were sent in time")
        time.sleep(0.5)
    programs.watch()
    if programs.pid("worker 1") != worker:
        raise RuntimeError("the worker died")


def _sent(live: Stage, campaign_id: int) -> int:
    with live.connections.sessions(live.agency.id)() as session:
        return sum(row.number for row in figures.sums(session, live.agency.id, campaign_id) if row.state == "sent")


def high_water(pid: int) -> int:
    """The most this process ever had resident (Linux); 0 if it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KB
    return 0
