"""The program that opens spreadsheets, apart from everything else.

`python -I -m campaigns.sheet_reader MEMORY SECONDS`, in bytes and of computing.

It gets the file on its standard input and answers in frames on its standard output: text as it is made, then one that
says how it ended. Whatever a file does to it (a crash, all the memory it may have, no end) is over when it is: it has
limits, no environment, no other open file, and writes nothing to a disk. `campaigns.spreadsheets` starts it.
"""

import csv
import io
import json
import os
import re
import resource
import struct
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import python_calamine as calamine

from campaigns.rules.headings import ADDRESSES, map_headings
from campaigns.rules.sheet_cells import Cell, text_of

FRAME: Final = struct.Struct(">cI")  # what it is, how long it is
READY, TEXT, ENDED, REFUSED = b"y", b"t", b"e", b"r"

_PIECE: Final = 256 * 1024
_LOOKED_AT: Final = 20  # rows of a sheet in which headings are sought
_MOST_COLUMNS: Final = 600  # more than a table of people may have: whoever reads the text refuses it
_MOST_SHEETS: Final = 200
_LONGEST_MERGE: Final = 1_000
_HEADED: Final = 3  # what a sheet is worth that has a heading over telephone numbers or mails
_LIKE_AN_ADDRESS: Final = re.compile(r"@|(?<!\d)9\d{2}[ -]?\d{3}[ -]?\d{3}(?!\d)")


class _Refused(Exception):
    """The file is of no use; the code says why."""


class _Out(io.TextIOBase):
    """Text for the other side, sent on when a piece has come together."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._size = 0

    def write(self, text: str) -> int:
        self._kept.append(text)
        self._size += len(text)
        if self._size >= _PIECE:
            self.send()
        return len(text)

    def send(self) -> None:
        content = "".join(self._kept).encode("utf-8", "replace")
        self._kept, self._size = [], 0
        if content:
            _answer(TEXT, content)


def main() -> None:
    """Answer one file, whatever it is. The exit status says nothing: without a last frame something broke."""
    memory, seconds = map(int, sys.argv[1:])
    _limit(memory, seconds)
    _answer(READY, b"")
    try:
        chosen, left_out = _convert(sys.stdin.buffer.read())
        _answer(ENDED, json.dumps([chosen, left_out]).encode())
    except _Refused as refused:
        _answer(REFUSED, str(refused).encode())
    except MemoryError:
        _answer(REFUSED, b"file_too_much_inside")
    except calamine.PasswordError:
        _answer(REFUSED, b"file_password")
    except BrokenPipeError:
        os._exit(1)  # nobody is listening any more
    except BaseException:  # a panic of the library is no Exception; none may print what it was reading
        _answer(REFUSED, b"file_broken")


def _limit(memory: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _answer(kind: bytes, content: bytes) -> None:
    out = sys.stdout.buffer
    out.write(FRAME.pack(kind, len(content)))
    out.write(content)
    out.flush()


def _convert(content: bytes) -> tuple[str, list[str]]:
    """Write the sheet with the people; its name and those of the others that hold something."""
    book = calamine.load_workbook(io.BytesIO(content))
    del content
    seen = [
        meta.name
        for meta in book.sheets_metadata[:_MOST_SHEETS]
        if meta.visible is calamine.SheetVisibleEnum.Visible and meta.typ is calamine.SheetTypeEnum.WorkSheet
    ]
    worth: dict[str, int] = {}
    written = ""
    for name in seen:
        sheet = book.get_sheet_by_name(name)
        worth[name] = _worth(sheet)
        if worth[name] == _HEADED and not written:
            _write(sheet)  # at once: to open it a second time takes as long as the first
            written = name
        del sheet
    filled = [name for name in seen if worth[name]]
    if not filled:
        raise _Refused("file_no_rows")
    if not written:
        written = max(filled, key=lambda name: worth[name])  # the first of the best
        _write(book.get_sheet_by_name(written))
    return written, [name for name in filled if name != written]


def _worth(sheet: Any) -> int:
    """How likely a sheet is the one with the people; 0 for an empty one."""
    if sheet.start is None:
        return 0
    texts = ([text_of(cell)[:200] for cell in row[:_MOST_COLUMNS]] for row in sheet.iter_rows())
    rows = list(islice(filter(any, texts), _LOOKED_AT))
    if any(ADDRESSES & map_headings(row).keys() for row in rows):
        return _HEADED
    return 2 if any(_LIKE_AN_ADDRESS.search(cell) for row in rows for cell in row) else bool(rows)


def _write(sheet: Any) -> None:
    """One line per row, from the first of the sheet on, so that a line has the number the spreadsheet shows."""
    out = _Out()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    blank = 0
    for row in _rows(sheet):
        cells = [text_of(cell) for cell in row[:_MOST_COLUMNS]]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            out.write("\n" * blank)
            writer.writerow(cells)
        blank = 0 if cells else blank + 1
    out.send()


def _rows(sheet: Any) -> Iterator[list[Cell]]:
    """Every row; what is merged over several rows of one column (a district, a heading) stands in each of them."""
    left = sheet.start[1]
    begins: dict[int, list[tuple[int, int]]] = {}
    for (top, column), (bottom, last_column) in sheet.merged_cell_ranges or ():
        if column == last_column and top < bottom < top + _LONGEST_MERGE and left <= column:
            begins.setdefault(top, []).append((column - left, bottom))
    lasting: dict[int, tuple[Cell, int]] = {}
    for number, row in enumerate(sheet.iter_rows()):
        for column, bottom in begins.get(number, ()):
            if column < len(row):
                lasting[column] = row[column], bottom
        if lasting and any(cell != "" for cell in row):
            lasting = {column: (cell, bottom) for column, (cell, bottom) in lasting.items() if number <= bottom}
            for column, (cell, _) in lasting.items():
                row[column] = cell
        yield row


if __name__ == "__main__":
    main()
