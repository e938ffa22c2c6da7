"""How long the agency keeps what names people. What would go is said, with how many, before anything is changed."""

from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import HiddenField
from wtforms.validators import Optional

from campaigns import retention
from campaigns.retention import Limits
from outreach.auth import requires
from outreach.forms import Form, Whole
from outreach.i18n import number
from outreach.pages import flash, page, see_other

bp = Blueprint("retention", __name__, url_prefix="/settings")

_KINDS: Final = ("messages", "inbound", "groundless", "imports")


class RetentionForm(Form):
    """Days for each kind of thing; empty keeps it. `seen` is what somebody was told would go."""

    messages = Whole(_l("Texts of messages without a campaign, in days"), validators=[Optional()])
    inbound = Whole(_l("What people write to you, in days"), validators=[Optional()])
    groundless = Whole(_l("People whom nothing says that you may write to, in days"), validators=[Optional()])
    imports = Whole(_l("Files and faulty rows of imports, in days"), validators=[Optional()])
    seen = HiddenField()

    def filled(self) -> Limits:
        """What was typed, as the domain takes it."""
        return Limits(*(self[kind].data for kind in _KINDS))


@bp.route("/retention", methods=["GET", "POST"])
@requires("agency:manage")
def show() -> Response:
    """The form; once filled in, what it would take away now; and once that was seen, the change."""
    form = RetentionForm(obj=retention.limits(g.db, g.agency_id))
    going: list[str] | None = None
    if form.validate_on_submit():
        with form.tells():
            now, wanted = datetime.now(UTC), form.filled()
            counts = retention.would_go(g.db, g.agency_id, wanted, now=now)
            if form.seen.data == _stamp(wanted):
                retention.change(g.db, g.agency_id, wanted, by=g.staff.id, now=now)
                flash(_("Saved. What is too old is taken away within minutes, and from now on every day."), "success")
                return see_other(url_for("settings.index"))
            form.seen.data = _stamp(wanted)
            going = [_going(kind, count) for kind, count in counts.items() if count]
    status = 422 if request.method == "POST" and going is None else 200
    return page("admin/retention.html", "content", status=status, form=form, going=going, least=retention.LEAST)


def _stamp(wanted: Limits) -> str:
    """Tells one set of numbers from another, so that what is saved is what was looked at."""
    return "-".join(str(getattr(wanted, kind)) for kind in _KINDS)


def _going(kind: str, count: int) -> str:
    shown = number(count)
    told = {
        "messages": ngettext("%(shown)s text of a message", "%(shown)s texts of messages", count, shown=shown),
        "inbound": ngettext(
            "the words of %(shown)s message that somebody wrote to you",
            "the words of %(shown)s messages that people wrote to you",
            count,
            shown=shown,
        ),
        "groundless": ngettext("%(shown)s person", "%(shown)s people", count, shown=shown),
        "imports": ngettext(
            "what %(shown)s import keeps of people; it can no longer be undone",
            "what %(shown)s imports keep of people; they can no longer be undone",
            count,
            shown=shown,
        ),
    }
    return told[kind]
