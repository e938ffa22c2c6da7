"""The clock: finds everything that is due, whatever nudges were lost. `python -m workers.clock`; several do no harm."""

import signal
import threading

import structlog

from campaigns import wakeup
from campaigns.settings import Settings
from workers import context, logs

log = structlog.get_logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Look every few seconds until `stop` is set. An outage of the database or of Valkey is logged and outlived."""
    with context.tools(settings, ping=True) as tools:
        while not stop.is_set():
            try:
                wakeup.everything_due(tools.sessions, tools.valkey)
            except Exception as error:  # whatever it is, the next look may succeed; only the kind is told
                log.warning("the clock could not look", error=type(error).__name__)
            stop.wait(settings.clock_interval)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logs.to_stderr()
    run(context.settings(), stop)


if __name__ == "__main__":
    main()
