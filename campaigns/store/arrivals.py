"""Contacts that arrive many at a time: one COPY into a temporary table and one statement, thousands of rows a step.

COPY cannot write to a table behind row-level security, hence the temporary one; it never outlives the transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, cast

import psycopg
from sqlalchemy.orm import Session

from campaigns.store import consents

WORD_BYTES = 8  # of one word's index (campaigns/vault.py)


class Arrival(NamedTuple):
    """One contact about to be added; `key` is the index of its phone, or of its mail where there is no phone.

    `words` are the indexes of its words end to end, `sectors` and `tags` stand one a line, each once: one cell instead
    of many rows, because PostgreSQL takes them apart faster than Python hands them over. `indexes` are those of each
    address under every key, the newest first.
    """

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
    words: bytes
    sectors: str | None
    tags: str | None
    older_keys: Sequence[bytes] = ()
    indexes: Sequence[Sequence[bytes]] = ()


_BYTES, _TEXT = ("bytea", "text")
_TYPES = [_BYTES, _BYTES, _TEXT, _BYTES, _BYTES, _BYTES, _BYTES, _BYTES,
          _TEXT, _TEXT, _TEXT, "date", _BYTES, _TEXT, _TEXT]  # fmt: skip

_ARRIVING = """
CREATE TEMPORARY TABLE arriving (
    key bytea, phone_index bytea, phone_kind text, phone_sealed bytea, email_index bytea, email_sealed bytea,
    name_sealed bytea, business_sealed bytea, language text, place_code text, legal_ground text, ground_on date,
    words bytea, sectors text, tags text
)
"""

# Contacts in the order of their key, so that two imports of the same people wait for each other instead of locking
# up; words, sectors and tags in the order of their index, so that it grows page by page.
_ADD = """
WITH added AS (
    INSERT INTO contact (agency_id, import_id, accepts_fallback, phone_index, phone_kind, phone_sealed, email_index,
        email_sealed, name_sealed, business_sealed, language, place_code, legal_ground, ground_on)
    SELECT %(agency_id)s, %(import_id)s, %(accepts_fallback)s, phone_index, phone_kind, phone_sealed, email_index,
        email_sealed, name_sealed, business_sealed, language, place_code, legal_ground, ground_on
    FROM arriving ORDER BY key
    ON CONFLICT DO NOTHING
    RETURNING id, coalesce(phone_index, email_index) AS key
), words AS (
    INSERT INTO contact_word (agency_id, word_index, contact_id)
    SELECT %(agency_id)s, substring(words FROM at FOR %(size)s), id
    FROM added JOIN arriving USING (key), generate_series(1, octet_length(words), %(size)s) AS at
    ORDER BY 2, 3
), sectors AS (
    INSERT INTO contact_sector (agency_id, code, contact_id)
    SELECT %(agency_id)s, code COLLATE "C", id
    FROM added JOIN arriving USING (key), string_to_table(sectors, E'\\n') AS code
    ORDER BY 2, 3
), tags AS (
    INSERT INTO contact_tag (agency_id, tag, contact_id)
    SELECT %(agency_id)s, tag COLLATE "C", id
    FROM added JOIN arriving USING (key), string_to_table(tags, E'\\n') AS tag
    ORDER BY 2, 3
)
SELECT key, id FROM added
"""

_KNOWN_BY_OLDER_KEYS = """
SELECT coalesce(phone_index, email_index) FROM contact
WHERE agency_id = %(agency_id)s
    AND (phone_index = ANY(%(keys)s) OR (phone_index IS NULL AND email_index = ANY(%(keys)s)))
"""


def add(
    session: Session, agency_id: int, arrivals: Iterable[Arrival], *, import_id: int | None, accepts_fallback: bool
) -> dict[bytes, int]:
    """Add the contacts nobody has yet, with their words, sectors and tags; key -> id of those added. Never commits.

    Who is there already stays exactly as they are. No two arrivals may have the same key.
    """
    arrivals = list(arrivals)
    consents.carry(session, agency_id, (indexes for arrival in arrivals for indexes in arrival.indexes))
    with cast("psycopg.Connection[Any]", session.connection().connection.driver_connection).cursor(
        binary=True
    ) as cursor:
        arrivals = _without_known(cursor, agency_id, arrivals)
        cursor.execute(_ARRIVING)
        with cursor.copy("COPY arriving FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(_TYPES)
            for arrival in arrivals:
                copy.write_row(arrival[: len(_TYPES)])
        values = {"agency_id": agency_id, "import_id": import_id, "accepts_fallback": accepts_fallback}
        cursor.execute(_ADD, values | {"size": WORD_BYTES})
        added = dict(cursor.fetchall())
        cursor.execute("DROP TABLE arriving")
        return added


def _without_known(cursor: "psycopg.Cursor[Any]", agency_id: int, arrivals: list[Arrival]) -> list[Arrival]:
    """Leave out who is kept under an index key that has been replaced since (DESIGN 10.5)."""
    older = [key for arrival in arrivals for key in arrival.older_keys]
    if not older:
        return arrivals
    cursor.execute(_KNOWN_BY_OLDER_KEYS, {"agency_id": agency_id, "keys": older})
    known = {row[0] for row in cursor.fetchall()}
    return [arrival for arrival in arrivals if known.isdisjoint(arrival.older_keys)]
