"""Lists of people, a page at a time: narrowed, searched, and masked. No count is made: it would cost a scan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from campaigns import cards
from campaigns.cards import Card, Viewer
from campaigns.rules.addresses import Email, Phone, read_email, read_phone
from campaigns.rules.narrowing import NOT_NARROWED, Narrowing
from campaigns.sealing import Sealer
from campaigns.store import contact_lists as store
from campaigns.store.contact_lists import Sought
from campaigns.store.contacts import Contact
from campaigns.vault import Vault

PAGE: Final = 50
_LONGEST_QUERY: Final = 200
_MOST_WORDS: Final = 5


@dataclass(frozen=True)
class Page:
    """Some contacts, newest first; `below` asks for the next ones, None when there are no more."""

    cards: Sequence[Card]
    below: int | None


def listed(
    session: Session,
    vault: Vault,
    viewer: Viewer,
    narrowing: Narrowing = NOT_NARROWED,
    *,
    below: int | None = None,
) -> Page:
    """Fifty contacts to whom the narrowing applies, newest first, from below id `below`."""
    found = store.listed(session, viewer.agency_id, narrowing, below=below, limit=PAGE + 1)
    return _page(session, vault, viewer, found)


def found(
    session: Session,
    vault: Vault,
    viewer: Viewer,
    query: str,
    narrowing: Narrowing = NOT_NARROWED,
    *,
    below: int | None = None,
) -> Page:
    """Like listed(), only those whom `query` finds; an empty one finds everybody.

    A query is a phone or a mail, or whole words that stand in the name or business, in any order and spelling.
    """
    query = query.strip()[:_LONGEST_QUERY]
    if not query:
        return listed(session, vault, viewer, narrowing, below=below)
    for sought in _readings(vault, viewer.agency_id, query):
        rows = store.listed(session, viewer.agency_id, narrowing, sought, below=below, limit=PAGE + 1)
        if rows:
            return _page(session, vault, viewer, rows)
    return Page([], None)


def _readings(vault: Vault, agency_id: int, query: str) -> list[Sought]:
    """What a query may mean, the surest first: a number may also stand in the name of a business."""
    phone, email = read_phone(query), read_email(query)
    readings = []
    if isinstance(phone, Phone) or isinstance(email, Email):
        phones = vault.address_indexes(phone.e164) if isinstance(phone, Phone) else []
        emails = vault.address_indexes(email.key) if isinstance(email, Email) else []
        readings.append(Sought(phones, emails))
    if words := Sealer(vault, agency_id, "").word_indexes(query)[:_MOST_WORDS]:
        readings.append(Sought(words=words))
    return readings


def _page(session: Session, vault: Vault, viewer: Viewer, found: Sequence[Contact]) -> Page:
    shown = found[:PAGE]
    return Page(cards.made(session, vault, viewer, shown), shown[-1].id if len(found) > PAGE else None)
