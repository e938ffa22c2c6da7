"""What became of a batch of rows in the contact book, in figures and faults."""

from collections.abc import Iterator

from campaigns.import_batches import Batch
from campaigns.import_faults import Fault
from campaigns.rules.import_report import NOT_KNOWN, Report
from campaigns.rules.import_rows import Person
from campaigns.store.arrivals import Became, Merged


def count(report: Report, batch: Batch, merged: Merged) -> None:
    """Add a batch to the figures."""
    became = merged.became
    report.count_refused(reason for _, reason in batch.refused)
    report.count_refused(NOT_KNOWN for one in became if one is Became.NOT_THERE)
    report.count_repeated(became.count(Became.REPEATED))
    report.count_unchanged(became.count(Became.UNCHANGED))
    report.count_updated(_who(batch, merged, Became.UPDATED))
    report.count_added(_who(batch, merged, Became.ADDED))
    report.withdrawn += len(merged.withdrawn)


def faults(batch: Batch, merged: Merged) -> list[Fault]:
    """The rows that staff may want to correct, in the order of the file."""
    found = [Fault(row.line, (reason.value,), tuple(row.cells)) for row, reason in batch.refused]
    for (row, person), became in zip(batch.people, merged.became, strict=True):
        if became is Became.NOT_THERE:
            found.append(Fault(row.line, (NOT_KNOWN,), tuple(row.cells)))
        elif person.warnings and became in (Became.ADDED, Became.UPDATED):
            found.append(Fault(row.line, tuple(code.value for code in person.warnings), tuple(row.cells)))
    return sorted(found)


def _who(batch: Batch, merged: Merged, wanted: Became) -> Iterator[Person]:
    for (_, person), became in zip(batch.people, merged.became, strict=True):
        if became is wanted:
            yield person
