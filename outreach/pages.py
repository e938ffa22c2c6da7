"""How a page answers: whole, or the named block when htmx asks; and how it leads on after a form."""

from typing import Final

from flask import Flask, Response, flash, make_response, render_template, request
from jinja2 import Environment, StrictUndefined
from jinja2.runtime import Macro
from jinja2_fragments.flask import render_block

__all__ = ["Macros", "flash", "install", "page", "see_other", "wants_fragment", "wants_json"]


class Macros:
    """The macros of `templates/macros/`, in every page and fragment as `ui.NAME(...)`, without an import.

    (A fragment is one block of its template: what the template imports above its blocks is not there.)
    """

    _FILES: Final = ("macros/fields.html", "macros/notices.html")

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Macro:
        for file in self._FILES:
            macro = getattr(self._environment.get_template(file).module, name, None)
            if isinstance(macro, Macro):
                return macro
        raise AttributeError(name)


def install(app: Flask) -> None:
    """Templates with our macros, and strict: a name nobody passed is an error in tests, not a hole in the page."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["ui"] = Macros(app.jinja_env)


def wants_fragment() -> bool:
    """True when htmx will put the answer into a part of the page it already shows."""
    headers = request.headers
    whole = "HX-Boosted" in headers or "HX-History-Restore-Request" in headers
    return "HX-Request" in headers and not whole


def wants_json() -> bool:
    """True for the API, and for a program that asks for JSON and not for pages."""
    if request.path.startswith("/api/"):
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def page(template: str, block: str, *, status: int = 200, **values: object) -> Response:
    """The whole page, or only its named block when htmx asks.

    A form with errors is shown again with status 422, so that programs and htmx see that nothing was done.
    """
    only_block = wants_fragment()
    body = render_block(template, block, **values) if only_block else render_template(template, **values)
    response = make_response(body, status)
    # Or a cache, also the browser's own, serves the fragment as a page.
    response.vary.update(("HX-Request", "Accept-Language", "Cookie"))
    return response


def see_other(address: str) -> Response:
    """Lead on to `address` (our own, from url_for) after something was done; htmx changes the whole page."""
    if wants_fragment():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = address
        return response
    response = make_response("", 303)
    response.headers["Location"] = address
    return response
