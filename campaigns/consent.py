"""May we write to this address? Refusals are made and undone here, and nowhere else.

The condition itself stands in store/consents.py, so that planning and the gate ask the same question in SQL.
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy.orm import Session

from campaigns.store import consents as store


class Source(StrEnum):
    """How a refusal came to us. A person's START undoes only their own WORD."""

    WORD = "word"
    PROVIDER = "provider"
    STAFF = "staff"


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

    Never commits. May be called again: the first refusal's time stays. Locks the row, so that a window opened after
    the caller's commit cannot contain the address.
    """
    changed = [
        store.stop(session, agency_id, channel, index, source=source, rule=rule[:60], language=language)
        for index in indexes
    ]
    return any(changed)


def start(session: Session, agency_id: int, channel: str, indexes: Iterable[bytes], *, rule: str) -> bool:
    """Undo the person's own stop on this channel; True if there was one. Never commits.

    A refusal that came from the provider or from staff stays (DOMAIN section 4, point 5).
    """
    changed = [store.start(session, agency_id, channel, index, source=Source.WORD, rule=rule[:60]) for index in indexes]
    return any(changed)


def is_stopped(session: Session, agency_id: int, channel: str, indexes: Iterable[bytes]) -> bool:
    """Whether this address refused the channel."""
    return store.is_stopped(session, agency_id, channel, list(indexes))
