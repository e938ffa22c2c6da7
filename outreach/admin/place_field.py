"""One place out of two thousand, as a field of a form."""

from dataclasses import dataclass
from typing import Any, Final

from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup
from wtforms import SelectField, ValidationError
from wtforms.widgets.core import html_params

from campaigns import reference
from outreach.i18n import language
from outreach.sessions import Session

_KEY: Final = "outreach.places"


@dataclass(frozen=True)
class Places:
    """Departments, provinces and districts, each told apart from others of its name by the area around it."""

    groups: dict[str, list[tuple[str, str]]]
    labels: dict[str, str]
    options: Markup


def known(session: Session) -> Places:
    """All places, in the reader's language; made once for each, because that took two thirds of a page's time.

    Places change with `outreach migrate` only, and that is run with everything stopped.
    """
    kept: dict[str, Places] = current_app.extensions.setdefault(_KEY, {})
    found = kept.get(language())
    if found is None:
        groups = _groups(session)
        labels = {code: label for pairs in groups.values() for code, label in pairs}
        found = kept[language()] = Places(groups, labels, _options(groups))
    return found


class PlaceSelect:
    """The list as HTML; what is chosen is marked in what was made before."""

    validation_attrs = ("required", "disabled")

    def __call__(self, field: "PlaceField", **kwargs: Any) -> Markup:
        """The whole select."""
        kwargs.setdefault("id", field.id)
        options = field.places.options
        if field.data in field.places.labels:
            plain = _value(field.data)
            options = options.replace(plain, plain + Markup(" selected"), 1)
        nothing = Markup('<option value="">{}</option>').format(field.nothing)
        return Markup("<select {}>{}{}</select>").format(html_params(name=field.name, **kwargs), nothing, options)


class PlaceField(SelectField):
    """A department, province or district, or none. Call `offer` before it is shown or checked."""

    widget = PlaceSelect()
    places: Places
    nothing: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type = "SelectField"  # macros look at it

    def offer(self, session: Session, nothing: str) -> None:
        """All places, and `nothing` as the words for none of them."""
        self.places, self.nothing = known(session), nothing

    def told(self) -> str:
        """What the chosen place is called."""
        return self.places.labels.get(self.data, "")

    def pre_validate(self, _form: object) -> None:
        """Only places that there are."""
        if self.data and self.data not in self.places.labels:
            raise ValidationError(_("Choose a place from the list."))


def _groups(session: Session) -> dict[str, list[tuple[str, str]]]:
    return {
        _("Departments"): [(row.code, row.name) for row in reference.places(session, "department")],
        _("Provinces"): [(row.code, f"{row.name} ({row.department})") for row in reference.places(session, "province")],
        _("Districts"): [
            (row.code, f"{row.name} ({row.province}, {row.department})")
            for row in reference.places(session, "district")
        ],
    }


def _options(groups: dict[str, list[tuple[str, str]]]) -> Markup:
    group, option = Markup('<optgroup label="{}">{}</optgroup>'), Markup("<option {}>{}</option>")
    return Markup("").join(
        group.format(heading, Markup("").join(option.format(_value(code), label) for code, label in pairs))
        for heading, pairs in groups.items()
    )


def _value(code: str) -> Markup:
    return Markup('value="{}"').format(code)
