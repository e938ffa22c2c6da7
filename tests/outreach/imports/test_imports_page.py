"""The way of a file through its four steps; what cannot be read gets a sentence beside the field."""

import csv
import io
import json
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from campaigns.rules.headings import Field
from campaigns.rules.import_options import REPLACEABLE
from campaigns.rules.import_report import NOT_KNOWN
from campaigns.rules.import_rows import Refusal, Warned
from campaigns.store.contacts import Contact
from campaigns.store.imports import Import, ImportChunk
from outreach.admin.import_words import BARS, FIELDS, MEANWHILE, REFUSALS, REPLACED, STATES, TITLES, WARNINGS
from tests.outreach.conftest import send
from tests.outreach.imports.conftest import DATA, FIRST, MESSY, PEOPLE, choices, hand_in

COLUMNS = ("name", "phone", "district", "province", "ground")


def test_a_file_is_handed_in_looked_at_checked_and_brought_in(as_ada, work, valkey, session):
    address = hand_in(as_ada, MESSY.read_bytes(), "padrón.csv").headers["Location"]
    assert address == FIRST
    columns = as_ada.get(address).text
    assert "padrón.csv" in columns
    assert "Reconocida por su título" in columns
    form = ("name", "business", "sector", "phone", "email", "district", "province", "language", "ground", "agreed_on")
    assert send(as_ada, FIRST + "/columns", **choices(*form)).headers["Location"] == FIRST
    assert valkey.keys("nudge:import:*") != []
    checking = as_ada.get(FIRST).text
    assert "Se está revisando todo el archivo" in checking
    assert f'hx-get="{FIRST}?standing=checking"' in checking
    work()
    assert session.scalar(select(func.count()).select_from(Contact)) == 0
    expected = json.loads((DATA / "contacts_messy_expected.json").read_text())
    checked = as_ada.get(FIRST).text
    assert f"Importar: añadir a {expected['added']} personas" in checked
    assert send(as_ada, FIRST + "/begin").headers["Location"] == FIRST
    assert "El archivo espera su turno" in as_ada.get(FIRST).text
    work()
    report = as_ada.get(FIRST).text
    assert "hx-get" not in report.partition("<main")[2]
    assert f"Se añadió a {expected['added']} personas." in report
    for number in (expected["rows"], expected["added"], *expected["rejected"].values()):
        assert f"<dd>{number}</dd>" in report
    for code, number in expected["warnings"].items():
        if number:
            assert f'<td class="figure">{number}</td>' in report, code
    assert "Windows-1252" in report
    listed = as_ada.get("/imports/").text
    assert "padrón.csv" in listed
    assert "Hecho" in listed
    assert session.scalar(select(func.count()).select_from(Contact)) == expected["added"]


def test_every_state_field_and_reason_has_its_words():
    assert set(REFUSALS) == {*Refusal, NOT_KNOWN}
    assert set(WARNINGS) == set(Warned)
    assert set(FIELDS) == set(Field)
    assert set(REPLACED) == set(REPLACEABLE)
    assert set(STATES) == set(TITLES)
    assert set(BARS) == set(MEANWHILE) == {"reading", "checking", "waiting", "running", "undoing"}


@pytest.mark.parametrize(("state", "way_out"), [("checking", "back"), ("running", "stop")])
def test_progress_survives_a_reload_and_shows_counts_speed_and_time_left(as_ada, session, state, way_out):
    hand_in(as_ada, PEOPLE)
    row = session.scalars(select(Import)).one()
    row.state, row.rows_done, row.bytes_done, row.size = state, 12_345, 600_000, 2_400_000
    row.begun_at = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 10)
    session.commit()
    for _ in range(2):
        shown = as_ada.get(FIRST).text
        assert "12,345 de unas 49,380" in shown
        assert "por segundo" in shown
        assert "aproximadamente 30 segundos" in shown or "aproximadamente 31 segundos" in shown
        assert 'value="600000" max="2400000"' in shown
        assert f'action="{FIRST}/{way_out}"' in shown


def test_a_page_that_asks_on_is_loaded_anew_when_its_step_is_over(as_ada, work):
    hand_in(as_ada, PEOPLE)
    send(as_ada, FIRST + "/columns", **choices(*COLUMNS))
    asks = {"HX-Request": "true"}
    still = as_ada.get(FIRST + "?standing=checking", headers=asks)
    assert still.status_code == 200
    assert "<html" not in still.text
    work()
    over = as_ada.get(FIRST + "?standing=checking", headers=asks)
    assert (over.status_code, over.headers["HX-Redirect"]) == (204, FIRST)


def test_whoever_signed_out_is_led_to_sign_in_and_back(as_ada):
    hand_in(as_ada, PEOPLE)
    send(as_ada, "/sign-out")
    answer = as_ada.get(FIRST)
    assert answer.status_code == 303
    assert "next=" in answer.headers["Location"]
    assert as_ada.get(FIRST, headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/sign-in"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Este archivo está vacío."),
        (b"\xef\xbb\xbf \r\n", "Este archivo está vacío."),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "tabla de texto"),
        (b"a" * 3_000_000, "línea"),
    ],
)
def test_what_is_no_list_of_people_is_refused_beside_the_file(as_ada, session, content, sentence):
    answer = hand_in(as_ada, content)
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text
    assert sentence in answer.text
    assert session.scalar(select(func.count()).select_from(ImportChunk)) == 0


def test_no_file_at_all_is_said_beside_the_field(as_ada):
    answer = send(as_ada, "/imports/new")
    assert answer.status_code == 422
    assert "Elija un archivo." in answer.text


def test_a_file_over_the_limit_is_refused_beside_the_field(app, as_ada, session, monkeypatch):
    page = app.view_functions["imports.new"]
    monkeypatch.setattr(page, "access", replace(page.access, megabytes=2))  # 200 megabytes would take their time
    answer = hand_in(as_ada, b"celular\n" + b"987654321\n" * 300_000)
    assert answer.status_code == 413
    assert 'id="file-error"' in answer.text
    assert "Un archivo puede tener 200 MB" in answer.text
    assert session.scalar(select(func.count()).select_from(Import)) == 0


def test_a_file_that_breaks_in_the_middle_says_where_and_adds_nobody(as_ada, work, session):
    broken = "nombre,celular\n" + "Ana,987654321\n" * 9000 + '"abierta,987654322\n' + "x" * 5000
    assert hand_in(as_ada, broken).status_code == 303
    send(as_ada, FIRST + "/columns", **choices("name", "phone"))
    work()
    shown = as_ada.get(FIRST).text
    assert "No se pudo importar el archivo." in shown
    assert "9002" in shown.replace(",", "")
    assert "hx-get" not in shown.partition("<main")[2]
    assert session.scalar(select(func.count()).select_from(Contact)) == 0


def test_the_example_is_read_without_a_fault(as_ada, work):
    example = as_ada.get("/imports/example.csv")
    assert example.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(example.data.decode("utf-8-sig"))))
    assert rows[0][:3] == ["Nombre", "Negocio", "Celular"]
    hand_in(as_ada, example.data)
    shown = as_ada.get(FIRST).text
    assert shown.count("Reconocida por su título") == len(rows[0])
    assert "No se añade</span>" not in shown
    assert "Rubro desconocido" not in shown
    assert "Lugar desconocido" not in shown


def test_an_approver_reads_and_does_not_import(as_bruno, as_ada, work):
    hand_in(as_ada, PEOPLE)
    waiting = as_bruno.get(FIRST)
    assert waiting.status_code == 200
    assert "R. Q." not in waiting.text
    send(as_ada, FIRST + "/columns", **choices(*COLUMNS))
    work()
    checked = as_bruno.get(FIRST).text
    assert "se añade a 2 personas" in checked
    assert "<form" not in checked.partition("<main")[2]
    assert "/imports/new" not in as_bruno.get("/imports/").text
    for path in ("/imports/new", FIRST + "/faults.csv", FIRST + "/discard", FIRST + "/undo"):
        assert as_bruno.get(path).status_code == 403


def test_a_stranger_finds_no_import(signed_in, carla, as_ada):
    hand_in(as_ada, PEOPLE)
    client = signed_in(carla)
    for path in ("", "/faults.csv", "/discard", "/undo", "/begin"):
        assert client.get(FIRST + path).status_code == 404
    for path in ("/columns", "/preview", "/stop", "/back", "/begin", "/discard", "/undo"):
        assert send(client, FIRST + path, **choices("phone")).status_code == 404
    assert "Todavía no se ha importado" in client.get("/imports/").text


@pytest.mark.parametrize("state", STATES)
def test_the_list_shows_imports_in_every_state_before_there_is_any_figure(as_ada, session, state):
    hand_in(as_ada, PEOPLE, "padrón.csv")
    session.execute(update(Import).values(state=state, report=None))
    session.commit()
    page = as_ada.get("/imports/")
    assert page.status_code == 200
    assert "padrón.csv" in page.text
