"""The rows of a file, some thousands at a time: read, decided and sealed."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from sqlalchemy.orm import Session

from campaigns import import_files, reference
from campaigns.import_look import Look
from campaigns.rules import delimited
from campaigns.rules.headings import Field
from campaigns.rules.import_options import Options
from campaigns.rules.import_rows import Person, Refusal, RowReader
from campaigns.sealing import Sealer
from campaigns.store import agencies
from campaigns.store.arrivals import Arrival
from campaigns.vault import Vault

SIZE: Final = 20_000  # rows
# A batch of rows near the longest that are read ends early, so that memory stays small whatever the file.
_MOST_BYTES: Final = 16 * 1024 * 1024
_LOOKED_AT_EVERY: Final = 32


class Row(NamedTuple):
    """A row of the file, and the line it ends on. Its cells are only there where they were asked for."""

    line: int
    cells: Sequence[str]


_NO_CELLS: Final = Row(0, ())


@dataclass
class Batch:
    """Some rows, decided and sealed; `people` and `arrivals` go together, in the order of the file.

    `is_in`: an earlier worker has brought them in.
    """

    is_in: bool = False
    rows: int = 0
    bytes_done: int = 0
    refused: list[tuple[Row, Refusal]] = field(default_factory=list)
    people: list[tuple[Row, Person]] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)


@dataclass
class Batches:
    """Makes batches of one file. Not shared between threads."""

    look: Look
    columns: Mapping[Field, int]
    reader: RowReader
    sealer: Sealer

    def of(
        self, file: BinaryIO, *, after: int = 0, size: int = SIZE, cells: bool = False
    ) -> Generator[Batch, None, None]:
        """The file's rows; the first `after` are in. Raises Invalid("file", ...) where it cannot be read.

        `cells` keeps what stands in them: as much memory again as the people take.
        """
        with import_files.text(file, self.look.written_in) as text:
            rows = (
                Row(line, cells)
                for cells, line in delimited.records(text.readline, self.look.delimiter)
                if line >= self.look.rows_from_line
            )
            read = self.reader.along(self.columns)
            for is_in, part in ((True, islice(rows, after)), (False, rows)):
                while taken := list(_some(part, file, size)):
                    batch = self._decided(taken, read, cells)
                    batch.is_in, batch.bytes_done = is_in, file.tell()
                    yield batch

    def _decided(self, rows: Sequence[Row], read: Callable[[Sequence[str]], Person | Refusal], cells: bool) -> Batch:
        batch = Batch(rows=len(rows))
        for row in rows:
            person = read(row.cells)
            kept = row if cells else _NO_CELLS
            if isinstance(person, Refusal):
                batch.refused.append((kept, person))
            else:
                batch.people.append((kept, person))
                batch.arrivals.append(self.sealer.arrival(person))
        return batch


def _some(rows: Iterator[Row], file: BinaryIO, size: int) -> Iterator[Row]:
    began = file.tell()
    for taken, row in enumerate(islice(rows, size), 1):
        yield row
        if taken % _LOOKED_AT_EVERY == 0 and file.tell() - began > _MOST_BYTES:
            return


def batches(session: Session, vault: Vault, agency_id: int, look: Look, options: Options) -> Batches:
    """What makes batches of a file for an agency; the columns are staff's, or else those that are sure."""
    agency = agencies.get(session, agency_id)
    sealer = Sealer(vault, agency_id, agency.language if agency else "es")
    columns = look.sure_columns if options.columns is None else options.columns
    return Batches(look, columns, reference.row_reader(session, options.asked), sealer)
