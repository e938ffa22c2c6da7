"""People who arrive many at a time: one look at who is there, one COPY and few statements, thousands of rows a step.

COPY cannot write to a table behind row-level security, hence temporary ones; they never outlive the transaction. Two
imports of the same people wait for each other instead of locking up: each adds first, in the order of the keys, and
changes afterwards, in the order of the ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple, cast

import psycopg
from sqlalchemy.orm import Session

from campaigns.rules.import_options import Options
from campaigns.store import consents

WORD_BYTES: Final = 8  # of one word's index (campaigns/vault.py)
_KEY_BYTES: Final = 16  # of an address's

Cursor = psycopg.Cursor[Any]


class Arrival(NamedTuple):
    """One person about to be merged; `key` is the index of their phone, or of their mail where there is no phone.

    `words` are the indexes of their words end to end, `sectors` and `tags` stand one a line, each once and in order:
    one cell instead of many rows, because PostgreSQL takes them apart faster than Python hands them over. `older_keys`
    are `key` under older index keys, `indexes` those of each address under every key, the newest first. `owns_...`:
    the row itself says so, as against what holds for the whole file or agency.
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
    role: str | None
    legal_ground: str | None
    ground_on: date | None
    ground_source: str | None
    ground_text: str | None
    words: bytes
    sectors: str | None
    tags: str | None
    owns_language: bool = True
    owns_ground: bool = True
    says_no: bool = False
    older_keys: Sequence[bytes] = ()
    indexes: Sequence[Sequence[bytes]] = ()

    def without_ground(self) -> "Arrival":
        """The same person, whom nobody may write to."""
        return self._replace(legal_ground=None, ground_on=None, ground_source=None, ground_text=None)


class Became(StrEnum):
    """What became of one row."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REPEATED = "repeated"  # a later row of somebody who stood in the file before
    NOT_THERE = "not_there"  # nobody new is added, and nobody is known by this address


class Merged(NamedTuple):
    """What became of every row, and the numbers of the rows whose NO took somebody's legal ground away."""

    became: list[Became]
    withdrawn: set[int]


class Known(NamedTuple):
    """A row, by its number, of somebody in the book; only the first one in the file counts, but for a NO."""

    n: int
    contact_id: int
    is_first: bool


_B, _T = "bytea", "text"
_TYPES: Final = ("bytea", _B, _T, _B, _B, _B, _B, _B, _T, _T, _T, _T, "date", _T, _T, _B, _T, _T)
_ARRIVING = """
CREATE TEMPORARY TABLE arriving (
    key bytea, phone_index bytea, phone_kind text, phone_sealed bytea, email_index bytea, email_sealed bytea,
    name_sealed bytea, business_sealed bytea, language text, place_code text, role text, legal_ground text,
    ground_on date, ground_source text, ground_text text, words bytea, sectors text, tags text
)
"""

# Contacts in the order of their key, so that two imports of the same people wait for each other instead of locking
# up. Words, sectors and tags in the order of the contacts, in which their index by contact grows at its end.
_ADD = """
WITH added AS (
    INSERT INTO contact (agency_id, import_id, accepts_fallback, phone_index, phone_kind, phone_sealed, email_index,
        email_sealed, name_sealed, business_sealed, language, place_code, role, legal_ground, ground_on,
        ground_source, ground_text)
    SELECT %(agency_id)s, %(import_id)s, %(accepts_fallback)s, phone_index, phone_kind, phone_sealed, email_index,
        email_sealed, name_sealed, business_sealed, language, place_code, role, legal_ground, ground_on,
        ground_source, ground_text
    FROM arriving ORDER BY key
    {or_else}
    RETURNING id, coalesce(phone_index, email_index) AS key
), marked AS MATERIALIZED (
    SELECT id, words, sectors, tags FROM added JOIN arriving USING (key) ORDER BY id
), words AS (
    INSERT INTO contact_word (agency_id, word_index, contact_id)
    SELECT %(agency_id)s, substring(words FROM at FOR %(size)s), id
    FROM (SELECT id, words, generate_series(1, octet_length(words), %(size)s) AS at FROM marked) AS each
), sectors AS (
    INSERT INTO contact_sector (agency_id, code, contact_id)
    SELECT %(agency_id)s, code COLLATE "C", id
    FROM (SELECT id, string_to_table(sectors, E'\\n') AS code FROM marked WHERE sectors IS NOT NULL) AS each
), tags AS (
    INSERT INTO contact_tag (agency_id, tag, contact_id)
    SELECT %(agency_id)s, tag COLLATE "C", id
    FROM (SELECT id, string_to_table(tags, E'\\n') AS tag FROM marked WHERE tags IS NOT NULL) AS each
)
SELECT key FROM added
"""
# Who has just been matched is hardly ever added by somebody else a moment later, so that is not paid for by everybody.
_ADD_ALL, _ADD_SOME = _ADD.format(or_else=""), _ADD.format(or_else="ON CONFLICT DO NOTHING")

# A phone tells who somebody is, a mail only where no phone is known; then the addresses of those who were merged.
# Look-ups row by row: any join would sooner or later read the whole book for a few thousand people.
_MATCH = """
SELECT n, contact_id,
    (SELECT c.import_id FROM contact c WHERE c.agency_id = %(agency_id)s AND c.id = contact_id)
FROM (
    SELECT n, coalesce(
        CASE WHEN is_phone
            THEN (SELECT c.id FROM contact c WHERE c.agency_id = %(agency_id)s AND c.phone_index = key)
            ELSE (SELECT c.id FROM contact c
                WHERE c.agency_id = %(agency_id)s AND c.phone_index IS NULL AND c.email_index = key)
        END,
        (SELECT a.contact_id FROM contact_alias a WHERE a.agency_id = %(agency_id)s AND a.address_index = key)
    ) AS contact_id
    FROM (
        SELECT n, substring(%(keys)s::bytea FROM %(size)s * n + 1 FOR %(size)s) AS key,
            get_byte(%(phones)s::bytea, n) = 1 AS is_phone
        FROM generate_series(0, %(count)s - 1) AS n
    ) AS asked
    OFFSET 0
) AS found
WHERE contact_id IS NOT NULL
"""


def cursor_of(session: Session) -> Cursor:
    """A cursor on the session's own connection, inside its transaction, that speaks PostgreSQL's binary formats."""
    return cast("psycopg.Connection[Any]", session.connection().connection.driver_connection).cursor(binary=True)


def copy(cursor: Cursor, table: str, types: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Fill a temporary table."""
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as filling:
        filling.set_types(types)
        for row in rows:
            filling.write_row(row)


def carry(session: Session, agency_id: int, arrivals: Iterable[Arrival]) -> None:
    """Let refusals of these people's addresses hold under the newest index keys."""
    consents.carry(session, agency_id, (indexes for arrival in arrivals for indexes in arrival.indexes))


def match(
    cursor: Cursor, agency_id: int, arrivals: Sequence[Arrival], wanted: Sequence[int]
) -> dict[int, tuple[int, int | None]]:
    """Number -> (contact id, id of the import that added them) of those among the wanted arrivals who are known."""
    found = _match(cursor, agency_id, [(n, arrivals[n].key, arrivals[n]) for n in wanted])
    # Somebody may be kept under an index key that has been replaced since (DESIGN 10.5).
    older = [(n, key, arrivals[n]) for n in wanted if n not in found for key in arrivals[n].older_keys]
    return {**_match(cursor, agency_id, older), **found} if older else found


def _match(
    cursor: Cursor, agency_id: int, asked: Sequence[tuple[int, bytes, Arrival]]
) -> dict[int, tuple[int, int | None]]:
    if not asked:
        return {}
    values = {
        "agency_id": agency_id,
        "keys": b"".join([key for _, key, _ in asked]),
        "phones": bytes([arrival.phone_index is not None for _, _, arrival in asked]),
        "count": len(asked),
        "size": _KEY_BYTES,
    }
    cursor.execute(_MATCH, values)
    return {asked[at][0]: (contact_id, import_id) for at, contact_id, import_id in cursor.fetchall()}


def add(
    cursor: Cursor,
    agency_id: int,
    arrivals: Mapping[int, Arrival],
    *,
    import_id: int | None,
    options: Options,
) -> set[int]:
    """Add people with their words, sectors and tags; the numbers of those whom nobody else added meanwhile.

    No two may have the same key.
    """
    tags = Tags(options)
    cursor.execute(_ARRIVING)
    copy(cursor, "arriving", _TYPES, ((*one[:17], tags.and_those_of(one)) for one in arrivals.values()))
    values = {"agency_id": agency_id, "import_id": import_id, "accepts_fallback": options.accepts_fallback}
    cursor.execute("SAVEPOINT adding")
    try:
        cursor.execute(_ADD_ALL, {**values, "size": WORD_BYTES})
    except psycopg.errors.UniqueViolation:
        cursor.execute("ROLLBACK TO adding")
        cursor.execute(_ADD_SOME, {**values, "size": WORD_BYTES})
    added = {key for (key,) in cursor.fetchall()}
    cursor.execute("RELEASE adding")
    cursor.execute("DROP TABLE arriving")
    return {n for n, arrival in arrivals.items() if arrival.key in added}


class Tags:
    """The tags for the whole file, joined with those of its rows; what was joined once is remembered."""

    def __init__(self, options: Options) -> None:
        self._all = frozenset(options.tags)
        self.of_the_file = "\n".join(sorted(self._all)) or None
        self._joined: dict[str, str] = {}

    def and_those_of(self, arrival: Arrival) -> str | None:
        """One a line, in order; None for none."""
        own = arrival.tags
        if not own or not self._all:
            return own or self.of_the_file
        if own not in self._joined:
            if len(self._joined) > 10_000:
                self._joined.clear()
            self._joined[own] = "\n".join(sorted(self._all.union(own.split("\n"))))
        return self._joined[own]
