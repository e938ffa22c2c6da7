"""People in the book whom a file names again: what would be new about them, and making it so, all at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from campaigns.rules.headings import Field
from campaigns.rules.import_options import Options
from campaigns.store.arrivals import WORD_BYTES, Arrival, Cursor, Known, Tags, copy


class Named(NamedTuple):
    """A name and business as they will be kept, and the indexes of their words end to end."""

    name_sealed: bytes | None
    business_sealed: bytes | None
    words: bytes


# Told a row's sealed name and business (None where it has none, or they stay) and the kept ones: what to keep, or None
# if the row says the same. Whoever holds the keys answers: two sealed values never look the same.
Rename = Callable[[bytes | None, bytes | None, bytes | None, bytes | None], Named | None]


class Look(NamedTuple):
    """What a row would do to the person it names."""

    differs: bool
    has_ground: bool
    gives_ground: bool
    kept: tuple[bytes | None, bytes | None]
    named: Named | None


class Change(NamedTuple):
    """What to do to one person: replace what row `n` says otherwise (None: nothing), take the legal ground away."""

    n: int | None
    look: Look
    withdraws: bool


_B, _T = "bytea", "text"
_WISH_TYPES: Final = ("int4", "int8", _B, _B, _B, _T, _T, _T, _T, "date", _T, _T, _T, _T, "bool")
_WISHES = """
CREATE TEMPORARY TABLE wish (
    n int, contact_id bigint, email_index bytea, email_sealed bytea, older_emails bytea, language text,
    place_code text, role text, legal_ground text, ground_on date, ground_source text, ground_text text,
    sectors text, tags text, replaces_tags bool
)
"""

# Somebody known by their mail alone keeps it: it says who they are.
_NEW_MAIL = """(
    w.email_index IS NOT NULL AND c.phone_index IS NOT NULL AND c.email_index IS DISTINCT FROM w.email_index
    AND coalesce(position(c.email_index IN w.older_emails), 0) = 0)"""
_LOOK = f"""
SELECT w.n, c.legal_ground IS NOT NULL, c.name_sealed, c.business_sealed,
    {_NEW_MAIL}
    OR w.language <> c.language
    OR w.place_code IS DISTINCT FROM coalesce(c.place_code, '') AND w.place_code IS NOT NULL
    OR w.role IS DISTINCT FROM coalesce(c.role, '') AND w.role IS NOT NULL
    OR w.legal_ground IS NOT NULL AND (
        w.legal_ground IS DISTINCT FROM c.legal_ground
        OR w.ground_on IS DISTINCT FROM c.ground_on AND w.ground_on IS NOT NULL
        OR w.ground_source IS DISTINCT FROM c.ground_source AND w.ground_source IS NOT NULL
        OR w.ground_text IS DISTINCT FROM c.ground_text AND w.ground_text IS NOT NULL)
    OR w.sectors IS NOT NULL AND w.sectors IS DISTINCT FROM (
        SELECT string_agg(s.code, E'\\n' ORDER BY s.code COLLATE "C") FROM contact_sector s
        WHERE s.agency_id = %(agency_id)s AND s.contact_id = w.contact_id)
    OR w.tags IS NOT NULL AND NOT (
        SELECT string_to_array(w.tags, E'\\n') <@ coalesce(array_agg(t.tag::text), '{{}}') AND (NOT w.replaces_tags
            OR count(*) = cardinality(string_to_array(w.tags, E'\\n')))
        FROM contact_tag t WHERE t.agency_id = %(agency_id)s AND t.contact_id = w.contact_id)
FROM wish w
-- OFFSET: one look-up a row, never a join that reads the whole book.
CROSS JOIN LATERAL (
    SELECT * FROM contact WHERE agency_id = %(agency_id)s AND id = w.contact_id OFFSET 0
) AS c
"""  # noqa: S608 - a constant

_LOCK = """
SELECT id, name_sealed, business_sealed FROM contact
WHERE agency_id = %(agency_id)s AND id = ANY(%(ids)s) ORDER BY id FOR UPDATE
"""
_CHANGING_TYPES: Final = ("int8", "int4", "bool", "bool", _B, _B, _B)
_CHANGING = """
CREATE TEMPORARY TABLE changing (
    contact_id bigint, n int, withdraws bool, is_renamed bool, name_sealed bytea, business_sealed bytea, words bytea
)
"""

# What this import added is no memory of anything before it. Of somebody changed twice (a later NO) the first stays, and
# where somebody else changed them in between, undoing leaves them as they are.
_REMEMBER = """
INSERT INTO contact_before (agency_id, import_id, contact_id, before)
SELECT c.agency_id, %(import_id)s, c.id, jsonb_build_object(
    'since', now(), 'changed_at', c.changed_at, 'name_sealed', c.name_sealed, 'business_sealed', c.business_sealed,
    'email_index', c.email_index, 'email_sealed', c.email_sealed, 'language', c.language,
    'place_code', c.place_code, 'role', c.role, 'legal_ground', c.legal_ground, 'ground_on', c.ground_on,
    'ground_source', c.ground_source, 'ground_text', c.ground_text,
    'words', (SELECT encode(string_agg(m.word_index, ''::bytea), 'hex') FROM contact_word m
        WHERE m.agency_id = c.agency_id AND m.contact_id = c.id),
    'sectors', (SELECT string_agg(m.code, E'\\n') FROM contact_sector m
        WHERE m.agency_id = c.agency_id AND m.contact_id = c.id),
    'tags', (SELECT string_agg(m.tag, E'\\n') FROM contact_tag m
        WHERE m.agency_id = c.agency_id AND m.contact_id = c.id))
FROM contact c
WHERE c.agency_id = %(agency_id)s AND c.id = ANY(%(ids)s) AND c.import_id IS DISTINCT FROM %(import_id)s
ON CONFLICT (import_id, contact_id) DO UPDATE SET before = contact_before.before || jsonb_build_object('since', now())
    WHERE (contact_before.before ->> 'since')::timestamptz = (excluded.before ->> 'changed_at')::timestamptz
"""

# A ground that changes takes its own date and proof along; the same ground only gains what the row knows of them.
_CHANGE = f"""
UPDATE contact c SET
    name_sealed = CASE WHEN g.is_renamed THEN g.name_sealed ELSE c.name_sealed END,
    business_sealed = CASE WHEN g.is_renamed THEN g.business_sealed ELSE c.business_sealed END,
    email_sealed = CASE WHEN {_NEW_MAIL} THEN w.email_sealed ELSE c.email_sealed END,
    email_index = CASE WHEN {_NEW_MAIL} THEN w.email_index ELSE c.email_index END,
    language = coalesce(w.language, c.language),
    place_code = coalesce(w.place_code, c.place_code),
    role = coalesce(w.role, c.role),
    legal_ground = CASE WHEN NOT g.withdraws THEN coalesce(w.legal_ground, c.legal_ground) END,
    (ground_on, ground_source, ground_text) = (
        SELECT CASE WHEN is_kept THEN coalesce(w.ground_on, c.ground_on) WHEN NOT g.withdraws THEN w.ground_on END,
            CASE WHEN is_kept THEN coalesce(w.ground_source, c.ground_source)
                WHEN NOT g.withdraws THEN w.ground_source END,
            CASE WHEN is_kept THEN coalesce(w.ground_text, c.ground_text) WHEN NOT g.withdraws THEN w.ground_text END
        FROM (SELECT NOT g.withdraws AND coalesce(w.legal_ground = c.legal_ground, w.legal_ground IS NULL) AS is_kept)
            AS ground),
    changed_at = CASE WHEN c.import_id = %(import_id)s THEN c.changed_at ELSE now() END
FROM changing g LEFT JOIN wish w ON w.n = g.n
WHERE c.agency_id = %(agency_id)s AND c.id = g.contact_id AND c.id = ANY(%(ids)s)
"""  # noqa: S608 - a constant

_NAMELESS = "DELETE FROM contact_word WHERE agency_id = %(agency_id)s AND contact_id = ANY(%(ids)s)"
_NAME = """
INSERT INTO contact_word (agency_id, word_index, contact_id)
SELECT %(agency_id)s, substring(words FROM at FOR %(size)s), contact_id
FROM changing, generate_series(1, octet_length(words), %(size)s) AS at
WHERE is_renamed ORDER BY 2, 3
"""
_MARKS = (
    """
DELETE FROM contact_sector m USING changing g JOIN wish w ON w.n = g.n
WHERE m.agency_id = %(agency_id)s AND m.contact_id = ANY(%(ids)s) AND m.contact_id = g.contact_id
    AND m.code <> ALL (string_to_array(w.sectors, E'\\n'))
""",
    """
INSERT INTO contact_sector (agency_id, code, contact_id)
SELECT %(agency_id)s, code COLLATE "C", g.contact_id
FROM changing g JOIN wish w ON w.n = g.n, string_to_table(w.sectors, E'\\n') AS code
ORDER BY 2, 3 ON CONFLICT DO NOTHING
""",
    """
DELETE FROM contact_tag m USING changing g JOIN wish w ON w.n = g.n
WHERE m.agency_id = %(agency_id)s AND m.contact_id = ANY(%(ids)s) AND m.contact_id = g.contact_id
    AND w.replaces_tags AND m.tag <> ALL (string_to_array(w.tags, E'\\n'))
""",
    """
INSERT INTO contact_tag (agency_id, tag, contact_id)
SELECT %(agency_id)s, tag COLLATE "C", g.contact_id
FROM changing g JOIN wish w ON w.n = g.n, string_to_table(w.tags, E'\\n') AS tag
ORDER BY 2, 3 ON CONFLICT DO NOTHING
""",
)


def look(
    cursor: Cursor,
    agency_id: int,
    arrivals: Sequence[Arrival],
    known: Iterable[Known],
    *,
    options: Options,
    rename: Rename,
) -> dict[int, Look]:
    """Row -> what it would do; rows whose person has just gone are left out. Leaves the table `wish` to change()."""
    wished = options if options.changes else Options()
    tags = Tags(wished)
    forget(cursor)
    cursor.execute(_WISHES)
    copy(cursor, "wish", _WISH_TYPES, (_wish(one, arrivals[one.n], wished, tags) for one in known))
    cursor.execute(_LOOK, {"agency_id": agency_id})
    looks = {}
    for n, has_ground, name, business, differs in cursor.fetchall():
        named = _named(arrivals[n], name, business, wished, rename)
        gives = Field.GROUND in wished.fields and arrivals[n].owns_ground and arrivals[n].legal_ground is not None
        looks[n] = Look(bool(differs or named), has_ground, gives, (name, business), named)
    return looks


def _wish(known: Known, one: Arrival, options: Options, tags: Tags) -> tuple[object, ...]:
    """What a row wants replaced: only chosen fields, and only where it has a value; nothing of a repeated row."""
    fields = options.fields if known.is_first else frozenset[Field]()
    mail = Field.EMAIL in fields and one.phone_index is not None
    grounds = Field.GROUND in fields and one.owns_ground
    replaces_tags = Field.TAGS in fields and one.tags is not None
    return (
        known.n,
        known.contact_id,
        one.email_index if mail else None,
        one.email_sealed if mail else None,
        b"".join(one.indexes[1][1:]) if mail and len(one.indexes) > 1 else None,
        one.language if Field.LANGUAGE in fields and one.owns_language else None,
        one.place_code if Field.DISTRICT in fields else None,
        one.role if Field.ROLE in fields else None,
        *((one.legal_ground, one.ground_on, one.ground_source, one.ground_text) if grounds else (None,) * 4),
        one.sectors if Field.SECTOR in fields else None,
        tags.and_those_of(one) if replaces_tags else tags.of_the_file if known.is_first else None,
        replaces_tags,
    )


def _named(one: Arrival, name: bytes | None, business: bytes | None, options: Options, rename: Rename) -> Named | None:
    new_name = one.name_sealed if Field.NAME in options.fields else None
    new_business = one.business_sealed if Field.BUSINESS in options.fields else None
    return rename(new_name, new_business, name, business) if new_name or new_business else None


def change(
    cursor: Cursor,
    agency_id: int,
    arrivals: Sequence[Arrival],
    changes: Mapping[int, Change],
    *,
    import_id: int | None,
    options: Options,
    rename: Rename,
) -> None:
    """Make the changes, by contact id, and remember what was there before."""
    values: dict[str, object] = {"agency_id": agency_id, "import_id": import_id, "size": WORD_BYTES}
    cursor.execute(_LOCK, {**values, "ids": list(changes)})
    rows = []
    for contact_id, name, business in cursor.fetchall():
        found, named = changes[contact_id], None
        if found.n is not None:
            # Somebody may have written another name since we looked.
            same = (name, business) == found.look.kept
            named = found.look.named if same else _named(arrivals[found.n], name, business, options, rename)
        rows.append((contact_id, found.n, found.withdraws, named is not None, *(named or (None, None, None))))
    cursor.execute(_CHANGING)
    copy(cursor, "changing", _CHANGING_TYPES, rows)
    values["ids"] = [row[0] for row in rows]
    if import_id is not None:
        cursor.execute(_REMEMBER, values)
    cursor.execute(_CHANGE, values)
    renamed = [row[0] for row in rows if row[3]]
    if renamed:
        cursor.execute(_NAMELESS, {**values, "ids": renamed})
        cursor.execute(_NAME, values)
    if options.changes:
        for statement in _MARKS:
            cursor.execute(statement, values)
    cursor.execute("DROP TABLE changing")


def forget(cursor: Cursor) -> None:
    """Drop what look() left."""
    cursor.execute("DROP TABLE IF EXISTS wish")
