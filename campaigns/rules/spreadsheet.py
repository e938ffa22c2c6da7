"""Tables for spreadsheet programs: opened with a double click, and never run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

# What spreadsheet programs take for the beginning of a formula (OWASP, "CSV Injection").
_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BYTE_ORDER_MARK: Final = "\ufeff"  # without it they read the file as the machine's old code page


def write(rows: Iterable[Sequence[object]]) -> bytes:
    """The rows as CSV in UTF-8 with a byte order mark; None is an empty cell, texts are made harmless()."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return (_BYTE_ORDER_MARK + out.getvalue()).encode()


def harmless(text: str) -> str:
    """The text with a quote before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_STARTS) else text
