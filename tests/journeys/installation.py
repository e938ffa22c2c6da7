"""A whole installation in processes of its own, as `make demo` runs it, on free ports and a folder of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTREACH = Path(sys.executable).parent / "outreach"


class Installation:
    """`outreach demo`, what it printed, and the carrier's control calls."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.data = folder / "var"
        self.log = folder / "log.txt"
        self.port, self.simulator_port = free_port(), free_port()
        self.mailin_port, self.smtp_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "OUTREACH_DATA": str(self.data),
            "OUTREACH_PORT": str(self.port),
            "SIMULATOR_PORT": str(self.simulator_port),
            "SIMULATOR_SMTP_PORT": str(self.smtp_port),
            "OUTREACH_MAILIN_PORT": str(self.mailin_port),
            "OUTREACH_LEASE": "2",
            "OUTREACH_GRACE": "2",
            "OUTREACH_CLOCK_INTERVAL": "0.5",
            **environment,
        }
        self.url = f"http://127.0.0.1:{self.port}"
        self.simulator_url = f"http://127.0.0.1:{self.simulator_port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 120.0) -> None:
        """Start it and wait until it says that it is ready."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [OUTREACH, "demo"], cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        until(lambda: b"is ready." in self.log.read_bytes()[before:] or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.log.read_text()[-4000:]

    def stop(self) -> None:
        """Ctrl-C, and wait for the end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def outreach(self, *arguments: str) -> str:
        """Run one command of the product's own, as an operator beside the running installation."""
        done = subprocess.run(
            [OUTREACH, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sign_in_of(self, role: str) -> tuple[str, str]:
        """(address, password) of the demo's writer, approver or admin, as printed."""
        found = re.findall(rf"^\s*{role}\s+(\S+)\s+password: (\S+)$", self.log.read_text(), re.MULTILINE)
        return found[-1]

    def control(self, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
        """One control call of the carrier."""
        request = urllib.request.Request(
            f"{self.simulator_url}/control/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")

    def phones(self) -> dict[str, list[dict[str, object]]]:
        """What every phone got from us over the API: number -> messages, oldest first."""
        return {
            number: sent
            for number, messages in self.control("ledger")["phones"].items()
            if (sent := [message for message in messages if message["direction"] == "outbound-api"])
        }

    def processes(self) -> list[int]:
        """Every living process that was started with this installation's folder in its environment or arguments."""
        found, mark = [], str(self.data).encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                about = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if mark in about and state != "Z":
                found.append(int(entry.name))
        return found


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something to be so; a sentence when it never is."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, f"not so after {seconds} s"
        time.sleep(0.1)
