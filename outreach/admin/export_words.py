"""What a person reads about what is kept of them: plainer than what staff read."""

from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.audit import Did
from campaigns.consent import Source
from campaigns.person_export import Change, Message, Refusal
from outreach.admin import message_words
from outreach.admin.person_words import KINDS

_CAME: Final = {
    Source.WORD: _l("by a message of yours"),
    Source.LINK: _l("by the link in a mail"),
    Source.MAIL: _l("by a mail of yours"),
    Source.COMPLAINT: _l("a mail was reported as spam"),
    Source.PROVIDER: _l("the telephone company told us"),
    Source.STAFF: _l("you told our staff"),
    Source.BOUNCE: _l("mails to you came back"),
}
_DID: Final = {
    Did.CONTACT_ADDED: _l("Your data were written down"),
    Did.CONTACT_CHANGED: _l("Your data were corrected"),
    Did.CONTACT_EXPORTED: _l("Your data were handed over to you"),
    Did.CONTACT_MERGED: _l("Two entries about you were made one"),
    Did.CONTACTS_IMPORTED: _l("Your data came with a file"),
}


def refusal(one: Refusal) -> str:
    """What was refused, and how it came to us."""
    channel, how = message_words.CHANNELS[one.channel], _CAME.get(Source(one.source), "")
    if not one.stopped:
        return _("%(channel)s: refused, and asked for again later", channel=channel)
    return _("%(channel)s: no more messages (%(how)s)", channel=channel, how=how)


def outcome(one: Message) -> str:
    """What became of a message."""
    return str(message_words.message(one.state, one.channel)[0])


def kind(code: str) -> str:
    """What a text of theirs was taken for."""
    return str(KINDS.get(code, code))


def change(one: Change) -> str:
    """What was done with their data."""
    known = _DID.get(Did(one.did)) if one.did in set(Did) else None
    return str(known or _("Somebody of our staff looked at your data, or changed them"))
