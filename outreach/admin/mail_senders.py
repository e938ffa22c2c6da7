"""Mail senders in the settings: the server, its login, the key that signs, and the test that sends nothing."""

from typing import Final

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns import agencies, mail_senders
from campaigns.agencies import Sender
from campaigns.errors import Conflict
from campaigns.rules.outcomes import Failure
from outreach.admin.mail_sender_form import MailSenderForm
from outreach.admin.settings import bound_campaigns
from outreach.auth import requires
from outreach.database import Connections
from outreach.pages import flash, page, see_other

bp = Blueprint("mail_senders", __name__, url_prefix="/settings/mail-senders")

FAULTS: Final = {
    Failure.CREDENTIALS: _l(
        "The mail server does not accept this user name and password. Ask whoever runs it for both, and save them."
    ),
    Failure.NO_PRIVACY: _l(
        "The line to the mail server cannot be encrypted as you chose, or its certificate is not for this name. "
        "Compare server, port and encryption with what whoever runs it told you."
    ),
}


@bp.route("/new", methods=["GET", "POST"])
@requires("sender:manage")
def add() -> Response:
    """An empty form."""
    return _page(None)


@bp.route("/<int:sender_id>", methods=["GET", "POST"])
@requires("sender:manage")
def show(sender_id: int) -> Response:
    """One mail sender: the test, the record to publish, and what to change."""
    return _page(mail_senders.get(g.db, g.agency_id, sender_id))


@bp.post("/<int:sender_id>/test")
@requires("sender:manage")
def check(sender_id: int) -> Response:
    """Ask the mail server whether it takes the login over an encrypted line; nothing is sent."""
    sender = mail_senders.get(g.db, g.agency_id, sender_id)
    where = {"host": sender.host or "", "port": sender.port or 0}
    connections: Connections = current_app.extensions["connections"]
    asked = (connections.sessions, connections.vault, current_app.extensions["settings"])
    try:
        # By its own short transactions: this request's must not stay open while the server thinks.
        fault = agencies.try_sender(*asked, g.agency_id, sender_id, by=g.staff.id)
    except Conflict:
        silent = _(
            "No mail server answered at %(host)s, port %(port)s. Check both; if they are right, try again.", **where
        )
        flash(silent, "warning")
    else:
        if fault is None:
            flash(_("The mail server answers and takes this sender. Nothing was sent."), "success")
        else:
            general = _("The mail server refused, and gave no reason we know. Ask whoever runs it.")
            flash(str(FAULTS.get(fault, general)), "danger")
    return see_other(url_for(".show", sender_id=sender_id))


def _page(known: Sender | None) -> Response:
    form = MailSenderForm(known)
    vault = current_app.extensions["connections"].vault
    if form.validate_on_submit():
        with form.tells():
            sender_id = known.id if known else None
            saved = mail_senders.save(g.db, vault, g.agency_id, form.filled(), sender_id=sender_id, by=g.staff.id)
            flash(_("“%(name)s” was saved. Test it now.", name=saved.name), "success")
            return see_other(url_for(".show", sender_id=saved.id))
    return page(
        "admin/mail_sender.html",
        "content",
        status=422 if request.method == "POST" else 200,
        form=form,
        sender=known,
        record=mail_senders.dkim_record(vault, known) if known else None,
        bound=bound_campaigns() if known else 0,
    )
