"""Tables for spreadsheet programs: opened with a double click, and never run as a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

# What spreadsheet programs take for the beginning of a formula (OWASP, "CSV Injection"), and what may stand before it
# unseen.
_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_UNSEEN: Final = "".join(
    map(chr, (0, 0x20, 0xA0, 0x3000, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060))
)
# Where a program that takes other delimiters than ours begins a new cell.
_CELL_INSIDE: Final = re.compile(rf"([;\t\r\n][\s{_UNSEEN}]*)(?=[=+\-@＝＋－＠])")
# A number computes nothing, and marks alone are how people leave a cell empty.
_PLAIN: Final = re.compile(r"-\d{1,15}(?:[.,]\d{1,15})?|-{1,5}|[-–—]", re.ASCII)
_BYTE_ORDER_MARK: Final = "\ufeff"  # without it they read the file as the machine's old code page


def write(rows: Iterable[Sequence[object]]) -> bytes:
    """The rows as CSV in UTF-8 with a byte order mark; None is an empty cell, texts are made harmless()."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return (_BYTE_ORDER_MARK + out.getvalue()).encode()


def harmless(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would take it for a formula.

    `+51 987 654 321` gets one, too, or it would be added up and shown as 5,2E+10; imports read it with or without.
    """
    if text.isalnum() or _PLAIN.fullmatch(text):
        return text
    inside = _CELL_INSIDE.sub(r"\1'", text)
    return f"'{inside}" if text.lstrip(_UNSEEN).startswith(_STARTS) else inside
