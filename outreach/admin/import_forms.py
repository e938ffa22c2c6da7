"""The forms of an import: its file, then what each column holds and what is asked once for everybody in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms import Field as Control
from wtforms.validators import Length, StopValidation, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from campaigns.errors import Conflict, Invalid
from campaigns.rules import import_options
from campaigns.rules.headings import ADDRESSES, Field
from campaigns.rules.import_options import REPLACEABLE, Mode, Options
from campaigns.rules.import_rows import CONSENT, LONGEST_PROOF
from outreach.admin.contact_forms import GROUND_WORDS
from outreach.admin.import_words import FIELDS, REPLACED
from outreach.forms import Form, choices
from outreach.i18n import zone
from outreach.sentences import sentence, sentence_for

_MODES: Final = (
    (Mode.ADD, _l("Leave them as they are; only new people are added")),
    (Mode.UPDATE, _l("Bring them up to date; new people are added")),
    (Mode.ONLY_KNOWN, _l("Bring them up to date; nobody new is added")),
)
_NEEDED: Final = {"required": True}  # once a ground is chosen
_ANSWERS: Final = ("accepts_fallback", "mode", "fields", "tags", "ground", "ground_on", "ground_source", "ground_text")


class FileForm(Form):
    """The file alone."""

    file = FileField(_l("File"), validators=[FileRequired(_l("Choose a file."))])


class ColumnsField(Control):
    """What each column holds: a select a column, all of one name. `data` is a field or None for each, in order."""

    def process_data(self, value: Sequence[Field | None] | None) -> None:
        """Show what is known."""
        self.data = list(value or [])
        self.wrong: dict[int, str] = {}

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the choices, each as `3:phone`; a column that is not among them, or holds no field, is not used."""
        said = dict(value.partition(":")[::2] for value in valuelist)
        known = {field.value: field for field in Field}
        self.data = [known.get(said.get(str(number), "")) for number in range(len(self.data))]

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 - the library's signature
        """A field is in one column, and people can be reached by one of them."""
        taken: dict[Field, int] = {}
        for number, field in enumerate(self.data):
            if field in taken:
                self.wrong[number] = _("“%(field)s” is chosen for another column already.", field=FIELDS[field])
            elif field:
                taken[field] = number
        self.errors = list(dict.fromkeys(self.wrong.values()))
        if not ADDRESSES & taken.keys():
            self.errors = [*self.errors, sentence_for("columns_without_address", {})]

    @property
    def chosen(self) -> dict[Field, int]:
        """The number of the column, from 0, for each field; of two that hold one field the first."""
        return {field: at for at, field in reversed(list(enumerate(self.data))) if field}


class CheckboxesField(SelectMultipleField):
    """Several boxes to tick (macro `field`)."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def _day_of_consent(form: "ColumnsForm", field: Control) -> None:
    """Consent was given on some day, and not tomorrow; other grounds need none."""
    if not "".join(field.raw_data or ()).strip():
        field.errors = []
        if form.asks_ground and form.ground.data == CONSENT:
            raise StopValidation(_("Write since when they agree: without a date it cannot be proved."))
        raise StopValidation
    if field.data and field.data > datetime.now(zone()).date():
        raise StopValidation(_("This day is yet to come."))


class ColumnsForm(Form):
    """Columns and options of one import. Without a request's form it shows what is known already."""

    columns = ColumnsField(_l("Columns"))
    mode = RadioField(_l("People who are on your list already"), choices=choices(_MODES))
    fields = CheckboxesField(_l("What is replaced where the file says something"))
    tags = StringField(_l("Tags for everybody in this file"), validators=[Length(max=500)])
    ground = SelectField(_l("Why we may write to these people"))
    ground_on = DateField(_l("Since when"), validators=[_day_of_consent], render_kw=_NEEDED)
    ground_source = StringField(
        _l("Where it is written down"), validators=[Length(max=LONGEST_PROOF)], render_kw=_NEEDED
    )
    ground_text = StringField(_l("Text they agreed to"), validators=[Length(max=LONGEST_PROOF)])
    accepts_fallback = BooleanField(_l("These people also accept messages in Spanish"))

    def __init__(self, options: Options, columns: Mapping[Field, int], headings: int) -> None:
        """`options` so far, the `columns` as they are matched, and how many headings the file has."""
        held = {at: field for field, at in columns.items()}
        shown = {name: getattr(options, name) for name in _ANSWERS}
        shown |= {"tags": ", ".join(options.tags), "fields": [field.value for field in options.fields or REPLACEABLE]}
        shown |= {"ground": options.ground or ""}
        super().__init__(data={**shown, "columns": [held.get(number) for number in range(headings)]})
        self.fields.choices = choices([(field.value, REPLACED[field]) for field in REPLACEABLE])
        self.ground.choices = choices([("", _("Nothing on record: nothing is sent")), *GROUND_WORDS.items()])

    def validate_fields(self, field: Control) -> None:
        """An import that may change people says what."""
        if self.mode.data != Mode.ADD and not field.data and not (self.tags.data or "").strip():
            raise ValidationError(_("Tick what is replaced, or give everybody a tag."))

    def validate_ground_source(self, field: Control) -> None:
        """A ground can be proved."""
        if self.asks_ground and self.ground.data and not (field.data or "").strip():
            raise ValidationError(_("Write where it is written down, so that it can be proved."))

    @property
    def asks_ground(self) -> bool:
        """Whether the file is silent on why these people may be written to, and somebody may be added."""
        return Field.GROUND not in self.columns.chosen and self.mode.data != Mode.ONLY_KNOWN

    def filled(self) -> Options:
        """What was chosen, as the domain takes it; raises Invalid."""
        return import_options.read_options(
            accepts_fallback=self.accepts_fallback.data,
            mode=self.mode.data or Mode.ADD,
            fields=self.fields.data or (),
            tags=self.tags.data or "",
            ground=(self.ground.data or "") if self.asks_ground else "",
            ground_on=self.ground_on.data,
            ground_source=self.ground_source.data or "",
            ground_text=self.ground_text.data or "",
            columns=self.columns.chosen,
        )

    def tell(self, problem: Invalid | Conflict) -> None:
        """As every form; what is wrong with a file now has no field here but the columns."""
        if getattr(problem, "field", "") == "file":
            self.columns.errors = [*self.columns.errors, sentence(problem)]
        else:
            super().tell(problem)
