"""Imports: a file is handed in, watched, and reported on; what cannot be read gets a sentence."""

import io
import json
from pathlib import Path

import pytest
from flask import request
from sqlalchemy import func, select

from campaigns import imports
from campaigns.rules.import_rows import Refusal, Warned
from campaigns.store.contacts import Contact
from campaigns.store.imports import Import, ImportChunk
from outreach.admin.imports import REFUSALS, WARNINGS
from tests.outreach.conftest import token

DATA = Path(__file__).resolve().parent.parent / "data"
PEOPLE = "nombre,celular,distrito,provincia,acepta\nRosa Quispe,987654321,Comas,Lima,sí\nPedro,987654322,Nada,Lima,no\n"


def hand_in(client, content: bytes, **more: str):
    """As a browser sends it."""
    fields = {"csrf_token": token(client, "/imports/new"), "accepts_fallback": "y", **more}
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = (
        '--cut\r\nContent-Disposition: form-data; name="file"; filename="lista.csv"\r\nContent-Type: text/csv\r\n\r\n'
    )
    body = ("".join(parts) + file).encode() + content + b"\r\n--cut--\r\n"
    return client.post("/imports/new", data=body, content_type="multipart/form-data; boundary=cut")


@pytest.fixture
def bring_in(sessions, vault, agency):
    """What a worker does with the next file."""

    def run(number: int = 1) -> None:
        imports.run(sessions, vault, agency.id, number)

    return run


def test_a_file_is_handed_in_watched_and_reported_on(as_ada, bring_in, valkey):
    address = hand_in(as_ada, (DATA / "contacts_messy.csv").read_bytes()).headers["Location"]
    waiting = as_ada.get(address).text
    assert "El archivo espera su turno" in waiting
    assert f'hx-get="{address}"' in waiting
    assert valkey.keys("nudge:import:*") != []
    bring_in()
    fragment = as_ada.get(address, headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert "hx-get" not in fragment
    report = as_ada.get(address).text
    expected = json.loads((DATA / "contacts_messy_expected.json").read_text())
    for number in (expected["rows"], expected["added"], expected["duplicates"], *expected["rejected"].values()):
        assert f"<dd>{number}</dd>" in report
    for code, number in expected["warnings"].items():
        if number:
            assert f'<td class="figure">{number}</td>' in report, code
    assert f"Se añadió a {expected['added']} personas." in report
    assert "Windows-1252" in report
    assert "Hecho" in as_ada.get("/imports/").text


def test_every_reason_has_its_words():
    assert set(REFUSALS) == set(Refusal)
    assert set(WARNINGS) == set(Warned)


def test_progress_survives_a_reload_and_shows_counts_speed_and_time_left(as_ada, session, agency):
    address = hand_in(as_ada, PEOPLE.encode()).headers["Location"]
    row = session.scalars(select(Import)).one()
    row.state, row.rows_done, row.bytes_done, row.size = "running", 12_345, 600_000, 2_400_000
    row.made_at = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 10)
    session.commit()
    for _ in range(2):
        shown = as_ada.get(address).text
        assert "12,345" in shown
        assert "filas por segundo" in shown
        assert "unos 30 segundos" in shown or "unos 31 segundos" in shown
        assert 'value="600000" max="2400000"' in shown


def test_the_answer_about_the_fallback_is_kept(as_ada, bring_in, session):
    hand_in(as_ada, PEOPLE.encode())
    hand_in(as_ada, b"nombre,celular\nAna,912345678\n", accepts_fallback="")
    bring_in(1)
    bring_in(2)
    every = func.bool_and(Contact.accepts_fallback)
    accepting = session.execute(select(Contact.import_id, every).group_by(Contact.import_id)).all()
    assert dict(map(tuple, accepting)) == {1: True, 2: False}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Este archivo está vacío."),
        (b"\xef\xbb\xbf \r\n", "Este archivo está vacío."),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "tabla de texto"),
        (b"PK\x03\x04" + b"x" * 9000, "hoja de c"),
        (b"a" * 3_000_000, "línea"),
        (b"nombre,distrito\nRosa,Comas\n", "Ninguna columna"),
    ],
)
def test_what_is_no_list_of_people_is_refused_beside_the_file(as_ada, session, content, sentence):
    answer = hand_in(as_ada, content)
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text
    assert sentence in answer.text
    assert session.scalar(select(func.count()).select_from(ImportChunk)) == 0


def test_no_file_at_all_is_said_beside_the_field(as_ada):
    answer = as_ada.post("/imports/new", data={"csrf_token": token(as_ada, "/imports/new")})
    assert answer.status_code == 422
    assert "Elija un archivo." in answer.text


def test_a_file_over_the_limit_is_refused_beside_the_field(as_ada, session):
    answer = hand_in(as_ada, b"celular\n" + b"987654321\n" * 6_300_000)
    assert answer.status_code == 413
    assert 'id="file-error"' in answer.text
    assert "Un archivo puede tener 60 MB" in answer.text
    assert session.scalar(select(func.count()).select_from(Import)) == 0


def test_a_file_that_breaks_in_the_middle_says_where(as_ada, bring_in):
    broken = "nombre,celular\n" + "Ana,987654321\n" * 5000 + '"abierta,987654322\n' + "x" * 5000
    answer = hand_in(as_ada, broken.encode())
    if answer.status_code == 303:
        bring_in()
        shown = as_ada.get(answer.headers["Location"]).text
        assert "No se pudo importar el archivo." in shown
        assert "hx-get" not in shown
    else:
        assert 'id="file-error"' in answer.text


def test_the_same_file_twice_adds_nobody_twice(as_ada, bring_in, session):
    for number in (1, 2):
        assert hand_in(as_ada, PEOPLE.encode()).status_code == 303
        bring_in(number)
    assert session.scalar(select(func.count()).select_from(Contact)) == 2


def test_an_approver_reads_and_does_not_import(signed_in, bruno, as_ada, bring_in):
    address = hand_in(as_ada, PEOPLE.encode()).headers["Location"]
    bring_in()
    client = signed_in(bruno)
    assert client.get(address).status_code == 200
    assert "/imports/new" not in client.get("/imports/").text
    assert client.get("/imports/new").status_code == 403


def test_a_stranger_finds_no_import(signed_in, carla, as_ada):
    address = hand_in(as_ada, PEOPLE.encode()).headers["Location"]
    client = signed_in(carla)
    assert client.get(address).status_code == 404
    assert "Todavía no se ha importado" in client.get("/imports/").text


def test_a_large_file_touches_no_disk_on_its_way_in(app):
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n\r\n'
    body, kind = head + b"x" * 2_000_000 + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut"
    with app.test_request_context(
        "/", method="POST", input_stream=io.BytesIO(body), content_type=kind, content_length=len(body)
    ):
        request.max_content_length = len(body)
        assert isinstance(request.files["file"].stream, io.BytesIO)
        assert len(request.files["file"].read()) == 2_000_000
