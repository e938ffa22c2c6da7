"""The rows of a file that were refused or warned of: the first ones on the page, all of them to take away."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from flask import Blueprint, Response, current_app, g, stream_with_context
from flask_babel import gettext as _

from campaigns import imports
from campaigns.errors import Conflict
from campaigns.imports import Fault, Import
from campaigns.rules import spreadsheet
from campaigns.rules.headings import Field
from campaigns.rules.import_options import Options
from outreach.admin import import_masks, import_words
from outreach.auth import may, requires

bp = Blueprint("import_faults", __name__, url_prefix="/imports/<int:import_id>")

Row = tuple[object, ...]

_SHOWN: Final = 10
_AT_A_TIME: Final = 1_000  # rows in memory of a file that is taken away
_MARK: Final = "\ufeff".encode()  # stands before the whole file only


@dataclass(frozen=True)
class Shown:
    """One faulty row as the page shows it: its cells masked."""

    line: int
    refused: bool
    reason: str
    advice: str
    cells: Sequence[str]


@bp.get("/faults.csv")
@requires("contact:import")
def download(import_id: int) -> Response:
    """Every faulty row: its line, what was wrong and what to do, then its own cells under their own headings."""
    found = imports.get(g.db, g.agency_id, import_id)
    vault = current_app.extensions["connections"].vault
    batches = _batches(imports.faults(g.db, vault, g.agency_id, import_id))
    # Before the first byte leaves, so that a file no key opens is told as a sentence.
    first_rows = next(batches, [])
    imports.note_taken(g.db, g.agency_id, import_id, by=g.staff.id)
    table = chain([[_head(found), *first_rows]], batches)
    response = Response(stream_with_context(_written(table)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="import-{import_id}-rows.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def first(found: Import) -> list[Shown]:
    """The first faulty rows, masked, for whoever may import."""
    if not may("contact:import"):
        return []
    columns = {at: field for field, at in (Options.from_json(found.options).columns or {}).items()}
    faults = imports.faults(g.db, current_app.extensions["connections"].vault, g.agency_id, found.id)
    return [_shown(fault, columns) for fault in islice(faults, _SHOWN)]


def _shown(fault: Fault, columns: Mapping[int, Field]) -> Shown:
    reason, advice = import_words.why(fault.codes)
    return Shown(fault.line, _is_refused(fault), reason, advice, import_masks.row(fault.cells, columns))


def _is_refused(fault: Fault) -> bool:
    return any(code in import_words.REFUSALS for code in fault.codes)


def _head(found: Import) -> Row:
    try:
        headings = imports.look(g.db, current_app.extensions["connections"].vault, g.agency_id, found.id).headings
    except Conflict:
        headings = ()
    return (_("Line"), _("Added?"), _("What and why"), _("Advice"), *headings)


def _batches(faults: Iterator[Fault]) -> Iterator[list[Row]]:
    while batch := [_row(fault) for fault in islice(faults, _AT_A_TIME)]:
        yield batch


def _written(batches: Iterable[list[Row]]) -> Iterator[bytes]:
    for number, batch in enumerate(batches):
        written = spreadsheet.write(batch)
        yield written.removeprefix(_MARK) if number else written


def _row(fault: Fault) -> Row:
    added = _("no") if _is_refused(fault) else _("yes")
    return (fault.line, added, *import_words.why(fault.codes), *fault.cells)
