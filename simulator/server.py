"""Builds the web application."""

from collections.abc import AsyncIterator

from aiohttp import web

from simulator import api, control, wall
from simulator.api import CARRIER
from simulator.carrier import Carrier
from simulator.settings import Settings

_BIGGEST_REQUEST = 1_000_000


def create_app(settings: Settings) -> web.Application:
    """Return the application with its accounts registered. Raises ValueError for accounts that cannot be."""
    carrier = Carrier()
    carrier.faults.dice.seed(settings.seed)
    for account in settings.accounts:
        carrier.accounts.register(account)
    app = web.Application(client_max_size=_BIGGEST_REQUEST)
    app[CARRIER] = carrier
    app.cleanup_ctx.append(_running)
    app.router.add_get("/health", health)
    api.add_routes(app)
    if settings.is_loopback:
        control.add_routes(app)
        wall.add_routes(app)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    app[CARRIER].callbacks.start()
    yield
    app[CARRIER].clock.clear()
    await app[CARRIER].callbacks.stop()


async def health(_request: web.Request) -> web.Response:
    """GET /health: ok while the carrier answers."""
    return web.Response(text="ok")
