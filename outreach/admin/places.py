"""The places of the admin, in the order of the menu. A place shows when its page exists and the reader may see it."""

from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app, g, request, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from campaigns import notices
from campaigns.rules import policy


@dataclass(frozen=True)
class Place:
    """One entry of the menu: the page it leads to, its words, and the right that shows it."""

    endpoint: str
    label: LazyString
    right: str

    @property
    def is_here(self) -> bool:
        """True on the page itself and on every page below its address."""
        here = url_for(self.endpoint)
        return request.path == here or (here != "/" and request.path.startswith(here))


PLACES: Final = (
    Place("start.start", _l("Home"), "start:see"),
    Place("campaigns.index", _l("Campaigns"), "campaign:read"),
    Place("contacts.index", _l("People"), "contact:read"),
    Place("imports.index", _l("Imports"), "import:read"),
    Place("segments.index", _l("Segments"), "segment:read"),
    Place("inbox.index", _l("Inbox"), "inbound:read"),
    Place("settings.index", _l("Settings"), "agency:manage"),
)


def install(app: Flask) -> None:
    """Give every template the menu of its reader, as `places()`, and how much news they have, as `news_waiting()`."""
    app.jinja_env.globals.update(places=places, news_waiting=news_waiting)


def news_waiting() -> int:
    """How much news the reader has not seen."""
    return notices.count_unseen(g.db, g.agency_id, g.staff.id)


def places() -> list[Place]:
    """What this reader may go to."""
    shell = g.get("shell")
    views = current_app.view_functions
    return [place for place in PLACES if shell and place.endpoint in views and policy.may(shell.role, place.right)]
