"""Twilio's Messages API (2010-04-01) over HTTP."""

from collections.abc import Mapping

from aiohttp import web

from simulator import creating, listing
from simulator.accounts import Account
from simulator.answers import CARRIER, Answered, authenticated, error, not_found, read_form
from simulator.carrier import Carrier
from simulator.faults import Refusal
from simulator.messages import FINAL, Message

_ROOT = "/2010-04-01/Accounts/{account}"


def add_routes(app: web.Application) -> None:
    """Give the application the addresses of the API."""
    app.router.add_post(_ROOT + "/Messages.json", creating.create)
    app.router.add_get(_ROOT + "/Messages.json", list_messages)
    app.router.add_get(_ROOT + "/Messages/{sid}.json", fetch)
    app.router.add_post(_ROOT + "/Messages/{sid}.json", update)
    app.router.add_delete(_ROOT + "/Messages/{sid}.json", delete)
    app.router.add_get(_ROOT + ".json", fetch_account)
    app.router.add_get(_ROOT + "/IncomingPhoneNumbers.json", list_numbers)
    app.router.add_route("*", "/2010-04-01/{rest:.*}", unknown)


def _message(request: web.Request, account: Account) -> Message:
    found = request.app[CARRIER].messages.get(account, request.match_info["sid"])
    if found is None:
        raise Answered(not_found(request))
    return found


async def _checked(request: web.Request) -> Account:
    """Return who asks. Raises Answered, also for a fault that also meets calls that only read."""
    account = authenticated(request)
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
        form = await read_form(request)
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
    return not_found(request)
