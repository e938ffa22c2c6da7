"""Every sealed value there is, found from the tables themselves: which key sealed it, and putting another in its place.

Values inside JSON (what imports noted of contacts) stand under names that end in _sealed, as PostgreSQL writes bytea.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import LargeBinary, and_, func, or_, select, tuple_, update
from sqlalchemy import Table as SqlTable
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.store.imports import ContactBefore
from campaigns.store.tables import metadata

_MANY, _FEW = 1_000, 8  # pieces of files are large


@dataclass(frozen=True)
class Place:
    """A table with sealed columns, and the key its rows are told apart by."""

    table: SqlTable
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many rows to take at a time, so that memory stays bounded."""
        return _FEW if "content_sealed" in self.columns else _MANY


@dataclass(frozen=True)
class Held:
    """One row as it was read: its key, and its sealed values in the order of the place's columns."""

    key: tuple[int, ...]
    values: tuple[bytes | None, ...]


@lru_cache(maxsize=1)
def places() -> Sequence[Place]:
    """Every table with sealed columns: a new one is found by its columns' names."""
    found = []
    for table in metadata.sorted_tables:
        columns = tuple(
            one.name for one in table.columns if isinstance(one.type, LargeBinary) and one.name.endswith("_sealed")
        )
        if columns:
            found.append(Place(table, tuple(one.name for one in table.primary_key), columns))
    return found


def under_others(
    session: Session, agency_id: int, place: Place, key_id: int, *, after: tuple[int, ...] | None
) -> Sequence[Held]:
    """The next rows, by key, in which another key than this one sealed something."""
    table = place.table
    key = [table.c[name] for name in place.key]
    sealed = [table.c[name] for name in place.columns]
    statement = (
        select(*key, *sealed)
        .where(table.c.agency_id == agency_id, or_(*(func.substring(one, 1, 1) != bytes((key_id,)) for one in sealed)))
        .order_by(*key)
        .limit(place.size)
    )
    if after is not None:
        statement = statement.where(tuple_(*key) > tuple_(*after))
    split = len(key)
    return [Held(tuple(row[:split]), tuple(row[split:])) for row in session.execute(statement)]


def swap(session: Session, agency_id: int, place: Place, rows: Sequence[tuple[Held, Sequence[bytes | None]]]) -> int:
    """Put the new values where the row still has exactly the old ones; how many. What somebody holds stays as it is."""
    if not rows:
        return 0
    values: dict[str, Any] = {"agency": agency_id}
    for at, name in enumerate(place.key):
        values[f"key_{name}"] = [held.key[at] for held, _ in rows]
    for at, name in enumerate(place.columns):
        values[f"old_{name}"] = [held.values[at] for held, _ in rows]
        values[f"new_{name}"] = [new[at] for _, new in rows]
    return len(session.execute(sql(_swapping(place)), values).all())


@lru_cache(maxsize=32)
def _swapping(place: Place) -> str:
    # Every name comes from our own tables.
    names = [*(f"key_{name}" for name in place.key)]
    names += [f"{which}_{name}" for name in place.columns for which in ("old", "new")]
    lists = ", ".join(f"CAST(:{name} AS {'bigint' if name.startswith('key_') else 'bytea'}[])" for name in names)
    same_row = " AND ".join(f"t.{name} = g.key_{name}" for name in place.key)
    same_key = " AND ".join(f"h.{name} = g.key_{name}" for name in place.key)
    unchanged = " AND ".join(f"t.{name} IS NOT DISTINCT FROM g.old_{name}" for name in place.columns)
    return f"""
WITH given AS MATERIALIZED (SELECT * FROM unnest({lists}) AS g ({", ".join(names)})),
held AS MATERIALIZED (
    SELECT {", ".join(f"t.{name}" for name in place.key)} FROM "{place.table.name}" t JOIN given g ON {same_row}
    WHERE t.agency_id = :agency AND {unchanged} FOR UPDATE OF t SKIP LOCKED
)
UPDATE "{place.table.name}" t SET {", ".join(f"{name} = g.new_{name}" for name in place.columns)}
FROM given g JOIN held h ON {same_key} WHERE {same_row} AND t.agency_id = :agency RETURNING 1
"""  # noqa: S608


def count(session: Session, agency_id: int, place: Place) -> dict[int, int]:
    """Key number -> how many values it sealed; 0 for what is no sealed value."""
    found: dict[int, int] = {}
    for name in place.columns:
        column = place.table.c[name]
        first = func.substring(column, 1, 1)
        rows = session.execute(
            select(first, func.count()).where(place.table.c.agency_id == agency_id, column.is_not(None)).group_by(first)
        )
        for byte, number in rows:
            key_id = byte[0] if byte else 0
            found[key_id] = found.get(key_id, 0) + number
    return found


Noted = tuple[tuple[int, int], dict[str, object]]
Renew = Callable[[bytes], bytes]


def notes(session: Session, agency_id: int, *, after: tuple[int, int] | None) -> Sequence[Noted]:
    """The next of what imports noted of contacts before they changed them: (import, contact) and the note."""
    key = (ContactBefore.import_id, ContactBefore.contact_id)
    statement = select(*key, ContactBefore.before).where(ContactBefore.agency_id == agency_id).order_by(*key)
    if after is not None:
        statement = statement.where(tuple_(*key) > tuple_(*after))
    return [((row[0], row[1]), row[2]) for row in session.execute(statement.limit(_MANY))]


def swap_note(session: Session, agency_id: int, noted: Noted, renewed: dict[str, object]) -> bool:
    """Put another note where the old one still is."""
    (import_id, contact_id), before = noted
    statement = (
        update(ContactBefore)
        .where(
            and_(
                ContactBefore.agency_id == agency_id,
                ContactBefore.import_id == import_id,
                ContactBefore.contact_id == contact_id,
                ContactBefore.before == before,
            )
        )
        .values(before=renewed)
        .returning(ContactBefore.contact_id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(statement) is not None


_BYTEA: Final = "\\x"


def read_bytea(value: str) -> bytes | None:
    """Bytes as PostgreSQL writes them into JSON; None for anything else."""
    try:
        return bytes.fromhex(value.removeprefix(_BYTEA)) if value.startswith(_BYTEA) else None
    except ValueError:
        return None


def write_bytea(value: bytes) -> str:
    """The same the other way."""
    return _BYTEA + value.hex()
