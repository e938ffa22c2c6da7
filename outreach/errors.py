"""Everything that can go wrong, translated once: into a page, a fragment or problem JSON, in the reader's language.

Nothing of what the visitor sent is repeated in an answer from here, so that no error page can hold personal data.
"""

import secrets
import traceback
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from jinja2_fragments.flask import render_block
from werkzeug.exceptions import HTTPException, InternalServerError

from campaigns.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from outreach.pages import wants_fragment, wants_json
from outreach.sentences import sentence

log = structlog.get_logger(__name__)

_STATUS: dict[type[Problem], int] = {NotFound: 404, NotAllowed: 403, Conflict: 409, Invalid: 422}


@dataclass(frozen=True)
class Told:
    """What the reader is told: a heading, a sentence, and for programs the code and the field."""

    status: int
    title: str
    detail: str
    code: str
    field: str | None = None


class NotSignedIn(Exception):
    """Raised by the guard when a page needs someone and nobody is signed in."""


def install(app: Flask) -> None:
    """Register every translation. What no handler names is a 500 with a reference for the operator.

    (With `app.testing` Flask raises it instead, so that tests see it.)
    """
    for kind in _STATUS:
        app.register_error_handler(kind, tell_problem)
    app.register_error_handler(NotSignedIn, tell_to_sign_in)
    app.register_error_handler(CSRFError, tell_form_expired)
    app.register_error_handler(HTTPException, tell_http)
    app.register_error_handler(InternalServerError, tell_broken)
    # Flask would log the exception with its text.
    app.log_exception = lambda _info: None  # type: ignore[method-assign]


def tell_problem(problem: Problem) -> Response:
    """One of the four domain errors."""
    status = _STATUS[type(problem)]
    title, detail = words(status)
    if not isinstance(problem, NotFound):
        detail = sentence(problem)
    return answer(Told(status, title, detail, problem.code, getattr(problem, "field", None)))


def tell_to_sign_in(_error: NotSignedIn) -> Response:
    """Lead to the sign-in page and back to where the reader was going."""
    came_for = request.full_path.rstrip("?") if request.method == "GET" else None
    sign_in = url_for("security.login", next=None if came_for == "/" else came_for)
    if wants_json():
        title, detail = words(401)
        return answer(Told(401, title, detail, "not_signed_in"))
    if wants_fragment():
        # The whole page goes to sign-in; a fragment's own address would be no page to come back to.
        return make_response("", 401, {"HX-Redirect": url_for("security.login")})
    return make_response(redirect(sign_in, 303))


def tell_form_expired(_error: CSRFError) -> Response:
    """The form belongs to another sign-in, or its token is missing: nothing was done."""
    title, detail = words(400)
    detail = _("This form is from an earlier sign-in. Go back, copy what you wrote, reload the page and send it again.")
    return answer(Told(400, title, detail, "form_expired"))


def tell_http(error: HTTPException) -> Response:
    """What Flask itself refuses: a wrong address, method, size or pace. Redirects pass through."""
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    title, detail = words(status)
    response = answer(Told(status, title, detail, f"http_{status}"))
    for name in ("Allow", "Retry-After"):
        if name in error.get_response().headers:
            response.headers[name] = error.get_response().headers[name]
    return response


def tell_broken(error: HTTPException) -> Response:
    """A fault of ours, told with a reference that the log has too."""
    fault = getattr(error, "original_exception", None) or error
    reference = secrets.token_hex(4)
    log.error("page broke", reference=reference, endpoint=request.endpoint, **trace(fault))
    # Or the page would ask a database that may be gone who is here.
    g._login_user = None
    title, _general = words(500)
    detail = _("The fault is ours, and it was noted under %(reference)s. Please try again later.", reference=reference)
    return answer(Told(500, title, detail, "broken"))


def trace(fault: BaseException) -> dict[str, object]:
    """Kind and places of a fault for the log, without its text: an exception's text may hold personal data."""
    frames = traceback.extract_tb(fault.__traceback__)[-8:]
    places = [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return {"kind": type(fault).__name__, "places": places}


def answer(told: Told) -> Response:
    """The same told thing as problem JSON, as a fragment for the page's notice, or as a page of its own."""
    if wants_json():
        body = {"title": told.title, "status": told.status, "detail": told.detail, "code": told.code}
        response = jsonify(body | ({"field": told.field} if told.field else {}))
        response.status_code = told.status
        response.mimetype = "application/problem+json"
        return response
    if wants_fragment():
        response = make_response(render_block("problem.html", "problem", told=told), told.status)
        response.headers["HX-Retarget"] = "#notice"
        response.headers["HX-Reswap"] = "innerHTML"
    else:
        response = make_response(render_template("error.html", told=told), told.status)
    response.vary.update(("HX-Request", "Accept-Language", "Cookie"))
    return response


def words(status: int) -> tuple[str, str]:
    """A heading and a sentence for a status; the nearest general one for a status not in the list."""
    known = {
        400: (_("This could not be read"), _("Something is wrong with the request. Go back and try again.")),
        401: (_("Please sign in"), _("You need to sign in to see this.")),
        403: (_("You cannot do this"), _("Your role does not allow this. Ask an administrator of your agency.")),
        404: (
            _("Nothing here"),
            _("This page does not exist, or it is not yours to see. Check the address or start from the beginning."),
        ),
        405: (_("This cannot be done here"), _("This address does not take this kind of request.")),
        409: (_("Not now"), _("Somebody may have changed this in the meantime. Reload the page and look again.")),
        413: (_("This is too large"), _("What you sent is larger than we can take. Send a smaller file.")),
        415: (_("This could not be read"), _("We cannot read what was sent in this form.")),
        422: (_("Please correct this"), _("Something you entered cannot be used. Go back and check it.")),
        429: (_("Too many attempts"), _("There were too many attempts. Wait a few minutes and try again.")),
        500: (_("Something went wrong on our side"), _("The fault is ours, and it was noted. Please try again later.")),
        503: (_("Not available right now"), _("A part of the system is not answering. Please try again in a minute.")),
    }
    return known.get(status) or known[500 if status >= 500 else 400]
