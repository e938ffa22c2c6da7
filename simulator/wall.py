"""The phone wall: what every phone got, a way to answer from it, and the switches for what goes wrong."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from simulator import inbound, local, panel, switches
from simulator.answers import CARRIER
from simulator.control import read_inbound
from simulator.view import Asked, phones_page, shown_number, tally_page
from simulator.words import LANGUAGES, Words

_FOLDER = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_REPLY, _TURN = "/wall/reply", "/wall/faults"
_STATIC = {"wall.css": "text/css", "wall.js": "text/javascript", "icon.svg": "image/svg+xml"}


def add_routes(app: web.Application) -> None:
    """Give the application the wall's pages."""
    app.router.add_get("/", local.only(phones))
    app.router.add_get("/tally", local.only(tally))
    app.router.add_post(_REPLY, local.only(reply))
    app.router.add_post(_TURN, local.only(set_faults))
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
    headers = {**_HEADERS, "Cache-Control": "no-cache", "Content-Type": _STATIC[name] + "; charset=utf-8"}
    return web.FileResponse(_FOLDER / "static" / name, headers=headers)


def _show(request: web.Request, view: str) -> web.Response:
    """Render a whole page, or only its changing part; 204 when that has not changed since the version named."""
    carrier = request.app[CARRIER]
    asked = Asked.read(request.query)
    words = Words(request.query.get("lang"))
    fragment = request.query.get("fragment") == "1"
    turned = panel.state(carrier.faults)
    on = "".join(name[0] for name, is_on in turned.items() if is_on)
    version = f"{carrier.messages.version}-{carrier.callbacks.waiting()}-{on}"
    if fragment and request.query.get("since") == version:
        return web.Response(status=204, headers=_HEADERS)
    page = (phones_page if view == "phones" else tally_page)(carrier.messages, asked)
    values = {
        "t": words,
        "view": view,
        "page": page,
        "asked": asked,
        "version": version,
        "languages": LANGUAGES,
        "shown_number": shown_number,
        "switches": turned,
        "figures": panel.figures(carrier),
        "note": _note(words, request.query),
        "own": "/static/{}".format,
        "reply_path": _REPLY,
        "turn_path": _TURN,
        "link": lambda **changes: _link(request, words, changes),
    }
    text = _PAGES.get_template(f"{view}.html" if fragment else "wall.html").render(values)
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


def _link(request: web.Request, words: Words, changes: Mapping[str, object]) -> str:
    kept = {"q": request.query.get("q", ""), "page": "", "lang": words.language if words.language != "es" else ""}
    kept |= {name: str(value) for name, value in changes.items() if name != "path"}
    query = urlencode({name: value for name, value in kept.items() if value})
    path = str(changes.get("path", request.path))
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


async def set_faults(request: web.Request) -> web.Response:
    """POST the four switches: those that differ from how things stand are turned."""
    carrier = request.app[CARRIER]
    form = await request.post()
    switches.apply(carrier.faults, panel.changes(carrier.faults, {name: name in form for name in panel.SWITCHES}))
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
