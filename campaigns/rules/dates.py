"""Dates as people and spreadsheets write them: day first, as in Peru, unless the year comes first."""

import re
from datetime import date, timedelta

from campaigns.rules.spelling import key

_MONTHS = {
    "ene": 1, "jan": 1, "feb": 2, "mar": 3, "abr": 4, "apr": 4, "may": 5, "jun": 6, "jul": 7,
    "ago": 8, "aug": 8, "set": 9, "sep": 9, "oct": 10, "nov": 11, "dic": 12, "dec": 12,
}  # fmt: skip
_SERIAL = re.compile(r"(\d{5})(?:[.,]\d+)?")
_DAY_ZERO = date(1899, 12, 30)  # spreadsheets count days from here
_NUMBERS = re.compile(r"\d+")


def read_date(cell: str) -> date | None:
    """The day a cell names, a time of day beside it left aside; None for anything else."""
    text = cell.strip()[:40]
    if serial := _SERIAL.fullmatch(text):
        return _DAY_ZERO + timedelta(days=int(serial[1]))
    numbers = [int(n) for n in _NUMBERS.findall(text) if n.isascii() and len(n) <= 4]
    if re.match(r"\d{4}\D", text):
        return _day(numbers[0], numbers[1], numbers[2]) if len(numbers) > 2 else None
    named = [_MONTHS[word[:3]] for word in key(text).split() if word[:3] in _MONTHS]
    if named and len(numbers) > 1:
        return _day(numbers[1], named[0], numbers[0])
    if len(numbers) < 3:
        return None
    first, second, year = numbers[:3]
    return _day(year, second, first) or _day(year, first, second)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None
