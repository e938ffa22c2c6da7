"""The second step of an import: what each column holds, and what holds for the whole file."""

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, Response, current_app, g, request, url_for

from campaigns import agencies, imports
from campaigns.errors import Conflict, Invalid
from campaigns.imports import Import, Look
from campaigns.rules.headings import Field
from campaigns.rules.import_options import Options
from campaigns.vault import Vault
from outreach.admin import import_preview, import_words, nudges
from outreach.admin.import_forms import ColumnsForm
from outreach.auth import requires
from outreach.database import Connections
from outreach.pages import flash, page, see_other
from outreach.sentences import sentence

bp = Blueprint("import_columns", __name__, url_prefix="/imports/<int:import_id>")

_SHOWN: Final = 8  # first rows on the page


@bp.post("/preview")
@requires("contact:import")
def preview(import_id: int) -> Response:
    """The first rows under the choices of the form; without scripts the whole page with them."""
    found = imports.get(g.db, g.agency_id, import_id)
    if found.state != "columns":
        return see_other(url_for("imports.show", import_id=import_id))
    look = _look(found)
    form = form_of(found, look)
    form.validate()
    return shown(found, look, form)


@bp.post("/columns")
@requires("contact:import")
def choose(import_id: int) -> Response:
    """Have the whole file checked under these choices."""
    found = imports.get(g.db, g.agency_id, import_id)
    if found.state != "columns":
        flash(sentence(Conflict("import_moved_on")), "warning")
        return see_other(url_for("imports.show", import_id=import_id))
    look = _look(found)
    form = form_of(found, look)
    if form.validate_on_submit():
        with form.tells():
            imports.choose(g.db, _vault(), g.agency_id, import_id, form.filled(), by=g.staff.id)
            nudges.import_file(import_id)
            return see_other(url_for("imports.show", import_id=import_id))
    return shown(found, look, form, 422)


def step(found: Import) -> Response:
    """The page of an import whose columns wait for staff."""
    look = _look(found)
    return shown(found, look, form_of(found, look))


def form_of(found: Import, look: Look) -> ColumnsForm:
    """The form with what was chosen before, else with the columns as they were matched."""
    options = Options.from_json(found.options)
    columns = look.columns if options.columns is None else options.columns
    return ColumnsForm(options, columns, len(look.headings))


def shown(found: Import, look: Look, form: ColumnsForm, status: int = 200) -> Response:
    """The page, or the first rows alone, under what the form says now."""
    fields: Sequence[Field | None] = form.columns.data
    read = imports.read_as(g.db, look, _options(form))[:_SHOWN]
    language = agencies.get(g.db, g.agency_id).language
    return page(
        "admin/import_columns.html",
        "preview" if request.path.endswith("/preview") else "step",
        status=status,
        found=found,
        name=imports.name_of(_vault(), found),
        form=form,
        words=import_words,
        look=look,
        columns=import_preview.columns(look, fields, form.columns.wrong),
        problems=form.columns.errors,
        people=import_preview.lines(g.db, read, look.lines, language),
    )


def _options(form: ColumnsForm) -> Options:
    try:
        return form.filled()
    except Invalid:  # the rows are shown also while something else is wrong
        return Options(columns=form.columns.chosen)


def _look(found: Import) -> Look:
    return imports.look(g.db, _vault(), g.agency_id, found.id)


def _vault() -> Vault:
    connections: Connections = current_app.extensions["connections"]
    return connections.vault
