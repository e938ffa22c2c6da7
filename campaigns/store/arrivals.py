"""Contacts that arrive many at a time: COPY into a temporary table and one insert, thousands of rows a step.

COPY cannot write to a table behind row-level security, hence the temporary ones; they end with the transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, cast

import psycopg
from psycopg import sql
from sqlalchemy.orm import Session


class Arrival(NamedTuple):
    """One contact about to be added. The first twelve fields are columns; `key` is its phone's or else mail's index."""

    key: bytes
    phone_index: bytes | None
    phone_kind: str | None
    phone_sealed: bytes | None
    email_index: bytes | None
    email_sealed: bytes | None
    name_sealed: bytes | None
    business_sealed: bytes | None
    language: str
    place_code: str | None
    legal_ground: str | None
    ground_on: date | None
    words: Sequence[bytes]
    sectors: Sequence[str]
    tags: Sequence[str]
    older_keys: Sequence[bytes] = ()


_COLUMNS = 12
_TYPES = ["bytea", "bytea", "text", "bytea", "bytea", "bytea", "bytea", "bytea", "text", "text", "text", "date"]

_ARRIVING = """
CREATE TEMPORARY TABLE arriving (
    key bytea, phone_index bytea, phone_kind text, phone_sealed bytea, email_index bytea, email_sealed bytea,
    name_sealed bytea, business_sealed bytea, language text, place_code text, legal_ground text, ground_on date
) ON COMMIT DROP
"""

# In the order of the key, so that two imports of the same people wait for each other instead of locking up.
_ADD = """
INSERT INTO contact (agency_id, import_id, accepts_fallback, phone_index, phone_kind, phone_sealed, email_index,
    email_sealed, name_sealed, business_sealed, language, place_code, legal_ground, ground_on)
SELECT %(agency_id)s, %(import_id)s, %(accepts_fallback)s, phone_index, phone_kind, phone_sealed, email_index,
    email_sealed, name_sealed, business_sealed, language, place_code, legal_ground, ground_on
FROM arriving ORDER BY key
ON CONFLICT DO NOTHING
RETURNING coalesce(phone_index, email_index), id
"""

_KNOWN_BY_OLDER_KEYS = """
SELECT coalesce(phone_index, email_index) FROM contact
WHERE agency_id = %(agency_id)s
    AND (phone_index = ANY(%(keys)s) OR (phone_index IS NULL AND email_index = ANY(%(keys)s)))
"""


def add(
    session: Session, agency_id: int, arrivals: Iterable[Arrival], *, import_id: int | None, accepts_fallback: bool
) -> set[bytes]:
    """Add the contacts nobody has yet, with their words, sectors and tags; the keys of those added. Never commits.

    Who is there already stays exactly as they are. No two arrivals may have the same key.
    """
    cursor = cast("psycopg.Cursor[Any]", session.connection().connection.cursor())
    cursor.format = psycopg.pq.Format.BINARY
    arrivals = _without_known(cursor, agency_id, list(arrivals))
    cursor.execute(_ARRIVING)
    with cursor.copy("COPY arriving FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for arrival in arrivals:
            copy.write_row(arrival[:_COLUMNS])
    values = {"agency_id": agency_id, "import_id": import_id, "accepts_fallback": accepts_fallback}
    cursor.execute(_ADD, values)
    added: dict[bytes, int] = dict(cursor.fetchall())
    new = [(arrival, added[arrival.key]) for arrival in arrivals if arrival.key in added]
    _mark(cursor, agency_id, "word", "bytea", ((word, id_) for arrival, id_ in new for word in arrival.words))
    _mark(cursor, agency_id, "sector", "text", ((code, id_) for arrival, id_ in new for code in arrival.sectors))
    _mark(cursor, agency_id, "tag", "text", ((tag, id_) for arrival, id_ in new for tag in arrival.tags))
    return set(added)


def _without_known(cursor: "psycopg.Cursor[Any]", agency_id: int, arrivals: list[Arrival]) -> list[Arrival]:
    """Leave out who is kept under an index key that has been replaced since (DESIGN 10.5)."""
    older = [key for arrival in arrivals for key in arrival.older_keys]
    if not older:
        return arrivals
    cursor.execute(_KNOWN_BY_OLDER_KEYS, {"agency_id": agency_id, "keys": older})
    known = {row[0] for row in cursor.fetchall()}
    return [arrival for arrival in arrivals if known.isdisjoint(arrival.older_keys)]


def _mark(
    cursor: "psycopg.Cursor[Any]", agency_id: int, what: str, kind: str, rows: Iterable[tuple[bytes | str, int]]
) -> None:
    """Fill one of the tables keyed (agency, value, contact): sorted by key, so that the index grows in order."""
    marks = sorted(set(rows))
    if not marks:
        return
    arriving = sql.Identifier(f"arriving_{what}")
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} (value {}, contact_id bigint) ON COMMIT DROP").format(
            arriving, sql.SQL("bytea" if kind == "bytea" else "text")
        )
    )
    with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(arriving)) as copy:
        copy.set_types([kind, "int8"])
        for mark in marks:
            copy.write_row(mark)
    target = sql.Identifier(f"contact_{what}")
    cursor.execute(
        sql.SQL("INSERT INTO {} SELECT %s, value, contact_id FROM {}").format(target, arriving), (agency_id,)
    )
