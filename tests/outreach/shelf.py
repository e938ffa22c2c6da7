"""Pages only tests have: every kind of answer, every macro, every third-party script."""

from typing import Any

from flask import Blueprint, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired

from campaigns import agencies
from campaigns.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from campaigns.rules import hours
from outreach import sessions
from outreach.auth import public, requires, signed_webhook
from outreach.forms import Confirm, Form, choices
from outreach.pages import flash, page, see_other

bp = Blueprint("shelf", __name__, url_prefix="/shelf")
PROBLEMS: dict[str, Problem] = {
    "NotFound": NotFound("sender_unknown"),
    "NotAllowed": NotAllowed("role_lacks_right"),
    "Conflict": Conflict("slug_taken", slug="lima"),
    "Invalid": Invalid("name", "name_length", longest=80),
}
done: list[str] = []


class Sample(Form):
    """One field of each kind."""

    name = StringField(_l("Name"), validators=[InputRequired(_l("Fill in the sample."))])
    note = StringField(_l("Note"))
    count = IntegerField(_l("Count"), validators=[InputRequired(_l("Write a number."))])
    kind = SelectField(_l("Kind"), choices=choices([("a", "A"), ("b", "B")]))
    one = RadioField(_l("One of"), choices=choices([("x", "X"), ("y", "Y")]))
    agree = BooleanField(_l("Agree"))


@bp.route("/form", methods=["GET", "POST"])
@requires("start:see")
def form() -> ResponseReturnValue:
    sample = Sample()
    if sample.validate_on_submit():
        with sample.tells():
            form = agencies.AgencyForm(sample.name.data, "America/Lima", hours.always())
            agencies.change(g.db, g.agency_id, form, by=g.staff.id)
            flash("Saved", "success")
            sessions.after_commit(lambda: done.append(sample.name.data))
            return see_other(url_for("shelf.form"))
    return page("shelf.html", "content", status=422 if request.method == "POST" else 200, form=sample)


@bp.route("/confirm", methods=["GET", "POST"])
@requires("start:see")
def confirm() -> ResponseReturnValue:
    form = Confirm(people=1500, reason=True)
    if form.validate_on_submit():
        return see_other(url_for("start.start"))
    texts = {"title": "Stop", "sentence": "1,500 people will not get it.", "button": "Stop sending"}
    addresses = {"action": url_for("shelf.confirm"), "back": url_for("shelf.form")}
    status = 422 if request.method == "POST" else 200
    return page("confirm.html", "content", status=status, form=form, danger=True, **texts, **addresses)


@bp.get("/progress/<int:done>")
@requires("start:see")
def progress(done: int) -> ResponseReturnValue:
    return page("progress.html", "progress", done=done)


@bp.route("/raise/<name>", methods=["GET", "POST"])
@requires("start:see")
def problem(name: str) -> ResponseReturnValue:
    if name == "bug":
        raise RuntimeError("the phone +51987654321 broke it")
    raise PROBLEMS[name]


@bp.post("/write/<int:status>")
@requires("start:see")
def write(status: int) -> ResponseReturnValue:
    """Change something, then answer with `status`."""
    agencies.get(g.db, g.agency_id).name = "Changed"
    sessions.after_commit(lambda: done.append("written"))
    return "done", status


@bp.get("/senders")
@requires("sender:manage")
def senders() -> ResponseReturnValue:
    return {"senders": len(agencies.senders(g.db, g.agency_id))}


@bp.get("/unmarked")
def unmarked() -> ResponseReturnValue:
    return "nobody should read this"


@bp.route("/open", methods=["GET", "POST"])
@public()
def everybody() -> ResponseReturnValue:
    return {"language": request.accept_languages.best or ""}


@bp.post("/hook")
@signed_webhook()
def hook() -> ResponseReturnValue:
    fields: dict[str, Any] = request.form.to_dict()
    return {"fields": len(fields)}
