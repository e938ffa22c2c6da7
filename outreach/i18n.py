"""The reader's language, and how times and numbers look in it.

Interface languages are few and fully translated; the languages of messages are data (the languages register) and
have nothing to do with this module.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from babel.numbers import format_decimal, format_percent
from flask import Flask, Response, current_app, g, request
from flask_babel import Babel, format_date, get_locale
from flask_babel import gettext as _

from campaigns.settings import Settings

TRANSLATIONS: Final = Path(__file__).resolve().parent.parent / "translations"
# Each language in its own name: whoever needs the switch cannot read the page it stands on.
AUTONYMS: Final = {"es": "Español", "en": "English"}
# The locale whose dates and numbers each language uses.
LOCALES: Final = {"es": "es_PE", "en": "en"}
COOKIE: Final = "lang"
COOKIELESS: Final = frozenset({"public", "verify"})  # blueprints for people who get messages: nothing is remembered
_YEAR: Final = 365 * 24 * 3600


def install(app: Flask, settings: Settings) -> None:
    """Choose the language of every page, remember it, and give templates `when`, `day`, `number`, `percent`."""
    app.config["INTERFACE_LANGUAGES"] = [code for code in settings.interface_languages if code in LOCALES]
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(
        app,
        default_locale=LOCALES["es"],
        locale_selector=lambda: LOCALES[choose_language()],
        timezone_selector=lambda: str(zone()),
    )
    app.after_request(remember)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.filters.update(when=when, day=day, number=number, percent=percent)
    app.jinja_env.globals.update(language=language, languages=languages)


def choose_language() -> str:
    """Ours, whatever was asked: the address first, then the cookie, the staff member's choice, the browser."""
    known: list[str] = current_app.config["INTERFACE_LANGUAGES"]
    staff = g.get("staff")
    wishes = (request.args.get("lang"), request.cookies.get(COOKIE), getattr(staff, "language", None))
    for wish in wishes:
        if wish in known:
            return str(wish)
    return request.accept_languages.best_match(known, default=known[0]) or known[0]


def language() -> str:
    """The code of the language this page is written in, for `<html lang>`."""
    locale = get_locale()
    return locale.language if locale else "es"


def languages() -> list[tuple[str, str, str]]:
    """(code, own name, address of this page in it) for the switch; the start page where this one cannot be got."""
    # A relative address of our own making: url_for() would take `_scheme` and `_external` from the visitor's query.
    asked = request.args.to_dict(flat=False) if _can_be_got() else {}
    path = "" if _can_be_got() else "/"
    return [
        (code, AUTONYMS[code], f"{path}?{urlencode({**asked, 'lang': code}, doseq=True)}")
        for code in current_app.config["INTERFACE_LANGUAGES"]
    ]


def _can_be_got() -> bool:
    rule = request.url_rule
    return request.method in {"GET", "HEAD"} or (rule is not None and "GET" in (rule.methods or ()))


def remember(response: Response) -> Response:
    """Keep a language chosen in the address. The public pages set no cookie at all."""
    wish = request.args.get("lang")
    known = current_app.config["INTERFACE_LANGUAGES"]
    if wish in known and request.blueprint not in COOKIELESS and request.cookies.get(COOKIE) != wish:
        secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
        response.set_cookie(COOKIE, wish, max_age=_YEAR, httponly=True, samesite="Lax", secure=secure)
    return response


def zone() -> ZoneInfo:
    """The agency's time zone; Peru's where no agency is known."""
    return g.get("zone") or ZoneInfo("America/Lima")


def place_of(where: ZoneInfo) -> str:
    """The city a zone is named after, in the reader's language ("Lima")."""
    return get_timezone_location(where, locale=get_locale(), return_city=True)


def when(moment: datetime | None) -> str:
    """A moment in the agency's time, with the zone's city; nothing gives an empty text."""
    if moment is None:
        return ""
    local = moment.astimezone(zone())
    # The city is a proper name that every reader of the page knows; "PET" or "GMT-5" is not.
    return _("%(day)s, %(time)s (%(city)s time)", day=day(moment), time=f"{local:%H:%M}", city=place_of(zone()))


def day(value: date | datetime | None) -> str:
    """A day in the agency's zone; nothing gives an empty text."""
    if isinstance(value, datetime):
        value = value.astimezone(zone()).date()
    return format_date(value, "medium") if value else ""


def number(value: float | None) -> str:
    """A figure with the reader's separators; nothing gives a dash."""
    return "–" if value is None else format_decimal(value, locale=get_locale())


def percent(share: float | None) -> str:
    """A share from 0 to 1 as whole per cent; nothing gives a dash."""
    return "–" if share is None else format_percent(share, locale=get_locale())
