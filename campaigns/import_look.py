"""What a file looks like: how it is written, its headings and first rows, and what its columns seem to be."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any, Final

from sqlalchemy.orm import Session

from campaigns import import_files
from campaigns.errors import Invalid
from campaigns.import_files import Source
from campaigns.rules import column_guess, delimited
from campaigns.rules.column_guess import Guess, How, Known
from campaigns.rules.delimited import Encoding, Layout
from campaigns.rules.headings import Field
from campaigns.rules.spelling import key
from campaigns.store import imports as store
from campaigns.vault import Vault

_SHOWN: Final = 20
_LONGEST_CELL: Final = 200


@dataclass(frozen=True)
class Look:
    """A file as it presents itself.

    `headings` are as many as there are columns, empty where there is none. `guesses` are what the columns seem to be,
    by their headings, by their cells, or because staff said so of a file like it. `rows` are the first ones as they
    are, cells cut at 200 characters, each with the line it ends on in `lines`. Of a spreadsheet, `sheet` is the one
    that was read, and `left_out` are others that hold something.
    """

    encoding: str
    codec: str
    delimiter: str
    headings: tuple[str, ...]
    guesses: dict[Field, Guess]
    rows_from_line: int
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    sheet: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def written_in(self) -> Encoding:
        """How the file is encoded."""
        return Encoding(self.encoding, self.codec)

    @property
    def columns(self) -> dict[Field, int]:
        """The columns as they are proposed to staff, numbered from 0."""
        return {field: guess.column for field, guess in self.guesses.items()}

    @property
    def sure_columns(self) -> dict[Field, int]:
        """The columns that may be taken where nobody is asked."""
        return {field: guess.column for field, guess in self.guesses.items() if guess.sure}


def find(
    source: Source, known: Known, *, delimiter: str | None = None, sheet: str = "", left_out: tuple[str, ...] = ()
) -> Look:
    """Look at a file; reads all of it once for its encoding, then its head. Raises Invalid("file", ...)."""
    encoding = delimited.find_encoding(import_files.pieces(source()))
    with import_files.text(source(), encoding) as text:
        head = text.read(delimited.LONGEST_LINE)
        layout = delimited.find_layout(head, whole=not text.read(1), delimiter=delimiter)
    rows = _first_rows(source, encoding, layout)
    shown = rows[:_SHOWN]
    width = max(len(row) for row in (layout.headings, *(row for row, _ in shown)))
    headings = [*layout.headings, *[""] * (width - len(layout.headings))]
    return Look(
        encoding=encoding.name,
        codec=encoding.codec,
        delimiter=layout.delimiter,
        headings=tuple(heading[:_LONGEST_CELL] for heading in headings),
        guesses=column_guess.guess(layout.headings, [row for row, _ in rows], known),
        rows_from_line=layout.rows_from_line,
        rows=tuple(tuple(cell[:_LONGEST_CELL] for cell in row) for row, _ in shown),
        lines=tuple(line for _, line in shown),
        sheet=sheet,
        left_out=left_out,
    )


def _first_rows(source: Source, encoding: Encoding, layout: Layout) -> list[tuple[list[str], int]]:
    with import_files.text(source(), encoding) as text:
        rows = delimited.records(text.readline, layout.delimiter)
        return list(islice((found for found in rows if found[1] >= layout.rows_from_line), column_guess.ROWS))


def seal(look: Look, vault: Vault, agency_id: int) -> bytes:
    """The look as it is kept: its first rows are people."""
    return vault.seal(json.dumps(asdict(look), ensure_ascii=False), agency_id)


def unseal(sealed: bytes | None, vault: Vault, agency_id: int) -> Look:
    """The look that seal() was given; raises Invalid("file", import_interrupted | file_sealed)."""
    if sealed is None:
        raise Invalid(delimited.FIELD, "import_interrupted")  # its command line is no more
    kept: dict[str, Any] = json.loads(import_files.opened(vault, sealed, agency_id))
    return Look(
        **kept
        | {
            "headings": tuple(kept["headings"]),
            "guesses": {
                Field(field): Guess(column, How(how), sure) for field, (column, how, sure) in kept["guesses"].items()
            },
            "rows": tuple(tuple(row) for row in kept["rows"]),
            "lines": tuple(kept["lines"]),
            "left_out": tuple(kept["left_out"]),
        }
    )


def as_remembered(session: Session, vault: Vault, agency_id: int, look: Look) -> Look:
    """The look with the columns that the agency's staff last said of files with these headings, if anybody did."""
    stored = store.columns_of(session, agency_id, _headings_index(vault, agency_id, look.headings))
    if stored is None:
        return look
    said = {Field(field): int(str(at)) for field, at in stored.items()}
    return replace(look, guesses={field: Guess(at, How.REMEMBERED) for field, at in said.items()})


def remember(session: Session, vault: Vault, agency_id: int, look: Look, columns: Mapping[Field, int]) -> None:
    """Keep what staff said of the columns, for the next file with these headings. Never commits."""
    if not any(look.headings):
        return  # nothing tells the next one like it
    named = {field.value: at for field, at in columns.items()}
    store.remember_columns(session, agency_id, _headings_index(vault, agency_id, look.headings), named)


def _headings_index(vault: Vault, agency_id: int, headings: Sequence[str]) -> bytes:
    # Keyed, because the first line of a file may be a person. No word of a name holds a line end.
    return vault.word_index("\n".join(["headings", *(key(heading) for heading in headings)]), agency_id)
