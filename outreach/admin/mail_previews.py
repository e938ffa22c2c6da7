"""How a mail looks: a document of its own in a frame that may run nothing, and its subject and text part beside it."""

from typing import Final

from flask import Blueprint, Response, current_app, g, make_response, render_template, request

from campaigns import authoring, previews, reference
from campaigns.errors import Invalid, NotFound
from campaigns.previews import Shown, Words
from campaigns.rules.channels import Channel
from outreach.auth import requires
from outreach.pages import page
from outreach.sentences import sentence

bp = Blueprint("mail_previews", __name__, url_prefix="/campaigns/<int:campaign_id>/mail")

# The mail's own styles stand in it, as mailboxes need them, so this document allows what no page of ours does. In
# return it runs nothing, fetches nothing, is no part of our origin, and only our pages may frame it. Its links open
# beside it: whoever approves a mail can see where they lead.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)
_LONGEST: Final = 20_000  # of what is typed, so that a preview never takes long; a mail is shorter


@bp.get("/<code>")
@requires("campaign:read")
def saved(campaign_id: int, code: str) -> Response:
    """The mail as it is saved, for a frame."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    for text in authoring.texts(g.db, g.agency_id, campaign_id):
        if (text.channel, text.language) == (Channel.EMAIL, code):
            return _document(look(text.subject or "", text.body, code, is_discreet=campaign.is_discreet))
    raise NotFound("text_missing")


@bp.post("/<code>")
@requires("campaign:read")
def typed(campaign_id: int, code: str) -> Response:
    """The mail as it is being typed, for a frame."""
    authoring.get(g.db, g.agency_id, campaign_id)
    return _document(_typed(code))


@bp.post("/<code>/words")
@requires("campaign:read")
def words(campaign_id: int, code: str) -> Response:
    """Subject and text part of the mail as it is being typed."""
    authoring.get(g.db, g.agency_id, campaign_id)
    return page("admin/mail_words.html", "words", code=code, shown=_typed(code))


def look(subject: str, body: str, code: str, *, is_discreet: bool) -> Shown | str | None:
    """The mail as its reader sees it; a sentence when something in it is wrong; None when there is none yet."""
    if not subject.strip() and not body.strip():
        return None
    known = code if code in {one.code for one in reference.languages(g.db) if one.enabled} else "es"
    base_url = current_app.extensions["settings"].base_url
    try:
        return previews.mail(g.db, g.agency_id, Words(subject, body), known, base_url=base_url, is_discreet=is_discreet)
    except Invalid as problem:
        return sentence(problem)


def _typed(code: str) -> Shown | str | None:
    subject, body = (request.form.get(f"{name}_{code}", "")[:_LONGEST] for name in ("subject", "mail"))
    return look(subject.replace("\x00", ""), body.replace("\x00", ""), code, is_discreet="is_discreet" in request.form)


def _document(shown: Shown | str | None) -> Response:
    if isinstance(shown, Shown):
        document = shown.html.replace("<head>", '<head><base target="_blank">', 1)
    else:
        document = render_template("admin/mail_unready.html", told=shown)
    response = make_response(document)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
