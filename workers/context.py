"""What a job works with: opened when it begins, inside its own process, and given back when it ends."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import redis
import structlog
import uvloop

from campaigns.orders import Tools
from campaigns.settings import Settings
from campaigns.store.engine import agency_sessions, open_engine, refuse_strong_role
from campaigns.vault import Vault

log = structlog.get_logger(__name__)
T = TypeVar("T")

_VALKEY_SECONDS = 5.0
_SWITCH_SECONDS = 0.001


class JobFailed(Exception):
    """A job ended with an error, told without its message: the message could name somebody, and RQ keeps it."""


def settings() -> Settings:
    """The settings of this process; raises ValueError with a sentence."""
    return Settings.from_env(os.environ)


@contextmanager
def tools(chosen: Settings | None = None, *, ping: bool = False) -> Iterator[Tools]:
    """Sessions, Valkey and the vault for one job, or with `ping` for a process that lives long. Open after a fork."""
    chosen = chosen or settings()
    engine = open_engine(chosen.app_url, size=4, ping=ping)
    valkey = redis.Redis.from_url(
        chosen.queue_url, socket_timeout=_VALKEY_SECONDS, socket_connect_timeout=_VALKEY_SECONDS
    )
    try:
        yield Tools(agency_sessions(engine), valkey, Vault(chosen), chosen)
    finally:
        engine.dispose()
        valkey.close()


@contextmanager
def job(name: str, **ids: int) -> Iterator[Tools]:
    """The tools of one job. What it raises is logged as kind and place only, and raised again as JobFailed."""
    try:
        with tools() as given:
            yield given
    except Exception as error:
        at = [
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        log.error("job failed", job=name, error=type(error).__name__, at=at[-6:], **ids)
        raise JobFailed(f"{name}: {type(error).__name__}") from None


def run(work: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run asynchronous work to its end on a fast loop; SIGTERM sets the event it is given."""

    # Threads that talk to the database must not wait 5 ms for their turn after every word of it.
    sys.setswitchinterval(_SWITCH_SECONDS)

    async def main() -> T:
        told = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
        return await work(told)

    return uvloop.run(main())


def check_role(chosen: Settings) -> None:
    """Raises ValueError if the app's database role could look past row-level security (DESIGN 10.1)."""
    engine = open_engine(chosen.app_url, size=1)
    try:
        refuse_strong_role(engine)
    finally:
        engine.dispose()
