"""Imports: one file each, with its sealed bytes while it waits and its report afterwards."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Boolean, ColumnElement, ForeignKey, Integer, delete, func, insert, or_, select, text, update
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
    is_stop_asked: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    undone_at: Mapped[Moment | None]
    undone_by: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    cleared_at: Mapped[Moment | None]  # its faulty rows and what undoing needs are gone
    leased_until: Mapped[Moment | None]
    made_at: Mapped[Made]
    finished_at: Mapped[Moment | None]


class ImportChunk(Table):
    """A piece of a waiting file, sealed; deleted when the import ends. Any worker host can take it from here."""

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


def keep_chunk(session: Session, agency_id: int, import_id: int, number: int, sealed: bytes) -> None:
    """Keep one piece of a waiting file; numbers run from 0."""
    session.execute(
        insert(ImportChunk).values(agency_id=agency_id, import_id=import_id, number=number, content_sealed=sealed)
    )


def chunk(session: Session, agency_id: int, import_id: int, number: int) -> bytes | None:
    """One sealed piece of a waiting file, or None after the last."""
    return session.scalar(
        select(ImportChunk.content_sealed).where(
            ImportChunk.agency_id == agency_id, ImportChunk.import_id == import_id, ImportChunk.number == number
        )
    )


def take_lease(session: Session, agency_id: int, import_id: int, *, seconds: float) -> Import | None:
    """Claim an import that nobody works on; None if it is finished, held, or not the agency's."""
    statement = (
        update(Import)
        .where(
            Import.agency_id == agency_id,
            Import.id == import_id,
            Import.state.in_(["waiting", "running"]),
            or_(Import.leased_until.is_(None), Import.leased_until < func.now()),
        )
        .values(state="running", leased_until=_until(seconds))
        .returning(Import)
    )
    return session.scalar(statement)


def step(session: Session, held: Import, *, report: dict[str, object], bytes_done: int, seconds: float) -> bool:
    """Note how far the import is and hold it for `seconds` more; False if somebody else has it now.

    `held` gets the new values, so that the next step can be told apart from one of a worker that lost its lease.
    """
    statement = (
        update(Import)
        .where(
            Import.agency_id == held.agency_id,
            Import.id == held.id,
            Import.state == "running",
            Import.leased_until == held.leased_until,
        )
        .values(report=report, rows_done=report["rows"], bytes_done=bytes_done, leased_until=_until(seconds))
        .returning(Import.leased_until)
    )
    leased_until = session.scalar(statement)
    if leased_until is None:
        return False
    held.leased_until = leased_until
    return True


def end(session: Session, held: Import, *, report: dict[str, object] | None, failure: dict[str, object] | None) -> bool:
    """Finish an import, done or failed, and delete its file; False if somebody else has it now."""
    statement = (
        update(Import)
        .where(
            Import.agency_id == held.agency_id,
            Import.id == held.id,
            Import.state == "running",
            Import.leased_until == held.leased_until,
        )
        .values(
            state="failed" if failure else "done",
            report=report,
            failure=failure,
            leased_until=None,
            finished_at=func.now(),
        )
        .returning(Import.id)
    )
    if session.scalar(statement) is None:
        return False
    session.execute(
        delete(ImportChunk).where(ImportChunk.agency_id == held.agency_id, ImportChunk.import_id == held.id)
    )
    return True


def get(session: Session, agency_id: int, import_id: int) -> Import | None:
    """One of the agency's imports, as the database has it now; None for another agency's."""
    return session.scalar(
        select(Import)
        .where(Import.agency_id == agency_id, Import.id == import_id)
        .execution_options(populate_existing=True)
    )


def of_agency(session: Session, agency_id: int, *, limit: int) -> Sequence[Import]:
    """The agency's latest imports, newest first."""
    return session.scalars(
        select(Import).where(Import.agency_id == agency_id).order_by(Import.id.desc()).limit(limit)
    ).all()
