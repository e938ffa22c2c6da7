"""Writing a campaign: the form with its texts, how phones and mailboxes show them, and test sends."""

from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _

from campaigns import authoring, mailing, previews, reference, trials
from campaigns.authoring import Campaign
from campaigns.errors import Conflict, Invalid
from campaigns.previews import Preview
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import EDITABLE, CampaignState
from campaigns.trials import Trial
from outreach.admin import audience_words, campaign_words, estimates, mail_previews, nudges
from outreach.admin.campaign_forms import DraftForm, draft_form, languages_of
from outreach.admin.estimates import Looks, Parts
from outreach.admin.rule_words import language_names
from outreach.admin.trial_forms import MailTrialForm, SmsTrialForm
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
    """A text to one's own phone or mailbox, through the same gate as every message."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    used = Channels(campaign.channels).each
    texts = [text for text in authoring.texts(g.db, g.agency_id, campaign_id) if text.channel in used]
    forms = [kind() for kind in (SmsTrialForm, MailTrialForm) if any(text.channel == kind.channel for text in texts)]
    # Which of the two was sent is told by the field it alone has.
    sent = MailTrialForm.channel if "address" in request.form else SmsTrialForm.channel
    for form in forms:
        form.offer(g.db, texts)
        if form.channel == sent and form.validate_on_submit():
            with form.tells():
                return _try(campaign, form)
    status = 422 if request.method == "POST" else 200
    return page("admin/campaign_test.html", "content", status=status, forms=forms, campaign=campaign)


def _try(campaign: Campaign, form: SmsTrialForm | MailTrialForm) -> Response:
    language, to = form.filled()
    trial = Trial(language, to, datetime.now(UTC), form.channel)
    trials.send(g.db, current_app.extensions["connections"].vault, g.agency_id, campaign.id, trial, by=g.staff.id)
    nudges.send(trials.service_id(g.db, g.agency_id), urgent=True)
    is_mail = form.channel is Channel.EMAIL
    flash(
        _("The test is on its way to your mailbox.") if is_mail else _("The test is on its way to your phone."),
        "success",
    )
    return see_other(url_for(".test", campaign_id=campaign.id))


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
    texts = authoring.texts(g.db, g.agency_id, campaign.id)
    languages = list(dict.fromkeys(text.language for text in texts))
    form = draft_form(languages or [campaign.fallback_language])
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
    mails = {
        code: mail_previews.look(
            form.subject(code).data or "", form.mail(code).data or "", code, is_discreet=form.is_discreet.data
        )
        for code in form.languages
    }
    return page(
        "admin/campaign_edit.html",
        "content",
        status=status,
        campaign=campaign,
        form=form,
        looks=looks,
        mails=mails,
        is_saved=request.method == "GET",
        named=language_names(g.db),
        neutral=mailing.neutral_subjects(g.db),
        parts=_parts(campaign, looks),
        words=campaign_words,
        city=place_of(zone()),
        holes=previews.placeholder_names(g.db, g.agency_id),
        voids=campaign.state != CampaignState.DRAFT,
    )


def _parts(campaign: Campaign, looks: Looks) -> Parts | None:
    """About how many parts the SMS take for the segment that was saved; None while nobody gets one."""
    written = {code: seen for code, seen in looks.items() if seen is not None}
    if not written or Channel.SMS not in Channels(campaign.channels).each:
        return None
    counted = estimates.audience(campaign)
    if counted is None:
        return None
    parts = estimates.parts_of_draft(estimates.readings(counted, list(written), campaign.fallback_language), written)
    return estimates.roughly(parts) if audience_words.shown(counted).hides else parts
