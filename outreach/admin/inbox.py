"""Inbox: what people wrote that a person has to read. Stop, start and help were answered at once and do not wait."""

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _

from campaigns import inbox
from campaigns.errors import Conflict
from outreach import ids
from outreach.auth import requires
from outreach.pages import flash, page, see_other
from outreach.sentences import sentence

bp = Blueprint("inbox", __name__, url_prefix="/inbox")


@bp.get("/")
@requires("inbound:read")
def index() -> Response:
    """What waits, newest first."""
    before = ids.read(request.args.get("before"))
    found = inbox.waiting(g.db, current_app.extensions["connections"].vault, g.agency_id, before=before)
    return page(
        "admin/inbox.html",
        "content",
        found=found,
        number=inbox.count_waiting(g.db, g.agency_id),
        is_first=before is None,
        older=found[-1].id if len(found) == inbox.PAGE else None,
    )


@bp.post("/<int:inbound_id>/close")
@requires("inbound:close")
def close(inbound_id: int) -> Response:
    """Somebody has read it and done what it needs; a second press says so and does no harm."""
    try:
        inbox.close(g.db, g.agency_id, inbound_id, by=g.staff.id)
    except Conflict as closed:
        flash(sentence(closed), "info")
    else:
        flash(_("The message was closed."), "success")
    # The text below the closed one: the reader goes on there, also with the keyboard.
    following = ids.read(request.form.get("following"))
    return see_other(url_for(".index", _anchor=f"message-{following}" if following else None))
