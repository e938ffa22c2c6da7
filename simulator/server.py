"""Builds the web application."""

from collections.abc import AsyncIterator

from aiohttp import web

from simulator import api, control, wall
from simulator.answers import CARRIER
from simulator.calls import Call
from simulator.carrier import Carrier
from simulator.mail import control as mail_control
from simulator.mail import pages as mail_pages
from simulator.settings import Settings

_BIGGEST_REQUEST = 1_000_000
API = "/2010-04-01/"


def create_app(settings: Settings) -> web.Application:
    """Return the application with its accounts registered. Raises ValueError for accounts that cannot be."""
    carrier = Carrier(settings.seed)
    for account in settings.accounts:
        carrier.accounts.register(account)
    app = web.Application(client_max_size=_BIGGEST_REQUEST)
    app[CARRIER] = carrier
    app.cleanup_ctx.append(_running)
    app.on_response_prepare.append(_log)
    if settings.fast:
        app.on_response_prepare.append(_let_go)
    app.router.add_get("/health", health)
    api.add_routes(app)
    if settings.is_loopback:
        control.add_routes(app)
        mail_control.add_routes(app)
        wall.add_routes(app)
        mail_pages.add_routes(app)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    app[CARRIER].callbacks.start()
    yield
    app[CARRIER].clock.clear()
    await app[CARRIER].callbacks.stop()


async def _log(request: web.Request, response: web.StreamResponse) -> None:
    """Log a call of the API; a create logs itself, because it may end without an answer."""
    if request.path.startswith(API) and "call" not in request:
        carrier = request.app[CARRIER]
        to = request.query.get("To", "")
        carrier.calls.log.append(Call(carrier.clock.now(), request.method, request.path, to, response.status))


async def _let_go(request: web.Request, response: web.StreamResponse) -> None:
    """Fast mode: a connection that was handed over ends with its call, so that the next create goes the fast way."""
    if request.app[CARRIER].faults.spare_creates:
        response.force_close()
        response.headers["Connection"] = "close"


async def health(_request: web.Request) -> web.Response:
    """GET /health: ok while the carrier answers."""
    return web.Response(text="ok")
