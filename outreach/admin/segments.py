"""Segments: the list, the rule builder with its live count, copying and deleting."""

from flask import Blueprint, Response, g, jsonify, request, url_for
from flask_babel import gettext as _

from campaigns import segments
from campaigns.errors import Conflict, Invalid
from campaigns.segments import Segment, Uses
from outreach import ids
from outreach.admin import audience_words, contact_forms, rule_form, rule_words
from outreach.admin.rule_form import RuleForm, SegmentForm
from outreach.auth import requires
from outreach.forms import Confirm, ask
from outreach.pages import flash, page, see_other, wants_fragment

bp = Blueprint("segments", __name__, url_prefix="/segments")


@bp.get("/")
@requires("segment:read")
def index() -> Response:
    """Every segment, read back as a sentence."""
    found = segments.listed(g.db, g.agency_id)
    rules = {segment.id: segments.rule_of(segment) for segment in found}
    known = rule_words.names(g.db, rules.values())
    told = {number: rule_words.tell(rule, known) for number, rule in rules.items()}
    uses = segments.uses(g.db, g.agency_id)
    return page("admin/segments.html", "content", segments=found, told=told, uses=uses, unused=Uses())


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


@bp.post("/build")
@requires("segment:write")
def build() -> Response:
    """The rule in the form after one step: a condition or group added, moved or removed. Nothing is saved."""
    segment = _named_in_form()
    rule = _sent(segment)
    pressed = request.form.get("do", "")
    rule.step(pressed, request.form.get(f"new_{pressed.partition(':')[2]}", ""))
    return page("admin/segment.html", "builder", **_shown(SegmentForm(), rule, segment))


@bp.post("/count")
@requires("segment:read")
def count() -> Response:
    """How many the rule in the form picks; without scripts the whole form comes back with it."""
    segment = _named_in_form()
    return page("admin/segment.html", "count", **_shown(SegmentForm(), _sent(segment), segment))


@bp.get("/places")
@requires("segment:read")
def places() -> Response:
    """Every place as [heading, [[code, name], ..]]: the same for all, asked for once by a page with scripts."""
    return jsonify([[heading, pairs] for heading, pairs in contact_forms.places(g.db).items()])


@bp.post("/<int:segment_id>/duplicate")
@requires("segment:write")
def duplicate(segment_id: int) -> Response:
    """A copy with a name of its own, opened to be changed."""
    old = segments.get(g.db, g.agency_id, segment_id)
    named = _("Copy of %(name)s", name=old.name)
    copy = segments.duplicate(g.db, g.agency_id, segment_id, name=named, by=g.staff.id)
    flash(_("“%(name)s” was saved.", name=copy.name), "success")
    return see_other(url_for(".change", segment_id=copy.id))


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
    form = SegmentForm()
    if request.method == "GET":
        form.name.data = segment.name if segment else None
        return page("admin/segment.html", "content", **_shown(form, _saved(segment), segment))
    rule = _sent(segment)
    # Both, so that everything that is wrong is told at once.
    if form.validate() & rule.check():
        number = segment.id if segment else None
        try:
            saved = segments.save(
                g.db, g.agency_id, name=form.name.data, rule=rule.rule(), by=g.staff.id, segment_id=number
            )
            flash(_("“%(name)s” was saved.", name=saved.name), "success")
            return see_other(url_for(".index"))
        except (Invalid, Conflict) as problem:
            if not rule.tell(problem):
                form.tell(problem)
    return page("admin/segment.html", "content", status=422, **_shown(form, rule, segment))


def _named_in_form() -> Segment | None:
    number = ids.read(request.form.get("segment"))
    return segments.get(g.db, g.agency_id, number) if number else None


def _saved(segment: Segment | None) -> RuleForm:
    return RuleForm(g.db, g.agency_id, segment)


def _sent(segment: Segment | None) -> RuleForm:
    return RuleForm(g.db, g.agency_id, segment, request.form)


def _shown(form: SegmentForm, rule: RuleForm, segment: Segment | None) -> dict[str, object]:
    so_far = rule.rule()
    try:
        counted = segments.count(g.db, g.agency_id, so_far)
    except Invalid as problem:  # too large with the segments it names
        rule.tell(problem)
        counted = None
    return {
        "form": form,
        "rule": rule,
        "words": rule_form,
        "segment": segment,
        "counted": audience_words.shown(counted) if counted else None,
        "told": rule_words.tell(so_far, rule_words.names(g.db, [so_far])),
        "audience": audience_words,
        "named": rule_words.language_names(g.db),
        "slim": wants_fragment(),
    }
