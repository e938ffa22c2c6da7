"""The control calls: what tests and demonstrations use to see and steer the outside world. JSON in, JSON out."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from simulator import inbound, ledger, local, switches
from simulator.accounts import OptOut, Sender, Wanted
from simulator.answers import CARRIER
from simulator.carrier import Carrier
from simulator.checks import read_object, wrong
from simulator.mail import control as mail_control
from simulator.messages import OUTBOUND
from simulator.validation import Refused, read_recipient


def add_routes(app: web.Application) -> None:
    """Give the application the control calls."""
    app.router.add_get("/control/ledger", local.only(show_ledger))
    app.router.add_get("/control/calls", local.only(show_calls))
    app.router.add_get("/control/counters", local.only(counters))
    app.router.add_get("/control/faults", local.only(show_faults))
    app.router.add_post("/control/faults", local.only(set_faults))
    app.router.add_post("/control/inbound", local.only(receive))
    app.router.add_post("/control/accounts", local.only(register))
    app.router.add_post("/control/clock", local.only(advance))
    app.router.add_post("/control/reset", local.only(reset))


async def show_ledger(request: web.Request) -> web.StreamResponse:
    """GET: every accepted create per phone, also one whose answer was lost. `?to=` one phone, `?all=1` replies too."""
    messages = request.app[CARRIER].messages
    everything, to = request.query.get("all") == "1", request.query.get("to")
    phones = [phone for phone in [messages.phones.get(to)] if phone] if to else list(messages.phones.values())
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for chunk in ledger.chunks(phones, everything=everything):
        await response.write(chunk)
        await asyncio.sleep(0)  # whoever creates does not wait for whoever reads
    await response.write_eof()
    return response


async def show_calls(request: web.Request) -> web.Response:
    """GET: the latest calls of the API, newest first; `?last=` how many (100)."""
    last = request.query.get("last", "100")
    if not (last.isascii() and last.isdecimal() and len(last) < 6):
        return wrong("last: write a number")
    calls = request.app[CARRIER].calls.latest(int(last))
    return web.json_response(
        {
            "calls": [
                {
                    "at": ledger.moment(call.at),
                    "method": call.method,
                    "path": call.path,
                    "to": call.to or None,
                    "status": call.status,
                    "fault": call.fault,
                }
                for call in calls
            ]
        }
    )


async def counters(request: web.Request) -> web.Response:
    """GET: what happened since the start or the last reset, and what still waits."""
    carrier = request.app[CARRIER]
    return web.json_response(
        {
            **carrier.counters,
            "creates_in_flight": carrier.calls.open,
            "most_creates_open": carrier.calls.most_open,
            "callbacks_in_flight": carrier.callbacks.in_flight,
            "callbacks_waiting": carrier.callbacks.waiting(),
            "steps_waiting": carrier.clock.waiting(),
            "parts_queued": {s.number: s.queued_parts for s in carrier.accounts.senders() if s.queued_parts},
            "opt_outs": len(carrier.optouts),
            "phones": len(carrier.messages.phones),
            "mail": mail_control.counters(carrier.post),
        }
    )


async def show_faults(request: web.Request) -> web.Response:
    """GET: all faults as they stand."""
    return web.json_response(switches.show(request.app[CARRIER].faults))


async def set_faults(request: web.Request) -> web.Response:
    """POST: change the faults that are named (simulator/README.md); answers with all of them."""
    carrier = request.app[CARRIER]
    try:
        switches.apply(carrier.faults, await read_object(request))
    except ValueError as error:
        return wrong(str(error))
    carrier.pace_changed()
    return web.json_response(switches.show(carrier.faults))


async def receive(request: web.Request) -> web.Response:
    """POST {from, to, body[, sid]}: a person writes; answers with the product's status and what reached the phone."""
    carrier = request.app[CARRIER]
    try:
        given = await read_object(request)
        phone, sender, body = read_inbound(carrier, given)
        sid = given.get("sid")
        if sid is not None and not (isinstance(sid, str) and sid.isascii() and sid.isalnum()):
            raise ValueError("sid: write letters and digits")
    except ValueError as error:
        return wrong(str(error))
    received = await inbound.receive(carrier, sender, phone, body, sid)
    answer: dict[str, object] = {"status": received.status, "reply": received.replies, "sid": received.sid}
    if received.problem:
        answer["error"] = received.problem
    return web.json_response(answer, status=200 if received.status else 502)


def read_inbound(carrier: Carrier, given: Mapping[str, object]) -> tuple[str, Sender, str]:
    """Return phone, sender and text; without `to`, the sender that wrote to the phone last. Raises ValueError."""
    body, to = given.get("body"), given.get("to")
    if not isinstance(body, str) or len(body) > 1600:
        raise ValueError("body: write a text of up to 1600 characters")
    phone = str(given.get("from", ""))
    if not phone.isdigit() or len(phone) > 8:  # short codes write too
        try:
            phone = read_recipient(phone)
        except Refused:
            raise ValueError(f"from={phone[:6]!r}…: write a mobile as +51 and nine digits") from None
    if not to:
        known = carrier.messages.phones.get(phone)
        to = next((m.sender for m in reversed(known.messages) if m.direction == OUTBOUND), None) if known else None
        to = to or next((sender.number for sender in carrier.accounts.senders()), None)
    sender = carrier.accounts.sender(str(to))
    if sender is None:
        raise ValueError(f"to={to!r} is no number of any account")
    return phone, sender, body


async def register(request: web.Request) -> web.Response:
    """POST {sid, token[, numbers, inbound_url, opt_out, services, keys]}: add an account or change one."""
    try:
        account = request.app[CARRIER].accounts.register(_read_account(await read_object(request)))
    except ValueError as error:
        return wrong(str(error))
    return web.json_response(
        {
            "sid": account.sid,
            "numbers": list(account.senders),
            "services": account.services,
            "inbound_url": account.inbound_url,
            "opt_out": account.opt_out,
        }
    )


def _read_account(given: Mapping[str, object]) -> Wanted:
    known = {
        "sid": str,
        "token": str,
        "numbers": list,
        "services": dict,
        "keys": dict,
        "inbound_url": str,
        "opt_out": str,
    }
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{name!r} is not known; known are {', '.join(known)}")
        if value is not None and not isinstance(value, known[name]):
            raise ValueError(f"{name}: write a {known[name].__name__}")
    opt_out = given.get("opt_out")
    return Wanted(
        str(given.get("sid") or ""),
        str(given.get("token") or ""),
        [str(number) for number in given.get("numbers") or []],
        {str(sid): [str(number) for number in pool] for sid, pool in (given.get("services") or {}).items()},
        {str(name): str(secret) for name, secret in (given.get("keys") or {}).items()},
        given.get("inbound_url"),
        OptOut(opt_out) if opt_out else None,
    )


async def advance(request: web.Request) -> web.Response:
    """POST {advance_s}: move the carrier's clock forward."""
    clock = request.app[CARRIER].clock
    try:
        seconds = (await read_object(request)).get("advance_s")
    except ValueError as error:
        return wrong(str(error))
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 10**8:
        return wrong("advance_s: write a number of seconds, 0 or more")
    clock.advance(float(seconds))
    return web.json_response({"now": datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="milliseconds")})


async def reset(request: web.Request) -> web.Response:
    """POST: forget messages, mails, faults, opt-outs and counters. Accounts stay."""
    request.app[CARRIER].reset()
    return web.json_response({"reset": True})
