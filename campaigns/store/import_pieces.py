"""The sealed pieces kept of an import: its file, what its steps keep beside it, and its faulty rows."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from campaigns.store.imports import Import, ImportChunk, ImportFault

# States that wait for a person, who may never come.
_LEFT = ("columns", "checked")


def keep(session: Session, agency_id: int, import_id: int, number: int, sealed: bytes) -> None:
    """Keep one piece; see ImportChunk for what the numbers say."""
    session.execute(
        insert(ImportChunk).values(agency_id=agency_id, import_id=import_id, number=number, content_sealed=sealed)
    )


def piece(session: Session, agency_id: int, import_id: int, number: int) -> bytes | None:
    """One sealed piece, or None if there is none."""
    return session.scalar(
        select(ImportChunk.content_sealed).where(
            ImportChunk.agency_id == agency_id, ImportChunk.import_id == import_id, ImportChunk.number == number
        )
    )


def drop(session: Session, agency_id: int, import_id: int) -> None:
    """Delete the file and all that was kept beside it; the faulty rows stay."""
    session.execute(delete(ImportChunk).where(ImportChunk.agency_id == agency_id, ImportChunk.import_id == import_id))


def drop_beside(session: Session, agency_id: int, import_id: int) -> None:
    """Delete what was kept beside the file."""
    session.execute(
        delete(ImportChunk).where(
            ImportChunk.agency_id == agency_id, ImportChunk.import_id == import_id, ImportChunk.number < 0
        )
    )


def replace(session: Session, agency_id: int, import_id: int) -> None:
    """Let what was kept beside the file, numbered -1, -2, …, be the file."""
    own = (ImportChunk.agency_id == agency_id, ImportChunk.import_id == import_id)
    session.execute(delete(ImportChunk).where(*own, ImportChunk.number >= 0))
    session.execute(
        update(ImportChunk)
        .where(*own)
        .values(number=-1 - ImportChunk.number)
        .execution_options(synchronize_session=False)
    )


def keep_faults(session: Session, agency_id: int, import_id: int, number: int, sealed: bytes) -> None:
    """Keep one piece of the faulty rows; numbers run from 0."""
    session.execute(
        insert(ImportFault).values(agency_id=agency_id, import_id=import_id, number=number, content_sealed=sealed)
    )


def faults(session: Session, agency_id: int, import_id: int, number: int) -> bytes | None:
    """One sealed piece of the faulty rows, or None after the last."""
    return session.scalar(
        select(ImportFault.content_sealed).where(
            ImportFault.agency_id == agency_id, ImportFault.import_id == import_id, ImportFault.number == number
        )
    )


def count_faults(session: Session, agency_id: int, import_id: int) -> int:
    """How many pieces of faulty rows there are: the number of the next."""
    return (
        session.scalar(
            select(func.count())
            .select_from(ImportFault)
            .where(ImportFault.agency_id == agency_id, ImportFault.import_id == import_id)
        )
        or 0
    )


def drop_faults(session: Session, agency_id: int, import_id: int) -> None:
    """Delete the faulty rows."""
    session.execute(delete(ImportFault).where(ImportFault.agency_id == agency_id, ImportFault.import_id == import_id))


def left_alone(session: Session, agency_id: int, *, days: int) -> Iterator[int]:
    """Imports that have waited for a person for so long; found when others are listed or handed in."""
    return iter(
        session.scalars(
            select(Import.id).where(
                Import.agency_id == agency_id,
                Import.state.in_(_LEFT),
                Import.made_at < func.now() - timedelta(days=days),
            )
        ).all()
    )


def drop_old_faults(session: Session, agency_id: int, *, days: int) -> None:
    """Delete the faulty rows of imports that ended so many days ago."""
    ended = select(Import.id).where(
        Import.agency_id == agency_id, Import.finished_at < func.now() - timedelta(days=days)
    )
    session.execute(delete(ImportFault).where(ImportFault.agency_id == agency_id, ImportFault.import_id.in_(ended)))
