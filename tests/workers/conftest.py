"""Real workers and a real clock, as processes that can be killed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outreach import embedded

ROOT = Path(__file__).resolve().parents[2]


class Programs:
    """The product's programs; whatever still runs at the end is killed."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment, self.log = environment, log
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, module: str) -> subprocess.Popen[bytes]:
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, env=self._environment, stderr=log, start_new_session=True
            )
        self._running.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("workers.runner")

    def clock(self) -> subprocess.Popen[bytes]:
        return self.start("workers.clock")

    def end(self) -> None:
        for process in self._running:
            process.kill()  # its job's process ends with it
            process.wait()


@pytest.fixture
def programs(tools, tmp_path) -> Iterator[Programs]:
    environment = {
        **os.environ,
        **embedded.environment(tools.settings),
        "TWILIO_URL": tools.settings.twilio_url,
        "OUTREACH_BASE_URL": tools.settings.base_url,
        "OUTREACH_LEASE": "2",
        "OUTREACH_GRACE": "2",
        "OUTREACH_PROVIDER_TIMEOUT": "5",
        "OUTREACH_CLOCK_INTERVAL": "0.5",
    }
    found = Programs(environment, tmp_path / "log")
    yield found
    found.end()


@pytest.fixture
def until() -> Callable[..., object]:
    """Returns what a check gives as soon as it is true."""

    def wait(check: Callable[[], object], seconds: float = 120.0) -> object:
        end = time.monotonic() + seconds
        while not (found := check()):
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.05)
        return found

    return wait
