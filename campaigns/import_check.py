"""Checking a file: every row is read once and held against the book, and nobody is added or changed."""

from campaigns import import_batches, import_book, import_faults, import_look
from campaigns.import_batches import Batch, Batches
from campaigns.import_hand import Hand, in_turn
from campaigns.rules.import_options import Options
from campaigns.rules.import_report import Report
from campaigns.rules.seen import Seen
from campaigns.store import bringing, import_pieces


def check(hand: Hand, *, batch: int) -> None:
    """Read the kept file and leave the import `checked`, with its figures and faulty rows.

    One that was killed begins anew: who came by before is remembered in this process only. Commits after every batch.
    Raises Invalid, TakenAway.
    """
    look = import_look.unseal(hand.held.look_sealed, hand.vault, hand.agency_id)
    options = Options.from_json(hand.held.options)
    with hand.factory.begin() as session:
        hand.note(session, rows_done=0, bytes_done=0, check_report=None)
        import_pieces.drop_faults(session, hand.agency_id, hand.held.id)
        batches = import_batches.batches(session, hand.vault, hand.agency_id, look, options)
    work = _Check(hand, options, Report(look.encoding, look.delimiter), batches)
    in_turn(batches.of(hand.kept(), size=batch, cells=True), work.write)
    with hand.factory.begin() as session:
        hand.leave(session, state="checked", check_report=work.report.as_json())


class _Check:
    def __init__(self, hand: Hand, options: Options, report: Report, batches: Batches) -> None:
        self.hand = hand
        self.options = options
        self.report = report
        self._rename = batches.sealer.rename
        self._seen = Seen()

    def write(self, batch: Batch) -> None:
        """Note the figures of a batch and keep its faulty rows, in one transaction."""
        hand = self.hand
        with hand.factory.begin() as session:
            foreseen = bringing.foresee(
                session,
                hand.agency_id,
                batch.arrivals,
                options=self.options,
                rename=self._rename,
                seen=self._seen,
            )
            import_book.count(self.report, batch, foreseen)
            hand.note(
                session,
                check_report=self.report.as_json(),
                rows_done=self.report.rows,
                bytes_done=batch.bytes_done,
            )
            faults = import_book.faults(batch, foreseen)
            import_faults.keep(session, hand.vault, hand.agency_id, hand.held.id, faults)
        hand.check_told()
