"""Audience files: encoding, delimiter, heading line and rows, whatever program wrote them.

Nothing here opens a file. Memory stays small whatever the input: no line, field or row may be larger than the limits.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from campaigns.errors import Invalid
from campaigns.rules import column_guess, mixed_encoding
from campaigns.rules.headings import ADDRESSES, Field, map_headings
from campaigns.rules.sheet_cells import BREAK

FIELD = "file"
LONGEST_LINE = 64 * 1024
LONGEST_ROW = 256 * 1024
MOST_COLUMNS = 512
_HEADING_WITHIN = 20  # lines of title above the headings that we look past
_DELIMITERS = (",", ";", "\t", "|")  # a file of one column is said to have commas

_CONTROLS = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 26, 27})


@dataclass(frozen=True, slots=True)
class Encoding:
    """`name` is what reports say, `codec` what Python decodes with (they differ for UTF-16 without a mark)."""

    name: str
    codec: str


UTF_8 = Encoding("utf-8", "utf-8")
UTF_8_MARKED = Encoding("utf-8-sig", "utf-8-sig")
CP1252 = Encoding("cp1252", "cp1252")
# Lines of two programs in one file: read as UTF-8, and what is none as cp1252.
MIXED = Encoding("mixed", mixed_encoding.NAME)


def find_encoding(chunks: Iterable[bytes]) -> Encoding:
    """The encoding of a whole file, read once and kept nowhere; chunks may be of any size.

    Files of other kinds are known by how they begin, in `spreadsheets.kind_of`. Raises Invalid("file", file_empty |
    file_not_text | encoding_unknown).
    """
    stream = iter(chunks)
    head = b""
    for chunk in stream:
        head += chunk
        if len(head) >= 4096:
            break
    if not head.strip(b"\x00\t\r\n\x1a \xef\xbb\xbf\xff\xfe") and len(head) < 4096:
        raise Invalid(FIELD, "file_empty")
    wide = _wide(head)
    if wide:
        return _sure(wide, head, stream)
    return _narrow(head, stream)


def _wide(head: bytes) -> Encoding | None:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Invalid(FIELD, "encoding_unknown")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding("utf-16", "utf-16")
    # Without a mark: Latin text has a zero in nearly every second byte, always on the same side.
    sample = head[: len(head) & ~1]
    zeros_before, zeros_after = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if zeros_after > 0.4 * half and zeros_before == 0:
        return Encoding("utf-16", "utf-16-le")
    if zeros_before > 0.4 * half and zeros_after == 0:
        return Encoding("utf-16", "utf-16-be")
    return None


def _sure(found: Encoding, head: bytes, rest: Iterator[bytes]) -> Encoding:
    decoder = codecs.getincrementaldecoder(found.codec)()
    try:
        _refuse_controls(decoder.decode(head))
        for chunk in rest:
            decoder.decode(chunk)
    except UnicodeDecodeError as error:
        raise Invalid(FIELD, "encoding_unknown") from error
    return found


def _narrow(head: bytes, rest: Iterator[bytes]) -> Encoding:
    marked = head.startswith(codecs.BOM_UTF8)
    as_utf_8 = codecs.getincrementaldecoder("utf-8")()
    could_be_utf_8, could_be_cp1252, some_utf_8 = True, True, False
    chunk: bytes | None = head
    last = b""
    while chunk is not None:
        if b"\0" in chunk or len(chunk.translate(None, _CONTROLS)) < 0.99 * len(chunk):
            raise Invalid(FIELD, "file_not_text")
        if could_be_utf_8:
            try:
                as_utf_8.decode(chunk)
            except UnicodeDecodeError:
                could_be_utf_8 = False
        could_be_cp1252 = could_be_cp1252 and not _NOT_CP1252.search(chunk)
        some_utf_8 = some_utf_8 or bool(_LETTER_IN_UTF_8.search(last + chunk))
        last = chunk[-1:]
        chunk = next(rest, None)
    if could_be_utf_8:
        return UTF_8_MARKED if marked else UTF_8
    if some_utf_8:
        return MIXED
    if could_be_cp1252 and not marked:
        return CP1252
    raise Invalid(FIELD, "encoding_unknown")


_NOT_CP1252 = re.compile(b"[\x81\x8d\x8f\x90\x9d]")
_LETTER_IN_UTF_8 = re.compile(b"\xc3[\x80-\xbf]")  # in cp1252 these are two characters that no word has side by side


def _refuse_controls(text: str) -> None:
    if sum(c < " " and c not in "\t\r\n\f\x1a" for c in text) > 0.01 * len(text):
        raise Invalid(FIELD, "file_not_text")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file's rows are written, its headings (none at all is possible), the columns known by them or, for
    addresses, by what is in them, and the line (from 1) the first row after them begins on.
    """

    delimiter: str
    headings: tuple[str, ...]
    columns: dict[Field, int]
    rows_from_line: int


def find_layout(head: str, *, whole: bool, delimiter: str | None = None) -> Layout:
    """The layout, from the beginning of the decoded text; `whole` says that `head` is all of it.

    A delimiter that is not known is the one under which most headings are recognised, else the one under which a
    column looks like addresses. Raises Invalid("file", file_empty | no_address_column | line_too_long).
    """
    if not head.strip("\ufeff\x00\x1a \t\r\n,;"):
        raise Invalid(FIELD, "file_empty")
    if not whole and "\n" not in head and "\r" not in head:
        raise Invalid(FIELD, "line_too_long", line=1, longest=LONGEST_LINE)
    possible = (delimiter,) if delimiter else _DELIMITERS
    best = max((_by_headings(head, one) for one in possible), key=lambda found: found[0])[1]
    if ADDRESSES & best.columns.keys():
        return best
    told = [found for one in possible if (found := _by_content(head, one)) is not None]
    if not told:
        if not best.headings:  # not one row: what is wrong with the first?
            next(records(io.StringIO(head, newline="").readline, best.delimiter), None)
        raise Invalid(FIELD, "no_address_column", headings=", ".join(best.headings)[:200])
    return max(told, key=lambda found: found[0])[1]


def _by_headings(head: str, delimiter: str) -> tuple[tuple[bool, int, int], Layout]:
    """The likeliest heading line under one delimiter, with its worth: an address column, fields known, columns."""
    best = ((False, 0, 0), Layout(delimiter, (), {}, 1))
    for row, ends in islice(_beginning(head, delimiter), _HEADING_WITHIN):
        cells = [cell[:200] for cell in row[:MOST_COLUMNS]]
        # "Taxi Móvil SAC" is no heading where a telephone number stands beside it.
        columns = {} if column_guess.is_person(cells) else map_headings(cells)
        worth = (bool(ADDRESSES & columns.keys()), len(columns), len(row))
        if worth[:2] > best[0][:2] or not best[1].headings:
            best = (worth, Layout(delimiter, tuple(row), columns, ends + 1))
    return best


def _by_content(head: str, delimiter: str) -> tuple[tuple[int, int], Layout] | None:
    """The layout if a column looks like addresses, with its worth: columns of addresses, columns."""
    rows = list(islice(_beginning(head, delimiter), column_guess.ROWS))
    first = next((at for at, (row, _) in enumerate(rows) if column_guess.is_person(row)), None)
    if first is None:
        return None
    people = [row for row, _ in rows[first:]]
    width = max(len(row) for row in people)
    headings: tuple[str, ...] = ()
    begins = 1
    if first and sum(not cell.isspace() and bool(cell) for cell in rows[first - 1][0]) * 2 > width:
        headings, begins = tuple(rows[first - 1][0]), rows[first - 1][1] + 1
    columns = {field: taken.column for field, taken in column_guess.believe(headings, people).items()}
    found = len(ADDRESSES & columns.keys())
    return ((found, width), Layout(delimiter, headings, columns, begins)) if found else None


def _beginning(head: str, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """The rows of a sample, as far as they are whole."""
    lines = io.StringIO(head.removeprefix("\ufeff"), newline="")
    try:
        yield from records(lines.readline, delimiter)
    except Invalid:
        return  # cut off inside a row; what was seen before it counts


def records(readline: Callable[[int], str], delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Rows that are not blank, each with the number of its last line (from 1).

    `readline(n)` gives the next line or at most n characters of it, line end kept, and "" at the end. Rows may be
    shorter or longer than the headings. Raises Invalid("file", line_too_long | row_too_long | quote_not_closed |
    too_many_columns, line=...).
    """
    feed = _Feed(readline)
    reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=False)
    begins = 1
    try:
        for row in reader:
            if feed.ended and feed.taken:
                raise Invalid(FIELD, "quote_not_closed", line=begins)
            feed.taken = 0
            begins = reader.line_num + 1
            if feed.broken:
                row[:] = [cell.replace(BREAK, "\n") for cell in row]
                feed.broken = False
            if len(row) > MOST_COLUMNS:
                raise Invalid(FIELD, "too_many_columns", line=reader.line_num, most=MOST_COLUMNS)
            if any(cell and not cell.isspace() for cell in row):
                yield row, reader.line_num
    except csv.Error as error:
        raise Invalid(FIELD, "row_too_long", line=begins) from error


class _Feed:
    """Lines for the reader, with the size of the row it is in the middle of."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self._readline = readline
        self._line = 0
        self.taken = 0
        self.ended = False
        self.broken = False  # a cell of the row has lines of its own

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._readline(LONGEST_LINE)
        if not line:
            self.ended = True
            raise StopIteration
        self._line += 1
        self.taken += len(line)
        if len(line) >= LONGEST_LINE and line[-1] not in "\r\n":
            raise Invalid(FIELD, "line_too_long", line=self._line, longest=LONGEST_LINE)
        if self.taken > LONGEST_ROW:
            raise Invalid(FIELD, "quote_not_closed", line=self._line)
        if BREAK in line:
            self.broken = True
        return line.replace("\0", "")


def columns_of(row: Sequence[str], columns: dict[Field, int]) -> dict[Field, str]:
    """The cells of one row by field; what the row is too short for is left out."""
    size = len(row)
    return {field: row[at] for field, at in columns.items() if at < size}
