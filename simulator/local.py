"""Keeps pages of other sites, open in the same browser, from steering the simulator."""

from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import urlsplit

from aiohttp import web

_LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def only(handler: Handler) -> Handler:
    """Answer 403 to a call that names another host (DNS rebinding) or comes from another site's page."""

    @wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin")
        strange = urlsplit("//" + host).hostname not in _LOCAL_NAMES or (
            request.method != "GET" and origin is not None and urlsplit(origin).netloc != host
        )
        if strange:
            return web.json_response({"error": "only pages and programs of this machine may do this"}, status=403)
        return await handler(request)

    return guarded
