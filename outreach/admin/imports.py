"""Imports: the list, handing a file in, and one import's page in whatever step it is."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response, current_app, g, request, url_for
from flask_babel import format_timedelta
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from campaigns import imports, staff
from campaigns.imports import Import
from campaigns.rules import spreadsheet
from outreach.admin import import_columns, import_faults, import_outcome, import_words, nudges
from outreach.admin.import_course import MANY
from outreach.admin.import_forms import FileForm
from outreach.auth import may, requires
from outreach.i18n import number
from outreach.pages import page, see_other
from outreach.sentences import sentence_for

bp = Blueprint("imports", __name__, url_prefix="/imports")

MEGABYTES: Final = 200
_MEGABYTE: Final = 1024 * 1024
# What a browser still sends of a file that is too large is read and thrown away up to here, or it shows a broken
# connection instead of our sentence.
_THROWN_AWAY: Final = 1024 * _MEGABYTE
_AT_WORK: Final = ("reading", "checking", "waiting", "running", "undoing")
_UNDOABLE: Final = ("done", "stopped", "failed")


@bp.get("/")
@requires("import:read")
def index() -> Response:
    """Earlier imports, newest first."""
    people = {person.id: person.name for person in staff.of_agency(g.db, g.agency_id)}
    listed = imports.listed(g.db, g.agency_id)
    names = {one.id: imports.name_of(_vault(), one) for one in listed}
    return page("admin/imports.html", "content", imports=listed, names=names, people=people, words=import_words)


@bp.route("/new", methods=["GET", "POST"])
@requires("contact:import", megabytes=MEGABYTES)
def new() -> Response:
    """Choose a file and hand it in."""
    form = FileForm()
    if form.validate_on_submit():
        with form.tells():
            sent = form.file.data
            made = imports.submit(g.db, _vault(), g.agency_id, sent.stream, name=sent.filename or "", by=g.staff.id)
            nudges.import_file(made.id)
            return see_other(url_for(".show", import_id=made.id))
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


@bp.get("/example.csv")
@requires("contact:import")
def example() -> Response:
    """A file as it should look, in the reader's language; its people and addresses are nobody's."""
    table = [
        (_("Name"), "Rosa Ejemplo", "Pedro Ejemplo"),
        (_("Business name"), "Transportes Ejemplo SAC", "Bodega Ejemplo"),
        (_("Mobile"), "", "900 000 000"),
        (_("E-mail"), "rosa@empresa.example", "pedro@bodega.example"),
        (_("Line of business"), "Transporte urbano", "Bodega"),
        (_("District"), "Comas", "Los Olivos"),
        (_("Province"), "Lima", "Lima"),
        (_("Language"), "Español", "Quechua"),
        (_("Consent"), _("yes"), _("no")),
        (_("Date of consent"), "2026-05-04", ""),
        (_("Tags"), "lima norte", ""),
    ]
    response = Response(spreadsheet.write(zip(*table, strict=True)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{_("example")}.csv"'
    return response


@bp.get("/<int:import_id>")
@requires("import:read")
def show(import_id: int) -> Response:
    """The step an import is in. Where a worker is at it, that part is asked for again every two seconds."""
    found = imports.get(g.db, g.agency_id, import_id)
    standing = _standing(found)
    if request.args.get("standing", standing) != standing:
        return see_other(url_for(".show", import_id=import_id))
    if found.state == "columns" and may("contact:import"):
        return import_columns.step(found)
    if found.state in _AT_WORK:
        return _at_work(found, standing)
    if found.state == "checked":
        return _checked(found)
    return _ended(found)


def _standing(found: Import) -> str:
    """Under which the page need not be loaded anew: waiting becomes running by itself."""
    return "running" if found.state == "waiting" else found.state


def _at_work(found: Import, standing: str) -> Response:
    return page(
        "admin/import_progress.html",
        "progress",
        found=found,
        name=imports.name_of(_vault(), found),
        words=import_words,
        standing=standing,
        bar=(import_words.BARS[found.state], *_share(found)),
        figures=_pace(found),
    )


def _checked(found: Import) -> Response:
    report: dict[str, Any] = dict(found.check_report or {})
    people = import_outcome.people(report)
    return page(
        "admin/import_checked.html",
        "step",
        found=found,
        name=imports.name_of(_vault(), found),
        words=import_words,
        outcome=import_outcome,
        report=report,
        people=people,
        asks=people > MANY,
        faults=import_faults.first(found),
    )


def _ended(found: Import) -> Response:
    report: dict[str, Any] = dict(found.report or {})
    tone, told = import_outcome.ended(found.state, report, found.failure or {})
    return page(
        "admin/import_report.html",
        "step",
        found=found,
        name=imports.name_of(_vault(), found),
        words=import_words,
        outcome=import_outcome,
        report=report,
        tone=tone,
        told=told,
        undoable=found.state in _UNDOABLE and import_outcome.people(report) > 0 and found.cleared_at is None,
        faults=import_faults.first(found),
    )


def _share(found: Import) -> tuple[int, int]:
    """How much is done, of how much; of nought where nobody can say."""
    if found.state == "undoing":
        return found.rows_done, import_outcome.people(found.report or {})
    # A spreadsheet is unpacked while it is read: what comes out of it has another size than the file.
    return found.bytes_done, 0 if found.state == "reading" else found.size


def _pace(found: Import) -> list[tuple[str, str]]:
    """Rows, speed and time left under their names; nothing before anything was done."""
    if found.state == "reading":
        return [(_("Read so far"), import_words.megabytes(found.bytes_done))] if found.bytes_done else []
    done, most = _share(found)
    seconds = (datetime.now(UTC) - (found.begun_at or found.made_at)).total_seconds()
    if found.state == "waiting" or not done or seconds <= 0:
        return []
    rows, left = found.rows_done, max(0, most - done) * seconds / done
    total = max(rows, round(rows * most / done))
    so_far = _("%(rows)s of about %(total)s", rows=number(rows), total=number(total))
    return [
        (_("People so far") if found.state == "undoing" else _("Rows so far"), so_far),
        (_("Speed"), _("%(rows)s a second", rows=number(int(rows / seconds)))),
        (_("Time left"), _("about %(time)s", time=format_timedelta(timedelta(seconds=max(1, left))))),
    ]


def _upload(form: FileForm, status: int) -> Response:
    return page("admin/import_new.html", "content", status=status, form=form, most=MEGABYTES, words=import_words)


def _vault() -> Any:
    return current_app.extensions["connections"].vault
