"""Bringing the rows of a file into the contact book."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from campaigns import audit, import_batches, import_book, import_files
from campaigns.import_batches import Batch, Batches
from campaigns.import_files import Source
from campaigns.import_hand import Hand, in_turn
from campaigns.import_look import Look
from campaigns.rules import delimited
from campaigns.rules.import_options import Options
from campaigns.rules.import_report import Report
from campaigns.rules.seen import Seen
from campaigns.store import bringing, import_pieces
from campaigns.store.imports import Import

# Told after every batch: rows and bytes done so far.
Progress = Callable[[int, int], None]


def run(hand: Hand, source: Source, look: Look, *, batch: int, progress: Progress | None = None) -> Report:
    """Bring every row in from where a dead worker stopped, and end the import.

    Commits after every batch, with the figures in the same transaction. Raises Invalid, TakenAway, PutOff; what was
    brought in before stays.
    """
    options = Options.from_json(hand.held.options)
    stored = hand.held.report
    report = Report.from_json(stored) if stored else Report(look.encoding, look.delimiter)
    with hand.factory() as session:
        batches = import_batches.batches(session, hand.vault, hand.agency_id, look, options)
    work = _Run(hand, options, report, batches, progress)
    in_turn(batches.of(source(), after=report.rows, size=batch), work.write)
    work.end()
    return work.report


def read_through(source: Source, look: Look) -> None:
    """Read a file once before anybody is added: one that is broken in its middle adds nobody. Raises Invalid."""
    with import_files.text(source(), look.written_in) as text:
        for _ in delimited.records(text.readline, look.delimiter):
            pass


@dataclass
class _Run:
    hand: Hand
    options: Options
    report: Report
    batches: Batches
    progress: Progress | None
    seen: Seen = field(default_factory=Seen)

    def write(self, batch: Batch) -> None:
        """Bring a batch in and note the figures, in one transaction; one that is in already is only remembered."""
        if batch.is_in:
            self._recall(batch)
            return
        with self.hand.factory.begin() as session:
            report = self._merge(session, batch)
            self.hand.note(session, report=report.as_json(), rows_done=report.rows, bytes_done=batch.bytes_done)
        self.report = report
        if self.progress:
            self.progress(report.rows, batch.bytes_done)
        self.hand.check_time()

    def _recall(self, batch: Batch) -> None:
        with self.hand.factory.begin() as session:
            bringing.recall(session, self.hand.agency_id, batch.arrivals, seen=self.seen)
            self.hand.note(session)
        self.hand.caught_up()
        self.hand.check_told()

    def _merge(self, session: Session, batch: Batch) -> Report:
        report = Report.from_json(self.report.as_json())
        merged = bringing.merge(
            session,
            self.hand.agency_id,
            batch.arrivals,
            import_id=self.hand.held.id,
            options=self.options,
            rename=self.batches.sealer.rename,
            seen=self.seen,
        )
        import_book.count(report, batch, merged)
        return report

    def end(self) -> None:
        """Done: the file is not needed any more."""
        hand = self.hand
        hand.held.report = self.report.as_json()
        with hand.factory.begin() as session:
            hand.leave(session, state="done", report=hand.held.report)
            import_pieces.drop(session, hand.agency_id, hand.held.id)
            record(session, hand.held, by=hand.held.staff_id)


def record(session: Session, ended: Import, *, by: int | None) -> None:
    """Write down who brought how many in, where any row was."""
    if ended.report:
        report = Report.from_json(ended.report)
        figures = {"rows": report.rows, "added": report.added, "updated": report.updated}
        audit.record(session, ended.agency_id, audit.Did.CONTACTS_IMPORTED, f"import:{ended.id}", by=by, **figures)
