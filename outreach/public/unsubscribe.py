"""The unsubscribe link: a mail program's one click (RFC 8058), or a page with one button.

Reading never changes anything: scanners open every link there is. Only a POST stops, and it needs no cookie and no
token of a form, because the link itself is signed.
"""

import hmac
from typing import Final

import structlog
from flask import Blueprint, Flask, Response, current_app, make_response, render_template, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.exceptions import HTTPException

from campaigns import refusals
from campaigns.consent import Source
from campaigns.links import Refusal, Signer
from campaigns.settings import Settings
from outreach.auth import public
from outreach.database import GONE, Connections
from outreach.errors import words

log = structlog.get_logger(__name__)

# Not "unsubscribe" alone: for everything named "public" no language is remembered in a cookie (i18n).
bp = Blueprint("public", __name__)

FIELD: Final = "List-Unsubscribe"
ONE_CLICK: Final = "One-Click"
# Links that are none of ours, per visitor. A true one is never refused: all of a mail provider's readers share a few
# addresses, and the link cannot be guessed.
_WRONG_LINKS: Final = "60 per minute"
_SOON: Final = "60"  # seconds


def install(app: Flask, settings: Settings) -> None:
    """Slow down who tries links. Counted in Valkey, or by each process while it does not answer."""
    secret = settings.secret_key.encode()
    limiter = Limiter(
        # No address of a visitor lies in Valkey.
        lambda: hmac.digest(secret, b"visitor " + get_remote_address().encode(), "sha256").hex()[:32],
        app=app,
        storage_uri=(settings.redis_url or "memory://").replace("unix://", "redis+unix://", 1),
        in_memory_fallback_enabled=True,
        key_prefix="unsubscribe",
    )
    for endpoint in ("public.show", "public.stop"):
        view = app.view_functions[endpoint]
        limited = limiter.shared_limit(_WRONG_LINKS, scope="links", exempt_when=lambda: _asked() is not None)(view)
        limited.access = view.access  # type: ignore[attr-defined]
        app.view_functions[endpoint] = limited


@bp.get("/u/<path:token>")
@public(form_token=False)
def show(token: str) -> Response:  # noqa: ARG001 - read where the limit is asked too
    """The page with the button. Asks nothing of the database."""
    return _page("ask") if _asked() else _page("broken", 404)


@bp.post("/u/<path:token>")
@public(form_token=False)
def stop(token: str) -> Response:  # noqa: ARG001
    """Stop, committed before the answer leaves; may be called again. 503 where it could not be done now."""
    refusal = _asked()
    if refusal is None:
        return _page("broken", 404)
    if request.form.get(FIELD, "").strip().lower() != ONE_CLICK.lower():
        return _page("ask", 422)
    connections: Connections = current_app.extensions["connections"]
    rule = "page" if request.form.get("from") == "page" else "one-click"
    try:
        with connections.sessions(refusal.agency_id).begin() as session:
            refusals.take_signed(session, connections.vault, refusal, source=Source.LINK, rule=rule)
    except GONE as error:
        log.warning("not unsubscribed", agency=refusal.agency_id, kind=type(error).__name__)
        response = _page("later", 503)
        response.headers["Retry-After"] = _SOON
        return response
    return _page("done")


@bp.errorhandler(HTTPException)
def refused(error: HTTPException) -> Response:
    """What is refused before the view: a body that is too large or no form, too many wrong links."""
    status = error.code or 400
    title, detail = words(status)
    response = _page("refused", status, title=title, detail=detail)
    for name in ("Allow", "Retry-After"):
        if name in error.get_response().headers:
            response.headers[name] = error.get_response().headers[name]
    return response


def _asked() -> Refusal | None:
    """Whom the link is for; None for a link that is not ours, or not whole."""
    settings: Settings = current_app.extensions["settings"]
    return Signer(settings.secret_key).read_unsubscribe(str((request.view_args or {}).get("token", "")))


def _page(what: str, status: int = 200, *, title: str = "", detail: str = "") -> Response:
    body = render_template("public/unsubscribe.html", what=what, title=title, detail=detail, field=(FIELD, ONE_CLICK))
    response = make_response(body, status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.vary.update(("Accept-Language", "Cookie"))
    return response
