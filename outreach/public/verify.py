"""The page every mail names: how to tell whether a message is ours. Needs no link of one's own, and no sign-in."""

from flask import Blueprint, Response, current_app, make_response, render_template

from campaigns import reference
from outreach.auth import public
from outreach.database import GONE, Connections

bp = Blueprint("verify", __name__)


@bp.get("/v")
@public(form_token=False)
def show() -> Response:
    """What we never ask for, and the official lines to call. Without the database the advice stands without them."""
    connections: Connections = current_app.extensions["connections"]
    try:
        with connections.sessions(None)() as session:
            lines = reference.official_lines(session)
    except GONE:
        lines = []
    response = make_response(render_template("public/verify.html", lines=lines))
    response.headers["X-Robots-Tag"] = "noindex"
    response.vary.update(("Accept-Language", "Cookie"))
    return response
