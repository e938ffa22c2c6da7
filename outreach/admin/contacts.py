"""People: find, look at, add, correct and delete one. Addresses are masked, names unless a right shows them."""

from typing import Final

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from campaigns import contact_history, contact_pages, contacts
from campaigns.cards import Card, Viewer
from campaigns.contact_pages import Page
from campaigns.vault import Vault
from outreach import ids
from outreach.admin import message_words, person_words, rule_words
from outreach.admin.contact_forms import GROUND_WORDS, ROLE_WORDS, ContactForm, Narrowing
from outreach.admin.person_words import called
from outreach.auth import may, requires
from outreach.forms import Confirm, Form, ask
from outreach.pages import flash, page, see_other

bp = Blueprint("contacts", __name__, url_prefix="/people")

_NAMES: Final = "contact:names"


class Search(Form):
    """What somebody looks for. Always POSTed: an address, a log or a history must not name anybody (DESIGN P4)."""

    query = StringField(_l("Find a person"))


@bp.get("/")
@requires("contact:read")
def index() -> Response:
    """Everybody, newest first, narrowed by what stands in the address."""
    narrowing = Narrowing(request.args)
    narrowing.offer(g.db, g.agency_id)
    below = ids.read(request.args.get("below"))
    found = contact_pages.listed(g.db, vault(), viewer(), narrowing.filled(), below=below)
    return _list(found, narrowing, Search(formdata=None), below)


@bp.post("/search")
@requires("contact:read")
def search() -> Response:
    """Whoever has this number, this mail, or these words in their name, among those the list is narrowed to."""
    form = Search()
    form.validate()
    narrowing = Narrowing(request.form)
    narrowing.offer(g.db, g.agency_id)
    narrowing.drop(request.form.get("without", ""))
    query, below = (form.query.data or "").strip(), ids.read(request.form.get("below"))
    found = contact_pages.found(g.db, vault(), viewer(), query, narrowing.filled(), below=below)
    return _list(found, narrowing, form, below)


@bp.route("/new", methods=["GET", "POST"])
@requires("contact:write")
def new() -> Response:
    """An empty form for one person."""
    form = ContactForm()
    form.offer(g.db)
    if form.validate_on_submit():
        with form.tells():
            made = contacts.add(g.db, vault(), g.agency_id, form.filled(), by=g.staff.id)
            flash(_("The person was added."), "success")
            return see_other(url_for(".show", contact_id=made))
    return _form(form, None)


@bp.get("/<int:contact_id>")
@requires("contact:read")
def show(contact_id: int) -> Response:
    """One person: what we know, why we may write, what they were sent and wrote, who changed what."""
    card = shown(contact_id)
    texts, reasons = may("inbound:read"), may("contact:reveal")
    history = contact_history.history(g.db, vault(), g.agency_id, contact_id, with_texts=texts, with_reasons=reasons)
    return page(
        "admin/contact.html",
        "content",
        contact=card,
        history=history,
        near=contact_history.near(g.db, vault(), viewer(), contact_id),
        messages=message_words,
        words=person_words,
        grounds=GROUND_WORDS,
        roles=ROLE_WORDS,
        language_names=rule_words.language_names(g.db),
        sectors=rule_words.sector_names(g.db),
    )


@bp.route("/<int:contact_id>/change", methods=["GET", "POST"])
@requires("contact:write")
def change(contact_id: int) -> Response:
    """Correct one person. What is masked stays unless something else is written."""
    card = contacts.get(g.db, vault(), g.agency_id, contact_id)
    form = ContactForm(card)
    form.offer(g.db)
    if form.validate_on_submit():
        with form.tells():
            # A form without a stamp knows no version of the person, so it replaces none unasked.
            seen = form.seen.data or ""
            contacts.change(g.db, vault(), g.agency_id, contact_id, form.filled(), by=g.staff.id, seen=seen)
            flash(_("What you corrected was saved."), "success")
            return see_other(url_for(".show", contact_id=contact_id))
    return _form(form, card)


@bp.route("/<int:contact_id>/delete", methods=["GET", "POST"])
@requires("contact:delete")
def delete(contact_id: int) -> Response:
    """One sentence, then the person is forgotten."""
    card = shown(contact_id)
    form = Confirm()
    if form.validate_on_submit():
        contacts.delete(g.db, g.agency_id, contact_id, by=g.staff.id)
        flash(_("The person was deleted."), "success")
        return see_other(url_for(".index"))
    return ask(
        form,
        title=_("Delete this person"),
        sentence=_(
            "%(person)s will be deleted, and no campaign reaches them any more. If they refused messages, that stays "
            "in force, also when they are imported again.",
            person=called(card),
        ),
        button=_("Delete this person"),
        danger=True,
        action=url_for(".delete", contact_id=contact_id),
        back=url_for(".show", contact_id=contact_id),
    )


def shown(contact_id: int) -> Card:
    """One person as this reader may see them; raises NotFound."""
    return contacts.get(g.db, vault(), g.agency_id, contact_id, with_names=may(_NAMES))


def viewer() -> Viewer:
    """Who looks."""
    return Viewer(g.agency_id, may(_NAMES))


def vault() -> Vault:
    """What opens what the pages show."""
    found: Vault = current_app.extensions["connections"].vault
    return found


def _list(found: Page, narrowing: Narrowing, search: Search, below: int | None) -> Response:
    return page(
        "admin/contacts.html",
        "content",
        found=found,
        narrowing=narrowing,
        search=search,
        searched=bool((search.query.data or "").strip()),
        is_first=below is None,
        most=contact_pages.PAGE,
        called=called,
        roles=ROLE_WORDS,
        language_names=rule_words.language_names(g.db),
    )


def _form(form: ContactForm, card: Card | None) -> Response:
    status = 422 if request.method == "POST" else 200
    return page("admin/contact_form.html", "content", status=status, form=form, contact=card)
