"""Letting a campaign go and holding it: approve and start, send back, pause, resume, stop."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from campaigns import agencies, approval, authoring, reports, scheduling
from campaigns.authoring import Campaign
from campaigns.errors import Conflict, NotAllowed
from campaigns.rules.lifecycle import CampaignState
from outreach.admin import campaign_words, nudges
from outreach.auth import requires
from outreach.forms import Confirm, ask
from outreach.i18n import number
from outreach.pages import flash, see_other
from outreach.sentences import sentence

bp = Blueprint("control", __name__, url_prefix="/campaigns/<int:campaign_id>")


@bp.route("/approve", methods=["GET", "POST"])
@requires("campaign:approve")
def approve(campaign_id: int) -> Response:
    """Approve what was looked at and start it at once: two deeds, one press, after the number was read."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    if campaign.state not in (CampaignState.SUBMITTED, CampaignState.APPROVED):
        raise Conflict("campaign_not_submitted")
    if approval.is_own(g.db, campaign, g.staff.id):
        raise NotAllowed("own_campaign")
    seen = request.args.get("seen", "")
    try:
        approval.check_seen(g.db, g.agency_id, campaign_id, seen)
    except Conflict as changed:
        # Whoever came with another page in mind reads this one first.
        flash(sentence(changed), "warning")
        return see_other(url_for("campaign.show", campaign_id=campaign_id))
    people = reports.figures(g.db, g.agency_id, campaign_id).people
    form, now = Confirm(people=people), datetime.now(UTC)
    # Whoever said yes to a later start is asked again once that moment has passed.
    if form.validate_on_submit() and ("later" not in request.args or _is_later(campaign, now)):
        with form.tells():
            return _let_go(campaign)
    deed, later = _deed(campaign, now), {"later": 1} if _is_later(campaign, now) else {}
    return ask(
        form,
        title=deed,
        sentence=_what_will_happen(campaign, people),
        button=deed,
        action=url_for(".approve", campaign_id=campaign_id, seen=seen, **later),
        back=url_for("campaign.show", campaign_id=campaign_id),
    )


@bp.route("/return", methods=["GET", "POST"])
@requires("campaign:approve")
def send_back(campaign_id: int) -> Response:
    """Back to its author with a reason."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    form = Confirm(reason=True)
    if form.validate_on_submit():
        with form.tells():
            approval.return_(g.db, g.agency_id, campaign_id, reason=form.reason.data, by=g.staff.id)
            flash(_("“%(name)s” went back to its author.", name=campaign.name), "success")
            return see_other(url_for("campaigns.index"))
    return ask(
        form,
        title=_("Send back"),
        sentence=_("“%(name)s” becomes a draft again, and its author reads your reason.", name=campaign.name),
        button=_("Send back"),
        action=url_for(".send_back", campaign_id=campaign_id),
        back=url_for("campaign.show", campaign_id=campaign_id),
    )


@bp.post("/pause")
@requires("campaign:control")
def pause(campaign_id: int) -> Response:
    """No further window opens."""
    return _do(campaign_id, scheduling.pause, _("Paused. What was already handed to the provider may still arrive."))


@bp.post("/resume")
@requires("campaign:control")
def resume(campaign_id: int) -> Response:
    """On where it stopped."""
    told = _("It goes on where it stopped. Nobody gets the message twice.")
    return _do(
        campaign_id, scheduling.resume, told, lambda campaign: nudges.send(campaign_id, urgent=campaign.is_urgent)
    )


@bp.route("/stop", methods=["GET", "POST"])
@requires("campaign:control")
def stop(campaign_id: int) -> Response:
    """For good."""
    figures = reports.figures(g.db, g.agency_id, campaign_id)
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    form = Confirm()
    if form.validate_on_submit():
        with form.tells():
            scheduling.stop(g.db, g.agency_id, campaign_id, by=g.staff.id)
            nudges.settle(campaign_id)
            flash(_("“%(name)s” is being stopped.", name=campaign.name), "success")
            return see_other(url_for("campaign.show", campaign_id=campaign_id))
    return ask(
        form,
        title=_("Stop the campaign"),
        sentence=campaign_words.stopping(figures),
        button=_("Stop the campaign"),
        danger=True,
        action=url_for(".stop", campaign_id=campaign_id),
        back=url_for("campaign.show", campaign_id=campaign_id),
    )


def _let_go(campaign: Campaign) -> Response:
    now = datetime.now(UTC)
    if campaign.state == CampaignState.SUBMITTED:
        campaign = approval.approve(g.db, g.agency_id, campaign.id, by=g.staff.id, now=now)
    if campaign.state == CampaignState.APPROVED:
        campaign = approval.start(g.db, g.agency_id, campaign.id, by=g.staff.id, now=now)
    if campaign.state == CampaignState.RUNNING:
        nudges.send(campaign.id, urgent=campaign.is_urgent)
    if campaign.state == CampaignState.DRAFT:
        # Not what was submitted any more: that it went back is kept too, so this is no error of the form.
        flash(campaign_words.returned(campaign.return_reason or ""), "danger")
    else:
        flash(_let_go_words(campaign, now), "success")
    return see_other(url_for("campaign.show", campaign_id=campaign.id))


def _let_go_words(campaign: Campaign, now: datetime) -> str:
    held = reports.holding(agencies.get(g.db, g.agency_id), campaign, now)
    if held is not None and held.code == "halted":
        return _("Approved. All sending is stopped: “%(name)s” starts once it is allowed again.", name=campaign.name)
    if held is not None:
        why = campaign_words.holding(held)
        return _("Approved. “%(name)s” is not being sent yet. %(why)s", name=campaign.name, why=why)
    if campaign.starts_at is None:
        return _("Approved. “%(name)s” is being sent.", name=campaign.name)
    moment = campaign_words.full(campaign.starts_at)
    if campaign.state == CampaignState.SCHEDULED:
        return _("Approved. “%(name)s” is scheduled for %(moment)s.", name=campaign.name, moment=moment)
    return _("Its time, %(moment)s, has passed, so “%(name)s” is being sent now.", name=campaign.name, moment=moment)


def _is_later(campaign: Campaign, now: datetime) -> bool:
    return campaign.starts_at is not None and campaign.starts_at > now


def _deed(campaign: Campaign, now: datetime) -> str:
    if _is_later(campaign, now):
        return _("Approve and schedule")
    return _("Approve and send") if campaign.state == CampaignState.SUBMITTED else _("Send now")


def _what_will_happen(campaign: Campaign, people: int) -> str:
    now = datetime.now(UTC)
    agency = agencies.get(g.db, g.agency_id)
    values = {"name": campaign.name, "shown": number(people)}
    if campaign.starts_at is not None and campaign.starts_at > now:
        told = ngettext(
            "“%(name)s” will be sent to %(shown)s person on %(moment)s, by itself. Until then it can be taken back.",
            "“%(name)s” will be sent to %(shown)s people on %(moment)s, by itself. Until then it can be taken back.",
            people,
            moment=campaign_words.full(campaign.starts_at),
            **values,
        )
        later = reports.holding_once_started(agency, campaign, campaign.starts_at)
        return f"{told} {campaign_words.holding_at_start(later)}" if later else told
    told = ngettext(
        "“%(name)s” will be sent to %(shown)s person. What was sent cannot be taken back.",
        "“%(name)s” will be sent to %(shown)s people. What was sent cannot be taken back.",
        people,
        **values,
    )
    if campaign.starts_at is not None:
        passed = _(
            "Its time, %(moment)s, has passed: it is sent at once.", moment=campaign_words.full(campaign.starts_at)
        )
        told = f"{passed} {told}"
    later = reports.holding_once_started(agency, campaign, now)
    return f"{told} {campaign_words.holding(later)}" if later else told


def _do(
    campaign_id: int, verb: Callable[..., Campaign], told: str, then: Callable[[Campaign], None] | None = None
) -> Response:
    try:
        campaign = verb(g.db, g.agency_id, campaign_id, by=g.staff.id)
    except Conflict as problem:
        flash(sentence(problem), "warning")
    else:
        flash(told, "success")
        if then:
            then(campaign)
    return see_other(url_for("campaign.show", campaign_id=campaign_id))
