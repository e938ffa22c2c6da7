"""Whatever people send ends in a sentence or in rows: nothing else, never without end, and in bounded memory."""

import io
import sys
import tracemalloc
from collections.abc import Iterator
from functools import partial

import pytest

from campaigns import spreadsheets
from campaigns.errors import Invalid
from campaigns.rules import column_guess, delimited
from campaigns.rules.addresses import NoAddress, read_phone
from campaigns.rules.column_guess import Known
from campaigns.spreadsheets import Kind
from outreach.sentences import SENTENCES
from tests.broken_files import BROKEN, MEGABYTE, many_cells
from tests.sheets import table

# What the file itself takes is not counted; a file of fifty megabytes must not take a tenth of that beside it.
MOST_MEMORY = 16 * MEGABYTE
CHILD = 320 * MEGABYTE


def _rows(content: bytes) -> Iterator[list[str]]:
    """The rows of a file, by the steps of an import."""
    source = io.BytesIO(content)
    kind, delimiter = spreadsheets.kind_of(source), None
    if kind is not Kind.DELIMITED:
        source, packed = io.BytesIO(), source
        assert spreadsheets.to_delimited(packed, write=source.write)
        delimiter = "\t"
    source.seek(0)
    encoding = delimited.find_encoding(iter(partial(source.read, MEGABYTE), b""))
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=encoding.codec, errors="replace", newline="")
    head = text.read(delimited.LONGEST_LINE)
    layout = delimited.find_layout(head, whole=not text.read(1), delimiter=delimiter)
    text.seek(0)
    first = []
    for row, _ in delimited.records(text.readline, layout.delimiter):
        if len(first) < column_guess.ROWS:
            first.append(row)
        yield row
    column_guess.guess(layout.headings, first, Known())


@pytest.fixture(autouse=True)
def little_room(monkeypatch):
    """What a file may take is the same for all; less of it makes the test quick."""
    monkeypatch.setattr(spreadsheets, "MEMORY", CHILD)


@pytest.mark.parametrize("name", BROKEN)
def test_it_ends_in_a_sentence_or_in_rows(name):
    file = BROKEN[name]
    content = file.make()
    code, count = None, 0
    tracemalloc.start()
    try:
        for _ in _rows(content):
            count += 1
    except Invalid as refused:
        code = (refused.field, refused.code)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    if code is None:
        assert count in file.rows
    else:
        assert code in {("file", one) for one in file.codes}
        assert code[1] in SENTENCES
    assert peak < MOST_MEMORY


def test_there_are_enough_of_them():
    assert len(BROKEN) >= 30


def test_no_digit_is_made_up():
    cells = [row[0] for row in _rows(table([["Celular"], ["9.87654E+08"], [9.87654321e8], ["9,88E+08"]]))][1:]
    found = [read_phone(cell) for cell in cells]
    assert found[0] is found[2] is NoAddress.DIGITS_LOST
    assert found[1].e164 == "+51987654321"


def test_a_program_that_does_not_start_is_our_fault_and_not_the_files(monkeypatch):
    monkeypatch.setattr(spreadsheets, "_PROGRAM", (sys.executable, "-I", "-c", "raise SystemExit(3)"))
    with pytest.raises(RuntimeError, match="does not start"):
        spreadsheets.to_delimited(io.BytesIO(table([["Celular"]])), write=lambda _text: None)


def test_one_that_computes_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(spreadsheets, "MEMORY", spreadsheets.MOST_UNPACKED)
    monkeypatch.setattr(spreadsheets, "SECONDS", 1)
    with pytest.raises(Invalid, match="file_too_much_inside"):
        spreadsheets.to_delimited(io.BytesIO(many_cells()), write=lambda _text: None)
