"""Faulty rows: the first ones masked on the page, all of them to take away as a file that can be mended."""

import csv
import io

import pytest
from sqlalchemy import text

from tests.outreach.conftest import send
from tests.outreach.imports.conftest import FIRST, choices, hand_in

FILE = (
    "nombre,celular,correo,acepta\n"
    "Rosa Quispe,987654321,rosa@correo.example,sí\n"
    "=HYPERLINK(1),12,,sí\n"
    '"Pedro\nde la Cruz",987654322,nada,sí\n'
    "Ana Flores,+51 900 000 111,,quizás\n"
)


@pytest.fixture
def checked(as_ada, work):
    """A file with a refused row and two to look at."""
    hand_in(as_ada, FILE)
    send(as_ada, FIRST + "/columns", **choices("name", "phone", "email", "ground"))
    work()


def rows(answer) -> list[list[str]]:
    """As a spreadsheet reads it."""
    assert answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_the_first_faulty_rows_are_on_the_page_masked(as_ada, checked):
    shown = as_ada.get(FIRST).text
    assert "Ni número ni correo" in shown
    assert "Sin consentimiento registrado" in shown
    assert "+51 9** *** 111" in shown
    for name in ("Flores", "Cruz", "987654322", "HYPERLINK"):
        assert name not in shown


def test_all_of_them_are_taken_away_with_line_reason_and_advice(as_ada, checked):
    answer = as_ada.get(FIRST + "/faults.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="import-1-rows.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "text/csv"
    head, *found = rows(answer)
    assert head == ["Línea", "¿Se añade?", "Qué pasa y por qué", "Consejo", "nombre", "celular", "correo", "acepta"]
    refused, ignored, silent = found
    assert refused[:2] == ["3", "no"]
    assert refused[4:6] == ["'=HYPERLINK(1)", "12"]
    assert ignored[1:3] == ["sí", "Correo no tomado en cuenta"]
    assert ignored[4] == "Pedro\nde la Cruz"
    assert silent[5] == "'+51 900 000 111"
    assert all(row[3] for row in found)


def test_a_long_file_of_them_is_one_table(as_ada, work):
    hand_in(as_ada, "nombre,celular\nAna,987654321\n" + "Nadie,12\n" * 2_500)
    send(as_ada, FIRST + "/columns", **choices("name", "phone", ground="law", ground_source="Ley 1"))
    work()
    head, *found = rows(as_ada.get(FIRST + "/faults.csv"))
    assert head[0] == "Línea"
    assert [row[0] for row in found] == [str(number) for number in range(3, 2_503)]


def test_taking_them_away_stands_in_the_log(as_ada, checked, session, ada):
    as_ada.get(FIRST + "/faults.csv")
    line = session.execute(text("SELECT staff_id, subject FROM audit ORDER BY id DESC LIMIT 1")).one()
    assert tuple(line) == (ada.id, "import:1")


def test_in_english_too(as_ada, checked):
    head, *_ = rows(as_ada.get(FIRST + "/faults.csv?lang=en"))
    assert head[:4] == ["Line", "Added?", "What and why", "Advice"]


def test_the_file_of_faulty_rows_is_mended_and_imported_like_any_other(as_ada, checked):
    taken = as_ada.get(FIRST + "/faults.csv").data.decode("utf-8-sig").replace(",12,", ",987654399,")
    again = hand_in(as_ada, taken).headers["Location"]
    shown = as_ada.get(again).text
    assert '<option value="5:phone" selected>' in shown
    assert "+51 9** *** 399" in shown
    assert "+51 9** *** 111" in shown


def test_a_file_without_a_fault_has_nothing_to_take_away(as_ada, work):
    hand_in(as_ada, FILE.split("=")[0])
    send(as_ada, FIRST + "/columns", **choices("name", "phone", "email", "ground"))
    work()
    assert "faults.csv" not in as_ada.get(FIRST).text
    assert len(rows(as_ada.get(FIRST + "/faults.csv"))) == 1
