"""Twilio's callbacks: status reports and people's texts.

The path names the sender, so its secret is known before any row of an agency is read (DESIGN 10.3).
"""

from flask import Blueprint, Flask, Request, Response, abort, current_app, g, request

from campaigns import inbox, receipts
from campaigns.agencies import Sender
from campaigns.providers import twilio_hooks as vendor
from outreach import sessions
from outreach.auth import signed_webhook
from outreach.database import GONE, Connections
from outreach.webhooks.known_senders import Known, KnownSenders
from outreach.webhooks.receipt_writer import NotKept, ReceiptWriter

bp = Blueprint("twilio", __name__, url_prefix="/hooks/twilio/<key>")

# One for all: making it costs as much as checking a signature. Nothing may be written on it.
_KEPT = Response(status=204)


def install(app: Flask, connections: Connections) -> None:
    """What the routes share in this process: the senders they know, and the thread that stores receipts."""
    app.extensions["known_senders"] = KnownSenders(connections)
    app.extensions["receipt_writer"] = ReceiptWriter(connections)


@bp.post("/status")
@signed_webhook()
def status(key: str) -> Response:
    """Keep a report once and answer 204 after that; it is applied in bulk soon. What we cannot read is 400.

    503 when it could not be stored: then it is the provider's, who may come again with it.
    """
    asked = request._get_current_object()  # asked for once: the proxy looks for it at every name
    sender = _genuine(key, asked)
    reported = vendor.read_report(asked.form)
    if reported is None:
        abort(400)
    ids = _ids(asked.query_string.decode("latin-1"))
    told = receipts.receipt_of(sender, reported, ids)
    if told is not None:
        writer: ReceiptWriter = current_app.extensions["receipt_writer"]
        try:
            writer.keep(told)
        except NotKept:
            abort(503)
    return _KEPT


@bp.post("/inbound")
@signed_webhook()
def inbound(key: str) -> Response:
    """Act on a text and answer it; what was done is committed before the answer leaves (DESIGN P3)."""
    sender = _genuine(key, request._get_current_object())
    received = vendor.read_text(request.form, provider_answers=sender.provider_answers_stop)
    if received is None:
        abort(400)
    g.db = sessions.act_for(sender.agency_id)
    connections: Connections = current_app.extensions["connections"]
    answer = inbox.receive(g.db, connections.vault, sender, received)
    return Response(vendor.answer(answer), mimetype="text/xml")


def _ids(query: str) -> receipts.Ids:
    # Signed, so it is as we wrote it (campaigns/handover.py): plain numbers, nothing to decode.
    given = dict(pair.partition("=")[::2] for pair in query.split("&"))
    return receipts.read_ids(given.get("c"), given.get("d"), given.get("n"))


def _genuine(key: str, asked: Request) -> Sender:
    """The sender named in the path, if its provider signed this request: 404 for no sender, 403 for no signature."""
    senders: KnownSenders = current_app.extensions["known_senders"]
    try:
        known = senders.get(key)
        if known is not None and not _signed_by(known, asked):
            known = senders.read(key)  # its secret may just have been changed
            if known is not None and not _signed_by(known, asked):
                abort(403)
    except GONE:
        abort(503)
    if known is None:
        abort(404)
    return known.sender


def _signed_by(known: Known, asked: Request) -> bool:
    signature = asked.headers.get(vendor.SIGNATURE_HEADER)
    return vendor.account_of(asked.form) == known.sender.account and vendor.is_genuine(
        known.secret, _signed_url(asked), asked.form, signature
    )


def _signed_url(asked: Request) -> str:
    # From the configured address, never from Host; the raw query, because request.url decodes it (DOMAIN 1.5).
    query = asked.query_string.decode("latin-1")
    base: str = current_app.extensions["settings"].base_url
    return base + asked.path + (f"?{query}" if query else "")
