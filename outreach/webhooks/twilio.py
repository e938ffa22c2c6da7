"""Twilio's callbacks: status reports and people's texts.

The path names the sender, so its secret is known before any row of an agency is read (DESIGN 10.3).
"""

from flask import Blueprint, Response, abort, current_app, g, request

from campaigns import agencies, inbox, receipts, wakeup
from campaigns.agencies import Sender
from campaigns.providers import twilio_hooks as vendor
from outreach import sessions
from outreach.auth import signed_webhook
from outreach.database import Connections

bp = Blueprint("twilio", __name__, url_prefix="/hooks/twilio/<key>")


@bp.post("/status")
@signed_webhook()
def status(key: str) -> Response:
    """Keep a report once and answer 204; it is applied in bulk soon after. What we cannot read is 400."""
    sender = _genuine(key)
    reported = vendor.read_report(request.form)
    if reported is None:
        abort(400)
    ids = receipts.read_ids(request.args.get("c"), request.args.get("d"), request.args.get("n"))
    if receipts.keep(g.db, sender, reported, ids):
        agency_id, valkey = sender.agency_id, _connections().valkey
        sessions.after_commit(lambda: wakeup.receipts(valkey, agency_id))
    return Response(status=204)


@bp.post("/inbound")
@signed_webhook()
def inbound(key: str) -> Response:
    """Act on a text and answer it; what was done is committed before the answer leaves (DESIGN P3)."""
    sender = _genuine(key)
    received = vendor.read_text(request.form, provider_answers=sender.provider_answers_stop)
    if received is None:
        abort(400)
    answer = inbox.receive(g.db, _connections().vault, sender, received)
    return Response(vendor.answer(answer), mimetype="text/xml")


def _genuine(key: str) -> Sender:
    """The sender named in the path, if its provider signed this request: 404 for no sender, 403 for no signature."""
    sender = agencies.sender_by_key(sessions.current(), key)
    if sender is None:
        abort(404)
    secret = _connections().vault.open(sender.credentials_sealed, sender.agency_id)
    signature = request.headers.get(vendor.SIGNATURE_HEADER)
    if vendor.account_of(request.form) != sender.account or not vendor.is_genuine(
        secret, _signed_url(), request.form, signature
    ):
        abort(403)
    g.db = sessions.act_for(sender.agency_id)
    return sender


def _signed_url() -> str:
    # From the configured address, never from Host; the raw query, because request.url decodes it (DOMAIN 1.5).
    query = request.query_string.decode("latin-1")
    base: str = current_app.extensions["settings"].base_url
    return base + request.path + (f"?{query}" if query else "")


def _connections() -> Connections:
    connections: Connections = current_app.extensions["connections"]
    return connections
