"""`python -m simulator`: listen until told to stop."""

import asyncio
import os
import signal
import sys

import uvloop
from aiohttp import web

from simulator import settings
from simulator.server import create_app

_PATIENCE_SECONDS = 1.0  # for calls that are still being answered when the end comes


async def serve(chosen: settings.Settings) -> int:
    """Listen, say so in one line, and return the exit status once SIGTERM or SIGINT came."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(create_app(chosen), access_log=None, shutdown_timeout=_PATIENCE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, chosen.host, chosen.port, backlog=1024).start()
    except OSError as error:
        sys.stderr.write(f"cannot listen on {chosen.host} port {chosen.port}: {error.strerror}\n")
        await runner.cleanup()
        return 1
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    sys.stdout.write(f"simulator ready on http://{host}:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await stop.wait()
    await runner.cleanup()
    return 0


def main() -> int:
    """Read options and environment and serve; return the exit status."""
    chosen = settings.read(sys.argv[1:], os.environ)
    try:
        return uvloop.run(serve(chosen))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
