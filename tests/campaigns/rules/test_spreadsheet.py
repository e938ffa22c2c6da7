"""A table that a spreadsheet opens with a double click, and of which it runs nothing."""

import csv
import io

import pytest

from campaigns.rules.spreadsheet import harmless, write


@pytest.mark.parametrize(
    "text", ["=1+1", "+51987654321", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", " ＠x"]
)
def test_what_looks_like_a_formula_is_text(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Aviso", "Aviso = urgente", "'=1", "1+1", "ñandú", "“=”"])
def test_everything_else_stays_as_it_is(text):
    assert harmless(text) == text


def test_cells_come_back_as_they_were():
    rows = [("a", 'b "c", d'), (), ("línea\nnueva", None), (-5, 0), ("=2", "Ñ")]
    written = write(rows)
    assert written.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    assert read == [["a", 'b "c", d'], [], ["línea\nnueva", ""], ["-5", "0"], ["'=2", "Ñ"]]
