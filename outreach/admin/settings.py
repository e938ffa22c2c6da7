"""Settings: the agency, its hours, its senders and who works here."""

from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns import agencies, authoring, reports, staff
from campaigns.agencies import Sender
from campaigns.errors import Conflict
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.outcomes import Failure
from campaigns.rules.policy import Role
from outreach.admin.settings_forms import AgencyForm, SenderForm
from outreach.auth import requires
from outreach.database import Connections
from outreach.pages import flash, page, see_other
from outreach.sentences import sentence

bp = Blueprint("settings", __name__, url_prefix="/settings")

# What a change of hours, name or sender would leave standing still.
_BOUND = (
    CampaignState.SUBMITTED,
    CampaignState.APPROVED,
    CampaignState.SCHEDULED,
    CampaignState.RUNNING,
    CampaignState.PAUSED,
)
ROLES = {Role.WRITER: _l("Writer"), Role.APPROVER: _l("Approver"), Role.ADMIN: _l("Administrator")}
FAULTS = {
    Failure.CREDENTIALS: _l(
        "The provider does not accept this account and token. Copy both again from its console and save them."
    ),
    Failure.ACCOUNT: _l("The provider says that this account is suspended or closed. Ask the provider."),
    Failure.SENDER_REFUSED: _l(
        "Account and token are right, but this number is not the account's. Compare it with the provider's console."
    ),
}


@bp.route("/", methods=["GET", "POST"])
@requires("agency:manage")
def index() -> Response:
    """Name, zone, hours, budget and brakes to change; senders and staff to look at."""
    agency = agencies.get(g.db, g.agency_id)
    form = AgencyForm(agency)
    if form.validate_on_submit():
        with form.tells():
            agencies.change(g.db, g.agency_id, form.filled(), by=g.staff.id)
            flash(_("The settings were saved."), "success")
            return see_other(url_for(".index"))
    return page(
        "admin/settings.html",
        "content",
        status=422 if request.method == "POST" else 200,
        form=form,
        agency=agency,
        shared_cap=current_app.extensions["settings"].shared_cap,
        used=reports.parts_this_month(g.db, agency, datetime.now(UTC)),
        bound=bound_campaigns(),
        senders=agencies.senders(g.db, g.agency_id),
        staff=staff.of_agency(g.db, g.agency_id),
        roles=ROLES,
    )


@bp.route("/senders/new", methods=["GET", "POST"])
@requires("sender:manage")
def add_sender() -> Response:
    """An empty sender form."""
    return _sender_page(None)


@bp.route("/senders/<int:sender_id>", methods=["GET", "POST"])
@requires("sender:manage")
def sender(sender_id: int) -> Response:
    """One sender: what to change, the address for the provider's console, the test."""
    known = agencies.sender(g.db, g.agency_id, sender_id)
    if known.channel != Channel.SMS:
        return see_other(url_for("mail_senders.show", sender_id=sender_id))
    return _sender_page(known)


@bp.post("/senders/<int:sender_id>/test")
@requires("sender:manage")
def try_sender(sender_id: int) -> Response:
    """Ask the provider whether it knows account, token and number; nothing is sent."""
    connections: Connections = current_app.extensions["connections"]
    asked = (connections.sessions, connections.vault, current_app.extensions["settings"])
    try:
        # By its own short transactions: this request's must not stay open while the provider thinks.
        fault = agencies.try_sender(*asked, g.agency_id, sender_id, by=g.staff.id)
    except Conflict as silent:
        flash(sentence(silent), "warning")
    else:
        if fault is None:
            flash(_("The provider knows this account, and messages can be sent from here."), "success")
        else:
            general = _("The provider refused, and gave no reason we know. Look into its console.")
            flash(str(FAULTS.get(fault, general)), "danger")
    return see_other(url_for(".sender", sender_id=sender_id))


def _sender_page(known: Sender | None) -> Response:
    form = SenderForm(known)
    if form.validate_on_submit():
        with form.tells():
            vault = current_app.extensions["connections"].vault
            sender_id = known.id if known else None
            saved = agencies.save_sender(g.db, vault, g.agency_id, form.filled(), sender_id=sender_id, by=g.staff.id)
            flash(_("“%(name)s” was saved. Test it now.", name=saved.name), "success")
            return see_other(url_for(".sender", sender_id=saved.id))
    hook = _inbound(known.key) if known else ""
    return page(
        "admin/sender.html",
        "content",
        status=422 if request.method == "POST" else 200,
        form=form,
        sender=known,
        bound=bound_campaigns(),
        inbound=current_app.extensions["settings"].base_url + hook,
    )


def _inbound(key: str) -> str:
    """Where the provider brings answers: a path of the application beside this one, which takes what providers post."""
    hooks = current_app.extensions["webhooks"]
    path: str = hooks.url_map.bind("").build("twilio.inbound", {"key": key})
    return path


def bound_campaigns() -> int:
    """How many campaigns were submitted or approved with the agency and its senders as they are now."""
    counts = authoring.in_states(g.db, g.agency_id)
    return sum(counts.get(state, 0) for state in _BOUND)
