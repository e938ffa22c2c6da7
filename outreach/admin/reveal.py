"""Seeing one person in full: asked for with a reason, shown on one page once, and read over by administrators."""

import secrets
from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import HiddenField, TextAreaField

from campaigns import revealing, staff
from campaigns.errors import Conflict, NotFound
from outreach import ids
from outreach.admin.contacts import shown, vault, viewer
from outreach.admin.person_words import called
from outreach.auth import requires
from outreach.forms import Form
from outreach.pages import flash, page, see_other
from outreach.sentences import sentence

bp = Blueprint("reveal", __name__, url_prefix="/people")


class RevealForm(Form):
    """Why. `once` lets the answer be shown a single time."""

    reason = TextAreaField(_l("Why you need to see it"), render_kw={"required": True})
    once = HiddenField()


@bp.get("/<int:contact_id>/reveal")
@requires("contact:reveal")
def form(contact_id: int) -> Response:
    """The form for the reason."""
    return _asked(contact_id, RevealForm(data={"once": secrets.token_urlsafe(16)}))


@bp.post("/<int:contact_id>/reveal")
@requires("contact:reveal")
def show(contact_id: int) -> Response:
    """The person in full, on this page only: a reload shows nothing, and the address holds nothing of them.

    Past the limit the answer leads back with a sentence, so that what administrators are told is kept.
    """
    form, most = RevealForm(), current_app.extensions["settings"].reveals_per_hour
    form.validate()
    asked = revealing.Request(g.staff.id, form.reason.data or "", form.once.data or "", datetime.now(UTC))
    back = url_for("contacts.show", contact_id=contact_id)
    with form.tells():
        try:
            found = revealing.reveal(g.db, vault(), g.agency_id, contact_id, asked, most=most)
        except Conflict as used:
            flash(sentence(used), "info")
            return see_other(back)
        if found is None:
            flash(_limit(most), "danger")
            return see_other(back)
        return page("admin/contact_revealed.html", "content", found=found, back=back)
    return _asked(contact_id, form, status=422)


@bp.get("/reveals")
@requires("agency:manage")
def by_staff() -> Response:
    """Whom one member of staff saw in full lately, and why."""
    people = staff.of_agency(g.db, g.agency_id)
    wanted = ids.read(request.args.get("staff")) or g.staff.id
    who = next((one for one in people if one.id == wanted), None)
    if who is None:
        raise NotFound("staff_unknown")
    looks = revealing.by_staff(g.db, vault(), viewer(), who.id)
    return page("admin/reveals.html", "content", who=who, people=people, looks=looks, called=called)


def _asked(contact_id: int, form: RevealForm, *, status: int = 200) -> Response:
    settings = current_app.extensions["settings"]
    left = revealing.left(g.db, g.agency_id, g.staff.id, now=datetime.now(UTC), most=settings.reveals_per_hour)
    card = shown(contact_id)
    return page(
        "admin/contact_reveal.html", "content", status=status, form=form, contact=card, person=called(card), left=left
    )


def _limit(most: int) -> str:
    return ngettext(
        "You saw %(num)s person in full within the last hour, and that is the limit. Your administrators were told. "
        "Try again later.",
        "You saw %(num)s people in full within the last hour, and that is the limit. Your administrators were told. "
        "Try again later.",
        most,
    )
