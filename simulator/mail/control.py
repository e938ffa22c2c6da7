"""The control calls of the mail side. JSON in, JSON out."""

import asyncio
import re
from collections.abc import Mapping

from aiohttp import web

from simulator import local
from simulator.answers import CARRIER
from simulator.checks import read_object, wrong
from simulator.ledger import moment
from simulator.mail import acts, ledger
from simulator.mail.mailboxes import Mail
from simulator.mail.office import PostOffice
from simulator.settings import read_host_port

ACTS = ("unsubscribe", "unsubscribe_mail", "reply", "spam", "bounce", "vacation")
LONGEST_REPLY = 100_000
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")


def add_routes(app: web.Application) -> None:
    """Give the application the control calls of the mail side."""
    app.router.add_get("/control/mails", local.only(show_ledger))
    app.router.add_get("/control/mails/events", local.only(show_events))
    app.router.add_get("/control/mails/certificate", local.only(show_certificate))
    app.router.add_get("/control/mails/{id:[0-9]{1,12}}/raw", local.only(show_raw))
    app.router.add_post("/control/mails/{id:[0-9]{1,12}}/{act:[a-z_]+}", local.only(do))
    app.router.add_post("/control/mailin", local.only(set_mailin))


def counters(office: PostOffice) -> dict[str, object]:
    """Return what happened since the start or the last reset, and what still waits."""
    names = ("mails", "connections", "notices_sent", "notices_refused", "notices_failed", "notices_unsent")
    return {
        **{name: office.counters[name] for name in names},
        "mailboxes": len(office.boxes.by_address),
        "repeated": sum(office.boxes.repeated.values()),
        "connections_open": office.open,
        "most_connections_open": office.most_open,
        "notices_waiting": office.outbox.waiting(),
        "refused": dict(office.refused),
    }


async def show_ledger(request: web.Request) -> web.StreamResponse:
    """GET: every accepted mail per recipient. `?to=` one of them, with headers; `?headers=1` all with headers."""
    boxes, to = request.app[CARRIER].post.boxes, request.query.get("to")
    headers = to is not None or request.query.get("headers") == "1"
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for chunk in ledger.chunks(boxes.items(to), headers=headers):
        await response.write(chunk)
        await asyncio.sleep(0)  # whoever sends does not wait for whoever reads
    await response.write_eof()
    return response


async def show_events(request: web.Request) -> web.Response:
    """GET: the latest things that went wrong on purpose, newest first; `?last=` how many (100)."""
    last = request.query.get("last", "100")
    if not (last.isascii() and last.isdecimal() and len(last) < 6):
        return wrong("last: write a number")
    events = request.app[CARRIER].post.events
    return web.json_response(
        {
            "events": [
                {
                    "at": moment(event.at),
                    "stage": event.stage,
                    "kind": event.kind,
                    "from": event.sender,
                    "to": list(event.recipients),
                    "answer": event.answer,
                }
                for event in list(reversed(events))[: int(last)]
            ]
        }
    )


async def show_certificate(request: web.Request) -> web.Response:
    """GET: the certificate of STARTTLS as PEM, for a client that checks it; 404 when TLS is off."""
    pem = request.app[CARRIER].post.certificate
    return web.Response(text=pem, content_type="application/x-pem-file") if pem else wrong("TLS is off", 404)


async def show_raw(request: web.Request) -> web.Response:
    """GET: a mail's bytes as they came."""
    mail = find(request)
    return wrong("no such mail", 404) if mail is None else web.Response(body=mail.raw, content_type="message/rfc822")


def find(request: web.Request) -> Mail | None:
    """Return the mail whose number is in the address."""
    return request.app[CARRIER].post.boxes.by_id.get(int(request.match_info["id"]))


async def do(request: web.Request) -> web.Response:
    """POST: its reader does something with a mail; answers with the status or the receiver's answer, 502 without."""
    mail, act = find(request), request.match_info["act"]
    if mail is None or act not in ACTS:
        return wrong("no such mail" if mail is None else f"{act!r} is not known; known are {', '.join(ACTS)}", 404)
    try:
        given = await read_object(request)
        work = perform(request.app[CARRIER].post, mail, act, given)
    except ValueError as error:
        return wrong(str(error))
    try:
        return web.json_response({"result": await work})
    except acts.CannotDo as error:
        return wrong(str(error), 502)


def perform(office: PostOffice, mail: Mail, act: str, given: Mapping[str, object]) -> acts.Work:
    """Return the work of an act, to be awaited; it raises CannotDo. Raises ValueError for what cannot be asked."""
    recipient = str(given.get("from") or mail.recipients[0])
    if recipient.lower() not in [each.lower() for each in mail.recipients]:
        raise ValueError(f"from={recipient!r} did not get this mail")
    match act:
        case "unsubscribe":
            encoding = str(given.get("encoding") or "multipart")
            if encoding not in acts.ENCODINGS:
                raise ValueError(f"encoding={encoding!r}: write {' or '.join(acts.ENCODINGS)}")
            return acts.unsubscribe(office, mail, encoding)
        case "unsubscribe_mail":
            return acts.unsubscribe_by_mail(office, mail, recipient)
        case "reply":
            body = given.get("body")
            if not isinstance(body, str) or not body.strip() or len(body) > LONGEST_REPLY:
                raise ValueError(f"body: write a text of up to {LONGEST_REPLY} characters")
            return acts.reply(office, mail, recipient, body)
        case "spam":
            return acts.complain(office, mail, recipient)
        case "vacation":
            return acts.vacation(office, mail, recipient)
    status = str(given.get("status") or "5.1.1")
    if not _STATUS.fullmatch(status):
        raise ValueError(f"status={status!r}: write an enhanced code such as 5.1.1")
    return acts.bounce(office, mail, recipient, status)


async def set_mailin(request: web.Request) -> web.Response:
    """POST {address[, complaints_to]}: where notices and replies go, HOST:PORT or null; stays after a reset."""
    outbox = request.app[CARRIER].post.outbox
    try:
        given = await read_object(request)
        if unknown := set(given) - {"address", "complaints_to"}:
            raise ValueError(f"{sorted(unknown)[0]!r} is not known; known are address, complaints_to")
        if "address" in given:
            outbox.mailin = read_host_port(str(given["address"])) if given["address"] else None
        if "complaints_to" in given:
            outbox.complaints_to = str(given["complaints_to"] or "") or None
    except ValueError as error:
        return wrong(str(error))
    address = f"{outbox.mailin[0]}:{outbox.mailin[1]}" if outbox.mailin else None
    return web.json_response({"address": address, "complaints_to": outbox.complaints_to})
