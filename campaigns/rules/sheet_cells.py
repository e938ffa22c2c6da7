"""A cell of a spreadsheet as the text a person sees there, and no digit more than it holds."""

import datetime as dt
import re
from typing import Final

# What stands for a line break inside a cell in text that we wrote ourselves: each row keeps one line, so that its
# number is the one the spreadsheet shows (`delimited.records` turns it back).
BREAK: Final = "\u2028"
LONGEST_CELL: Final = 2_000

_EXACT = 10**15  # a spreadsheet's numbers have fifteen digits that can be trusted
_LINE_ENDS = re.compile(r"(?:_x000[dD]_)?\r?\n|[\r\v\f\x85\u2029]|_x000[dD]_")
_FAULT = re.compile(
    r"#(?:N/?A|N/?D|REF!|¡REF!|VALUE!|¡VALOR!|DIV/0!|¡DIV/0!|NAME\?|¿NOMBRE\?|NULL!|¡NULO!|NUM!|¡NUM!|SPILL!|CALC!|#+)"
)

# bool comes before int and datetime before date where types are asked for one by one.
Cell = str | bool | int | float | dt.datetime | dt.date | dt.time | dt.timedelta | None


def text_of(cell: Cell) -> str:
    """One line of text: days as 2026-03-01, whole numbers without a point, truth as `sí` or `no`, faults as nothing.

    A number beyond fifteen digits keeps its exponent, so that nobody takes the invented digits for a telephone.
    """
    if isinstance(cell, str):
        return _line(cell)
    if isinstance(cell, bool):
        return "sí" if cell else "no"
    if isinstance(cell, (int, float)):
        return _number(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, dt.time):
        return cell.isoformat("seconds")
    return "" if cell is None else str(cell)


def _line(text: str) -> str:
    text = text[:LONGEST_CELL]
    if text.startswith("#") and _FAULT.fullmatch(text.strip()):
        return ""
    return text if text.isprintable() else _LINE_ENDS.sub(BREAK, text.strip()).replace("\0", "")


def _number(number: float) -> str:
    if number != number or abs(number) == float("inf"):
        return ""
    if abs(number) >= _EXACT:
        return f"{number:.14E}"
    return str(int(number)) if number == int(number) else f"{number:.15g}"
