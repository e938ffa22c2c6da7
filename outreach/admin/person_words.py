"""What staff read about one person: why nothing is sent to an address, what they refused, who did what with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.audit import Did
from campaigns.cards import Card
from campaigns.consent import Source
from campaigns.contact_history import Change, Refusal
from campaigns.rules.channels import Channel
from outreach.admin import message_words

# Why nothing is sent to an address of theirs, and what can be done about it.
REFUSAL_WORDS: Final = {
    (Channel.SMS, Source.WORD): _l(
        "They asked for no more SMS. Only they themselves can change that, by answering ALTA."
    ),
    (Channel.SMS, Source.PROVIDER): _l(
        "The provider has it that they refused SMS. Only they themselves can change it."
    ),
    (Channel.SMS, Source.STAFF): _l("They told your agency that they want no more SMS."),
    (Channel.EMAIL, Source.LINK): _l("They asked for no more e-mail, by the link that every mail has."),
    (Channel.EMAIL, Source.MAIL): _l("They asked for no more e-mail, in a mail to you."),
    (Channel.EMAIL, Source.COMPLAINT): _l(
        "They called a mail of yours spam. They get no more e-mail, and only your agency can change that, if they ask."
    ),
    (Channel.EMAIL, Source.PROVIDER): _l("The provider has it that they refused e-mail."),
    (Channel.EMAIL, Source.STAFF): _l("They told your agency that they want no more e-mail."),
    (Channel.EMAIL, Source.BOUNCE): _l(
        "Mails to this address came back for good. They refused nothing: ask for their address, and correct it here."
    ),
}
_REFUSED: Final = {Channel.SMS: _l("They asked for no more SMS."), Channel.EMAIL: _l("They asked for no more e-mail.")}
# The same as history: how it came to us.
_CAME: Final = {
    Source.WORD: _l("They answered that they want no more messages."),
    Source.LINK: _l("They stopped the mails by the link that every mail has."),
    Source.MAIL: _l("They wrote a mail to stop the mails."),
    Source.COMPLAINT: _l("They called a mail spam."),
    Source.PROVIDER: _l("The provider told us that they refused messages."),
    Source.STAFF: _l("They told your agency that they want no more messages."),
    Source.BOUNCE: _l("Mails to this address came back for good."),
}

KINDS: Final = {
    "stop": _l("Wants no more messages"),
    "start": _l("Wants messages again"),
    "help": _l("Asked for help"),
    "other": _l("Something else"),
}

_DONE: Final = {
    Did.CONTACT_ADDED: _l("Added by hand"),
    Did.CONTACT_CHANGED: _l("Corrected"),
    Did.CONTACT_REVEALED: _l("Shown in full"),
    Did.CONTACT_MERGED: _l("Made one with another entry"),
    Did.CONTACT_EXPORTED: _l("Their data were handed over"),
    Did.CONTACTS_IMPORTED: _l("Changed by an import"),
    Did.CONTACT_MERGED: _l("Made one with another entry"),
    Did.CONTACT_EXPORTED: _l("Their data were handed over to them"),
}
_FIELDS: Final = {
    "name": _l("Name"),
    "business": _l("Business name"),
    "phone": _l("Telephone"),
    "email": _l("E-mail"),
    "role": _l("Role in the business"),
    "place_code": _l("Place"),
    "sectors": _l("Business"),
    "language": _l("Language"),
    "accepts_fallback": _l("Also accepts messages in Spanish"),
    "tags": _l("Tags"),
    "ground": _l("Why we may write"),
    "ground_on": _l("Since when"),
    "ground_source": _l("Where the proof is"),
    "ground_text": _l("Which text they agreed to"),
}


@dataclass(frozen=True)
class Event:
    """One line of what somebody refused, or took back."""

    at: datetime
    channel: Channel
    says: str


def called(card: Card) -> str:
    """What a page calls a person: as much of a name as the reader may see, and never nothing."""
    return card.name or card.business or card.phone or card.email or _("A person without a name")


def refusal(channel: Channel, source: Source) -> str:
    """Why nothing is sent there now."""
    return str(REFUSAL_WORDS.get((channel, source), _REFUSED[channel]))


def events(refusals: Sequence[Refusal]) -> list[Event]:
    """What was refused and taken back, newest first."""
    found = []
    for one in refusals:
        found.append(Event(one.at, one.channel, _came(one)))
        if one.started_again_at is not None:
            found.append(Event(one.started_again_at, one.channel, _("They asked for messages again.")))
    return sorted(found, key=lambda event: event.at, reverse=True)


def done(change: Change) -> str:
    """What somebody did with the person."""
    return str(_DONE.get(Did(change.did), _("Something was changed")))


def fields(change: Change) -> list[str]:
    """What it concerned."""
    return [str(_FIELDS.get(name, name)) for name in change.fields]


def _came(one: Refusal) -> str:
    said = str(_CAME[one.source])
    if one.source is Source.WORD and one.started_again_at is None:
        return _("They answered “%(word)s”.", word=one.word)
    if one.source in (Source.BOUNCE, Source.PROVIDER):
        why, _advice = message_words.failure(one.word, one.channel)
        return f"{said} {why}." if why else said
    return said
