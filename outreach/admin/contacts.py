"""People: find, look at, add, correct and delete one. Who they are is shown masked only."""

from typing import Final

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from campaigns import contacts
from campaigns.consent import Source
from campaigns.contacts import Card, Page
from campaigns.rules.channels import Channel
from campaigns.vault import Vault
from outreach import ids
from outreach.admin import message_words, rule_words
from outreach.admin.contact_forms import GROUND_WORDS, ContactForm, Narrowing
from outreach.auth import requires
from outreach.forms import Confirm, Form, ask
from outreach.pages import flash, page, see_other

bp = Blueprint("contacts", __name__, url_prefix="/people")

# Why nothing is sent to an address of theirs, and what can be done about it.
REFUSAL_WORDS: Final = {
    (Channel.SMS, Source.WORD): _l(
        "They asked for no more SMS. Only they themselves can change that, by answering ALTA."
    ),
    (Channel.SMS, Source.PROVIDER): _l(
        "The provider has it that they refused SMS. Only they themselves can change it."
    ),
    (Channel.SMS, Source.STAFF): _l("They told your agency that they want no more SMS."),
    (Channel.EMAIL, Source.LINK): _l("They asked for no more e-mail, by the link that every mail has."),
    (Channel.EMAIL, Source.MAIL): _l("They asked for no more e-mail, in a mail to you."),
    (Channel.EMAIL, Source.COMPLAINT): _l(
        "They called a mail of yours spam. They get no more e-mail, and only your agency can change that, if they ask."
    ),
    (Channel.EMAIL, Source.PROVIDER): _l("The provider has it that they refused e-mail."),
    (Channel.EMAIL, Source.STAFF): _l("They told your agency that they want no more e-mail."),
    (Channel.EMAIL, Source.BOUNCE): _l(
        "Mails to this address came back for good. They refused nothing: ask for their address, and correct it here."
    ),
}
_REFUSED: Final = {Channel.SMS: _l("They asked for no more SMS."), Channel.EMAIL: _l("They asked for no more e-mail.")}


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
        messages=message_words,
        refusals=[_refusal(channel, source) for channel, source in card.refusals.items()],
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


def _refusal(channel: Channel, source: Source) -> str:
    return str(REFUSAL_WORDS.get((channel, source), _REFUSED[channel]))


def _status() -> int:
    return 422 if request.method == "POST" else 200


def _vault() -> Vault:
    vault: Vault = current_app.extensions["connections"].vault
    return vault
