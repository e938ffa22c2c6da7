"""Letting an import go on, back, stop or away: each is one press, and what is for many is asked again."""

from collections.abc import Callable
from functools import partial
from typing import Final

from flask import Blueprint, Response, g, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from campaigns import imports
from campaigns.errors import Conflict
from outreach.admin import import_outcome, nudges
from outreach.auth import requires
from outreach.forms import Confirm, ask
from outreach.i18n import number
from outreach.pages import flash, see_other
from outreach.sentences import sentence

bp = Blueprint("import_course", __name__, url_prefix="/imports/<int:import_id>")

# From here on the number is typed before so many people are added or changed.
MANY: Final = 10_000


@bp.route("/begin", methods=["GET", "POST"])
@requires("contact:import")
def begin(import_id: int) -> Response:
    """Bring the checked file in."""
    found = imports.get(g.db, g.agency_id, import_id)
    if found.state != "checked":
        return _moved_on(import_id)
    people = import_outcome.people(found.check_report or {})
    form = Confirm(people=people if people > MANY else 0)
    if form.validate_on_submit():
        with form.tells():
            imports.begin(g.db, g.agency_id, import_id, by=g.staff.id)
            nudges.import_file(import_id)
            return _back_to(import_id)
    return ask(
        form,
        title=_("Import the file"),
        sentence=import_outcome.will_happen(found.check_report or {}),
        button=import_outcome.button(found.check_report or {}),
        action=url_for(".begin", import_id=import_id),
        back=url_for("imports.show", import_id=import_id),
    )


@bp.post("/back")
@requires("contact:import")
def back(import_id: int) -> Response:
    """From the figures back to the columns."""
    return _do(import_id, imports.back)


@bp.post("/stop")
@requires("contact:import")
def stop(import_id: int) -> Response:
    """No further row is read."""
    return _do(import_id, partial(imports.stop, by=g.staff.id), _("It was stopped."))


@bp.route("/discard", methods=["GET", "POST"])
@requires("contact:import")
def discard(import_id: int) -> Response:
    """Forget the file before anybody was added."""
    imports.get(g.db, g.agency_id, import_id)
    form = Confirm()
    if form.validate_on_submit():
        try:
            imports.discard(g.db, g.agency_id, import_id)
        except Conflict as problem:
            return _moved_on(import_id, problem)
        flash(_("The file was discarded. Nobody was added."), "success")
        return see_other(url_for("imports.index"))
    return ask(
        form,
        title=_("Discard the file"),
        sentence=_("The file is deleted here, and nobody in it is added. Your own copy stays as it is."),
        button=_("Discard the file"),
        danger=True,
        action=url_for(".discard", import_id=import_id),
        back=url_for("imports.show", import_id=import_id),
    )


@bp.route("/undo", methods=["GET", "POST"])
@requires("contact:import")
def undo(import_id: int) -> Response:
    """Take a whole import back, while nothing was sent to its people."""
    found = imports.get(g.db, g.agency_id, import_id)
    report = found.report or {}
    form = Confirm(people=report.get("added", 0) + report.get("updated", 0))
    try:
        imports.check_undoable(g.db, g.agency_id, import_id)
        if form.validate_on_submit():
            imports.undo(g.db, g.agency_id, import_id, by=g.staff.id)
            nudges.import_file(import_id)
            return _back_to(import_id)
    except Conflict as problem:
        return _moved_on(import_id, problem)
    return ask(
        form,
        title=_("Undo this import"),
        sentence=_what_goes(report.get("added", 0), report.get("updated", 0)),
        button=_("Undo this import"),
        danger=True,
        action=url_for(".undo", import_id=import_id),
        back=url_for("imports.show", import_id=import_id),
    )


def _what_goes(added: int, updated: int) -> str:
    told = []
    if added:
        told.append(
            ngettext(
                "%(count)s person who came in with it is deleted.",
                "%(count)s people who came in with it are deleted.",
                added,
                count=number(added),
            )
        )
    if updated:
        told.append(
            ngettext(
                "%(count)s person whom it changed gets their old values back, where nobody corrected them since.",
                "%(count)s people whom it changed get their old values back, where nobody corrected them since.",
                updated,
                count=number(updated),
            )
        )
    told.append(_("Whoever asked for no more messages stays so."))
    return " ".join(told)


def _do(import_id: int, verb: Callable[..., object], told: str = "") -> Response:
    """One verb, then the import's page as it now stands; whoever comes second is told so."""
    try:
        verb(g.db, g.agency_id, import_id)
    except Conflict as problem:
        return _moved_on(import_id, problem)
    if told:
        flash(told, "success")
    return _back_to(import_id)


def _moved_on(import_id: int, problem: Conflict | None = None) -> Response:
    flash(sentence(problem or Conflict("import_moved_on")), "warning")
    return _back_to(import_id)


def _back_to(import_id: int) -> Response:
    return see_other(url_for("imports.show", import_id=import_id))
