"""The phone wall: what every phone got, a way to answer from it, and the switches for what goes wrong."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from simulator import faultform, inbound, local, panel, switches
from simulator.answers import CARRIER
from simulator.carrier import Carrier
from simulator.control import read_inbound
from simulator.rendering import FOLDER, HEADERS, read_form, respond
from simulator.view import Asked, phones_page, shown_number, tally_page
from simulator.words import LANGUAGES, Words

_REPLY, _TURN, _SET = "/wall/reply", "/wall/faults", "/wall/faults/all"
_PATHS = {"phones": "/", "tally": "/tally"}
_STATIC = {"wall.css": "text/css", "wall.js": "text/javascript", "icon.svg": "image/svg+xml"}
_STATIC |= {"mail.css": "text/css", "mail.js": "text/javascript"}


class Wrongly(NamedTuple):
    """A form of faults as it was written, and the field that cannot be."""

    form: Mapping[str, str]
    field: str


def add_routes(app: web.Application) -> None:
    """Give the application the wall's pages."""
    app.router.add_get("/", local.only(phones))
    app.router.add_get("/tally", local.only(tally))
    app.router.add_post(_REPLY, local.only(reply))
    app.router.add_post(_TURN, local.only(turn_switches))
    app.router.add_get(_TURN, local.only(show_faults))
    app.router.add_post(_SET, local.only(set_faults))
    app.router.add_get("/static/{name}", local.only(static))


async def phones(request: web.Request) -> web.Response:
    """GET /: the phones, those with the latest news first."""
    return _show(request, "phones")


async def tally(request: web.Request) -> web.Response:
    """GET /tally: who got what how many times, repetitions first."""
    return _show(request, "tally")


async def static(request: web.Request) -> web.StreamResponse:
    """GET one of the wall's own files."""
    name = request.match_info["name"]
    if name not in _STATIC:
        raise web.HTTPNotFound
    headers = {**HEADERS, "Cache-Control": "no-cache", "Content-Type": _STATIC[name] + "; charset=utf-8"}
    return web.FileResponse(FOLDER / "static" / name, headers=headers)


def _show(request: web.Request, view: str, *, wrong: Wrongly | None = None) -> web.Response:
    """Render a whole page, or only its changing part; 204 when that has not changed since the version named."""
    carrier = request.app[CARRIER]
    asked = Asked.read(request.query)
    words = Words(wrong.form.get("lang") if wrong else request.query.get("lang"))
    fragment = request.query.get("fragment") == "1"
    version = f"{carrier.messages.version}-{carrier.callbacks.waiting()}-{panel.version(carrier.faults)}"
    if fragment and request.query.get("since") == version:
        return web.Response(status=204, headers=HEADERS)
    page = (phones_page if view == "phones" else tally_page)(carrier.messages, asked)
    values = {
        **_fault_values(carrier, words, view, wrong),
        "page": page,
        "asked": asked,
        "version": version,
        "languages": LANGUAGES,
        "shown_number": shown_number,
        "switches": panel.state(carrier.faults),
        "calm": panel.calm(carrier.faults),
        "faults_version": panel.version(carrier.faults),
        "figures": panel.figures(carrier),
        "note": words("faults_wrong", field=wrong.field) if wrong else _note(words, request.query),
        "path": _PATHS[view],
        "own": "/static/{}".format,
        "title": words("title"),
        "lead": words("lead"),
        "reply_path": _REPLY,
        "turn_path": _TURN,
        "link": lambda **changes: _link(request, words, {"path": _PATHS[view], **changes}),
    }
    return respond(f"{view}.html" if fragment else "wall.html", values, 422 if wrong else 200)


def _fault_values(carrier: Carrier, words: Words, view: str, wrong: Wrongly | None) -> dict[str, object]:
    faults = carrier.faults
    return {
        "t": words,
        "view": view,
        "set_path": _SET,
        "fault_groups": faultform.groups(faults, words, wrong.form if wrong else None),
        "faults_kept": len(faultform.targeted(faults)) + len(faults.outcomes),
        "faults_open": wrong is not None or (not panel.calm(faults) and not any(panel.state(faults).values())),
        "faults_wrong": wrong is not None,
        "all_hint": "all_hint",
        "all_kept": "all_kept",
        "reads_fail": "reads_fail" in wrong.form if wrong else faults.reads_fail,
    }


async def show_faults(request: web.Request) -> web.Response:
    """GET the form of all faults alone, for a page that is open while they change."""
    view = "tally" if request.query.get("view") == "tally" else "phones"
    values = _fault_values(request.app[CARRIER], Words(request.query.get("lang")), view, None)
    return respond("faults.html", values)


def _link(request: web.Request, words: Words, changes: Mapping[str, object]) -> str:
    kept = {"q": request.query.get("q", ""), "page": "", "lang": words.language if words.language != "es" else ""}
    kept |= {name: str(value) for name, value in changes.items() if name != "path"}
    query = urlencode({name: value for name, value in kept.items() if value})
    path = str(changes["path"])
    return f"{path}?{query}" if query else path


def _note(words: Words, query: Mapping[str, str]) -> str:
    """Return the sentence that a redirect asked for; holes are filled by known words only."""
    match query.get("note", "").split(":"):
        case ["ok" | "reply" | "bad" as key]:
            return words("note_" + key)
        case ["refused", status] if status.isdigit():
            return words("note_refused", status=status)
        case ["unreachable"]:
            return words("note_unreachable", reason="").rstrip(": ") + "."
        case ["applied"]:
            return words("applied")
    return ""


async def reply(request: web.Request) -> web.Response:
    """POST phone and body: the person writes to whoever wrote last."""
    carrier = request.app[CARRIER]
    form = await request.post()
    try:
        phone, sender, body = read_inbound(carrier, {"from": form.get("phone"), "body": form.get("body")})
        body.encode()
    except ValueError:
        return _back(request, form, "bad")
    received = await inbound.receive(carrier, sender, phone, body)
    if received.status is None:
        return _back(request, form, "unreachable")
    if received.status >= 300:
        return _back(request, form, f"refused:{received.status}")
    return _back(request, form, "reply" if received.replies else "ok")


async def turn_switches(request: web.Request) -> web.Response:
    """POST the four switches: those that differ from how things stand are turned."""
    carrier = request.app[CARRIER]
    form = await request.post()
    switches.apply(carrier.faults, panel.changes(carrier.faults, {name: name in form for name in panel.SWITCHES}))
    carrier.pace_changed()
    return _back(request, form, "applied")


async def set_faults(request: web.Request) -> web.Response:
    """POST the form of all faults, or `calm` to turn all off; a wrong one comes back with what was written."""
    carrier = request.app[CARRIER]
    form = await read_form(request)
    if "calm" in form:
        switches.apply(carrier.faults, panel.ordinary())
    else:
        try:
            switches.apply(carrier.faults, faultform.read(form, carrier.faults, Words(form.get("lang"))))
        except ValueError as error:
            view = "tally" if form.get("view") == "tally" else "phones"
            return _show(request, view, wrong=Wrongly(form, str(error)))
    carrier.pace_changed()
    return _back(request, form, "applied")


def _back(request: web.Request, form: Mapping[str, object], note: str) -> web.Response:
    """Return to the page; a script gets the sentence alone."""
    words = Words(str(form.get("lang", "")))
    if request.headers.get("Accept") == "application/json":
        return web.json_response({"note": _note(words, {"note": note})})
    path = "/tally" if form.get("view") == "tally" else "/"
    query = {"q": str(form.get("q", "")), "page": str(form.get("page", "")), "lang": words.language, "note": note}
    where = path + "?" + urlencode({name: value for name, value in query.items() if value})
    return web.Response(status=303, headers={"Location": where})
