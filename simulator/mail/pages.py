"""The mailbox pages: who got which mail, a mail as its reader sees it, and what that reader does with it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode
from zlib import crc32

from aiohttp import web

from simulator import local, switches
from simulator.answers import CARRIER
from simulator.faultform import Wrong
from simulator.mail import acts, control, faultform, notices, reading, view
from simulator.mail import switches as mail_switches
from simulator.mail.faults import MailFaults
from simulator.mail.mailboxes import Mail
from simulator.mail.switches import read_outcome
from simulator.rendering import HEADERS, read_form, respond
from simulator.view import lima_time
from simulator.words import LANGUAGES, Words

BOXES, BOX, SET_FAULTS = "/mail", "/mail/box", "/mail/faults"
WAYS = ("html", "text", "headers", "raw")
_FRAME_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Written(NamedTuple):
    """A form of faults as it was written, and the field that cannot be."""

    form: Mapping[str, str]
    field: str


def add_routes(app: web.Application) -> None:
    """Give the application the mailbox pages."""
    app.router.add_get(BOXES, local.only(boxes))
    app.router.add_get(BOX, local.only(box))
    app.router.add_post(SET_FAULTS, local.only(set_faults))
    app.router.add_get("/mail/{id:[0-9]{1,12}}", local.only(read))
    app.router.add_get("/mail/{id:[0-9]{1,12}}/html", local.only(frame))
    app.router.add_post("/mail/{id:[0-9]{1,12}}/{act:[a-z_]+}", local.only(do))


async def boxes(request: web.Request) -> web.Response:
    """GET /mail: the mailboxes, those with the latest mail first."""
    return _list(request, "boxes")


async def box(request: web.Request) -> web.Response:
    """GET /mail/box?to=: one mailbox, the latest mail first."""
    return _list(request, "box")


def _list(request: web.Request, name: str, *, wrong: Written | None = None) -> web.Response:
    """Render a whole page, or only its changing part; 204 when that has not changed since the version named."""
    carrier, wanted = request.app[CARRIER], view.Wanted.read(request.query)
    words = Words(wrong.form.get("lang") if wrong else request.query.get("lang"))
    office, faults = carrier.post, carrier.faults.mail
    fragment = request.query.get("fragment") == "1"
    version = f"{office.boxes.version}-{office.outbox.waiting()}-{_version(faults)}"
    if fragment and request.query.get("since") == version:
        return web.Response(status=204, headers=HEADERS)
    page = (view.boxes_page if name == "boxes" else view.box_page)(office, wanted)
    link = _linker(words, wanted, BOXES if name == "boxes" else BOX)
    values = {
        **_shared(words, link, f"mail_{name}"),
        "page": page,
        "wanted": wanted,
        "version": version,
        "figures": view.figures(office),
        "calm": _calm(faults),
        "smtp_address": office.address,
        "outcome": lambda text: faultform.ending(read_outcome(text), words),
        "here": link(page=page.number if page.number > 1 else ""),
        "note": words("faults_wrong", field=wrong.field) if wrong else _note(words, request.query),
        "set_path": SET_FAULTS,
        "fault_groups": faultform.groups(faults, words, wrong.form if wrong else None),
        "faults_kept": len(faultform.targeted(faults)) + len(faults.outcomes),
        "faults_wrong": wrong is not None,
        "all_hint": "mail_all_hint",
        "all_kept": "mail_all_kept",
    }
    template = f"mail_{name}.html" if fragment else "mail.html"
    return respond(template, values, 422 if wrong else 200)


async def read(request: web.Request) -> web.Response:
    """GET /mail/{id}: one mail, `?show=` html, text, headers or raw, and what its reader can do."""
    mail = control.find(request)
    if mail is None:
        raise web.HTTPSeeOther(BOXES)
    words = Words(request.query.get("lang"))
    return _mail_page(mail, words, request.query, note=_note(words, request.query))


def _mail_page(mail: Mail, words: Words, asked: Mapping[str, str], *, note: str, status: int = 200) -> web.Response:
    wanted = view.Wanted.read({"to": asked.get("to", "")})
    to = wanted.to if wanted.to in mail.addresses() else mail.addresses()[0]
    readable = reading.read(mail)
    usual = "html" if readable.html is not None else "text"
    raw, whole = reading.original(mail)
    link = _linker(words, view.Wanted("", to, 1), f"/mail/{mail.id}")
    values = {
        **_shared(words, link, "mail_read"),
        "mail": mail,
        "wanted": wanted,
        "to": to,
        "readable": readable,
        "show": asked["show"] if asked.get("show") in WAYS else usual,
        "ways": WAYS,
        "raw": raw,
        "whole": whole,
        "received": lima_time(mail.received_at),
        "lima": lima_time,
        "outcome": faultform.ending(read_outcome(mail.outcome_for(to)), words),
        "one_click": acts.unsubscribe_address(mail, "https", "http") if acts.is_one_click(mail) else None,
        "by_mail": acts.unsubscribe_address(mail, "mailto"),
        "reply_address": notices.reply_address(mail),
        "encodings": acts.ENCODINGS,
        "note": note,
    }
    return respond("mail.html", values, status)


async def frame(request: web.Request) -> web.Response:
    """GET the HTML part alone, for a frame in which nothing runs and nothing is fetched."""
    mail = control.find(request)
    html = reading.read(mail).html if mail else None
    if html is None:
        raise web.HTTPNotFound
    body = html.encode("utf-8", "replace")
    return web.Response(body=body, headers=_FRAME_HEADERS, content_type="text/html", charset="utf-8")


async def do(request: web.Request) -> web.Response:
    """POST: its reader does something with a mail; back to the mail, or the mail with what went wrong and 502."""
    mail, act = control.find(request), request.match_info["act"]
    form = await read_form(request)
    if mail is None or act not in control.ACTS:
        raise web.HTTPSeeOther(BOXES)
    words = Words(form.get("lang"))
    try:
        await control.perform(request.app[CARRIER].post, mail, act, {**form, "from": form.get("to")})
    except (ValueError, acts.CannotDo) as error:
        note = words("note_cannot", reason=error)
        status = 502 if isinstance(error, acts.CannotDo) else 422
        return _mail_page(mail, words, form, note=note, status=status)
    query = {name: form[name] for name in ("to", "show", "lang") if form.get(name)} | {"note": "did"}
    return web.Response(status=303, headers={"Location": f"/mail/{mail.id}?{urlencode(query)}"})


async def set_faults(request: web.Request) -> web.Response:
    """POST the form of faults, or `calm` to turn all off; a wrong one comes back with what was written."""
    faults, form = request.app[CARRIER].faults, await read_form(request)
    words = Words(form.get("lang"))
    if "calm" in form:
        switches.apply(faults, {"mail": mail_switches.show(MailFaults())})
    else:
        try:
            switches.apply(faults, faultform.read(form, faults.mail, words))
        except Wrong as error:
            return _list(request, "boxes", wrong=Written(form, str(error)))
    where = urlencode({"lang": words.language, "note": "applied"})
    return web.Response(status=303, headers={"Location": f"{BOXES}?{where}"})


def _shared(words: Words, link: Callable[..., str], view_name: str) -> dict[str, object]:
    return {
        "t": words,
        "view": view_name,
        "languages": LANGUAGES,
        "own": "/static/{}".format,
        "link": link,
        "title": words("mail_title"),
        "lead": words("mail_lead"),
    }


def _linker(words: Words, wanted: view.Wanted, own_path: str) -> Callable[..., str]:
    """Return what makes addresses of pages: what the visitor looks for stays, but for what is named."""

    def link(path: str = own_path, **changes: object) -> str:
        kept = {"q": wanted.q, "to": wanted.to, "lang": words.language if words.language != "es" else ""}
        kept |= {name: str(value) for name, value in changes.items()}
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{path}?{query}" if query else path

    return link


def _note(words: Words, query: Mapping[str, str]) -> str:
    """Return the sentence that a redirect asked for."""
    known = {"did": "note_did", "applied": "applied"}
    return words(known[query["note"]]) if query.get("note") in known else ""


def _calm(faults: MailFaults) -> bool:
    return mail_switches.show(faults) == mail_switches.show(MailFaults())


def _version(faults: MailFaults) -> str:
    return f"{crc32(repr(mail_switches.show(faults)).encode()):08x}"
