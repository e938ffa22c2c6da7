"""The sentence for every code a domain error can carry, in the reader's language.

Keys are the codes of `campaigns.errors`; the holes are the values they carry. A test reads every raise in
`campaigns/` and fails when a code has no sentence here or a hole has no value.
"""

import structlog
from flask_babel import gettext, ngettext

from campaigns.errors import Problem

log = structlog.get_logger(__name__)


def later(text: str) -> str:
    """Marks a sentence for the catalogues; translated when it is told."""
    return text


def counted(one: str, many: str) -> tuple[str, str]:
    """Marks a sentence with a plural; it is chosen by the value `count`."""
    return one, many


SENTENCES: dict[str, str | tuple[str, str]] = {
    # agencies, senders, staff
    "slug_shape": later("Use 1 to 40 small letters, digits and hyphens, for example lima-norte."),
    "slug_taken": later("Another agency has the short name %(slug)s already."),
    "agency_unknown": later("There is no agency %(slug)s."),
    "sender_unknown": later("This sender does not exist."),
    "sender_taken": later("You have a sender with %(address)s already."),
    "sender_address_shape": later(
        "Write a number such as +5117000001, a short code, or a name of up to 11 letters and digits."
    ),
    "account_shape": later("An account begins with AC, followed by 32 digits and letters from a to f."),
    "token_shape": later("Copy the token from your provider's console: up to 200 plain letters, digits and signs."),
    "number_range": later("Write a whole number from %(lowest)s to %(highest)s."),
    "name_length": later("Write a name of 1 to %(longest)s characters."),
    "role_unknown": later("There is no role %(role)s: choose writer, approver or admin."),
    "email_taken": later("Somebody signs in with this address already."),
    "email_shape": later("Write an e-mail address, for example name@agency.gob.pe."),
    "staff_unknown": later("Nobody signs in with this address."),
    # hours
    "time_zone_unknown": later("There is no time zone %(name)s. Peru's is America/Lima."),
    "hours_day_unknown": later("%(day)s is not a day of the week."),
    "hours_end_before_start": later("The end must be later than the beginning."),
    "hours_not_a_time": later("%(value)s is not a time. Write it as 08:00."),
    "holidays_unknown": later("The holidays of %(country)s are not known here. Choose another country or none."),
    # rights
    "role_lacks_right": later("Your role does not allow this. Ask an administrator of your agency."),
    "route_not_marked": later("This page is not open to anybody yet."),
    # files
    "file_empty": later("There is nothing in this file."),
    "file_not_text": later(
        "This is not a table of text: a picture, a PDF or a Word file cannot be read. Save the table as CSV."
    ),
    "encoding_unknown": later("The letters of this file cannot be read. Save it again as CSV UTF-8."),
    "line_too_long": later("A line is longer than %(longest)s characters, so this cannot be a table of people."),
    "row_too_long": later("The row that begins in line %(line)s does not end. Look for a quotation mark too many."),
    "quote_not_closed": later("A quotation mark is opened in line %(line)s and never closed."),
    "too_many_columns": later("Line %(line)s has more than %(most)s columns."),
    "no_address_column": later("No column holds phone numbers or e-mail addresses. The headings are: %(headings)s."),
    # texts
    "placeholder_unclosed": later("A placeholder is opened with {{ and not closed with }} (character %(position)s)."),
    "placeholder_unopened": later("There is a }} without its {{ (character %(position)s)."),
    "placeholder_empty": later("There is nothing between {{ and }} (character %(position)s)."),
    "placeholder_unknown": later("{{%(name)s}} is not a placeholder we know (character %(position)s)."),
    "placeholder_single_brace": later("Write {{%(name)s}} with two braces on each side (character %(position)s)."),
}


def sentence(problem: Problem) -> str:
    """The problem as a sentence. One without a sentence is told in general words and noted in the log."""
    wanted = SENTENCES.get(problem.code)
    try:
        if isinstance(wanted, tuple):
            return ngettext(*wanted, problem.values["count"], **problem.values)
        if wanted is not None:
            return gettext(wanted, **problem.values)
    except (KeyError, TypeError, ValueError):
        log.error("a sentence lacks a value", code=problem.code, given=sorted(problem.values))
    else:
        log.error("a code has no sentence", code=problem.code)
    return gettext("This cannot be done. Check what you entered and try again.")
