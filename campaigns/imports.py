"""Imports: a file an agency sends becomes contacts, in batches that survive a dead worker.

A row that names somebody who is there already (in the file or before it) changes nothing: the first one counts, and
corrections are made by hand. No import ever touches a refusal, because refusals hang on addresses (DESIGN 10.6).
"""

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from typing import BinaryIO, Final

from sqlalchemy.orm import Session, sessionmaker

from campaigns import audit, reference
from campaigns.errors import Invalid, NotFound
from campaigns.rules import delimited
from campaigns.rules.delimited import Encoding, Layout
from campaigns.rules.import_report import Report
from campaigns.rules.import_rows import Person, Refusal, RowReader
from campaigns.sealing import Sealer
from campaigns.store import agencies, arrivals
from campaigns.store import imports as store
from campaigns.store.arrivals import Arrival
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import Import
from campaigns.vault import Vault

# Gives the file at its beginning; asked more than once. Whoever made the source closes what it opened.
Source = Callable[[], BinaryIO]
# Told after every batch: rows and bytes done so far.
Progress = Callable[[int, int], None]

LARGEST: Final = 512 * 1024 * 1024
BATCH: Final = 20_000
_CHUNK: Final = 1024 * 1024
_LISTED: Final = 50
_IN_HAND: Final = 3600.0  # seconds after which a file that was being read on a command line is given up


@dataclass(frozen=True)
class Options:
    """What is asked once per import: whether these people accept the fallback language where theirs is missing."""

    accepts_fallback: bool = True


def submit(session: Session, vault: Vault, agency_id: int, file: BinaryIO, *, options: Options, by: int) -> Import:
    """Keep a file, sealed, for a worker; its encoding and headings are checked at once. Never commits.

    `file` must be seekable. Raises Invalid("file", ...) that says what is wrong with it.
    """
    size = file.seek(0, io.SEEK_END)
    if size > LARGEST:
        raise Invalid(delimited.FIELD, "file_too_big", most=LARGEST // _CHUNK)
    _look(at_beginning(file))
    waiting = Import(agency_id=agency_id, staff_id=by, options=asdict(options), size=size)
    session.add(waiting)
    session.flush()
    file.seek(0)
    for number, chunk in enumerate(iter(partial(file.read, _CHUNK), b"")):
        store.keep_chunk(session, agency_id, waiting.id, number, vault.seal_bytes(chunk, agency_id))
    return waiting


def run(
    sessions: AgencySessions, vault: Vault, agency_id: int, import_id: int, *, lease: float = 60.0, batch: int = BATCH
) -> bool:
    """Bring a kept file in; True if this call ended it, False if there was nothing to do or it was taken away.

    Commits after every batch of rows, with the figures in the same transaction, so whoever comes next goes on where a
    dead worker stopped. May be called again at any time. A file that cannot be read ends as `failed`.
    """
    factory = sessions(agency_id)
    with factory.begin() as session:
        held = store.take_lease(session, agency_id, import_id, seconds=lease)
    if held is None:
        return False
    kept = io.BufferedReader(_KeptFile(factory, vault, held), _CHUNK)
    work = _Work(factory, vault, held, at_beginning(kept), lease, batch)
    try:
        work.to_the_end()
    except Invalid as problem:
        return work.fail(problem)
    except _TakenAway:
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
    batch: int = BATCH,
) -> dict[str, object]:
    """Bring in a file at hand, now, and return the report. Commits after every batch of rows.

    `file` must be seekable. The import is listed like any other. Raises Invalid("file", ...); whatever ends it early,
    what was added stays, and bringing the file in again adds only the rest.
    """
    factory = sessions(agency_id)
    size = file.seek(0, io.SEEK_END)
    with factory.begin() as session:
        new = Import(agency_id=agency_id, staff_id=by, options=asdict(options or Options()), size=size)
        session.add(new)
        session.flush()
        held = store.take_lease(session, agency_id, new.id, seconds=_IN_HAND)
    assert held is not None  # noqa: S101 - made in this transaction
    work = _Work(factory, vault, held, at_beginning(file), _IN_HAND, batch, progress)
    try:
        work.to_the_end()
    except BaseException as problem:
        work.fail(problem if isinstance(problem, Invalid) else Invalid(delimited.FIELD, "import_interrupted"))
        raise
    return work.report.as_json()


def get(session: Session, agency_id: int, import_id: int) -> Import:
    """One of the agency's imports as it stands now; raises NotFound."""
    found = store.get(session, agency_id, import_id)
    if found is None:
        raise NotFound("import_unknown")
    return found


def listed(session: Session, agency_id: int) -> Sequence[Import]:
    """The agency's latest fifty imports, newest first."""
    return store.of_agency(session, agency_id, limit=_LISTED)


def at_beginning(file: BinaryIO) -> Source:
    """A source that gives the same seekable file again and again."""

    def source() -> BinaryIO:
        file.seek(0)
        return file

    return source


def _look(source: Source) -> tuple[Encoding, Layout]:
    """How the file is written; reads it once for its encoding, then its head. Raises Invalid."""
    encoding = delimited.find_encoding(iter(partial(source().read, _CHUNK), b""))
    with _text(source, encoding) as text:
        head = text.read(delimited.LONGEST_LINE)
        return encoding, delimited.find_layout(head, whole=not text.read(1))


@contextmanager
def _text(source: Source, encoding: Encoding) -> Iterator[io.TextIOWrapper]:
    # A last letter may be cut off; anything else wrong with the encoding was refused before.
    text = io.TextIOWrapper(source(), encoding=encoding.codec, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()  # the file is not ours to close


@dataclass
class _Batch:
    """Some rows, decided and sealed; within it nobody stands twice."""

    rows: int = 0
    bytes_done: int = 0
    repeated: int = 0
    refused: list[Refusal] = field(default_factory=list)
    people: dict[bytes, Person] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)


class _TakenAway(Exception):
    """The lease ran out and another worker has the import now."""


@dataclass
class _Work:
    """One import in hand."""

    factory: sessionmaker[Session]
    vault: Vault
    held: Import
    source: Source
    lease: float
    batch: int
    progress: Progress | None = None
    report: Report = field(default_factory=lambda: Report("", ""))

    def to_the_end(self) -> None:
        """Read every row and end the import. Raises Invalid, _TakenAway."""
        encoding, layout = _look(self.source)
        if self.held.report:
            self.report = Report.from_json(self.held.report)
        else:
            self.report = Report(encoding.name, layout.delimiter)
            with _text(self.source, encoding) as text:
                for _ in delimited.records(text.readline, layout.delimiter):
                    pass  # once through before the first is added: a file broken in its middle adds nobody
        with self.factory() as session:
            agency = agencies.get(session, self.held.agency_id)
            reader = reference.row_reader(session)
            sealer = Sealer(self.vault, self.held.agency_id, agency.language if agency else "es")
        with ThreadPoolExecutor(1) as writer:
            # The next batch is read and sealed while PostgreSQL takes the one before.
            writing: Future[None] | None = None
            for batch in self._batches(encoding, layout, reader, sealer):
                if writing:
                    writing.result()
                writing = writer.submit(self._write, batch)
            if writing:
                writing.result()
        self._end()

    def fail(self, problem: Invalid) -> bool:
        """End the import as failed; what was added before stays and stands in the report."""
        # A problem may quote the file ("the headings are ..."), and its first line may be a person: kept are figures.
        values = {name: value if isinstance(value, int) else "…" for name, value in problem.values.items()}
        failure: dict[str, object] = {"field": problem.field, "code": problem.code, "values": values}
        report = self.report.as_json() if self.report.rows else None
        with self.factory.begin() as session:
            return store.end(session, self.held, report=report, failure=failure)

    def _batches(self, encoding: Encoding, layout: Layout, reader: RowReader, sealer: Sealer) -> Iterator[_Batch]:
        file = self.source()
        with _text(lambda: file, encoding) as text:
            rows = (
                delimited.columns_of(row, layout.columns)
                for row, line in delimited.records(text.readline, layout.delimiter)
                if line >= layout.rows_from_line
            )
            left = islice(rows, self.report.rows, None)  # from where a dead worker stopped
            while True:
                batch = _Batch()
                for cells in islice(left, self.batch):
                    batch.rows += 1
                    person = reader.read(cells)
                    if isinstance(person, Refusal):
                        batch.refused.append(person)
                        continue
                    arrival = sealer.arrival(person)
                    if arrival.key in batch.people:
                        batch.repeated += 1
                        continue
                    batch.people[arrival.key] = person
                    batch.arrivals.append(arrival)
                if not batch.rows:
                    return
                batch.bytes_done = file.tell()
                yield batch

    def _write(self, batch: _Batch) -> None:
        """Add a batch and note the figures, in one transaction. Raises _TakenAway."""
        report = Report.from_json(self.report.as_json())
        with self.factory.begin() as session:
            added = arrivals.add(
                session,
                self.held.agency_id,
                batch.arrivals,
                import_id=self.held.id,
                accepts_fallback=self.held.options.get("accepts_fallback") is not False,
            )
            report.count_refused(batch.refused)
            report.count_duplicates(batch.repeated + len(batch.people) - len(added))
            report.count_added(batch.people[key] for key in added)
            figures = report.as_json()
            if not store.step(session, self.held, report=figures, bytes_done=batch.bytes_done, seconds=self.lease):
                raise _TakenAway
        self.report = report
        if self.progress:
            self.progress(report.rows, batch.bytes_done)

    def _end(self) -> None:
        figures = self.report.as_json()
        with self.factory.begin() as session:
            if not store.end(session, self.held, report=figures, failure=None):
                raise _TakenAway
            audit.record(
                session,
                self.held.agency_id,
                audit.Did.CONTACTS_IMPORTED,
                f"import:{self.held.id}",
                by=self.held.staff_id,
                rows=self.report.rows,
                added=self.report.added,
            )


class _KeptFile(io.RawIOBase):
    """The sealed pieces of a waiting file as one file; holds one piece at a time."""

    def __init__(self, factory: sessionmaker[Session], vault: Vault, held: Import) -> None:
        self._factory = factory
        self._vault = vault
        self._held = held
        self._at = 0
        self._number = -1
        self._piece = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Only from the beginning or the current place: nobody asks for more."""
        self._at = offset + (self._at if whence == io.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's Buffer cannot be written to
        number, offset = divmod(self._at, _CHUNK)
        if number != self._number:
            self._piece, self._number = self._open(number), number
        given = self._piece[offset : offset + len(buffer)]
        buffer[: len(given)] = given
        self._at += len(given)
        return len(given)

    def _open(self, number: int) -> bytes:
        agency_id = self._held.agency_id
        with self._factory() as session:
            sealed = store.chunk(session, agency_id, self._held.id, number)
        if sealed is None and number * _CHUNK < self._held.size:
            # Read on a command line that is no more: the file was never here.
            raise Invalid(delimited.FIELD, "import_interrupted")
        return self._vault.open_bytes(sealed, agency_id) if sealed else b""
