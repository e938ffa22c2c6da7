"""The figures of a campaign as a file: how many, never who."""

from datetime import datetime

from flask import Blueprint, Response, g
from flask_babel import gettext as _

from campaigns import authoring, reports
from campaigns.authoring import Campaign
from campaigns.reports import Sum
from campaigns.rules import spreadsheet
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import CampaignState, Reason, State
from outreach.admin import campaign_words, message_words
from outreach.auth import requires
from outreach.i18n import zone

bp = Blueprint("results", __name__, url_prefix="/campaigns/<int:campaign_id>")

COLUMNS = ("channel", "language", "state", "reason", "people", "parts", "meaning")


@bp.get("/figures.csv")
@requires("campaign:read")
def figures(campaign_id: int) -> Response:
    """About the campaign first, then a row per channel, language, state and reason. Names in the first column are codes
    for programs; what they mean is told in the reader's language, as the channel has it. Last come people, so that they
    are in no channel and no language: those of the segment for whom nothing was planned, and those whom neither the SMS
    nor the mail in its place reached, once that is known; these are counted in the rows above, too.
    """
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    found = reports.rows(g.db, g.agency_id, campaign_id)
    so_far = reports.figures(g.db, g.agency_id, campaign_id)
    table: list[tuple[object, ...]] = [*_about(campaign), (), COLUMNS]
    for row in found:
        meaning = _meaning(row)
        parts = row.parts if row.channel == Channel.SMS else ""
        table.append((row.channel, row.language, row.state, row.reason, row.number, parts, meaning))
    for code, people in so_far.left_out.items():
        meaning = _("%(state)s: %(reason)s", state=_("Left out before planning"), reason=message_words.reason(code))
        table.append(("", "", "left_out", code, people, 0, meaning))
    if so_far.unreached is not None:
        table.append(("", "", "unreached", "", so_far.unreached, 0, _("Neither an SMS nor an e-mail went through")))
    response = Response(spreadsheet.write(table), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="campaign-{campaign_id}-figures.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _about(campaign: Campaign) -> list[tuple[object, ...]]:
    return [
        ("campaign", campaign.name),
        ("state", campaign.state, str(campaign_words.STATES[CampaignState(campaign.state)][0])),
        ("started", _moment(campaign.started_at)),
        ("ended", _moment(campaign.ended_at)),
        ("time_zone", zone().key),
    ]


def _moment(moment: datetime | None) -> str:
    """As every spreadsheet reads it, in the agency's time."""
    return f"{moment.astimezone(zone()):%Y-%m-%d %H:%M:%S}" if moment else ""


def _meaning(row: Sum) -> str:
    told = message_words.delivery(row.state, row.channel)
    why = message_words.because(row.state, row.reason, row.channel)
    if row.reason == Reason.AFTER_SMS:
        return why
    if row.state == State.QUEUED and why:
        told = _("Waiting for a second attempt")
    return _("%(state)s: %(reason)s", state=told, reason=why) if why else told
