"""Erasing one person for good: said in full what goes and what stays, and a word to type."""

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, StringField, ValidationError

from campaigns import erasing
from outreach.admin.contacts import shown, vault
from outreach.admin.person_words import called
from outreach.auth import requires
from outreach.forms import Form
from outreach.pages import flash, page, see_other

bp = Blueprint("erase", __name__, url_prefix="/people")


class EraseForm(Form):
    """The word that is typed, so that nobody is erased by a slip of the hand."""

    typed = StringField(_l("Type ERASE to confirm"), render_kw={"required": True})

    def validate_typed(self, field: Field) -> None:
        """In the reader's language, in capitals or not."""
        if (field.data or "").strip().casefold() != _("ERASE").casefold():
            raise ValidationError(_("Type the word ERASE."))


@bp.route("/<int:contact_id>/erase", methods=["GET", "POST"])
@requires("contact:erase")
def erase(contact_id: int) -> Response:
    """Ask, then take away whatever names the person."""
    card, form = shown(contact_id), EraseForm()
    if form.validate_on_submit():
        erasing.erase(g.db, vault(), g.agency_id, contact_id, by=g.staff.id)
        flash(_("The person was erased. Nothing that names them is left here."), "success")
        return see_other(url_for("contacts.index"))
    status = 422 if request.method == "POST" else 200
    return page("admin/erase.html", "content", status=status, form=form, contact=card, person=called(card))
