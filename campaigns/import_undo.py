"""Taking an import back: who was added goes, who was changed gets back what was there before."""

from typing import Final

from campaigns import audit
from campaigns.import_hand import Hand
from campaigns.store import import_pieces, undoing

SIZE: Final = 5_000  # people a slice


def undo(hand: Hand) -> None:
    """Take back everybody, slice by slice, and leave the import `undone`; its report says how many of whom.

    Commits after every slice; whoever comes next goes on where a dead worker stopped. Whoever was corrected or sent
    something since stays as they are. Raises TakenAway, PutOff.
    """
    held = hand.held
    report = dict(held.report or {})
    told = {"removed": 0, "restored": 0, "kept": 0} | _figures(report.get("undone"))
    while True:
        with hand.factory.begin() as session:
            some = undoing.undo(session, hand.agency_id, held.id, size=SIZE)._asdict()
            told = {name: told[name] + number for name, number in some.items()}
            report["undone"] = told
            if not any(some.values()):
                hand.leave(session, state="undone", report=report, rows_done=sum(told.values()))
                import_pieces.drop_faults(session, hand.agency_id, held.id)
                audit.record(
                    session, hand.agency_id, audit.Did.IMPORT_UNDONE, f"import:{held.id}", by=held.undone_by, **told
                )
                return
            hand.note(session, report=report, rows_done=sum(told.values()))
        hand.check_time()


def _figures(stored: object) -> dict[str, int]:
    return {str(name): int(number) for name, number in stored.items()} if isinstance(stored, dict) else {}
