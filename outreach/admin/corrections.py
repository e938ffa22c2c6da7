"""Correcting and withdrawing: one page that says what will happen, and what the pages of both campaigns tell of it."""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns import authoring, corrections, reports
from campaigns.authoring import Campaign
from campaigns.corrections import STARTED, Amends, Reach
from campaigns.errors import Conflict, NotAllowed
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import CampaignState
from outreach.admin import campaign_words, message_words, nudges, rule_words
from outreach.auth import may, requires
from outreach.forms import Confirm
from outreach.pages import flash, page, see_other

bp = Blueprint("corrections", __name__, url_prefix="/campaigns/<int:campaign_id>")

_GOES_ON: Final = (CampaignState.RUNNING, CampaignState.PAUSED)

# Why somebody who was sent the first message is not written to again.
_SINCE: Final = {
    "opted_out": _l("Asked for no more messages since"),
    "gone": _l("Deleted since"),
    "changed": _l("Their number or address changed since"),
    "bounced": _l("Mails to their address came back since"),
    "no_mobile": _l("The number turned out to be no mobile"),
    "no_ground": _l("No legal ground on record any more"),
}


@dataclass(frozen=True)
class Reads:
    """One language of the first message on one channel: how many were sent it, how many can be written to, and whether
    a text is there.
    """

    channel: str
    language: str
    sent: int
    people: int
    has_text: bool


@bp.route("/<any(correct, withdraw):amends>", methods=["GET", "POST"])
@requires("campaign:write")
def amend(campaign_id: int, amends: str) -> Response:
    """Make the draft, and stop the campaign in the same moment where that is asked for."""
    kind = Amends(amends)
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    if campaign.state not in STARTED:
        raise Conflict("campaign_never_sent")
    form = Confirm()
    stop = request.method == "POST" and request.form.get("stop") == "yes"
    if stop and not may("campaign:control"):
        raise NotAllowed("role_lacks_right")
    if form.validate_on_submit():
        with form.tells():
            return _begin(campaign, kind, stop=stop)
    standing = corrections.open_one(g.db, g.agency_id, campaign_id, kind)
    if standing is not None and request.method == "GET":
        flash(_there_is_one(kind), "warning")
        return see_other(url_for("campaign.show", campaign_id=standing.id))
    return _ask(campaign, kind, form)


def about(campaign: Campaign) -> dict[str, object]:
    """What the pages of a campaign show of corrections: which it corrects, and which correct it."""
    found: dict[str, object] = {"amends": campaign.amends, "amended": None, "amendments": [], "may_amend": False}
    if campaign.parent_id is not None:
        parent = authoring.get(g.db, g.agency_id, campaign.parent_id)
        told = _("Everyone who was sent “%(name)s”, each in the language of that message", name=parent.name)
        found |= {"amended": parent, "told": told}
    if campaign.state in STARTED:
        found |= {
            "amendments": corrections.amendments(g.db, g.agency_id, campaign.id),
            "may_amend": may("campaign:write"),
        }
    if campaign.parent_id is not None and campaign.state == CampaignState.DRAFT:
        texts = {(text.channel, text.language) for text in authoring.texts(g.db, g.agency_id, campaign.id)}
        found |= _whom(campaign.parent_id, texts)
    return found


def _whom(campaign_id: int, texts: set[tuple[str, str]]) -> dict[str, object]:
    """Whom the campaign was handed over to, by language and with who falls out."""
    named = rule_words.language_names(g.db)
    reach: Reach = corrections.reach(g.db, g.agency_id, campaign_id)
    used = corrections.languages_used(g.db, g.agency_id, campaign_id)
    return {
        "reach": reach,
        "reads": [
            Reads(
                str(message_words.CHANNELS[Channel(channel)]),
                named.get(code, code),
                number,
                reach.languages.get((channel, code), 0),
                (channel, code) in texts,
            )
            for (channel, code), number in used.items()
        ],
        "by_channel": any(channel != Channel.SMS for channel, _code in used),
        "since": [(str(_SINCE[why]), reach.left_out[why]) for why in _SINCE if why in reach.left_out],
    }


def _begin(campaign: Campaign, kind: Amends, *, stop: bool) -> Response:
    named = {Amends.CORRECT: _("Correction: %(name)s"), Amends.WITHDRAW: _("Withdrawn: %(name)s")}
    name = named[kind] % {"name": campaign.name}
    done = corrections.amend(g.db, g.agency_id, campaign.id, kind, name=name, by=g.staff.id, stop=stop)
    if done.stopped:
        nudges.settle(campaign.id)
        flash(_("“%(name)s” is being stopped.", name=campaign.name), "success")
    if not done.is_new:
        flash(_there_is_one(kind), "warning")
        return see_other(url_for("campaign.show", campaign_id=done.campaign.id))
    return see_other(url_for("writing.edit", campaign_id=done.campaign.id))


def _ask(campaign: Campaign, kind: Amends, form: Confirm) -> Response:
    earlier = [
        one for one in corrections.amendments(g.db, g.agency_id, campaign.id) if one.state != CampaignState.CANCELLED
    ]
    return page(
        "admin/campaign_correction.html",
        "content",
        status=422 if request.method == "POST" else 200,
        campaign=campaign,
        kind=kind.value,
        form=form,
        goes_on=campaign.state in _GOES_ON,
        figures=reports.figures(g.db, g.agency_id, campaign.id),
        amended=None,
        earlier=earlier,
        words=campaign_words,
        **_whom(campaign.id, set()),
    )


def _there_is_one(kind: Amends) -> str:
    return {
        Amends.CORRECT: _("This campaign is being corrected already: here."),
        Amends.WITHDRAW: _("This campaign is being withdrawn already: here."),
    }[kind]
