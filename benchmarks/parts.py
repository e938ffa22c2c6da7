"""The product's own programs as processes that may be killed, and are started again as an init system would."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from benchmarks.stage import ROOT

_PR_SET_PDEATHSIG = 1
_END_SECONDS = 10.0
_REST_SECONDS = 0.5  # between two starts of one part: what cannot start must not eat the machine


@dataclass
class _Part:
    arguments: list[str]
    process: subprocess.Popen[bytes]
    started_at: float


class Parts:
    """Parts of an installation by name; leaving the block ends all of them. Used from one thread."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        """`log` is the file that gets what all of them say."""
        self._environment, self.log = {**os.environ, **environment}, log
        self._parts: dict[str, _Part] = {}
        self.ended_by_themselves = 0

    def __enter__(self) -> "Parts":
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self.end()

    def start(self, name: str, command: str) -> None:
        """Start `outreach COMMAND` (web, worker or clock) under a name of its own."""
        arguments = [sys.executable, "-c", "from outreach.cli import main; main()", *command.split()]
        self._parts[name] = _Part(arguments, self._begin(arguments), time.monotonic())

    def names(self, kind: str) -> list[str]:
        """The names of the parts of a kind: the first word of their name."""
        return [name for name in self._parts if name.split()[0] == kind]

    def pid(self, name: str) -> int:
        """The process of a part."""
        return self._parts[name].process.pid

    def kill(self, name: str) -> None:
        """SIGKILL a part with all the processes it made, as when its machine loses power."""
        _kill_group(self._parts[name].process)

    def kill_child(self, name: str) -> bool:
        """SIGKILL one process that a part made (a worker's job, the server behind the web); False if it has none."""
        made = children(self.pid(name))
        with suppress(ProcessLookupError):
            if made:
                os.kill(made[-1], signal.SIGKILL)
                return True
        return False

    def watch(self) -> None:
        """Start again what is gone. Call it often."""
        for part in self._parts.values():
            if part.process.poll() is not None and time.monotonic() - part.started_at > _REST_SECONDS:
                self.ended_by_themselves += part.process.returncode != -signal.SIGKILL
                _kill_group(part.process)  # what it made may outlive it
                part.process, part.started_at = self._begin(part.arguments), time.monotonic()

    def end(self) -> None:
        """Ask all to end, and kill what has not ended after a while. May be called twice."""
        for part in self._parts.values():
            with suppress(ProcessLookupError):
                part.process.terminate()
        give_up = time.monotonic() + _END_SECONDS
        for part in self._parts.values():
            with suppress(subprocess.TimeoutExpired):
                part.process.wait(max(0.1, give_up - time.monotonic()))
            _kill_group(part.process)
        self._parts.clear()

    def _begin(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                arguments,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - it calls one function of the C library
            )


@contextmanager
def installed(live_environment: dict[str, str], log: Path, *, workers: int, port: int = 0) -> Iterator[Parts]:
    """What `outreach serve` runs: a clock, so many workers, one for short jobs, and the web if it is given a port."""
    with Parts({**live_environment, "OUTREACH_PORT": str(port or 8000)}, log) as parts:
        if port:
            parts.start("web", "web")
        parts.start("clock", "clock")
        parts.start("upkeep", "worker --short")
        for number in range(workers):
            parts.start(f"worker {number + 1}", "worker")
        if port:
            wait_for(f"http://127.0.0.1:{port}/health")
        yield parts


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(address: str, *, seconds: float = 60.0) -> None:
    """Until the address answers 200; RuntimeError after so many seconds."""
    give_up = time.monotonic() + seconds
    while True:
        with suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            if answer.status == 200:
                return
        if time.monotonic() > give_up:
            raise RuntimeError(f"{address} does not answer")
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """The processes a process made and still has (Linux)."""
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_with_parent() -> None:
    # A benchmark that is killed must leave nothing behind that sends.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
