"""Segments: the list, the rule builder with its live count, and deleting."""

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _

from campaigns import segments
from campaigns.rules.segments import Rule
from campaigns.segments import Segment
from outreach import ids
from outreach.admin import audience_words, rule_words
from outreach.admin.rule_form import SegmentForm
from outreach.auth import requires
from outreach.forms import Confirm, ask
from outreach.pages import flash, page, see_other

bp = Blueprint("segments", __name__, url_prefix="/segments")


@bp.get("/")
@requires("segment:read")
def index() -> Response:
    """Every segment, read back as a sentence."""
    found = segments.listed(g.db, g.agency_id)
    rules = {segment.id: segments.rule_of(segment) for segment in found}
    known = rule_words.names(g.db, rules.values())
    told = {number: rule_words.tell(rule, known) for number, rule in rules.items()}
    return page("admin/segments.html", "content", segments=found, told=told, uses=segments.uses(g.db, g.agency_id))


@bp.route("/new", methods=["GET", "POST"])
@requires("segment:write")
def new() -> Response:
    """An empty rule builder."""
    return _builder(None)


@bp.route("/<int:segment_id>", methods=["GET", "POST"])
@requires("segment:write")
def change(segment_id: int) -> Response:
    """The rule builder with a saved rule."""
    return _builder(segments.get(g.db, g.agency_id, segment_id))


@bp.post("/count")
@requires("segment:read")
def count() -> Response:
    """How many the rule in the form picks; without scripts the whole form comes back with it."""
    number = ids.read(request.form.get("segment"))
    segment = segments.get(g.db, g.agency_id, number) if number else None
    form = _form(segment)
    form.validate()
    return page("admin/segment.html", "count", **_shown(form, segment))


@bp.route("/<int:segment_id>/delete", methods=["GET", "POST"])
@requires("segment:write")
def delete(segment_id: int) -> Response:
    """One sentence, then it is gone."""
    segment = segments.get(g.db, g.agency_id, segment_id)
    form = Confirm()
    if form.validate_on_submit():
        with form.tells():
            segments.delete(g.db, g.agency_id, segment_id, by=g.staff.id)
            flash(_("The segment was deleted."), "success")
            return see_other(url_for(".index"))
    return ask(
        form,
        title=_("Delete segment"),
        sentence=_("“%(name)s” will be deleted. The people in it stay.", name=segment.name),
        button=_("Delete segment"),
        danger=True,
        action=url_for(".delete", segment_id=segment_id),
        back=url_for(".change", segment_id=segment_id),
    )


def _builder(segment: Segment | None) -> Response:
    form = _form(segment)
    fits = True
    if segment is not None and request.method == "GET":
        form.name.data = segment.name
        fits = form.show(segments.rule_of(segment))
    if form.validate_on_submit():
        with form.tells():
            number = segment.id if segment else None
            saved = segments.save(
                g.db, g.agency_id, name=form.name.data, rule=form.rule(), by=g.staff.id, segment_id=number
            )
            flash(_("“%(name)s” was saved.", name=saved.name), "success")
            return see_other(url_for(".index"))
    status = 422 if request.method == "POST" else 200
    return page("admin/segment.html", "content", status=status, **_shown(form, segment, fits))


def _form(segment: Segment | None) -> SegmentForm:
    form = SegmentForm()
    form.offer(g.db, g.agency_id, segments.rule_of(segment) if segment else None)
    return form


def _shown(form: SegmentForm, segment: Segment | None, fits: bool = True) -> dict[str, object]:
    # A rule this form did not make is shown as it is, and stays as it is until it is replaced.
    rule: Rule = form.rule() if fits or segment is None else segments.rule_of(segment)
    return {
        "form": form,
        "segment": segment,
        "fits": fits,
        "counted": segments.count(g.db, g.agency_id, rule),
        "told": rule_words.tell(rule, rule_words.names(g.db, [rule])),
        "audience": audience_words,
    }
