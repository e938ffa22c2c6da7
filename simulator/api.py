"""Twilio's Messages API (2010-04-01) over HTTP."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from simulator import listing
from simulator.accounts import Account
from simulator.carrier import Carrier
from simulator.faults import AFTER, CreateFault, Refusal
from simulator.messages import FINAL, Message
from simulator.validation import Refused, read_create, read_recipient

CARRIER: web.AppKey[Carrier] = web.AppKey("carrier", Carrier)
_HANG_SECONDS = 120
_EARLY_SECONDS = 2.0
_ROOT = "/2010-04-01/Accounts/{account}"
_NOT_FOUND = re.compile(r"[^ -~]")


class Answered(Exception):
    """The call ends with this response."""

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


def add_routes(app: web.Application) -> None:
    """Give the application the addresses of the API."""
    app.router.add_post(_ROOT + "/Messages.json", create)
    app.router.add_get(_ROOT + "/Messages.json", list_messages)
    app.router.add_get(_ROOT + "/Messages/{sid}.json", fetch)
    app.router.add_post(_ROOT + "/Messages/{sid}.json", update)
    app.router.add_delete(_ROOT + "/Messages/{sid}.json", delete)
    app.router.add_get(_ROOT + ".json", fetch_account)
    app.router.add_get(_ROOT + "/IncomingPhoneNumbers.json", list_numbers)
    app.router.add_route("*", "/2010-04-01/{rest:.*}", unknown)


def error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error in the API's older form."""
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status, headers=headers)


async def create(request: web.Request) -> web.StreamResponse:
    """POST Messages.json: take a message, or refuse it, or go wrong as the faults say."""
    carrier = request.app[CARRIER]
    faults, counters = carrier.faults, carrier.counters
    counters["creates"] += 1
    counters["creates_in_flight"] += 1
    try:
        account = _authenticated(request)
        form = await _read_form(request)
        limit = faults.concurrency_limit
        if limit is not None and counters["creates_in_flight"] > limit:
            counters["fault_concurrency"] += 1
            return _too_many(None)
        fault = faults.next_create(_number_of(form)) if faults.create else None
        if fault is not None and fault.kind not in AFTER:
            return await _go_wrong(request, carrier, fault)
        message = read_create(carrier, account, form)
        body = await _accept(carrier, message)
        if fault is not None:
            return await _go_wrong(request, carrier, fault)
        return web.Response(body=body, status=201, content_type="application/json", charset="utf-8")
    except Refused as refused:
        counters[f"refused_{refused.refusal.code}"] += 1
        return error(*refused.refusal)
    except Answered as answered:
        return answered.response
    finally:
        counters["creates_in_flight"] -= 1


async def _accept(carrier: Carrier, message: Message) -> bytes:
    """Record a message and return the answer, which shows it as it was before it moved on."""
    faults = carrier.faults
    if message.callback is not None and message.send_at is None and faults.happens(faults.early):
        carrier.counters["callbacks_early"] += 1
        before = message.resource()
        async with carrier.callbacks.answered(message, _EARLY_SECONDS):
            carrier.accept(message, at_once=True)
        before["status"] = "queued" if message.service is None else "accepted"
    else:
        carrier.accept(message)
        before = message.resource()
    await asyncio.sleep(faults.between(faults.latency))
    return json.dumps(before).encode()


async def _go_wrong(request: web.Request, carrier: Carrier, fault: CreateFault) -> web.Response:
    carrier.counters["fault_" + fault.kind] += 1
    await asyncio.sleep(carrier.faults.between(carrier.faults.latency))
    match fault.kind:
        case "too_many":
            return _too_many(fault.retry_after)
        case "too_many_bare":
            return _too_many(None)
        case "error_before" | "error_after":
            return error(500, 20500, "An internal server error has occurred")
        case "unavailable":
            return error(503, 20503, "Service unavailable")
        case "bad_gateway" | "bad_gateway_after":
            page = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
            return web.Response(status=502, text=page, content_type="text/html")
        case "problem":
            problem = {"type": "https://www.twilio.com/docs/errors/20001", "title": "Invalid request", "status": 400,
                       "code": 20001, "detail": "The request was refused by a newer service"}  # fmt: skip
            return web.json_response(problem, status=400, content_type="application/problem+json")
        case "hang_before" | "hang_after":
            await asyncio.sleep(_HANG_SECONDS)
    return _reset(request)


def _too_many(retry_after: int | None) -> web.Response:
    headers = None if retry_after is None else {"Retry-After": str(retry_after)}
    return error(429, 20429, "Too Many Requests", headers)


def _reset(request: web.Request) -> web.Response:
    """Close the connection the hard way: the caller sees a reset, not an answer."""
    transport = request.transport
    if transport is not None:
        wire: socket.socket | None = transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)


def _number_of(form: Mapping[str, str]) -> str:
    try:
        return read_recipient(form.get("To", ""))
    except Refused:
        return form.get("To", "")


def _authenticated(request: web.Request) -> Account:
    account = request.app[CARRIER].accounts.authenticated(request.headers.get("Authorization", ""))
    if account is None:
        challenge = {"WWW-Authenticate": 'Basic realm="Twilio API"'}
        raise Answered(error(401, 20003, "Authenticate", challenge))
    if request.match_info["account"] != account.sid:
        raise Answered(_not_found(request))
    return account


def _not_found(request: web.Request) -> web.Response:
    return error(404, 20404, f"The requested resource {_NOT_FOUND.sub('?', request.path)[:200]} was not found")


async def _read_form(request: web.Request) -> dict[str, str]:
    """Return the form's fields, the first of each name. Raises Answered when it is no form in UTF-8."""
    raw = await request.read()
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise Answered(error(400, 20001, "The body is not a form in UTF-8")) from None
    return dict(reversed(pairs))


def _message(request: web.Request, account: Account) -> Message:
    found = request.app[CARRIER].messages.get(account, request.match_info["sid"])
    if found is None:
        raise Answered(_not_found(request))
    return found


async def _checked(request: web.Request) -> Account:
    """Return who asks. Raises Answered, also for a fault that also meets calls that only read."""
    account = _authenticated(request)
    carrier = request.app[CARRIER]
    if carrier.faults.reads_fail:
        carrier.counters["fault_reads"] += 1
        raise Answered(error(503, 20503, "Service unavailable"))
    return account


async def list_messages(request: web.Request) -> web.Response:
    """GET Messages.json: newest first, filtered, in pages."""
    try:
        account = await _checked(request)
        return web.json_response(listing.page(request.app[CARRIER].messages, account, request.query))
    except Answered as answered:
        return answered.response
    except ValueError as wrong:
        return error(400, 20001, str(wrong))


async def fetch(request: web.Request) -> web.Response:
    """GET one message."""
    try:
        return web.json_response(_message(request, await _checked(request)).resource())
    except Answered as answered:
        return answered.response


async def update(request: web.Request) -> web.Response:
    """POST one message: `Status=canceled` cancels a scheduled one, an empty `Body` takes its text away."""
    carrier = request.app[CARRIER]
    try:
        message = _message(request, await _checked(request))
        form = await _read_form(request)
    except Answered as answered:
        return answered.response
    refusal = _change(carrier, message, form)
    return web.json_response(message.resource()) if refusal is None else error(*refusal)


def _change(carrier: Carrier, message: Message, form: Mapping[str, str]) -> Refusal | None:
    if ("Status" in form) == ("Body" in form) or form.get("Body"):
        return Refusal(400, 30400, "Parameters are not valid")
    if "Body" in form:
        if not _settled(message):
            return Refusal(409, 20009, "Cannot redact because message processing has not completed.")
        message.redacted = True
        return None
    if form["Status"] != "canceled":
        return Refusal(400, 30400, "Parameters are not valid")
    return None if carrier.cancel(message) else Refusal(400, 30409, "This message cannot be canceled")


def _settled(message: Message) -> bool:
    return message.status in FINAL or message.status == "sent"


async def delete(request: web.Request) -> web.Response:
    """DELETE one message; the phone and the ledger keep it."""
    try:
        message = _message(request, await _checked(request))
    except Answered as answered:
        return answered.response
    if not _settled(message):
        return error(409, 20009, "Cannot delete message because delivery has not been completed.")
    request.app[CARRIER].messages.delete(message)
    return web.Response(status=204)


async def fetch_account(request: web.Request) -> web.Response:
    """GET the account: what a test of credentials asks for."""
    try:
        return web.json_response(listing.account(await _checked(request)))
    except Answered as answered:
        return answered.response


async def list_numbers(request: web.Request) -> web.Response:
    """GET IncomingPhoneNumbers.json: the account's numbers."""
    try:
        return web.json_response(listing.numbers(await _checked(request), request.query))
    except Answered as answered:
        return answered.response


async def unknown(request: web.Request) -> web.Response:
    """Everything of the API that this carrier does not play."""
    return _not_found(request)
