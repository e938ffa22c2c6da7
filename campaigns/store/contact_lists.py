"""Lists of contacts: what a list is narrowed to as conditions, and the statement behind every page of it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.orm import Session, aliased

from campaigns.rules.narrowing import NOT_NARROWED, Grounded, Narrowing, Reach
from campaigns.store import newest
from campaigns.store.consents import reachable_by_email, reachable_by_sms
from campaigns.store.contacts import Contact, ContactWord
from campaigns.store.newest import Newest
from campaigns.store.segment_sql import Run, picks


class Sought(NamedTuple):
    """What somebody looks for: the indexes of a phone and of a mail under every key, or those of all words."""

    phones: Sequence[bytes] = ()
    emails: Sequence[bytes] = ()
    words: Sequence[bytes] = ()


EVERYBODY = Sought()
_NAMELESS: Final = and_(Contact.name_sealed.is_(None), Contact.business_sealed.is_(None))


def listed(
    session: Session,
    agency_id: int,
    narrowing: Narrowing,
    sought: Sought = EVERYBODY,
    *,
    below: int | None = None,
    limit: int,
) -> Sequence[Contact]:
    """Contacts to which everything of this applies, newest first, from below id `below`."""
    if sought.phones or sought.emails or (narrowing == NOT_NARROWED and not sought.words):
        statement = _statement(agency_id, narrowing, sought)
        if below is not None:
            statement = statement.where(Contact.id < below)
        return session.scalars(statement.order_by(Contact.id.desc()).limit(limit)).all()
    return newest.contacts(
        session,
        lambda run: _statement(agency_id, narrowing, sought, run),
        lambda upto: _newest(agency_id, narrowing, sought, upto),
        below=below,
        limit=limit,
    )


def at_email(session: Session, agency_id: int, contact_id: int, *, limit: int) -> Sequence[Contact]:
    """Others who have the contact's mail address, newest first."""
    own = select(Contact.email_index).where(Contact.agency_id == agency_id, Contact.id == contact_id).scalar_subquery()
    return session.scalars(
        select(Contact)
        .where(Contact.agency_id == agency_id, Contact.email_index == own, Contact.id != contact_id)
        .order_by(Contact.id.desc())
        .limit(limit)
    ).all()


def _statement(agency_id: int, narrowing: Narrowing, sought: Sought, run: Run | None = None) -> Select[Contact]:
    statement = select(Contact).where(picks(narrowing.rule, agency_id, run), *_conditions(narrowing))
    if sought.phones or sought.emails:
        at = or_(Contact.phone_index.in_(sought.phones), Contact.email_index.in_(sought.emails))
        statement = statement.where(at)
    for word in sought.words:
        with_word = aliased(ContactWord)
        own = and_(with_word.agency_id == agency_id, with_word.word_index == word, with_word.contact_id == Contact.id)
        if run is not None:
            own = and_(own, with_word.contact_id > run.after, with_word.contact_id <= run.upto)
        statement = statement.join(with_word, own)
    return statement


def _newest(agency_id: int, narrowing: Narrowing, sought: Sought, upto: int) -> list[Newest]:
    found = [newest.of_agency(agency_id, upto), *newest.with_all(agency_id, narrowing.rule, upto)]
    found += [newest.with_word(agency_id, word, upto) for word in sought.words]
    if narrowing.ground == Grounded.WITHOUT:
        found.append(newest.of_agency(agency_id, upto, Contact.legal_ground.is_(None)))
    if narrowing.is_nameless:
        found.append(newest.of_agency(agency_id, upto, _NAMELESS))
    return found


def _conditions(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    found = [_reach(narrowing.reach), _ground(narrowing.ground)]
    if narrowing.role is not None:
        found.append(Contact.role == narrowing.role)
    if narrowing.is_nameless:
        found.append(_NAMELESS)
    return found


def _reach(reach: Reach | None) -> ColumnElement[bool]:
    match reach:
        case Reach.SMS:
            return reachable_by_sms()
        case Reach.EMAIL:
            return reachable_by_email()
        case Reach.NEITHER:
            # What is asked of an address that is not there is NULL, and NOT NULL would be "can be reached".
            return and_(reachable_by_sms().is_not(True), reachable_by_email().is_not(True))
        case None:
            return true()


def _ground(ground: str | None) -> ColumnElement[bool]:
    match ground:
        case None:
            return true()
        case Grounded.WITH:
            return Contact.legal_ground.is_not(None)
        case Grounded.WITHOUT:
            return Contact.legal_ground.is_(None)
        case _:
            return Contact.legal_ground == ground
