"""The sentence for every code a domain error can carry, in the reader's language.

Keys are the codes of `campaigns.errors`; the holes are the values they carry. A test reads every raise in
`campaigns/` and fails when a code has no sentence here or a hole has no value.
"""

from collections.abc import Mapping
from typing import Any

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
    "mailbox_of_others": later(
        "Another agency here uses %(address)s. Answers would come to both of you: choose another."
    ),
    "sender_address_shape": later(
        "Write a number such as +5117000001, a short code, or a name of up to 11 letters and digits."
    ),
    "account_shape": later("An account begins with AC, followed by 32 digits and letters from a to f."),
    "token_shape": later("Copy the token from your provider's console: up to 200 plain letters, digits and signs."),
    "provider_silent": later("The provider did not answer. This says nothing about the sender: try again in a minute."),
    "host_shape": later("Write the name of the mail server, for example smtp.agency.gob.pe."),
    "domain_shape": later("Write a domain, for example rebotes.agency.gob.pe."),
    "security_unknown": later("Choose how the line to the server is encrypted."),
    "security_needed": later(
        "Without encryption only a server on this very machine can be used. Choose STARTTLS or TLS."
    ),
    "login_shape": later("Use up to %(longest)s letters, digits and signs."),
    "login_needed": later("Write the name this password is for, or leave both empty."),
    "password_needed": later("Write the password for this name."),
    "password_again": later("Write the password again: the one that is kept was for another server or another name."),
    "dkim_selector_shape": later("Write a selector of letters, digits and hyphens, for example outreach."),
    "dkim_key_shape": later(
        "Paste a private key in PEM, without a password: RSA with 2048 bits, or ed25519. It begins with -----BEGIN."
    ),
    "segment_excluded": later("People cannot be chosen and left out by the same segment."),
    "cap_half": later("Write both numbers, or none of them."),
    "number_range": later("Write a whole number from %(lowest)s to %(highest)s."),
    "name_length": later("Write a name of 1 to %(longest)s characters."),
    "role_unknown": later("There is no role %(role)s: choose writer, approver or admin."),
    "email_taken": later("Somebody signs in with this address already."),
    "email_shape": later("Write an e-mail address, for example name@agency.gob.pe."),
    "staff_has_password": later("%(email)s has a password. A new one is asked for on the sign-in page."),
    "staff_unknown": later("Nobody signs in with this address."),
    "password_length": later("A password needs %(shortest)s to 1000 characters."),
    # hours
    "time_zone_unknown": later("There is no time zone %(name)s. Peru's is America/Lima."),
    "hours_day_unknown": later("%(day)s is not a day of the week."),
    "hours_end_before_start": later("The end must be later than the beginning."),
    "hours_not_a_time": later("%(value)s is not a time. Write it as 08:00."),
    "hours_never_open": later("Leave at least one day open: otherwise nothing is ever sent."),
    "holidays_unknown": later("The holidays of %(country)s are not known here. Choose another country or none."),
    # rights
    "role_lacks_right": later("Your role does not allow this. Ask an administrator of your agency."),
    "route_not_marked": later("This page is not open to anybody yet."),
    # files
    "file_empty": later("There is nothing in this file."),
    "file_not_text": later(
        "This is not a table of text: a picture, a PDF or a Word file cannot be read. Save the table as CSV."
    ),
    "file_old_excel": later(
        "This is an Excel file of an old or binary kind (.xls, .xlsb). Open it, save it as an Excel Workbook (.xlsx) "
        "and send that file."
    ),
    "file_password": later("This file is locked with a password. Save it without one and send that file."),
    "file_packed": later("This is a packed folder. Take the table out of it and send the table alone."),
    "file_web_page": later(
        "This is a web page that is only called a spreadsheet. Open it in Excel or LibreOffice, save it as .xlsx and "
        "send that file."
    ),
    "file_broken": later(
        "This spreadsheet is damaged or was cut off on its way. Open it, save it anew as .xlsx and send that file."
    ),
    "file_no_rows": later("No sheet of this spreadsheet that can be seen holds anything."),
    "file_too_much_inside": later(
        "There is more inside this spreadsheet than can be unpacked here. Delete pictures, other sheets and cells far "
        "away from the table, or save the sheet as CSV UTF-8."
    ),
    "encoding_unknown": later("The letters of this file cannot be read. Save it again as CSV UTF-8."),
    "file_too_big": later("A file may have %(most)s MB. Cut this one into smaller ones."),
    "import_unknown": later("This import does not exist."),
    "columns_unknown": later("This file has no such column. Choose from those in the list."),
    "column_twice": later("One column is chosen for two things. Choose another for one of them."),
    "columns_without_address": later(
        "Choose the column that holds mobiles or e-mails: without one nobody can be reached."
    ),
    "file_sealed": later("This file cannot be opened with the keys of this installation any more. Hand it in again."),
    "import_moved_on": later("This import has moved on in the meantime. This is how it stands now."),
    "import_sent": counted(
        "Since then %(count)s of its people was sent something. It cannot be undone any more.",
        "Since then %(count)s of its people were sent something. It cannot be undone any more.",
    ),
    "import_interrupted": later("The import broke off on our side. What was added so far stays; send the file again."),
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
    "text_empty": later("Write the text."),
    "text_too_long": counted(
        "With its frame and the longest values the text is %(count)s character over %(most)s: shorten it.",
        "With its frame and the longest values the text is %(count)s characters over %(most)s: shorten it.",
    ),
    "text_control_character": later("Character %(position)s cannot be shown on a phone. Delete it or type it again."),
    # mails
    "subject_empty": later("Write a subject that says something without the placeholders, too."),
    "subject_too_long": counted(
        "The subject is %(count)s character over %(most)s: shorten it.",
        "The subject is %(count)s characters over %(most)s: shorten it.",
    ),
    "subject_control_character": later("Character %(position)s of the subject cannot be sent. Delete it."),
    "mail_too_long": counted(
        "The mail is %(count)s character over %(most)s: shorten it.",
        "The mail is %(count)s characters over %(most)s: shorten it.",
    ),
    "mail_picture": later("A mail holds no pictures: loading one tells others that it was opened."),
    "mail_html": later("Write without HTML: two stars make **bold**, a hyphen begins a list."),
    "mail_nested": later("Lists lie too deep in one another here. Use at most three levels."),
    "mail_link_hole": later("A link may not hold a placeholder for a person: write the address itself."),
    "mail_link_scheme": later("Links lead to https:// pages, tel: numbers or mailto: addresses, not to %(target)s."),
    "mail_link_host": later(
        "%(target)s is not a page one can check by eye: write https:// and a name in plain letters, such as www.gob.pe."
    ),
    "mail_link_phone": later("%(target)s is not a telephone number. Write tel: and digits, for example tel:111."),
    "mail_link_mailbox": later("%(target)s is not an e-mail address. Write mailto: and the address, nothing else."),
    "mail_link_words": later("The link says “%(words)s” and leads to %(target)s. It must lead where it says."),
    # segments
    "segment_unknown": later("This segment does not exist."),
    "segment_name_taken": later("You have a segment named %(name)s already."),
    "segment_used": counted(
        "%(count)s campaign uses this segment, so it cannot be deleted.",
        "%(count)s campaigns use this segment, so it cannot be deleted.",
    ),
    "segment_inside": counted(
        "The segment %(names)s is made of this one, so it cannot be deleted.",
        "%(count)s segments are made of this one, so it cannot be deleted: %(names)s.",
    ),
    "rule_shape": later("This rule cannot be read. Put it together again."),
    "rule_empty_group": later("A group has no condition in it. Add one or remove the group."),
    "rule_too_deep": later("Groups may lie %(most)s deep. Simplify the rule."),
    "rule_too_large": later("A segment may have %(most)s conditions. Simplify the rule."),
    "rule_sector": later("%(value)s is not a line of business."),
    "rule_place": later("%(value)s is not a place."),
    "rule_language": later("%(value)s is not a language."),
    "rule_tag": later("Write the tag."),
    "rule_role": later("%(value)s is nothing that somebody can be in a business here."),
    "rule_channel": later("%(value)s is no way to reach people."),
    "rule_days": later("Write a number of days from 1 to %(most)s."),
    "rule_segment_unknown": later("This segment is not there any more. Choose another, or remove the condition."),
    "rule_circle": later("A segment cannot be made of itself: %(way)s. Take one of them out."),
    "rule_outgrown": later("“%(name)s” is made of this segment and would become too large. Simplify the rule."),
    # campaigns
    "campaign_unknown": later("This campaign does not exist."),
    "campaign_not_submitted": later("This campaign is not waiting for approval any more. Reload the page."),
    "campaign_not_approved": later("This campaign is not approved. Reload the page to see where it stands."),
    "campaign_started": later("This campaign has started. It can only be stopped now."),
    "campaign_expired": later("The time until which this campaign could be sent is over. Set a later end."),
    "campaign_changed": later("Somebody changed this campaign at the same moment. Reload the page and look again."),
    "campaign_submitted": later("This campaign was submitted already."),
    "campaign_not_draft": later("This campaign was submitted, so it cannot be deleted any more."),
    "campaign_not_editable": later("This campaign cannot be changed as it stands. Reload the page."),
    "campaign_moved_on": later(
        "This campaign was changed or submitted since you opened this page. Nothing was saved. Look at it in another "
        "tab. If you press Save again, what stands here replaces it, and it becomes a draft again."
    ),
    "campaign_needs_segment": later("Choose who should get it."),
    "campaign_needs_sender": later("Choose a sender. An administrator adds senders under Settings."),
    "channels_unknown": later("Choose how people are reached."),
    "campaign_needs_mail_sender": later("Choose a mail sender. An administrator adds senders under Settings."),
    "campaign_needs_mail": later("Write a mail in at least one language."),
    "fallback_needs_text": later("Write the SMS in the language for everybody else, too: so far it has a mail only."),
    "fallback_needs_mail": later("Write the mail in the language for everybody else, too: so far it has an SMS only."),
    "campaign_needs_text": later("Write a text in at least one language."),
    "start_past": later("The time at which it should start is over. Choose a later one, or none."),
    "start_after_expiry": later("It would start after the last moment at which it may be sent. Choose an earlier one."),
    "expiry_past": later("The last moment at which it may be sent is over. Choose a later one."),
    "time_skipped": later(
        "The clocks go forward that day, so there is no %(time)s. Choose another time, for example %(instead)s."
    ),
    "moment_far": later("No calendar goes that far. Choose a moment in the coming years."),
    "language_unknown": later("We do not send in this language."),
    "text_missing": later("There is no text in this language yet."),
    "number_not_mobile": later("Write a mobile number, for example 987 654 321."),
    "number_opted_out": later("This number does not want messages from you, so nothing is sent to it."),
    "address_opted_out": later("This address does not want mails from you, so nothing is sent to it."),
    "test_sends_used_up": counted(
        "You sent %(count)s test in the last hour. Wait a while.",
        "You sent %(count)s tests in the last hour. Wait a while.",
    ),
    "own_campaign": later("You wrote or submitted this campaign, so somebody else has to approve it."),
    "reason_needed": later("Write the reason."),
    "reason_too_long": later("Use at most %(most)s characters."),
    "campaign_not_running": later("This campaign is not being sent at the moment. Reload the page."),
    "campaign_not_paused": later("This campaign is not paused any more. Reload the page."),
    "campaign_changed_since_approval": later(
        "Something changed after it was approved, so it cannot go on. Copy it and have the copy approved."
    ),
    "campaign_not_under_way": later("This campaign has ended already. Reload the page."),
    # corrections
    "campaign_never_sent": later("Nobody was sent this campaign, so there is nothing to correct or withdraw."),
    "parent_still_sending": later("“%(name)s” can still go out. Stop it, or wait until it has ended."),
    "parent_in_hand": later("The last messages of “%(name)s” are just being handed over. Try again in a minute."),
    "parent_language_missing": counted(
        "People were written to in %(count)s language that has no text here yet.",
        "People were written to in %(count)s languages that have no text here yet.",
    ),
    "correction_unfinished": later("Write what is right: so far there are only the first words we put there."),
    # people
    "contact_unknown": later("This person is not on your list."),
    "merge_same": later("This is the same person. Choose somebody else to merge them with."),
    "choice_unknown": later("Choose what stays from the list."),
    "contact_taken": later(
        "Somebody on your list has this already. Look for them under People and correct them there."
    ),
    "contact_moved_on": later(
        "Somebody corrected this person since you opened this page. Nothing was saved. Look at them in another tab. If "
        "you press Save again, what stands here replaces it."
    ),
    "contact_role_unknown": later("Choose a role from the list."),
    "says_what_happened": later(
        "Do not write what happened to somebody, nor that they told the police: whoever gets hold of the list would "
        "know whom to punish. Use other words."
    ),
    "names_somebody": later(
        "Write no names, numbers or e-mails here: this stands beside the person without being sealed."
    ),
    "reason_too_short": later("Write at least %(least)s characters that say why."),
    "reason_says_nothing": later("Write the reason in words."),
    "reveal_shown": later("It was shown once. To see it again, give a reason again."),
    "no_usable_address": later("Write a telephone number or an e-mail address, so that the person can be reached."),
    "phone_unusable": later("This number cannot be used. Write a mobile such as 987 654 321, or +country and number."),
    "email_unusable": later("Write an e-mail address, for example name@company.pe."),
    "place_unknown": later("Choose a place from the list."),
    "sector_unknown": later("Choose lines of business from the list."),
    "ground_unknown": later("Choose a reason from the list."),
    "mode_unknown": later("Choose what becomes of people who are there already."),
    "field_unknown": later("Choose what to replace from the list."),
    # inbox
    "inbound_not_waiting": later("This message was closed already."),
}


def sentence(problem: Problem) -> str:
    """The problem as a sentence. One without a sentence is told in general words and noted in the log."""
    return sentence_for(problem.code, problem.values)


def sentence_for(code: str, values: Mapping[str, Any]) -> str:
    """The same for a code and values that were stored (an import's fault, say)."""
    wanted = SENTENCES.get(code)
    try:
        if isinstance(wanted, tuple):
            return ngettext(*wanted, values["count"], **values)
        if wanted is not None:
            return gettext(wanted, **values)
    except (KeyError, TypeError, ValueError):
        log.error("a sentence lacks a value", code=code, given=sorted(values))
    else:
        log.error("a code has no sentence", code=code)
    return gettext("This cannot be done. Check what you entered and try again.")
