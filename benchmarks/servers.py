"""Kills the embedded servers of a data folder and starts them again, at the same addresses."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import redis

from campaigns.settings import Settings
from outreach import embedded

_SECONDS = 30.0


def empty_valkey(settings: Settings) -> None:
    """Everything in Valkey is gone, as after a fail-over to an empty replica."""
    with redis.Redis.from_url(settings.queue_url) as client:
        client.flushall()


def kill_valkey(settings: Settings, *, away: float) -> None:
    """SIGKILL Valkey, leave it away for so many seconds, and start it again with whatever it saved before."""
    with redis.Redis.from_url(settings.queue_url) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGKILL)
    _wait_until_gone(pid)
    time.sleep(away)
    _start(settings)


def kill_postgres(settings: Settings, *, away: float) -> None:
    """Immediate shutdown of PostgreSQL (what is not committed is lost), and a start with recovery after so long."""
    pid = int((settings.data / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    _wait_until_gone(pid)
    time.sleep(away)
    _start(settings)


def _start(settings: Settings) -> None:
    # Whoever enters starts what does not run; our own users' lock, held outside, keeps it from stopping anything.
    with embedded.servers(Settings.from_env({"OUTREACH_DATA": str(settings.data)})) as live:
        if (live.app_url, live.queue_url) != (settings.app_url, settings.queue_url):
            raise RuntimeError("the servers came back at another address")


def _wait_until_gone(pid: int) -> None:
    give_up = time.monotonic() + _SECONDS
    while _is_alive(pid):
        if time.monotonic() > give_up:
            raise RuntimeError(f"process {pid} does not end")
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    with suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False
