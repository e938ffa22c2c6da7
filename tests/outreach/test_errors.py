"""What goes wrong is told once: as a page, a fragment or problem JSON, in the reader's language, naming nobody."""

import pytest
from flask.testing import FlaskClient

from tests.outreach import shelf

STATUS = {"NotFound": 404, "NotAllowed": 403, "Conflict": 409, "Invalid": 422}


@pytest.mark.parametrize("name", shelf.PROBLEMS)
def test_a_domain_error_is_a_page_with_a_sentence(as_ada, name):
    answer = as_ada.get(f"/shelf/raise/{name}")
    assert answer.status_code == STATUS[name]
    assert "<h1>" in answer.text
    assert "Ada Writer" in answer.text, "the reader stays in the frame of the admin"


@pytest.mark.parametrize("name", shelf.PROBLEMS)
def test_for_htmx_it_is_a_notice(as_ada, name):
    answer = as_ada.get(f"/shelf/raise/{name}", headers={"HX-Request": "true"})
    assert answer.status_code == STATUS[name]
    assert "<html" not in answer.text
    assert 'role="alert"' in answer.text
    assert answer.headers["HX-Retarget"] == "#notice"


def test_for_a_program_it_is_problem_json(as_ada):
    answer = as_ada.get("/shelf/raise/Invalid", headers={"Accept": "application/json"})
    assert answer.mimetype == "application/problem+json"
    assert answer.json == {
        "title": "Corrija lo siguiente",
        "status": 422,
        "detail": "Escriba un nombre de 1 a 80 caracteres.",
        "code": "name_length",
        "field": "name",
    }


def test_the_sentence_is_in_the_readers_language(as_ada):
    assert "Otra entidad ya tiene el nombre corto lima." in as_ada.get("/shelf/raise/Conflict").text
    assert "Another agency has the short name lima already." in as_ada.get("/shelf/raise/Conflict?lang=en").text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/no/such/page", 404), ("POST", "/", 405), ("GET", "/static/nothing.css", 404), ("GET", "/%ff", 404)],
)
def test_what_flask_refuses_is_told_in_our_words(client: FlaskClient, database, method, path, status):
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert 'lang="es"' in answer.text
    assert "werkzeug" not in answer.text.lower()


def test_405_names_the_methods_that_work(client, database):
    assert "GET" in client.post("/health").headers["Allow"]


def test_nobody_signed_in_leads_to_sign_in_each_in_its_way(client, database):
    assert client.get("/").headers["Location"] == "/sign-in"
    assert client.get("/shelf/form", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/sign-in"
    answer = client.get("/shelf/form", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}, {"Accept": "application/json"}])
def test_a_fault_of_ours_is_a_500_that_names_nobody(app, as_ada, headers, capsys, caplog):
    app.testing = False
    answer = as_ada.get("/shelf/raise/bug", headers=headers)
    assert answer.status_code == 500
    said = capsys.readouterr()
    everything = answer.text + said.out + said.err + caplog.text
    assert "987654321" not in everything
    assert "shelf.py" in said.out, "the log must tell the operator where it broke"
    reference = answer.text.partition("código ")[2][:8]
    assert reference in said.out
    assert len(reference) == 8


def test_a_fault_is_told_even_when_the_database_is_gone(app, as_ada):
    from sqlalchemy import create_engine

    dead = create_engine("postgresql+psycopg://outreach_app@/outreach?host=/nonexistent")
    app.testing = False
    app.extensions["outreach.sessions"].session_factory.configure(bind=dead)
    answer = as_ada.get("/")
    assert answer.status_code == 500
    assert "Algo falló de nuestro lado" in answer.text
    dead.dispose()
