"""What an import did, or would do, in words: from the figures of its report (rules/import_report)."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from outreach.admin.import_words import DELIMITERS, ENCODINGS, REFUSALS, WARNINGS
from outreach.i18n import number
from outreach.sentences import sentence_for

Report = Mapping[str, Any]


def people(report: Report) -> int:
    """How many people it adds or changes; whose consent is withdrawn is among the changed."""
    return int(report.get("added", 0) + report.get("updated", 0))


def refused_rows(report: Report) -> int:
    """How many rows came to nothing because of what they say."""
    return sum(report["rejected"].values())


def will_happen(report: Report) -> str:
    """What importing the checked file would do, as one sentence."""
    added, changed = report["added"], report["updated"]
    if added and changed:
        return _(
            "If you import it now, %(added)s are added and %(changed)s are changed.",
            added=_persons(added),
            changed=_persons(changed),
        )
    if added:
        return ngettext(
            "If you import it now, %(count)s person is added.",
            "If you import it now, %(count)s people are added.",
            added,
            count=number(added),
        )
    if changed:
        return ngettext(
            "If you import it now, %(count)s person is changed.",
            "If you import it now, %(count)s people are changed.",
            changed,
            count=number(changed),
        )
    return _("There is nothing to import: nobody would be added or changed.")


def did_happen(report: Report) -> str:
    """What an import did, as one sentence or two."""
    added, changed = report["added"], report["updated"]
    told = []
    if added or not changed:
        told.append(ngettext("%(count)s person was added.", "%(count)s people were added.", added, count=number(added)))
    if changed:
        told.append(
            ngettext("%(count)s person was changed.", "%(count)s people were changed.", changed, count=number(changed))
        )
    return " ".join(told)


def ended(state: str, report: Report, failure: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The tone and the sentences of an import that is over, the most telling first."""
    did = [did_happen(report), *besides(report)] if report else []
    if state == "failed":
        why = sentence_for(failure["code"], failure["values"]) if failure else ""
        return "danger", [
            _("The file could not be brought in."),
            why,
            *([_("What came in before stays:"), *did] if did else []),
        ]
    if state == "stopped":
        return "warning", [_("The import was stopped before its end."), *did] if people(report) else [
            _("The import was stopped. Nobody was added.")
        ]
    if state == "undone":
        return "info", [_("This import was undone."), *_taken_back(report.get("undone", {}))]
    return "success", did


def _taken_back(undone: Mapping[str, int]) -> list[str]:
    told = []
    if gone := undone.get("removed"):
        told.append(
            ngettext(
                "%(count)s person who had come in with it was deleted.",
                "%(count)s people who had come in with it were deleted.",
                gone,
                count=number(gone),
            )
        )
    if restored := undone.get("restored"):
        told.append(
            ngettext(
                "%(count)s person got their old values back.",
                "%(count)s people got their old values back.",
                restored,
                count=number(restored),
            )
        )
    if stayed := undone.get("kept"):
        told.append(
            ngettext(
                "%(count)s person stays as they are: somebody corrected or wrote to them since.",
                "%(count)s people stay as they are: somebody corrected or wrote to them since.",
                stayed,
                count=number(stayed),
            )
        )
    return [*told, _("The figures below say what the import had done.")]


def besides(report: Report) -> list[str]:
    """What else is good to know about the people in it."""
    told = []
    if report["added"]:
        told.append(
            _(
                "Of the new ones %(sms)s can be written to by SMS and %(email)s by e-mail.",
                sms=number(report["reachable_sms"]),
                email=number(report["reachable_email"]),
            )
        )
    if gone := report["withdrawn"]:
        told.append(
            ngettext(
                "Of %(count)s person the file says NO: their consent is withdrawn.",
                "Of %(count)s people the file says NO: their consent is withdrawn.",
                gone,
                count=number(gone),
            )
        )
    return told


def button(report: Report) -> str:
    """What the button that imports says: what it does to how many."""
    added, changed = report["added"], report["updated"]
    if added and changed:
        return _("Import: add %(added)s, change %(changed)s", added=number(added), changed=number(changed))
    if added:
        return ngettext("Import: add %(count)s person", "Import: add %(count)s people", added, count=number(added))
    return ngettext(
        "Import: change %(count)s person", "Import: change %(count)s people", changed, count=number(changed)
    )


def figures(report: Report, is_forecast: bool) -> list[tuple[str, int]]:
    """The figures with their names; together they are the rows of the file, but for the consents withdrawn."""
    found = [
        (_("Rows in the file"), report["rows"]),
        (_("New people") if is_forecast else _("Added"), report["added"]),
        (_("To be changed") if is_forecast else _("Changed"), report["updated"]),
        (_("On the list already, unchanged"), report["unchanged"]),
        (_("Twice in the file"), report["repeated"]),
        (_("Not added"), refused_rows(report)),
    ]
    return [*found, (_("Consent withdrawn"), report["withdrawn"])] if report["withdrawn"] else found


def refused(report: Report) -> list[tuple[object, object, int]]:
    """(what, advice, rows) for each reason for which rows were refused."""
    return [(*REFUSALS[code], count) for code in REFUSALS if (count := report["rejected"].get(code))]


def warned(report: Report) -> list[tuple[object, object, int]]:
    """(what, advice, rows) for each thing to look at in rows that were kept."""
    return [(*WARNINGS[code], count) for code in WARNINGS if (count := report["warnings"].get(code))]


def read_as(kind: str, report: Report) -> str:
    """How the file was read."""
    if kind != "delimited":
        return _("The file was read as a spreadsheet.")
    encoding, delimiter = report["file"]["encoding"], report["file"]["delimiter"]
    return _(
        "The file was read as %(encoding)s, with columns separated by %(delimiter)s.",
        encoding=ENCODINGS.get(encoding, encoding),
        delimiter=DELIMITERS.get(delimiter, delimiter),
    )


def _persons(count: int) -> str:
    return ngettext("%(count)s person", "%(count)s people", count, count=number(count))
