"""People: find, look at, add, correct and delete one. Who they are is shown masked only."""

from typing import Final

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from campaigns import contacts
from campaigns.contacts import Card, Page, Sent
from campaigns.rules.lifecycle import State
from campaigns.vault import Vault
from outreach import ids
from outreach.admin import campaign_words, rule_words
from outreach.admin.contact_forms import GROUND_WORDS, ContactForm, Narrowing
from outreach.auth import requires
from outreach.forms import Confirm, Form, ask
from outreach.pages import flash, page, see_other

bp = Blueprint("contacts", __name__, url_prefix="/people")

# State of a message -> its words and the tone they are shown in (macro `state`).
DELIVERY_WORDS: Final = {
    State.QUEUED: (_l("Waits to be sent"), "waiting"),
    State.SENDING: (_l("Being handed over"), "waiting"),
    State.UNKNOWN: (_l("Not known yet whether it was taken"), "waiting"),
    State.SENT: (_l("Handed to the provider"), ""),
    State.DELIVERED: (_l("Was delivered"), "done"),
    State.FAILED: (_l("Could not be delivered"), "danger"),
    State.UNCONFIRMED: (_l("Handed over, never confirmed"), "off"),
    State.SKIPPED: (_l("Not sent"), "off"),
}


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
    found = contacts.picked(g.db, _vault(), g.agency_id, narrowing.rule(), reachable=narrowing.reachable, below=below)
    return _list(found, narrowing, Search(formdata=None), below)


@bp.post("/search")
@requires("contact:read")
def search() -> Response:
    """Whoever has this number, this mail, or these words in their name."""
    form = Search()
    form.validate()
    narrowing = Narrowing(None)
    narrowing.offer(g.db, g.agency_id)
    query, below = (form.query.data or "").strip(), ids.read(request.form.get("below"))
    found = contacts.page(g.db, _vault(), g.agency_id, query=query, below=below)
    return _list(found, narrowing, form, below)


@bp.route("/new", methods=["GET", "POST"])
@requires("contact:write")
def new() -> Response:
    """An empty form for one person."""
    form = ContactForm()
    form.offer(g.db)
    if form.validate_on_submit():
        with form.tells():
            made = contacts.add(g.db, _vault(), g.agency_id, form.filled(), by=g.staff.id)
            flash(_("The person was added."), "success")
            return see_other(url_for(".show", contact_id=made))
    return page("admin/contact_form.html", "content", status=_status(), form=form, contact=None)


@bp.get("/<int:contact_id>")
@requires("contact:read")
def show(contact_id: int) -> Response:
    """One person: what we know, why we may write, what they were sent."""
    card = contacts.get(g.db, _vault(), g.agency_id, contact_id)
    history = contacts.history(g.db, g.agency_id, contact_id)
    return page(
        "admin/contact.html",
        "content",
        contact=card,
        history=history,
        states=DELIVERY_WORDS,
        because=_because,
        grounds=GROUND_WORDS,
        language_names=rule_words.language_names(g.db),
        sectors=rule_words.sector_names(g.db),
    )


@bp.route("/<int:contact_id>/change", methods=["GET", "POST"])
@requires("contact:write")
def change(contact_id: int) -> Response:
    """Correct one person. What is masked stays unless something else is written."""
    card = contacts.get(g.db, _vault(), g.agency_id, contact_id)
    form = ContactForm(card)
    form.offer(g.db)
    if form.validate_on_submit():
        with form.tells():
            contacts.change(g.db, _vault(), g.agency_id, contact_id, form.filled(), by=g.staff.id)
            flash(_("What you corrected was saved."), "success")
            return see_other(url_for(".show", contact_id=contact_id))
    return page("admin/contact_form.html", "content", status=_status(), form=form, contact=card)


@bp.route("/<int:contact_id>/delete", methods=["GET", "POST"])
@requires("contact:delete")
def delete(contact_id: int) -> Response:
    """One sentence, then the person is forgotten."""
    card = contacts.get(g.db, _vault(), g.agency_id, contact_id)
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


def called(card: Card) -> str:
    """What a page calls a person: masked, and never nothing."""
    return card.name or card.business or card.phone or card.email or _("A person without a name")


def _list(found: Page, narrowing: Narrowing, search: Search, below: int | None) -> Response:
    return page(
        "admin/contacts.html",
        "content",
        found=found,
        narrowing=narrowing,
        search=search,
        searched=bool((search.query.data or "").strip()),
        is_first=below is None,
        called=called,
        language_names=rule_words.language_names(g.db),
    )


def _because(sent: Sent) -> str:
    """Why a message was not sent or not delivered."""
    if sent.reason is None:
        return ""
    return campaign_words.failure(sent.reason)[0] if sent.state == State.FAILED else campaign_words.reason(sent.reason)


def _status() -> int:
    return 422 if request.method == "POST" else 200


def _vault() -> Vault:
    vault: Vault = current_app.extensions["connections"].vault
    return vault
