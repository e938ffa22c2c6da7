"""Campaigns: the list, and what can be done with one before anybody approves it."""

from datetime import UTC, datetime

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from campaigns import approval, authoring, reports
from campaigns.errors import Conflict, Invalid
from campaigns.rules.lifecycle import CampaignState
from outreach import ids
from outreach.admin import campaign_words, message_words, nudges
from outreach.admin.campaign_forms import NameForm
from outreach.auth import requires
from outreach.forms import Confirm, ask
from outreach.pages import flash, page, see_other
from outreach.sentences import sentence

bp = Blueprint("campaigns", __name__, url_prefix="/campaigns")


@bp.get("/")
@requires("campaign:read")
def index() -> Response:
    """Campaigns by state, newest first."""
    show = request.args.get("show", "")
    states = campaign_words.SHOWN[show][1] if show in campaign_words.SHOWN else tuple(CampaignState)
    before = ids.read(request.args.get("before"))
    found = authoring.listed(g.db, g.agency_id, states, before=before, limit=authoring.PAGE + 1)
    in_states = authoring.in_states(g.db, g.agency_id)
    shown = {key: (label, sum(in_states.get(s, 0) for s in own)) for key, (label, own) in campaign_words.SHOWN.items()}
    finished = [campaign.id for campaign in found if campaign.state == CampaignState.FINISHED]
    more = found[authoring.PAGE - 1].id if len(found) > authoring.PAGE else None
    return page(
        "admin/campaigns.html",
        "content",
        campaigns=found[: authoring.PAGE],
        words=campaign_words,
        messages=message_words,
        missed=reports.missed(g.db, g.agency_id, finished),
        shown=shown,
        show=show if show in campaign_words.SHOWN else "",
        total=sum(in_states.values()),
        first=url_for(".index", show=show or None) if before else None,
        more=url_for(".index", show=show or None, before=more) if more else None,
    )


@bp.route("/new", methods=["GET", "POST"])
@requires("campaign:write")
def new() -> Response:
    """A name, and on to the texts."""
    form = NameForm()
    if form.validate_on_submit():
        with form.tells():
            made = authoring.create(g.db, g.agency_id, name=form.name.data, by=g.staff.id)
            return see_other(url_for("writing.edit", campaign_id=made.id))
    return page("admin/campaign_new.html", "content", status=422 if request.method == "POST" else 200, form=form)


@bp.post("/<int:campaign_id>/duplicate")
@requires("campaign:write")
def duplicate(campaign_id: int) -> Response:
    """A draft with the same settings and texts."""
    old = authoring.get(g.db, g.agency_id, campaign_id)
    name = _("Copy of %(name)s", name=old.name)
    copy = authoring.duplicate(g.db, g.agency_id, campaign_id, name=name, by=g.staff.id)
    flash(_("This is the copy. The other campaign stays as it is."), "success")
    return see_other(url_for("writing.edit", campaign_id=copy.id))


@bp.post("/<int:campaign_id>/submit")
@requires("campaign:submit")
def submit(campaign_id: int) -> Response:
    """On to planning and approval."""
    try:
        authoring.submit(g.db, g.agency_id, campaign_id, by=g.staff.id, now=datetime.now(UTC))
    except (Conflict, Invalid) as problem:
        flash(sentence(problem), "warning")
    else:
        nudges.plan(campaign_id)
    return see_other(url_for("campaign.show", campaign_id=campaign_id))


@bp.route("/<int:campaign_id>/take-back", methods=["GET", "POST"])
@requires("campaign:write")
def take_back(campaign_id: int) -> Response:
    """Back to draft, by whoever writes."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    form = Confirm()
    if form.validate_on_submit():
        with form.tells():
            authoring.take_back(g.db, g.agency_id, campaign_id, by=g.staff.id)
            flash(_("“%(name)s” is a draft again.", name=campaign.name), "success")
            return see_other(url_for("campaign.show", campaign_id=campaign_id))
    return ask(
        form,
        title=_("Take the campaign back"),
        sentence=_("“%(name)s” becomes a draft again. To be sent it needs a new approval.", name=campaign.name),
        button=_("Take it back"),
        action=url_for(".take_back", campaign_id=campaign_id),
        back=url_for("campaign.show", campaign_id=campaign_id),
    )


@bp.route("/<int:campaign_id>/cancel", methods=["GET", "POST"])
@requires("campaign:write")
def cancel(campaign_id: int) -> Response:
    """Give it up; it stays to be read and copied."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    form = Confirm()
    if form.validate_on_submit():
        with form.tells():
            approval.cancel(g.db, g.agency_id, campaign_id, by=g.staff.id)
            flash(_("“%(name)s” was cancelled.", name=campaign.name), "success")
            return see_other(url_for("campaign.show", campaign_id=campaign_id))
    return ask(
        form,
        title=_("Cancel the campaign"),
        sentence=_("“%(name)s” will never be sent. It stays in the list, and can be copied.", name=campaign.name),
        button=_("Cancel the campaign"),
        action=url_for(".cancel", campaign_id=campaign_id),
        back=url_for("campaign.show", campaign_id=campaign_id),
        danger=True,
    )


@bp.route("/<int:campaign_id>/delete", methods=["GET", "POST"])
@requires("campaign:write")
def delete(campaign_id: int) -> Response:
    """One sentence, then the draft is gone."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    texts = len(authoring.texts(g.db, g.agency_id, campaign_id))
    form = Confirm()
    if form.validate_on_submit():
        with form.tells():
            authoring.delete(g.db, g.agency_id, campaign_id, by=g.staff.id)
            flash(_("“%(name)s” was deleted.", name=campaign.name), "success")
            return see_other(url_for(".index"))
    told = ngettext(
        "“%(name)s” and its %(num)s text will be deleted. This cannot be undone.",
        "“%(name)s” and its %(num)s texts will be deleted. This cannot be undone.",
        texts,
        name=campaign.name,
    )
    action = url_for(".delete", campaign_id=campaign_id)
    words = {"title": _("Delete the draft"), "sentence": told, "button": _("Delete the draft")}
    return ask(form, action=action, back=url_for("campaign.show", campaign_id=campaign_id), danger=True, **words)
