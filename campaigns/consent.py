"""May we write to this address? Refusals are made and undone here, and nowhere else.

The condition itself stands in store/consents.py, so that planning and the gate ask the same question in SQL.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from campaigns.store import consents as store


class Source(StrEnum):
    """How a refusal came to us. A BOUNCE is none of the person's: mails to the address came back for good."""

    WORD = "word"  # an SMS that says so
    LINK = "link"  # the link in a mail, by one click or on its page
    MAIL = "mail"  # a mail that says so, or one to the address for it
    COMPLAINT = "complaint"  # the mail was called spam
    PROVIDER = "provider"
    STAFF = "staff"
    BOUNCE = "bounce"


# What a person's START undoes: their own stop, whichever way they said it. The spam button is kept: whoever wants mails
# again after it says so to staff, for another complaint would cost everybody else the inbox. So is a bounce: that the
# address writes does not prove that it can be written to.
OWN: Final = (Source.WORD, Source.LINK, Source.MAIL)


def stop(
    session: Session,
    agency_id: int,
    channel: str,
    indexes: Iterable[bytes],
    *,
    source: Source,
    rule: str,
    language: str | None = None,
) -> bool:
    """Refuse for this address (its index under every key); True if it was not refused before.

    Never commits. May be called again: the first refusal's time stays. A refusal takes the place of a bounce, and a
    complaint that of the person's own stop, because a START undoes less of it. Locks the row, so that a window opened
    after the caller's commit cannot contain the address.
    """
    indexes = list(indexes)
    changed = [
        store.stop(session, agency_id, channel, index, source=source, rule=rule[:60], language=language)
        for index in indexes
    ]
    if source is Source.COMPLAINT:
        store.retell(session, agency_id, channel, indexes, of=OWN, source=source, rule=rule[:60])
    return any(changed)


def start(session: Session, agency_id: int, channel: str, indexes: Iterable[bytes], *, rule: str) -> bool:
    """Undo the person's own stop on this channel, by word, link or mail; True if there was one. Never commits.

    A complaint, a bounce, and a refusal that came from the provider or from staff stay (DOMAIN section 4, point 5).
    """
    changed = [store.start(session, agency_id, channel, index, sources=OWN, rule=rule[:60]) for index in indexes]
    return any(changed)


def is_stopped(session: Session, agency_id: int, channel: str, indexes: Iterable[bytes]) -> bool:
    """Whether this address refused the channel."""
    return store.is_stopped(session, agency_id, channel, list(indexes))
