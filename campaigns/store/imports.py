"""Imports: one file each, with its sealed bytes while it waits and its report afterwards."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Integer,
    Update,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.metadata import Id, Made, Moment, Ref, Sealed, Stored, Table
from campaigns.store.metadata import Index as BlindIndex


class Import(Table):
    """One file brought in, step by step.

    `state`: reading (a spreadsheet is taken apart), columns (waits for staff to say what each column is), checking,
    checked (waits for staff), waiting, running, then done, failed (`failure` is a code with values) or stopped;
    undoing and undone.
    """

    __tablename__ = "import"
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"), index=True)
    staff_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    state: Mapped[str] = mapped_column(server_default="waiting")
    options: Mapped[Stored]
    size: Mapped[Ref] = mapped_column(server_default="0")  # bytes
    rows_done: Mapped[int] = mapped_column(Integer, server_default="0")
    bytes_done: Mapped[Ref] = mapped_column(server_default="0")
    report: Mapped[Stored | None]
    failure: Mapped[Stored | None]
    kind: Mapped[str] = mapped_column(server_default="delimited")  # delimited | xlsx | ods
    name_sealed: Mapped[Sealed | None]  # the file's name: it may name somebody
    look_sealed: Mapped[Sealed | None]  # what the file looks like, as JSON: its headings may name somebody
    check_report: Mapped[Stored | None]
    begun_at: Mapped[Moment | None]
    undone_at: Mapped[Moment | None]
    undone_by: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    cleared_at: Mapped[Moment | None]  # its faulty rows and what undoing needs are gone
    leased_until: Mapped[Moment | None]
    made_at: Mapped[Made]
    finished_at: Mapped[Moment | None]


class ImportChunk(Table):
    """A piece of a waiting file, sealed; deleted when the import ends. Any worker host can take it from here.

    Numbers from 0 are the file. Below 0 is what a step keeps beside it: the text of a spreadsheet until all of it is
    there, then which rows of the file repeat others.
    """

    __tablename__ = "import_chunk"
    agency_id: Mapped[Ref]
    import_id: Mapped[Ref] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    content_sealed: Mapped[Sealed]


class ImportFault(Table):
    """Rows of a file that were refused or warned of, many to a sealed piece, for staff to take away as a file."""

    __tablename__ = "import_fault"
    agency_id: Mapped[Ref]
    import_id: Mapped[Ref] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    content_sealed: Mapped[Sealed]


class ImportColumns(Table):
    """What each column is in files with these headings, as the agency's staff last said."""

    __tablename__ = "import_columns"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    headings_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    columns: Mapped[Stored]
    changed_at: Mapped[Made]


class ContactBefore(Table):
    """A contact as it was before an import changed it, for undoing; sealed values stay sealed."""

    __tablename__ = "contact_before"
    agency_id: Mapped[Ref]
    import_id: Mapped[Ref] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(primary_key=True, index=True)
    before: Mapped[Stored]


def _until(seconds: float) -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


# What is noted by itself when an import gets into a state. `begun_at` is when the step under way was asked for.
_MOMENTS: Final = {
    "checking": "begun_at",
    "waiting": "begun_at",
    "undoing": "begun_at",
    "done": "finished_at",
    "failed": "finished_at",
    "stopped": "finished_at",
    "undone": "undone_at",
}


def _with_moment(values: Mapping[str, object]) -> dict[str, object]:
    moment = _MOMENTS.get(str(values.get("state")))
    return {**values, moment: func.now()} if moment else dict(values)


# States in which a worker has something to do; the clock finds the same (due_work()).
FOR_WORKERS: Final = ("reading", "checking", "waiting", "running", "undoing")


def take(session: Session, agency_id: int, import_id: int, *, seconds: float) -> Import | None:
    """Claim an import that a worker has to work on and nobody does; None if there is nothing to do, or it is held.

    One that waits is running from now on.
    """
    statement = (
        update(Import)
        .where(
            Import.agency_id == agency_id,
            Import.id == import_id,
            Import.state.in_(FOR_WORKERS),
            or_(Import.leased_until.is_(None), Import.leased_until < func.now()),
        )
        .values(
            state=case((Import.state == "waiting", "running"), else_=Import.state),
            leased_until=_until(seconds),
        )
        .returning(Import)
        .execution_options(populate_existing=True)
    )
    return session.scalar(statement)


def hold(session: Session, held: Import, *, seconds: float, **values: object) -> bool:
    """Note `values` and hold the import for `seconds` more; False if somebody else has it or has moved it since.

    `held` gets the new lease, so that the next step can be told apart from one of a worker that lost it.
    """
    statement = _in_hand(held).values(leased_until=_until(seconds), **values).returning(Import.leased_until)
    leased_until = session.scalar(statement)
    if leased_until is None:
        return False
    held.leased_until = leased_until
    return True


def let_go(session: Session, held: Import, **values: object) -> bool:
    """Note `values` (a new state among them, where a step is over) and hold the import no longer; False as hold()."""
    statement = _in_hand(held).values(leased_until=None, **_with_moment(values)).returning(Import.id)
    return session.scalar(statement) is not None


def _in_hand(held: Import) -> Update:
    return (
        update(Import)
        .where(
            Import.agency_id == held.agency_id,
            Import.id == held.id,
            Import.state == held.state,
            Import.leased_until == held.leased_until,
        )
        .execution_options(synchronize_session=False)
    )


def move(session: Session, agency_id: int, import_id: int, *, out_of: Collection[str], **values: object) -> bool:
    """Note `values`, a new state among them, if the import is in one of these states; whoever held it has lost it."""
    statement = (
        update(Import)
        .where(Import.agency_id == agency_id, Import.id == import_id, Import.state.in_(list(out_of)))
        .values(leased_until=None, **_with_moment(values))
        .returning(Import.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(statement) is not None


def remove(session: Session, agency_id: int, import_id: int, *, out_of: Collection[str]) -> bool:
    """Delete an import, with all that is kept of its file, if it is in one of these states."""
    statement = (
        delete(Import)
        .where(Import.agency_id == agency_id, Import.id == import_id, Import.state.in_(list(out_of)))
        .returning(Import.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(statement) is not None


def get(session: Session, agency_id: int, import_id: int) -> Import | None:
    """One of the agency's imports, as the database has it now; None for another agency's."""
    return session.scalar(
        select(Import)
        .where(Import.agency_id == agency_id, Import.id == import_id)
        .execution_options(populate_existing=True)
    )


def lock(session: Session, agency_id: int, import_id: int) -> None:
    """Nobody else changes the import until this transaction ends."""
    session.execute(select(Import.id).where(Import.agency_id == agency_id, Import.id == import_id).with_for_update())


def of_agency(session: Session, agency_id: int, *, limit: int) -> Sequence[Import]:
    """The agency's latest imports, newest first."""
    return session.scalars(
        select(Import).where(Import.agency_id == agency_id).order_by(Import.id.desc()).limit(limit)
    ).all()


def columns_of(session: Session, agency_id: int, headings_index: bytes) -> dict[str, object] | None:
    """What the columns of files with these headings are, by field; None if nobody ever said."""
    return session.scalar(
        select(ImportColumns.columns).where(
            ImportColumns.agency_id == agency_id, ImportColumns.headings_index == headings_index
        )
    )


def remember_columns(session: Session, agency_id: int, headings_index: bytes, columns: Mapping[str, int]) -> None:
    """Keep what staff said of the columns of files with these headings, in place of what was said before."""
    values = {"columns": dict(columns), "changed_at": func.now()}
    session.execute(
        insert(ImportColumns)
        .values(agency_id=agency_id, headings_index=headings_index, **values)
        .on_conflict_do_update(index_elements=["agency_id", "headings_index"], set_=values)
    )
