"""Pages and fragments, forms that come back, and confirming."""

import pytest

from tests.outreach.conftest import token


def test_htmx_gets_the_block_and_everyone_else_the_page(as_ada):
    page, fragment = as_ada.get("/shelf/progress/40"), as_ada.get("/shelf/progress/40", headers={"HX-Request": "true"})
    assert "<html" in page.text
    assert "<html" not in fragment.text
    assert "40 / 100" in page.text
    assert "40 / 100" in fragment.text
    assert len(fragment.data) < 600
    assert "HX-Request" in page.headers["Vary"]
    assert "HX-Request" in fragment.headers["Vary"]


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_htmx_gets_the_page_when_it_shows_a_page(as_ada, header):
    answer = as_ada.get("/shelf/progress/40", headers={"HX-Request": "true", header: "true"})
    assert "<html" in answer.text


def send(client, form, **headers):
    return client.post("/shelf/form", data=form | {"csrf_token": token(client, "/shelf/form")}, headers=headers)


def test_a_form_that_comes_back_keeps_what_was_typed_and_says_what_is_wrong_beside_it(as_ada):
    answer = send(as_ada, {"name": "", "note": "<b>kept & safe</b>", "count": "many"})
    assert answer.status_code == 422
    assert 'value="&lt;b&gt;kept &amp; safe&lt;/b&gt;"' in answer.text
    assert 'aria-describedby="name-hint name-error"' in answer.text
    assert '<div class="invalid-feedback" id="name-error"><div>Fill in the sample.</div></div>' in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_what_the_domain_refuses_stands_beside_its_field(as_ada):
    answer = send(as_ada, {"name": "x" * 81, "count": "1", "kind": "a", "one": "x"})
    assert answer.status_code == 422
    assert "Escriba un nombre de 1 a 80 caracteres." in answer.text
    assert 'id="name-error"' in answer.text


def test_done_leads_on_and_says_so_once(as_ada):
    good = {"name": "Lima\x00 Norte", "count": "1", "kind": "a", "one": "x"}
    answer = send(as_ada, good)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/shelf/form")
    assert '<div class="notice success">Saved</div>' in as_ada.get("/shelf/form").text
    assert '<div class="notice success">Saved</div>' not in as_ada.get("/shelf/form").text
    answer = send(as_ada, good, **{"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/shelf/form")


@pytest.mark.parametrize(("typed", "status"), [("1500", 303), ("1,500", 303), ("1 500", 303), ("150", 422), ("", 422)])
def test_a_large_number_must_be_typed(as_ada, typed, status):
    form = {"typed": typed, "reason": "no longer true", "csrf_token": token(as_ada, "/shelf/confirm")}
    assert as_ada.post("/shelf/confirm", data=form).status_code == status
