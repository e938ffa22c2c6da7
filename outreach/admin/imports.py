"""Imports: hand in a file, watch it come in, read what became of every row."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from babel.numbers import format_decimal
from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import format_timedelta, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from werkzeug.exceptions import RequestEntityTooLarge
from wtforms import BooleanField

from campaigns import imports, staff, wakeup
from campaigns.imports import Import
from campaigns.rules.import_rows import Refusal, Warned
from outreach import sessions
from outreach.auth import requires
from outreach.forms import Form
from outreach.pages import page, see_other
from outreach.sentences import sentence_for

bp = Blueprint("imports", __name__, url_prefix="/imports")

MEGABYTES: Final = 60
_MEGABYTE: Final = 1024 * 1024
# What a browser still sends of a file that is too large is read and thrown away up to here, or it shows a broken
# connection instead of our sentence.
_THROWN_AWAY: Final = 1024 * _MEGABYTE

# State -> its word and the tone it is shown in (macro `state`).
STATES: Final = {
    "waiting": (_l("Waiting its turn"), "waiting"),
    "running": (_l("Coming in"), "waiting"),
    "done": (_l("Done"), "done"),
    "failed": (_l("Not possible"), "danger"),
}
ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
}
DELIMITERS: Final = {",": _l("commas"), ";": _l("semicolons"), "\t": _l("tabs")}
REFUSALS: Final = {
    Refusal.NO_USABLE_ADDRESS: (
        _l("No usable number and no usable e-mail"),
        _l("Nobody could be reached by this row. Correct it in your file and send the file again."),
    ),
}
WARNINGS: Final = {
    Warned.PHONE_IGNORED: (
        _l("Telephone number ignored"),
        _l("It is no number that exists, so only the e-mail was kept."),
    ),
    Warned.EMAIL_IGNORED: (_l("E-mail ignored"), _l("It is no e-mail address, so only the telephone was kept.")),
    Warned.LANDLINE: (_l("Landline"), _l("It was kept, but a landline gets no SMS.")),
    Warned.PLACE_UNKNOWN: (
        _l("Place not known"),
        _l("No place of this name is known, or more than one: segments by place do not pick this person."),
    ),
    Warned.LANGUAGE_UNKNOWN: (_l("Language not known"), _l("Your agency's usual language was taken.")),
    Warned.SECTOR_UNKNOWN: (
        _l("Line of business not known"),
        _l("Segments by line of business do not pick this person, or not for all of their business."),
    ),
    Warned.NO_LEGAL_GROUND: (
        _l("No consent on record"),
        _l("The file does not say clearly that this person agreed. They were kept, but nothing is sent to them."),
    ),
}


class FileForm(Form):
    """The file and what is asked once per file."""

    file = FileField(_l("File"), validators=[FileRequired(_l("Choose a file."))])
    accepts_fallback = BooleanField(_l("These people also accept messages in Spanish"), default=True)


@bp.get("/")
@requires("import:read")
def index() -> Response:
    """Earlier imports, newest first."""
    people = {person.id: person.name for person in staff.of_agency(g.db, g.agency_id)}
    listed = imports.listed(g.db, g.agency_id)
    return page("admin/imports.html", "content", imports=listed, states=STATES, people=people, megabytes=megabytes)


@bp.route("/new", methods=["GET", "POST"])
@requires("contact:import", megabytes=MEGABYTES)
def new() -> Response:
    """Choose a file and hand it in."""
    form = FileForm()
    if form.validate_on_submit():
        with form.tells():
            connections = current_app.extensions["connections"]
            options = imports.Options(accepts_fallback=form.accepts_fallback.data)
            file, agency_id = form.file.data.stream, g.agency_id
            waiting = imports.submit(g.db, connections.vault, agency_id, file, options=options, by=g.staff.id)
            sessions.after_commit(lambda: wakeup.import_file(connections.valkey, agency_id, waiting.id))
            return see_other(url_for(".show", import_id=waiting.id))
    return _upload(form, 422 if request.method == "POST" else 200)


@bp.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> Response:
    """The form again, with a sentence beside the file: nothing of what was sent has been read."""
    left = min(request.content_length or 0, _THROWN_AWAY)
    while left > 0 and (thrown := request.environ["wsgi.input"].read(min(left, _MEGABYTE))):
        left -= len(thrown)
    form = FileForm(formdata=None)
    form.file.errors = [sentence_for("file_too_big", {"most": MEGABYTES})]
    return _upload(form, 413)


@bp.get("/<int:import_id>")
@requires("import:read")
def show(import_id: int) -> Response:
    """How far an import is, asked again every two seconds; at its end the report."""
    found = imports.get(g.db, g.agency_id, import_id)
    failure: dict[str, Any] = dict(found.failure or {})
    return page(
        "admin/import.html",
        "progress",
        found=found,
        running=found.state in ("waiting", "running"),
        pace=_pace(found),
        failure=sentence_for(failure["code"], failure["values"]) if failure else "",
        report=found.report,
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        refusals=REFUSALS,
        warnings=WARNINGS,
        megabytes=megabytes,
    )


def _upload(form: FileForm, status: int) -> Response:
    return page("admin/import_new.html", "content", status=status, form=form, most=MEGABYTES)


def _pace(found: Import) -> dict[str, Any]:
    """Rows a second since the file was handed in, and the time left in words; empty before anything was read."""
    seconds = (datetime.now(UTC) - found.made_at).total_seconds()
    if found.state != "running" or not found.bytes_done or seconds <= 0:
        return {}
    left = (found.size - found.bytes_done) * seconds / found.bytes_done
    return {"per_second": int(found.rows_done / seconds), "left": format_timedelta(timedelta(seconds=max(1, left)))}


def megabytes(size: int) -> str:
    """A size in bytes as people read it."""
    number = size / _MEGABYTE
    if number < 1:
        return _("%(number)s kB", number=format_decimal(max(1, round(size / 1024)), locale=get_locale()))
    return _("%(number)s MB", number=format_decimal(round(number, 1), locale=get_locale()))
