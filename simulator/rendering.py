"""Renders the pages, with headers that let nothing in from elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader

FOLDER = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def respond(template: str, values: Mapping[str, object], status: int = 200) -> web.Response:
    """Return a page."""
    text = _PAGES.get_template(template).render(values)
    return web.Response(text=text, content_type="text/html", headers=HEADERS, status=status)


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the text fields of a form, the last of each name."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
