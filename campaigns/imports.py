"""Imports: a file an agency sends becomes contacts, step by step, and may be taken back.

Staff hand a file in, say what its columns are, see what would become of every row, and begin. What needs every row is
a worker's, in batches that survive its death (run()). No import ever touches a refusal, because refusals hang on
addresses (DESIGN 10.6).
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, Final

from sqlalchemy.orm import Session

from campaigns import (
    audit,
    import_batches,
    import_check,
    import_convert,
    import_faults,
    import_files,
    import_look,
    import_run,
    import_undo,
    reference,
    spreadsheets,
)
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.import_faults import Fault
from campaigns.import_files import Source
from campaigns.import_hand import Hand, PutOff, TakenAway
from campaigns.import_look import Look
from campaigns.import_run import Progress
from campaigns.rules import delimited, import_choice
from campaigns.rules.import_options import Options
from campaigns.rules.import_rows import Person, Refusal
from campaigns.spreadsheets import Kind
from campaigns.store import import_pieces, undoing
from campaigns.store import imports as store
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import Import
from campaigns.vault import Unsealable, Vault

LARGEST: Final = 512 * 1024 * 1024
_MEGABYTE: Final = 1024 * 1024
_LISTED: Final = 50
_IN_HAND: Final = 3600.0  # seconds after which a file that was being read on a command line is given up
_LEFT_DAYS: Final = 7  # a file that waits so long for a person is thrown away
_FAULTS_DAYS: Final = 30  # how long faulty rows can be taken away after an import ended

# Nothing has come in yet.
_BEFORE: Final = ("reading", "columns", "checking", "checked", "waiting")
# Something may have come in, and no worker is at it.
_AFTER: Final = ("done", "stopped", "failed")


def submit(session: Session, vault: Vault, agency_id: int, file: BinaryIO, *, name: str, by: int) -> Import:
    """Keep a file, sealed. A table of text is looked at at once and waits for staff to choose(); a spreadsheet is
    taken apart by a worker before. Never commits.

    `file` must be seekable; `name` is what its owner calls it. Raises Invalid("file", ...) that says what is wrong
    with it.
    """
    _tidy(session, agency_id)
    size = file.seek(0, io.SEEK_END)
    if size > LARGEST:
        raise Invalid(delimited.FIELD, "file_too_big", most=LARGEST // _MEGABYTE)
    kind = spreadsheets.kind_of(file)
    sealed = None
    if kind is Kind.DELIMITED:
        found = import_look.find(import_files.at_beginning(file), reference.column_names(session))
        sealed = import_look.seal(found, vault, agency_id)
    new = Import(
        agency_id=agency_id,
        staff_id=by,
        options={},
        size=size,
        kind=kind.value,
        state="columns" if sealed else "reading",
        name_sealed=vault.seal_optional(name, agency_id),
        look_sealed=sealed,
    )
    session.add(new)
    session.flush()
    import_files.keep(session, vault, new, file)
    return new


def look(session: Session, vault: Vault, agency_id: int, import_id: int) -> Look:
    """What the file looks like, once it could be looked at; its columns as staff said of the last one like it.

    Raises NotFound, Conflict(import_moved_on) while a worker still takes a spreadsheet apart or when the file is gone.
    """
    found = get(session, agency_id, import_id)
    if found.look_sealed is None:
        raise Conflict("import_moved_on")
    seen = import_look.unseal(found.look_sealed, vault, agency_id)
    return import_look.as_remembered(session, vault, agency_id, seen)


def read_as(session: Session, look: Look, options: Options) -> list[Person | Refusal]:
    """What the first rows of a file become with these options."""
    columns = look.columns if options.columns is None else options.columns
    read = reference.row_reader(session, options.asked).along(columns)
    return [read(row) for row in look.rows]


def choose(session: Session, vault: Vault, agency_id: int, import_id: int, options: Options, *, by: int) -> None:
    """Say what the columns are and what holds for everybody; a worker checks every row then. Never commits.

    What was said of the columns is remembered for the next file with these headings. Raises NotFound,
    Conflict(import_moved_on), and Invalid as rules.import_choice does.
    """
    seen = look(session, vault, agency_id, import_id)
    columns = seen.columns if options.columns is None else options.columns
    import_choice.check_columns(columns, len(seen.headings))
    import_choice.check_texts(options)
    _move(session, agency_id, import_id, out_of=("columns",), state="checking", staff_id=by, options=options.as_json())
    import_look.remember(session, vault, agency_id, seen, columns)


def begin(session: Session, agency_id: int, import_id: int, *, by: int) -> None:
    """Let a checked file come in. Never commits. Raises NotFound, Conflict(import_moved_on)."""
    _move(session, agency_id, import_id, out_of=("checked",), state="waiting", staff_id=by)


def back(session: Session, agency_id: int, import_id: int) -> None:
    """Choose again, from a check or its figures. Never commits. Raises NotFound, Conflict(import_moved_on)."""
    _move(session, agency_id, import_id, out_of=("checking", "checked"), state="columns", check_report=None)


def stop(session: Session, agency_id: int, import_id: int, *, by: int) -> None:
    """Let nothing more come in; what came in stays, and the report says how much. Never commits.

    At once: what a worker has in hand just now is not added. Raises NotFound, Conflict(import_moved_on).
    """
    _move(session, agency_id, import_id, out_of=("waiting", "running"), state="stopped")
    import_pieces.drop(session, agency_id, import_id)
    import_run.record(session, get(session, agency_id, import_id), by=by)


def discard(session: Session, agency_id: int, import_id: int) -> None:
    """Throw away a file of which nothing came in, with its import. Never commits.

    Raises NotFound, Conflict(import_moved_on).
    """
    get(session, agency_id, import_id)
    if not store.remove(session, agency_id, import_id, out_of=_BEFORE):
        raise Conflict("import_moved_on")


def run(
    sessions: AgencySessions,
    vault: Vault,
    agency_id: int,
    import_id: int,
    *,
    lease: float = 60.0,
    seconds: float = 240.0,
    told: Callable[[], bool] = lambda: False,
    others_wait: Callable[[], bool] = lambda: False,
    batch: int = import_batches.SIZE,
) -> bool:
    """Do the step that a kept file is in; True if this call ended the step, False if not, or there was nothing to do.

    Commits after every batch of rows, with the figures in the same transaction, so whoever comes next goes on where a
    dead worker stopped. Gives up, and the clock asks again, after `seconds`, after some when `others_wait`, and when
    `told`. May be called again at any time. A file that cannot be read ends as `failed`.
    """
    factory = sessions(agency_id)
    with factory.begin() as session:
        held = store.take(session, agency_id, import_id, seconds=lease)
    if held is None:
        return False
    hand = Hand(factory, vault, held, lease, seconds, told, others_wait)
    try:
        _step(hand, batch)
    except Invalid as problem:
        return _failed(hand, problem)
    except PutOff:
        with suppress(TakenAway), factory.begin() as session:
            hand.leave(session)
        return False
    except TakenAway:
        return False
    return True


def _step(hand: Hand, batch: int) -> None:
    match hand.held.state:
        case "reading":
            import_convert.convert(hand)
        case "checking":
            import_check.check(hand, batch=batch)
        case "running":
            look = import_look.unseal(hand.held.look_sealed, hand.vault, hand.agency_id)
            import_run.run(hand, hand.kept, look, batch=batch)
        case "undoing":
            import_undo.undo(hand)


def _failed(hand: Hand, problem: Invalid) -> bool:
    """End the import as failed; what was brought in before stays, and stands in the report and on record."""
    # A problem may quote the file ("the headings are ..."), and its first line may be a person: kept are figures.
    values = {name: value if isinstance(value, int) else "…" for name, value in problem.values.items()}
    failure: dict[str, object] = {"field": problem.field, "code": problem.code, "values": values}
    try:
        with hand.factory.begin() as session:
            hand.leave(session, state="failed", failure=failure)
            import_pieces.drop(session, hand.agency_id, hand.held.id)
            import_run.record(session, get(session, hand.agency_id, hand.held.id), by=hand.held.staff_id)
    except TakenAway:
        return False
    return True


def bring_in(
    sessions: AgencySessions,
    vault: Vault,
    agency_id: int,
    file: BinaryIO,
    *,
    options: Options | None = None,
    by: int | None = None,
    progress: Progress | None = None,
    batch: int = import_batches.SIZE,
) -> dict[str, object]:
    """Bring in a file at hand, now and without a check, and return the figures. Commits after every batch of rows.

    `file` must be seekable. The import is listed like any other. Raises Invalid("file", ...), and what
    import_choice.check_texts() does; whatever ends it early, what was brought in stays, and bringing the file in again
    adds only the rest.
    """
    factory = sessions(agency_id)
    size = file.seek(0, io.SEEK_END)
    chosen = options or Options()
    import_choice.check_texts(chosen)
    with factory.begin() as session:
        new = Import(agency_id=agency_id, staff_id=by, options=chosen.as_json(), size=size)
        session.add(new)
        session.flush()
        held = store.take(session, agency_id, new.id, seconds=_IN_HAND)
    assert held is not None  # noqa: S101 - made in this transaction
    hand = Hand(factory, vault, held, _IN_HAND)
    try:
        source, seen = _at_hand(hand, file)
        import_run.read_through(source, seen)
        return import_run.run(hand, source, seen, batch=batch, progress=progress).told()
    except BaseException as problem:
        _failed(hand, problem if isinstance(problem, Invalid) else Invalid(delimited.FIELD, "import_interrupted"))
        raise


def _at_hand(hand: Hand, file: BinaryIO) -> tuple[Source, Look]:
    """A file at hand and what it looks like; the text of a spreadsheet is kept for so long. Raises Invalid."""
    source = import_files.at_beginning(file)
    if spreadsheets.kind_of(file) is Kind.DELIMITED:
        with hand.factory() as session:
            known = reference.column_names(session)
        return source, import_look.find(source, known)
    text = import_convert.write_beside(hand, source)
    return import_files.kept(hand.factory, hand.vault, hand.held, beside=text.size), text.look()


def check_undoable(session: Session, agency_id: int, import_id: int) -> None:
    """Raises NotFound, Conflict(import_moved_on) when nothing came in, and Conflict(import_sent, count)."""
    found = get(session, agency_id, import_id)
    if found.state not in _AFTER or not found.report or found.cleared_at is not None:
        raise Conflict("import_moved_on")
    sent = undoing.sent_since(session, agency_id, import_id)
    if sent:
        raise Conflict("import_sent", count=sent)


def undo(session: Session, agency_id: int, import_id: int, *, by: int) -> None:
    """Let a worker take an import back. Never commits. Raises what check_undoable() does."""
    store.lock(session, agency_id, import_id)  # or what undoing needs could be taken away between the two
    check_undoable(session, agency_id, import_id)
    _move(session, agency_id, import_id, out_of=_AFTER, state="undoing", undone_by=by, rows_done=0)


def note_taken(session: Session, agency_id: int, import_id: int, *, by: int) -> None:
    """Write down that somebody takes the faulty rows away, in clear. Never commits."""
    audit.record(session, agency_id, audit.Did.IMPORT_FAULTS_TAKEN, f"import:{import_id}", by=by)


def faults(session: Session, vault: Vault, agency_id: int, import_id: int) -> Iterator[Fault]:
    """The rows a check found fault with, in the order of the file. Raises NotFound, Invalid("file", file_sealed)."""
    get(session, agency_id, import_id)
    return import_faults.kept(session, vault, agency_id, import_id)


def name_of(vault: Vault, one: Import) -> str:
    """What the file was called; empty for one from a command line, or where no key of ours opens it."""
    try:
        return vault.open_optional(one.name_sealed, one.agency_id)
    except Unsealable:
        return ""


def get(session: Session, agency_id: int, import_id: int) -> Import:
    """One of the agency's imports as it stands now; raises NotFound."""
    found = store.get(session, agency_id, import_id)
    if found is None:
        raise NotFound("import_unknown")
    return found


def listed(session: Session, agency_id: int) -> Sequence[Import]:
    """The agency's latest fifty imports, newest first. Never commits; throws away files that were left alone."""
    _tidy(session, agency_id)
    return store.of_agency(session, agency_id, limit=_LISTED)


def _move(session: Session, agency_id: int, import_id: int, *, out_of: Sequence[str], **values: object) -> None:
    get(session, agency_id, import_id)
    if not store.move(session, agency_id, import_id, out_of=out_of, **values):
        raise Conflict("import_moved_on")


def _tidy(session: Session, agency_id: int) -> None:
    """Throw away what nobody came back for."""
    for import_id in import_pieces.left_alone(session, agency_id, days=_LEFT_DAYS):
        store.remove(session, agency_id, import_id, out_of=_BEFORE)
    import_pieces.drop_old_faults(session, agency_id, days=_FAULTS_DAYS)
