"""Runs the parts of an installation on one machine: starts them, starts again what dies, stops them in order."""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
_POLL_SECONDS = 0.2
_BACKOFF_SECONDS = 1.0
_STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Part:
    """One program, with the environment it is given on top of ours."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    died_at: float = 0.0


def web(host: str, port: int, *, threads: int = 32) -> list[str]:
    """The arguments that start the web application on Granian."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", "1", "--blocking-threads", str(threads), "--no-ws", "--log-level", "warning"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10", "wsgi:app"),
    ]


def worker(*, short: bool = False) -> list[str]:
    """The arguments that start one worker; with `short` for the short jobs only, so that none waits behind a send."""
    return [sys.executable, "-m", "workers.runner", *(["short"] if short else [])]


def clock() -> list[str]:
    """The arguments that start the clock; more than one at a time do no harm."""
    return [sys.executable, "-m", "workers.clock"]


def mailin() -> list[str]:
    """The arguments that start the receiver of mails that come back."""
    return [sys.executable, "-m", "outreach.mailin"]


class Supervisor:
    """Keeps parts running until asked to stop. Used from one thread."""

    def __init__(self, environment: dict[str, str], logs: Path | None = None) -> None:
        """`logs` is a folder for what the parts say, a file each; without one they share our own output."""
        self._environment = {**os.environ, **environment}
        self._logs = logs
        self._parts: list[Part] = []
        self._stop = threading.Event()

    def add(self, part: Part) -> None:
        """Start a part now, and again whenever it ends by itself."""
        self._parts.append(part)
        self._start(part)

    def is_running(self, name: str) -> bool:
        """Whether the part is up at this moment."""
        return any(p.name == name and p.process is not None and p.process.poll() is None for p in self._parts)

    def run(self, ready: Callable[[], object] | None = None, health: str = "") -> None:
        """Watch the parts until SIGINT or SIGTERM; `ready` is called once when the address `health` answers 200."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked)
        while not self._stop.wait(_POLL_SECONDS):
            for part in self._parts:
                self._watch(part)
            if ready and _answers(health):
                ready()
                ready = None

    def stop(self) -> None:
        """Stop every part: politely, then again, and after 20 seconds by force. May be called twice."""
        running = [part for part in reversed(self._parts) if part.process and part.process.poll() is None]
        for part in running:
            part.process.terminate()  # type: ignore[union-attr]
        give_up, insist = time.monotonic() + _STOP_SECONDS, time.monotonic() + _STOP_SECONDS / 2
        for part in running:
            insist = self._wait(part, insist, give_up)

    def _wait(self, part: Part, insist: float, give_up: float) -> float:
        process = part.process
        while process is not None and process.poll() is None:
            if time.monotonic() > give_up:
                process.kill()
                process.wait()
            elif time.monotonic() > insist:
                process.terminate()  # a worker takes the second one as: leave the job where it is
                insist = give_up
            time.sleep(0.02)
        return insist

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _start(self, part: Part) -> None:
        # A session of its own: Ctrl-C at the terminal reaches the supervisor only, which stops the parts in order.
        with self._log_of(part) as log:
            part.process = subprocess.Popen(
                part.arguments,
                cwd=ROOT,
                env={**self._environment, **part.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - we start parts from our only thread
            )

    @contextmanager
    def _log_of(self, part: Part) -> Iterator[IO[bytes] | None]:
        if self._logs is None:
            yield None
            return
        self._logs.mkdir(parents=True, exist_ok=True)
        with open(self._logs / f"{part.name.replace(' ', '-')}.log", "ab") as log:
            yield log

    def _watch(self, part: Part) -> None:
        if part.process is None or part.process.poll() is None:
            return
        if not part.died_at:
            sys.stderr.write(f"{part.name} ended with status {part.process.returncode}; starting it again\n")
            part.died_at = time.monotonic()
        elif time.monotonic() - part.died_at > _BACKOFF_SECONDS:
            part.died_at = 0.0
            self._start(part)


def wait_for_port(setting: str, host: str, port: int, *, seconds: float = 10.0) -> None:
    """Until nobody listens there; RuntimeError with a sentence after `seconds`, which a killed predecessor may need.

    Granian shares a port with whoever else listens: two installations would answer each other's pages in turn.
    """
    give_up = time.monotonic() + seconds
    while taken := _taken(host, port):
        if taken != errno.EADDRINUSE or time.monotonic() > give_up:
            raise RuntimeError(f"{setting}: cannot listen on {host} port {port}: {os.strerror(taken)}")
        time.sleep(0.2)


def _taken(host: str, port: int) -> int:
    """Why one cannot listen there; 0 when one can."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return 0


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except OSError:
        return False


def _end_with_parent() -> None:
    # A supervisor killed with -9 must leave nothing behind that sends (Linux; elsewhere the leases protect).
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
