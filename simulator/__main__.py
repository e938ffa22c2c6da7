"""`python -m simulator`: listen until told to stop."""

import asyncio
import gc
import os
import signal
import sys
from typing import cast

import uvloop
from aiohttp import web

from simulator import fast, settings
from simulator.answers import CARRIER
from simulator.mail import start
from simulator.server import create_app

_PATIENCE_SECONDS = 1.0  # for calls that are still being answered when the end comes
_GARBAGE_AFTER = (
    200_000  # hundreds of thousands of messages are kept: looking through them often is a third of the work
)


async def serve(chosen: settings.Settings) -> int:
    """Listen, say so in two lines, and return the exit status once SIGTERM or SIGINT came."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = create_app(chosen)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_PATIENCE_SECONDS)
    await runner.setup()
    ordinary = cast("web.Server", runner.server)  # there is one once it is set up
    desk = fast.Desk(app[CARRIER], ordinary)
    factory = (lambda: fast.Connection(desk)) if chosen.fast else ordinary
    try:
        listening = await loop.create_server(factory, chosen.host, chosen.port, backlog=1024)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {chosen.host} port {chosen.port}: {error.strerror}\n")
        await runner.cleanup()
        return 1
    mail = start.MailDoor(app[CARRIER].post, chosen)
    try:
        mail_port = await mail.listen()
    except OSError as error:
        sys.stderr.write(f"cannot listen on {chosen.host} port {chosen.mail.port}: {error.strerror}\n")
        listening.close()
        await runner.cleanup()
        return 1
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    app[CARRIER].post.certificate, app[CARRIER].post.address = mail.certificate, f"{host}:{mail_port}"
    sys.stdout.write(
        f"simulator ready on http://{host}:{listening.sockets[0].getsockname()[1]}\n"
        f"simulator takes mail on smtp://{host}:{mail_port}\n"
    )
    sys.stdout.flush()
    await stop.wait()
    listening.close()
    await mail.close()
    desk.close()
    await runner.cleanup()
    return 0


def main() -> int:
    """Read options and environment and serve; return the exit status."""
    chosen = settings.read(sys.argv[1:], os.environ)
    gc.set_threshold(_GARBAGE_AFTER)
    try:
        return uvloop.run(serve(chosen))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
