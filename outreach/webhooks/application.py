"""A small Flask for what providers post: hundreds of requests a second that have no visitor, no form and no page.

It shares the process, the guard and the database's connections with the pages, and nothing else of what they need
around every request (sign-in, languages, limits, cookies): that costs more than a receipt does.
"""

from collections.abc import Callable
from typing import Any, Final

import flask
import structlog
from flask import Flask, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import InternalServerError
from werkzeug.routing import MapAdapter

from campaigns.settings import Settings
from outreach import auth, headers, sessions, uploads
from outreach.database import Connections
from outreach.errors import trace
from outreach.webhooks import twilio

log = structlog.get_logger(__name__)

PREFIX: Final = "/hooks/"


class _NoCookies(SessionInterface):
    """Providers bring no cookie and are given none."""

    _nothing = NullSession()

    def open_session(self, app: Flask, request: flask.Request) -> NullSession:  # noqa: ARG002 - Flask's signature
        return self._nothing


class Webhooks(Flask):
    """Flask without cookies, for views that are plain functions."""

    session_interface = _NoCookies()

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Flask's, for bodies whose length was announced; one of unknown length counts as empty."""
        # Or every body is read twice, the second time to learn that nothing follows, and each reading lets another
        # thread have the interpreter first.
        environ.pop("wsgi.input_terminated", None)
        return super().wsgi_app(environ, start_response)

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """By the path alone: the host a request names decides nothing here, and the signature holds the real one."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", "", request.scheme, request.path, request.method)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none of ours is a coroutine, and Flask would look seven times a request."""
        return func


def create(settings: Settings, connections: Connections) -> Webhooks:
    """The application for everything below PREFIX. Raises ValueError for a route that a provider does not sign."""
    app = Webhooks(__name__, static_folder=None)
    app.request_class = uploads.Request
    app.url_map.merge_slashes = False  # it would send elsewhere, and a provider signed this very address
    app.extensions["connections"] = connections
    app.extensions["settings"] = settings
    app.config.update(MAX_FORM_MEMORY_SIZE=1024 * 1024, MAX_FORM_PARTS=2000)
    # After-request functions run last to first: the commit comes before the headers.
    # 204 has nothing that a browser could show, run or keep, and is nearly all that is answered here.
    headers.install(app, settings, spare=frozenset({204}))
    sessions.install(app, connections)
    app.before_request(_admit)
    app.register_error_handler(InternalServerError, _tell_broken)
    app.log_exception = lambda _info: None  # type: ignore[method-assign]  # it would log the exception's text
    twilio.install(app, connections)
    app.register_blueprint(twilio.bp)
    _refuse_unsigned(app)
    return app


def _admit() -> None:
    auth.admit()


def _refuse_unsigned(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        access = auth.access_of(app, rule.endpoint)
        if access is None or not access.signed_by_provider or not rule.rule.startswith(PREFIX):
            raise ValueError(f"{rule.rule}: only what a provider signs belongs here")


def _tell_broken(error: InternalServerError) -> Response:
    fault = error.original_exception or error
    log.error("callback broke", endpoint=flask.request.endpoint, **trace(fault))
    return Response(status=500)
