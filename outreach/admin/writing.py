"""Writing a campaign: the form with its texts, how phones show them, and test sends."""

from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _

from campaigns import authoring, previews, reference, trials
from campaigns.authoring import Campaign
from campaigns.errors import Conflict, Invalid
from campaigns.previews import Preview
from campaigns.rules.lifecycle import EDITABLE, CampaignState
from campaigns.trials import Trial
from outreach.admin import campaign_words, estimates, nudges
from outreach.admin.campaign_forms import DraftForm, TestForm, draft_form, languages_of
from outreach.admin.estimates import Looks, Parts
from outreach.auth import requires
from outreach.i18n import place_of, zone
from outreach.pages import flash, page, see_other
from outreach.sentences import sentence

bp = Blueprint("writing", __name__, url_prefix="/campaigns/<int:campaign_id>")


@bp.route("/edit", methods=["GET", "POST"])
@requires("campaign:write")
def edit(campaign_id: int) -> Response:
    """The whole campaign as one form. Its small buttons (add, remove, cheaper) change the form and save nothing."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    if campaign.state not in EDITABLE:
        raise Conflict("campaign_not_editable")
    if request.method == "GET":
        return _edit_page(campaign, _saved(campaign))
    pressed = next((name for name in ("add", "remove", "cheaper") if name in request.form), None)
    form = _typed(pressed)
    if pressed:
        if pressed == "cheaper" and request.form["cheaper"] in form.languages:
            form.make_cheaper(request.form["cheaper"])
        return _edit_page(campaign, form)
    if form.validate():
        with form.tells():
            _save(campaign, form)
            flash(_("Saved. Look at everything once more, then submit it."), "success")
            return see_other(url_for("campaign.show", campaign_id=campaign_id))
    return _edit_page(campaign, form, status=422)


@bp.post("/preview/<code>")
@requires("campaign:read")
def preview(campaign_id: int, code: str) -> Response:
    """How a phone shows the text being typed, and what it costs."""
    authoring.get(g.db, g.agency_id, campaign_id)
    body = request.form.get(f"text_{code}", "")[:5000].replace("\x00", "")
    known = code if code in _enabled() else "es"
    return page("admin/preview.html", "preview", code=code, shown=look(body, known), typing=True)


@bp.route("/test", methods=["GET", "POST"])
@requires("campaign:test")
def test(campaign_id: int) -> Response:
    """A text to one's own phone, through the same gate as every message."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    texts = list(authoring.texts(g.db, g.agency_id, campaign_id))
    form = TestForm()
    form.offer(g.db, texts)
    if form.validate_on_submit():
        with form.tells():
            vault = current_app.extensions["connections"].vault
            trial = Trial(form.language.data, form.number.data, datetime.now(UTC))
            trials.send(g.db, vault, g.agency_id, campaign_id, trial, by=g.staff.id)
            nudges.send(trials.service_id(g.db, g.agency_id), urgent=True)
            flash(_("The test is on its way to your phone."), "success")
            return see_other(url_for(".test", campaign_id=campaign_id))
    status = 422 if request.method == "POST" else 200
    return page("admin/campaign_test.html", "content", status=status, form=form, campaign=campaign, texts=texts)


def look(body: str, code: str) -> Preview | str | None:
    """The text as a phone shows it; a sentence when something in it is wrong; None when there is none yet."""
    if not body.strip():
        return None
    try:
        return previews.sms(g.db, g.agency_id, body, code)
    except Invalid as problem:
        return sentence(problem)


def _save(campaign: Campaign, form: DraftForm) -> None:
    draft, now = form.draft(), datetime.now(UTC)
    try:
        # A form without a stamp knows no version of the campaign, so it replaces none unasked.
        authoring.change(g.db, g.agency_id, campaign.id, draft, by=g.staff.id, now=now, seen=form.seen.data or "")
    except Conflict as problem:
        if problem.code == "campaign_moved_on":
            form.see(campaign)  # whoever presses Save again has read that, and means it
        raise


def _saved(campaign: Campaign) -> DraftForm:
    texts = {text.language: text.body for text in authoring.texts(g.db, g.agency_id, campaign.id)}
    form = draft_form(list(texts) or [campaign.fallback_language])
    form.offer(g.db, g.agency_id)
    form.show(campaign, texts)
    return form


def _typed(pressed: str | None) -> DraftForm:
    enabled = _enabled()
    languages = [code for code in languages_of(list(request.form)) if code in enabled]
    if pressed == "remove":
        languages = [code for code in languages if code != request.form["remove"]]
    added = request.form.get("add_language")
    if pressed == "add" and added in enabled and added not in languages:
        languages.append(added)
    form = draft_form(languages)
    form.offer(g.db, g.agency_id)
    return form


def _enabled() -> set[str]:
    return {language.code for language in reference.languages(g.db) if language.enabled}


def _edit_page(campaign: Campaign, form: DraftForm, *, status: int = 200) -> Response:
    looks = {code: look(form.text(code).data or "", code) for code in form.languages}
    return page(
        "admin/campaign_edit.html",
        "content",
        status=status,
        campaign=campaign,
        form=form,
        looks=looks,
        parts=_parts(campaign, looks),
        words=campaign_words,
        city=place_of(zone()),
        holes=previews.placeholder_names(g.db, g.agency_id),
        voids=campaign.state != CampaignState.DRAFT,
    )


def _parts(campaign: Campaign, looks: Looks) -> Parts | None:
    """About how many parts the texts take for the segment that was saved; None while there is none."""
    if campaign.segment_id is None or not looks:
        return None
    counted = estimates.audience(campaign.segment_id)
    read = estimates.readings(counted, list(looks), campaign.fallback_language)
    return estimates.parts_of_draft(read, looks)
