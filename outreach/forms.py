"""Forms: checked for CSRF, and shown again with what was typed and a sentence beside each wrong field."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask import Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, IntegerField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from campaigns.errors import Conflict, Invalid
from outreach.pages import page
from outreach.sentences import sentence


class Form(FlaskForm):
    """What every form of ours derives from. A POST of it without a token of this sign-in is refused."""

    class Meta(FlaskForm.Meta):  # type: ignore[name-defined,misc]
        """How fields are made."""

        def bind_field(self, form: FlaskForm, unbound: Any, options: dict[str, Any]) -> Field:
            """Every text without NUL characters, which no database column takes."""
            options["filters"] = [_without_nul, *unbound.kwargs.get("filters", ())]
            return super().bind_field(form, unbound, options)

    def tell(self, problem: Invalid | Conflict) -> None:
        """Put the problem's sentence beside its field, or above the form when the form has no such field."""
        field = self._fields.get(getattr(problem, "field", ""))
        if isinstance(field, Field):
            field.errors = [*field.errors, sentence(problem)]
        else:
            self.form_errors.append(sentence(problem))

    @contextmanager
    def tells(self) -> Iterator[None]:
        """Run one verb of the domain; what it refuses is told in the form.

        with form.tells():
            agencies.change(...)
            return see_other(url_for(...))
        return page(..., status=422, form=form)
        """
        try:
            yield
        except (Invalid, Conflict) as problem:
            self.tell(problem)


class Whole(IntegerField):
    """A whole number, refused in our words."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number."""
        try:
            super().process_formdata([text.strip() for text in valuelist])
        except ValueError:
            raise ValueError(_("Write a whole number.")) from None


def choices(pairs: Iterable[tuple[str, object]]) -> list[SelectChoice]:
    """What a select or a group of radio buttons offers, from (value, label) pairs."""
    return [SelectChoice(value, label) for value, label in pairs]


def _without_nul(value: object) -> object:
    return value.replace("\x00", "") if isinstance(value, str) else value


# From here on a person types the number, so that a thousand people are not written to by a slip of the hand.
TYPED_FROM: Final = 100


class Confirm(Form):
    """The form of `confirm.html`: nothing to fill in, a number to type when it concerns many, a reason when asked."""

    typed = StringField(render_kw={"required": True})
    reason = TextAreaField(_l("Reason"), validators=[InputRequired(_l("Write the reason.")), Length(max=500)])

    def __init__(self, *, people: int = 0, reason: bool = False) -> None:
        """`people`: how many it concerns. `reason`: ask for one."""
        super().__init__()
        self.people = people
        if people < TYPED_FROM:
            del self.typed
        else:
            self.typed.label.text = _("Type %(count)s to confirm", count=people)
        if not reason:
            del self.reason

    def validate_typed(self, field: Field) -> None:
        """The number as a person writes it: thousands may be set apart."""
        digits = re.sub(r"[\s.,']", "", field.data or "")
        if digits != str(self.people):
            raise ValidationError(_("Type the number %(count)s.", count=self.people))


def ask(form: Confirm, *, danger: bool = False, **words: str) -> Response:
    """The page of `confirm.html`; with status 422 when its form came back wrong.

    `words` are title, sentence, button, and the addresses action (yes) and back (no).
    """
    status = 422 if request.method == "POST" else 200
    return page("confirm.html", "content", status=status, form=form, danger=danger, **words)
