"""`outreach serve`, `web`, `worker`, `clock`, `mailin`: everything on one machine, or each part where it is wanted."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from campaigns.settings import Settings
from outreach import embedded, supervisor
from outreach.cli import settings
from outreach.database import connect, migrate
from outreach.mailin.certificate import tls_of
from outreach.supervisor import Part, Supervisor


@click.command("serve")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
def serve_command(workers: int) -> None:
    """Run the web application, workers, the clock and the mail receiver on this machine until Ctrl-C."""
    chosen = settings()
    with embedded.servers(chosen) as live:
        if not chosen.database_url:
            migrate(live)
        run(live, [], workers=workers, ready=lambda: click.echo(f"Outreach answers on {live.base_url}"))


@click.command("web")
@click.option("--threads", default=32, show_default=True, type=click.IntRange(1, 256))
def web_command(threads: int) -> None:
    """Run the web application alone."""
    chosen = settings()
    supervisor.wait_for_port("OUTREACH_PORT", chosen.host, chosen.port)
    _become(chosen, supervisor.web(chosen.host, chosen.port, threads=threads))


@click.command("worker")
@click.option("--short", is_flag=True, help="only the short jobs: receipts, upkeep, schedules, news; have one of these")
def worker_command(short: bool) -> None:
    """Run one worker alone; start as many as you like, on any number of machines."""
    _become(settings(), supervisor.worker(short=short))


@click.command("clock")
def clock_command() -> None:
    """Run the clock alone: it finds what is due, whatever nudges were lost."""
    _become(settings(), supervisor.clock())


@click.command("mailin")
def mailin_command() -> None:
    """Run the receiver of bounces, complaints and answers alone; several may share the work behind one address."""
    chosen = settings()
    if not chosen.mailin_port:
        raise ValueError("OUTREACH_MAILIN_PORT=0: write the port to take mail on")
    tls_of(chosen)  # what is wrong with the certificate is one sentence here
    supervisor.wait_for_port("OUTREACH_MAILIN_PORT", chosen.mailin_host, chosen.mailin_port)
    _become(chosen, supervisor.mailin())


def run(
    live: Settings, more: list[Part], *, workers: int, ready: Callable[[], object], logs: Path | None = None
) -> None:
    """Run all parts, and `more` before them, until asked to stop; `ready` is called when the web answers."""
    supervisor.wait_for_port("OUTREACH_PORT", live.host, live.port)
    if live.mailin_port:
        tls_of(live)
        supervisor.wait_for_port("OUTREACH_MAILIN_PORT", live.mailin_host, live.mailin_port)
    keeper = Supervisor(embedded.environment(live), logs)
    try:
        for part in more:
            keeper.add(part)
        keeper.add(Part("web", supervisor.web(live.host, live.port)))
        keeper.add(Part("upkeep", supervisor.worker(short=True)))
        for number in range(workers):
            keeper.add(Part(f"worker {number + 1}", supervisor.worker()))
        keeper.add(Part("clock", supervisor.clock()))
        if live.mailin_port:
            keeper.add(Part("mailin", supervisor.mailin()))
        keeper.run(ready, f"http://127.0.0.1:{live.port}/health")
    finally:
        keeper.stop()


def _become(chosen: Settings, arguments: list[str]) -> None:
    if chosen.database_url:
        connect(chosen).close()  # what is wrong with the role or the server is one sentence here, a traceback there
        os.chdir(supervisor.ROOT)
        os.execv(sys.executable, arguments)  # noqa: S606 - the same program under its own name
    with embedded.servers(chosen) as live:
        keeper = Supervisor(embedded.environment(live))
        try:
            keeper.add(Part(arguments[2], arguments))
            keeper.run()
        finally:
            keeper.stop()


COMMANDS = (serve_command, web_command, worker_command, clock_command, mailin_command)
