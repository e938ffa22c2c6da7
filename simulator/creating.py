"""POST Messages.json: a message is taken or refused, or the call goes wrong as the faults say."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from simulator.answers import CARRIER, Answered, authenticated, error, read_form
from simulator.calls import Call
from simulator.carrier import Carrier
from simulator.faults import AFTER, UNANSWERED, CreateFault
from simulator.messages import Message
from simulator.validation import Refused, read_create, read_recipient

_HANG_SECONDS = 120
_EARLY_SECONDS = 2.0
_LOOK_SECONDS = 0.05  # how soon it is seen that a caller who is kept waiting has gone


async def create(request: web.Request) -> web.StreamResponse:
    """POST Messages.json. The call counts as open until it is answered, or until the caller has gone."""
    carrier = request.app[CARRIER]
    carrier.counters["creates"] += 1
    call = request["call"] = Call(carrier.clock.now(), request.method, request.path)
    with carrier.calls.create(call):
        try:
            response = await _answer(request, carrier, call)
        except Refused as refused:
            carrier.counters[f"refused_{refused.refusal.code}"] += 1
            response = error(*refused.refusal)
        except Answered as answered:
            response = answered.response
        if call.fault not in UNANSWERED:
            call.status = response.status
        return response


async def _answer(request: web.Request, carrier: Carrier, call: Call) -> web.Response:
    faults = carrier.faults
    account = authenticated(request)
    form = await read_form(request)
    call.to = _number_of(form)
    if faults.concurrency_limit is not None and carrier.calls.open > faults.concurrency_limit:
        carrier.counters["fault_concurrency"] += 1
        return _too_many(None)
    fault = faults.next_create(call.to) if faults.create else None
    if fault is not None and fault.kind not in AFTER:
        call.fault = fault.kind
        return await _go_wrong(request, carrier, fault)
    message = read_create(carrier, account, form)
    message.began_at = call.at
    body = await _accept(carrier, message)
    if fault is not None:
        call.fault = fault.kind
        return await _go_wrong(request, carrier, fault)
    await _wait(request, faults.latency_now())
    return web.Response(body=body, status=201, content_type="application/json", charset="utf-8")


async def _accept(carrier: Carrier, message: Message) -> bytes:
    """Record a message and return the answer, which shows it as it was before it moved on."""
    faults = carrier.faults
    if message.callback is not None and message.send_at is None and faults.early_now():
        carrier.counters["callbacks_early"] += 1
        message.status = "queued" if message.service is None else "accepted"
        before = message.resource()
        async with carrier.callbacks.answered(message, _EARLY_SECONDS):
            carrier.accept(message, at_once=True)
    else:
        carrier.accept(message)
        before = message.resource()
    return json.dumps(before).encode()


async def _go_wrong(request: web.Request, carrier: Carrier, fault: CreateFault) -> web.Response:
    carrier.counters["fault_" + fault.kind] += 1
    await _wait(request, carrier.faults.latency_now())
    match fault.kind:
        case "too_many":
            return _too_many(fault.retry_after)
        case "too_many_bare":
            return _too_many(None)
        case "refused":
            return error(fault.status, fault.code or 20001, "The message was refused")
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
            await _wait(request, _HANG_SECONDS)
    return _reset(request)


async def _wait(request: web.Request, seconds: float) -> None:
    """Wait so long, or until the caller has gone: nobody is kept who hung up, and what hung is no longer open."""
    if seconds <= 1:
        await asyncio.sleep(seconds)
        return
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end and not _gone(request):  # noqa: ASYNC110 - nobody tells when it goes
        await asyncio.sleep(_LOOK_SECONDS)


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


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
