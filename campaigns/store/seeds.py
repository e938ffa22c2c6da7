"""Writes reference data, with the owner's connection: the app's role may only read it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from campaigns.store.metadata import Table
from campaigns.store.reference import (
    Keyword,
    Language,
    OfficialLine,
    Place,
    PlaceAlias,
    SaidPhrase,
    Sector,
    StandingText,
)

Rows = Sequence[Mapping[str, Any]]

# What an installation decides for itself after the first load: a new version never takes it back.
_OWN = {"enabled", "reader"}


def load_places(session: Session, places: Rows, aliases: Rows) -> None:
    """Add or correct places and their aliases; none is ever removed. May be called again."""
    _put(session, Place, places)
    _keep(session, PlaceAlias, aliases)


def load_sectors(session: Session, sectors: Rows) -> None:
    """Add or correct sectors. May be called again."""
    _put(session, Sector, sectors)


def load_languages(session: Session, languages: Rows) -> None:
    """Add or correct languages; whether one is enabled stays as the installation has it. May be called again."""
    _put(session, Language, languages)


def load_words(session: Session, keywords: Rows, phrases: Rows, standing_texts: Rows) -> None:
    """Add words, phrases and fixed sentences that are not there yet; a signature or a wording in place stays."""
    _keep(session, Keyword, keywords)
    _put(session, SaidPhrase, phrases)
    _keep(session, StandingText, standing_texts)


def load_lines(session: Session, lines: Rows) -> None:
    """Add official lines, or correct those verified later than the ones in place. May be called again."""
    statement = insert(OfficialLine)
    later = statement.excluded.verified_on > OfficialLine.verified_on
    _run(session, _update(OfficialLine, statement, later), lines)


def _put(session: Session, table: type[Table], rows: Rows) -> None:
    statement = insert(table)
    changed = or_(
        *(
            column.is_distinct_from(statement.excluded[column.name])
            for column in table.__table__.columns
            if not column.primary_key and column.name not in _OWN
        )
    )
    # Only rows that differ: every start loads the seeds, and an update that changes nothing still costs one.
    _run(session, _update(table, statement, changed), rows)


def _update(table: type[Table], statement: Insert, where: Any) -> Insert:
    columns = table.__table__.columns
    return statement.on_conflict_do_update(
        index_elements=[column.name for column in columns if column.primary_key],
        set_={
            column.name: statement.excluded[column.name]
            for column in columns
            if not column.primary_key and column.name not in _OWN
        },
        where=where,
    )


def _keep(session: Session, table: type[Table], rows: Rows) -> None:
    _run(session, insert(table).on_conflict_do_nothing(), rows)


def _run(session: Session, statement: Insert, rows: Rows) -> None:
    if rows:
        session.execute(statement, [dict(row) for row in rows])
