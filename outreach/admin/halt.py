"""Stopping all sending of the agency: always in reach, one press and one sentence (DESIGN P9)."""

from flask import Blueprint, Response, g, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from campaigns import agencies, authoring
from campaigns.rules.lifecycle import CampaignState
from outreach.auth import requires
from outreach.forms import Confirm, ask
from outreach.pages import flash, see_other

bp = Blueprint("halt", __name__, url_prefix="/halt")


@bp.route("/", methods=["GET", "POST"])
@requires("campaign:control")
def halt() -> Response:
    """One sentence, then nothing more leaves."""
    form = Confirm()
    if form.validate_on_submit():
        agencies.halt(g.db, g.agency_id, by=g.staff.id)
        flash(_("What was already handed to the provider may still arrive."), "warning")
        return see_other(url_for("start.start"))
    return ask(
        form,
        title=_("Stop all sending"),
        sentence=_what_stops(),
        button=_("Stop all sending"),
        danger=True,
        action=url_for(".halt"),
        back=url_for("start.start"),
    )


@bp.route("/resume", methods=["GET", "POST"])
@requires("campaign:control")
def resume() -> Response:
    """One sentence, then campaigns go on where they stopped."""
    form = Confirm()
    if form.validate_on_submit():
        agencies.resume(g.db, g.agency_id, by=g.staff.id)
        flash(_("Sending is allowed again."), "success")
        return see_other(url_for("start.start"))
    return ask(
        form,
        title=_("Allow sending again"),
        sentence=_what_goes_on(),
        button=_("Allow sending again"),
        action=url_for(".resume"),
        back=url_for("start.start"),
    )


def _running() -> int:
    return authoring.in_states(g.db, g.agency_id).get(CampaignState.RUNNING, 0)


def _what_stops() -> str:
    running = _running()
    if not running:
        return _(
            "Nothing is being sent right now. Until somebody allows it again, nothing can be, test sends included."
        )
    return ngettext(
        "%(num)s campaign is being sent. Within seconds no further message of it leaves, "
        "until somebody allows sending again.",
        "%(num)s campaigns are being sent. Within seconds no further message of them leaves, "
        "until somebody allows sending again.",
        running,
    )


def _what_goes_on() -> str:
    running = _running()
    if not running:
        return _("No campaign is under way, so nothing is sent at once. Campaigns can be started again.")
    return ngettext(
        "%(num)s campaign goes on at once where it stopped. Nobody gets a message twice.",
        "%(num)s campaigns go on at once where they stopped. Nobody gets a message twice.",
        running,
    )
