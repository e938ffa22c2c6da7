"""Making two entries for one person into one: find the other, see both, choose what stays."""

from typing import Final

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, StringField

from campaigns import contact_pages, merging
from campaigns.cards import Card
from campaigns.rules.channels import Channel
from outreach.admin import rule_words
from outreach.admin.contact_forms import GROUND_WORDS, ROLE_WORDS
from outreach.admin.contacts import shown, vault, viewer
from outreach.admin.person_words import called
from outreach.auth import requires
from outreach.forms import Form, choices
from outreach.pages import flash, page, see_other

bp = Blueprint("merge", __name__, url_prefix="/people")

FIELDS: Final = {
    "name": _l("Name"),
    "business": _l("Business name"),
    "phone": _l("Telephone"),
    "email": _l("E-mail"),
    "language": _l("Language"),
    "place_code": _l("Place"),
    "role": _l("Role in the business"),
    "ground": _l("Why we may write"),
}
REFUSED: Final = {
    Channel.SMS: _l("One of the two refused SMS. So the one person gets none, whichever number stays."),
    Channel.EMAIL: _l("One of the two refused e-mail. So the one person gets none, whichever address stays."),
}
_THIS, _OTHER = "this", "other"


class Find(Form):
    """Whom to merge with. POSTed: an address must not name anybody (DESIGN P4)."""

    query = StringField(_l("Find the other entry"), render_kw={"required": True})


class MergeForm(Form):
    """For each field in which the two differ: which one stays."""

    name = RadioField()
    business = RadioField()
    phone = RadioField()
    email = RadioField()
    language = RadioField()
    place_code = RadioField()
    role = RadioField()
    ground = RadioField()

    def __init__(self, this: Card, other: Card, differs: frozenset[str]) -> None:
        super().__init__(data=dict.fromkeys(FIELDS, _THIS))
        names = rule_words.language_names(g.db)
        for field, label in FIELDS.items():
            if field not in differs:
                del self[field]
                continue
            self[field].label.text = str(label)
            mine, theirs = value(this, field, names), value(other, field, names)
            if mine == theirs:
                mine, theirs = _("%(value)s (the first entry)", value=mine), _("%(value)s (the second)", value=theirs)
            self[field].choices = choices([(_THIS, mine), (_OTHER, theirs)])

    @property
    def take(self) -> list[str]:
        """The fields of which the other's stays."""
        return [name for name in FIELDS if name in self and self[name].data == _OTHER]


@bp.route("/<int:contact_id>/merge", methods=["GET", "POST"])
@requires("contact:merge")
def find(contact_id: int) -> Response:
    """Look for the other entry by number, mail or words."""
    card, form = shown(contact_id), Find()
    query = (form.query.data or "").strip() if form.validate_on_submit() else ""
    found = contact_pages.found(g.db, vault(), viewer(), query).cards if query else []
    return page(
        "admin/merge_find.html",
        "content",
        form=form,
        contact=card,
        person=called(card),
        searched=bool(query),
        others=[one for one in found if one.id != contact_id],
        called=called,
    )


@bp.route("/<int:contact_id>/merge/<int:other_id>", methods=["GET", "POST"])
@requires("contact:merge")
def merge(contact_id: int, other_id: int) -> Response:
    """Both side by side, and what stays of each."""
    card, other = shown(contact_id), shown(other_id)
    outlook = merging.outlook(g.db, vault(), g.agency_id, contact_id, other_id)
    form = MergeForm(card, other, outlook.differs)
    if form.validate_on_submit():
        with form.tells():
            merging.merge(g.db, vault(), g.agency_id, (contact_id, other_id), take=form.take, by=g.staff.id)
            flash(_("The two entries are one now."), "success")
            return see_other(url_for("contacts.show", contact_id=contact_id))
    names = rule_words.language_names(g.db)
    return page(
        "admin/merge.html",
        "content",
        status=422 if request.method == "POST" else 200,
        form=form,
        contact=card,
        other=other,
        outlook=outlook,
        refused=[REFUSED[channel] for channel in Channel if channel in outlook.refused],
        rows=[(label, value(card, field, names), value(other, field, names)) for field, label in FIELDS.items()],
    )


def value(card: Card, field: str, language_names: dict[str, str]) -> str:
    """One field of an entry as it is shown: masked where it names somebody."""
    shown_as = {
        "language": language_names.get(card.language, card.language),
        "place_code": card.place,
        "role": str(ROLE_WORDS[card.role]) if card.role else "",
        "ground": str(GROUND_WORDS[card.ground]) if card.ground else _("Nothing on record"),
    }
    return (shown_as[field] if field in shown_as else getattr(card, field)) or "–"
