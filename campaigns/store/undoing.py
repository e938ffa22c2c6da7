"""Taking an import back, slice by slice: who was added goes, who was changed gets back what was there before.

Whoever was touched since, by staff, by another import or by a message, stays as they are: that is somebody's work, or
has happened. What is taken back is gone from the lists that are read here, so that a dead worker needs no memory.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.store.arrivals import WORD_BYTES


class Undone(NamedTuple):
    """How many people of a slice went, got back what was there before, and stayed as they are; nobody: all is done."""

    removed: int = 0
    restored: int = 0
    kept: int = 0


_HANDED = """
EXISTS (SELECT FROM delivery d
    WHERE d.agency_id = :agency_id AND d.contact_id = {contact} AND d.handed_at >= {since})"""

_SENT = text(f"""
SELECT (SELECT count(*) FROM contact c
    WHERE c.agency_id = :agency_id AND c.import_id = :import_id
        AND {_HANDED.format(contact="c.id", since=":since")})
+ (SELECT count(*) FROM contact_before b
    WHERE b.agency_id = :agency_id AND b.import_id = :import_id
        AND {_HANDED.format(contact="b.contact_id", since=":since")})
""")  # noqa: S608 - all are constants

_BEGAN = text("SELECT made_at FROM import WHERE agency_id = :agency_id AND id = :import_id")

# Those who stay belong to the import no more, so that the next slice does not meet them again.
_REMOVE = text(f"""
WITH slice AS (
    SELECT c.id, c.changed_at = c.made_at AND NOT {_HANDED.format(contact="c.id", since="c.made_at")} AS goes
    FROM contact c WHERE c.agency_id = :agency_id AND c.import_id = :import_id
    LIMIT :size FOR UPDATE
), kept AS (
    UPDATE contact c SET import_id = NULL FROM slice
    WHERE c.agency_id = :agency_id AND c.id = slice.id AND NOT slice.goes
    RETURNING c.id
), removed AS (
    DELETE FROM contact c USING slice WHERE c.agency_id = :agency_id AND c.id = slice.id AND slice.goes
    RETURNING c.id
)
SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM kept)
""")  # noqa: S608 - all are constants

_TAKE = text("""
CREATE TEMPORARY TABLE before ON COMMIT DROP AS
WITH slice AS (
    DELETE FROM contact_before
    WHERE agency_id = :agency_id AND import_id = :import_id AND contact_id IN (
        SELECT contact_id FROM contact_before WHERE agency_id = :agency_id AND import_id = :import_id
        ORDER BY contact_id LIMIT :size)
    RETURNING contact_id, before
)
SELECT contact_id, before FROM slice
""")
_LOCK = text(f"""
SELECT c.id, c.changed_at = (b.before ->> 'since')::timestamptz
    AND NOT {_HANDED.format(contact="c.id", since="c.changed_at")}
FROM before b JOIN contact c ON c.agency_id = :agency_id AND c.id = b.contact_id
ORDER BY c.id FOR UPDATE OF c
""")  # noqa: S608 - all are constants
_RESTORE = text("""
UPDATE contact c SET
    name_sealed = (b.before ->> 'name_sealed')::bytea, business_sealed = (b.before ->> 'business_sealed')::bytea,
    email_index = (b.before ->> 'email_index')::bytea, email_sealed = (b.before ->> 'email_sealed')::bytea,
    language = b.before ->> 'language', place_code = b.before ->> 'place_code', role = b.before ->> 'role',
    legal_ground = b.before ->> 'legal_ground', ground_on = (b.before ->> 'ground_on')::date,
    ground_source = b.before ->> 'ground_source', ground_text = b.before ->> 'ground_text',
    changed_at = (b.before ->> 'changed_at')::timestamptz
FROM before b
WHERE c.agency_id = :agency_id AND c.id = b.contact_id AND c.id = ANY(:ids)
""")
_MARKS = (
    text("DELETE FROM contact_word WHERE agency_id = :agency_id AND contact_id = ANY(:ids)"),
    text("DELETE FROM contact_sector WHERE agency_id = :agency_id AND contact_id = ANY(:ids)"),
    text("DELETE FROM contact_tag WHERE agency_id = :agency_id AND contact_id = ANY(:ids)"),
    text("""
INSERT INTO contact_word (agency_id, word_index, contact_id)
SELECT :agency_id, substring(words FROM at FOR :size), contact_id
FROM (SELECT contact_id, decode(before ->> 'words', 'hex') AS words FROM before WHERE contact_id = ANY(:ids)) AS b,
    generate_series(1, octet_length(words), :size) AS at
"""),
    text("""
INSERT INTO contact_sector (agency_id, code, contact_id)
SELECT :agency_id, code COLLATE "C", contact_id FROM before, string_to_table(before ->> 'sectors', E'\\n') AS code
WHERE contact_id = ANY(:ids)
"""),
    text("""
INSERT INTO contact_tag (agency_id, tag, contact_id)
SELECT :agency_id, tag COLLATE "C", contact_id FROM before, string_to_table(before ->> 'tags', E'\\n') AS tag
WHERE contact_id = ANY(:ids)
"""),
)


def sent_since(session: Session, agency_id: int, import_id: int) -> int:
    """How many people whom the import added or changed were handed a message since it was made."""
    since: datetime | None = session.scalar(_BEGAN, {"agency_id": agency_id, "import_id": import_id})
    values = {"agency_id": agency_id, "import_id": import_id, "since": since}
    return session.scalar(_SENT, values) or 0


def undo(session: Session, agency_id: int, import_id: int, *, size: int = 5_000) -> Undone:
    """Take back what an import did to so many people; never commits. Call it until it finds nobody.

    Refusals stay, whoever goes. Contacts go and values come back only where nobody changed the contact since and
    nothing was handed over to them.
    """
    values = {"agency_id": agency_id, "import_id": import_id, "size": size}
    removed, kept = session.execute(_REMOVE, values).one()
    if removed or kept:
        return Undone(removed=removed, kept=kept)
    return _restore(session, values)


def _restore(session: Session, values: dict[str, int]) -> Undone:
    session.execute(text("DROP TABLE IF EXISTS before"))
    session.execute(_TAKE, values)
    taken = session.scalar(text("SELECT count(*) FROM before")) or 0
    locked = session.execute(_LOCK, values).all()
    ids = [contact_id for contact_id, is_untouched in locked if is_untouched]
    if ids:
        session.execute(_RESTORE, {**values, "ids": ids})
        for statement in _MARKS:
            session.execute(statement, {**values, "ids": ids, "size": WORD_BYTES})
    session.execute(text("DROP TABLE before"))
    return Undone(restored=len(ids), kept=taken - len(ids))
