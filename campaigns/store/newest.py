"""The newest contacts of a kind, found in a time that does not follow the size of the book.

Statistics know how many people have a tag, not where they stand in the list: those of one file stand together. A plan
that walks the list from its end, because one in ten has the tag, reads a million rows when all of them are old. So the
list is cut into runs of ids, the newest first and each wider than the one before; only the first, which is short, may
be walked. Ids above the newest one that has a tag, place or sector at all are jumped over by an index.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, literal, select, text, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.rules.segments import AllOf, AnyOf, InPlace, InSector, Reads, Rule, Tagged, prefix_end
from campaigns.store.contacts import Contact, ContactSector, ContactTag, ContactWord
from campaigns.store.reference import Place, Sector
from campaigns.store.segment_sql import Run

_FIRST: Final = 2000  # ids
_WIDER: Final = 8
_ENDLESS: Final = 2**62
_FOR_THESE_VALUES: Final = text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")

Newest = ScalarSelect[int] | ColumnElement[int]
Column = InstrumentedAttribute[Any]


def contacts(
    session: Session,
    found: Callable[[Run], Select[Contact]],
    newest: Callable[[int], Sequence[Newest]],
    *,
    below: int | None,
    limit: int,
) -> list[Contact]:
    """The newest contacts of those that `found` selects among a run, at most `limit`, from below the id `below`.

    `newest` says what they all have: for an id, the newest one up to it that has this, that, and so on.
    """
    plan_for_these_values(session)
    rows: list[Contact] = []
    upto, width = (_ENDLESS if below is None else below) - 1, _FIRST
    while len(rows) < limit and upto > 0:
        each = session.execute(select(*newest(upto))).one()
        if None in each:
            break
        run = Run(min(each) - width, min(each))
        # Not by the bare id: the plan must take the run as a set, and sort what is left of it.
        order = Contact.id if width <= _FIRST else Contact.id + 0
        some = session.scalars(found(run).order_by(order.desc()).limit(limit - len(rows))).all()
        rows += some
        upto, width = run.after, _next_width(width, len(some), limit - len(rows))
    return rows


def _next_width(width: int, found: int, wanted: int) -> int:
    """Twice what would be enough if people went on standing as thick as in the last run."""
    enough = 2 * wanted * width // found if found else _WIDER * width
    return max(_FIRST, min(enough, _WIDER * width))


def plan_for_these_values(session: Session) -> None:
    """Until the transaction ends every statement is planned for its own values.

    The driver keeps statements that come again prepared, and a plan for any values takes a rare word for a common one.
    """
    session.execute(_FOR_THESE_VALUES)


def of_agency(agency_id: int, upto: int, *own: ColumnElement[bool]) -> Newest:
    """The agency's newest contact up to this id, of those to whom `own` applies."""
    statement = select(Contact.id).where(Contact.agency_id == agency_id, Contact.id <= upto, *own)
    return statement.order_by(Contact.id.desc()).limit(1).scalar_subquery()


def with_word(agency_id: int, word: bytes, upto: int) -> Newest:
    """The newest contact up to this id who has this word in a name."""
    return _newest(agency_id, ContactWord.agency_id, ContactWord.word_index, ContactWord.contact_id, word, upto)


def with_all(agency_id: int, rule: Rule, upto: int) -> Iterator[Newest]:
    """For each condition of the rule that has an index in the order of ids: the newest contact up to this id that
    fulfils it. Others are left out.
    """
    for each in rule.rules if isinstance(rule, AllOf) else (rule,):
        leaves = each.rules if isinstance(each, AnyOf) else (each,)
        newest = [one for leaf in leaves if (one := _with(agency_id, leaf, upto)) is not None]
        if newest and len(newest) == len(leaves):
            yield func.greatest(*newest)  # of those that are no NULL


def _with(agency_id: int, leaf: Rule, upto: int) -> Newest | None:
    match leaf:
        case Tagged(tag):
            return _newest(agency_id, ContactTag.agency_id, ContactTag.tag, ContactTag.contact_id, tag, upto)
        case Reads(language):
            return _newest(agency_id, Contact.agency_id, Contact.language, Contact.id, language, upto)
        case InSector(prefix):
            own = ContactSector
            newest = _newest(agency_id, own.agency_id, own.code, own.contact_id, Sector.code, upto)
            return _newest_of_each(Sector.code, prefix, newest)
        case InPlace(prefix):
            newest = _newest(agency_id, Contact.agency_id, Contact.place_code, Contact.id, Place.code, upto)
            return _newest_of_each(Place.code, prefix, newest)
    return None


def _newest(
    agency_id: int,
    whose: Column,
    kind: Column,
    contact_id: Column,
    wanted: object,
    upto: int,
) -> ScalarSelect[Any]:
    """By the index of these three columns and no other: "kind = wanted", in the order of ids, would be a reason to walk
    through all ids, which seems a matter of some rows where the kind is common.
    """
    highest = tuple_(kind, contact_id) <= tuple_(wanted, upto)
    statement = select(contact_id).where(whose == agency_id, kind >= wanted, highest)
    return statement.order_by(kind.desc(), contact_id.desc()).limit(1).scalar_subquery()


def _newest_of_each(code: InstrumentedAttribute[str], prefix: str, newest: ScalarSelect[Any]) -> ScalarSelect[Any]:
    """Code by code: an index of a code and an id is in the order of ids for one code only. None is ever removed from
    the reference data, and nobody is kept with a code that is not there.
    """
    within = and_(code >= literal(prefix), code < literal(prefix_end(prefix)))
    return select(func.max(newest.correlate(code.class_))).where(within).scalar_subquery()
