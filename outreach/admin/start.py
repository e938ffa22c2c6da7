"""The start page: what needs me now."""

from flask import Blueprint, Response

from outreach.auth import requires
from outreach.pages import page

bp = Blueprint("start", __name__)


@bp.get("/")
@requires("start:see")
def start() -> Response:
    """The first page after sign-in."""
    return page("admin/start.html", "content")
