"""Dates as people and spreadsheets write them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.dates import read_date

DAY = date(2026, 1, 10)


@pytest.mark.parametrize(
    "cell",
    ["2026-01-10", "2026-01-10 08:30:00", "2026-01-10T08:30:00Z", "10/01/2026", "10-01-2026", "10.1.26", "2026/01/10",
     "10/01/2026 08:30", "10 ene 2026", "10 de enero de 2026", "10-Jan-2026", "46032", "46032.35", " 2026-01-10 "],
)  # fmt: skip
def test_one_day_in_many_spellings(cell: str) -> None:
    assert read_date(cell) == DAY


def test_the_month_first_only_where_it_cannot_be_the_day() -> None:
    assert read_date("01/25/2026") == date(2026, 1, 25)
    assert read_date("31 set 2026") is None
    assert read_date("30 set 2026") == date(2026, 9, 30)


@pytest.mark.parametrize(
    "cell", ["", "sí", "2026", "2026-13-40", "99/99/9999", "ayer", "2026-01", "10 ene", "0000-00-00"]
)
def test_what_is_no_date(cell: str) -> None:
    assert read_date(cell) is None


@given(st.text(max_size=60))
def test_reading_never_raises(cell: str) -> None:
    assert read_date(cell) is None or isinstance(read_date(cell), date)


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)))
def test_every_day_comes_back(day: date) -> None:
    assert read_date(day.isoformat()) == day
    assert read_date(day.strftime("%d/%m/%Y")) == day
