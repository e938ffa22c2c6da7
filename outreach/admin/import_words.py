"""Imports in words: states, steps, what a column can be, why a row was refused and what to do about it."""

from collections.abc import Iterable
from typing import Final

from babel.numbers import format_decimal
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.headings import Field
from campaigns.rules.import_report import NOT_KNOWN
from campaigns.rules.import_rows import Refusal, Warned

_KILOBYTE: Final = 1024
_MEGABYTE: Final = 1024 * 1024

# State -> its word and the tone it is shown in (macro `state`).
STATES: Final = {
    "reading": (_l("Being read"), "waiting"),
    "columns": (_l("Columns to look at"), "waiting"),
    "checking": (_l("Being checked"), "waiting"),
    "checked": (_l("Checked, not imported yet"), "waiting"),
    "waiting": (_l("Waiting its turn"), "waiting"),
    "running": (_l("Coming in"), "waiting"),
    "done": (_l("Done"), "done"),
    "failed": (_l("Not possible"), "danger"),
    "stopped": (_l("Stopped"), "off"),
    "undoing": (_l("Being undone"), "waiting"),
    "undone": (_l("Undone"), "off"),
}
TITLES: Final = {
    "reading": _l("The file is being read"),
    "columns": _l("Columns and options"),
    "checking": _l("The whole file is being checked"),
    "checked": _l("The file is checked"),
    "waiting": _l("People are being brought in"),
    "running": _l("People are being brought in"),
    "done": _l("The import is done"),
    "failed": _l("The import was not possible"),
    "stopped": _l("The import was stopped"),
    "undoing": _l("The import is being undone"),
    "undone": _l("The import was undone"),
}
# What a worker is doing, beside its bar; and what somebody who waits for it should know.
BARS: Final = {
    "reading": _l("The tables in the file are being read"),
    "checking": _l("Every row is being read; nobody is added yet"),
    "waiting": _l("The file waits its turn"),
    "running": _l("The rows are being brought in"),
    "undoing": _l("People who came in are taken away, and changed ones get their old values back"),
}
MEANWHILE: Final = {
    "reading": _l("It goes on by itself, also when you leave this page. Then you say what each column holds."),
    "checking": _l(
        "It goes on by itself, also when you leave this page. Stop brings you back to the columns; nothing is lost."
    ),
    "waiting": _l("It goes on by itself, also when you leave this page."),
    "running": _l(
        "It goes on by itself, also when you leave this page. If you stop it, what came in so far stays, and you can "
        "undo it."
    ),
    "undoing": _l("It goes on by itself, also when you leave this page."),
}
# How one gets out of what a worker is at: (endpoint, what the button says, whether it is asked again first).
WAYS_OUT: Final = {
    "reading": ("import_course.discard", _l("Discard the file"), True),
    "checking": ("import_course.back", _l("Stop"), False),
    "waiting": ("import_course.stop", _l("Stop"), False),
    "running": ("import_course.stop", _l("Stop"), False),
}
ACCEPTED: Final = ".csv,.tsv,.txt,.xlsx,.ods"
STEPS: Final = (_l("File"), _l("Columns and options"), _l("Check"), _l("Import"))
_STEP_OF: Final = {"reading": 1, "columns": 2, "checking": 3, "checked": 3}
ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
    "mixed": "UTF-8 + Windows-1252",
}
DELIMITERS: Final = {",": _l("commas"), ";": _l("semicolons"), "\t": _l("tabs"), "|": _l("vertical bars")}
# How a column was matched.
MATCHED: Final = {
    "heading": _l("Recognised by its heading"),
    "content": _l("Recognised by what is in it"),
    "remembered": _l("As it was chosen last time"),
}
# In the order in which a select offers them.
FIELDS: Final = {
    Field.NAME: _l("Whole name"),
    Field.FIRST_NAME: _l("First name"),
    Field.LAST_NAME: _l("Surname"),
    Field.SECOND_LAST_NAME: _l("Second surname"),
    Field.BUSINESS: _l("Business name"),
    Field.PHONE: _l("Mobile or telephone"),
    Field.EMAIL: _l("E-mail"),
    Field.DISTRICT: _l("District or ubigeo"),
    Field.PROVINCE: _l("Province"),
    Field.DEPARTMENT: _l("Department"),
    Field.SECTOR: _l("Line of business"),
    Field.LANGUAGE: _l("Language"),
    Field.GROUND: _l("Consent or legal ground"),
    Field.AGREED_ON: _l("Date of consent"),
    Field.GROUND_SOURCE: _l("Where the consent is written down"),
    Field.GROUND_TEXT: _l("Text they agreed to"),
    Field.ROLE: _l("Role"),
    Field.TAGS: _l("Tags"),
}
# What an update may replace: each word stands for all the columns that make it up.
REPLACED: Final = {
    Field.NAME: _l("Name"),
    Field.BUSINESS: _l("Business name"),
    Field.ROLE: _l("Role"),
    Field.SECTOR: _l("Line of business"),
    Field.EMAIL: _l("E-mail"),
    Field.DISTRICT: _l("Place"),
    Field.LANGUAGE: _l("Language"),
    Field.GROUND: _l("Consent or legal ground, with date and proof"),
    Field.TAGS: _l("Tags"),
}
REFUSALS: Final[dict[str, tuple[object, object]]] = {
    Refusal.NO_USABLE_ADDRESS: (
        _l("No usable number and no usable e-mail"),
        _l("Nobody could be reached by this row. Correct it in your file and send the file again."),
    ),
    NOT_KNOWN: (
        _l("Not on your list"),
        _l("You chose that nobody new is added. Choose otherwise if this person should come in."),
    ),
}
WARNINGS: Final[dict[str, tuple[object, object]]] = {
    Warned.PHONE_IGNORED: (
        _l("Telephone number ignored"),
        _l("It is no number that exists, so only the e-mail is kept."),
    ),
    Warned.EMAIL_IGNORED: (_l("E-mail ignored"), _l("It is no e-mail address, so only the telephone is kept.")),
    Warned.LANDLINE: (_l("Landline"), _l("It is kept, but a landline gets no SMS.")),
    Warned.PLACE_UNKNOWN: (
        _l("Place not known"),
        _l("No place of this name is known, or more than one: segments by place do not pick this person."),
    ),
    Warned.LANGUAGE_UNKNOWN: (_l("Language not known"), _l("Your agency's usual language is taken.")),
    Warned.SECTOR_UNKNOWN: (
        _l("Line of business not known"),
        _l("Segments by line of business do not pick this person, or not for all of their business."),
    ),
    Warned.NO_LEGAL_GROUND: (
        _l("No consent on record"),
        _l("The file does not say clearly that this person agreed. They are kept, but nothing is sent to them."),
    ),
}


def step(state: str) -> int:
    """Which of the STEPS, from 1, an import in this state is in; whatever has no step of its own is in the last."""
    return _STEP_OF.get(state, len(STEPS))


def megabytes(size: int) -> str:
    """A size in bytes as people read it."""
    number = size / _MEGABYTE
    if number < 1:
        return _("%(number)s kB", number=format_decimal(max(1, round(size / _KILOBYTE)), locale=get_locale()))
    return _("%(number)s MB", number=format_decimal(round(number, 1), locale=get_locale()))


def why(codes: Iterable[str]) -> tuple[str, str]:
    """The reasons for which a row was refused or warned of, and what to do about each; both as one text."""
    known = REFUSALS | WARNINGS
    told = [known[code] for code in codes if code in known]
    return "; ".join(str(reason) for reason, _advice in told), " ".join(str(advice) for _reason, advice in told)
