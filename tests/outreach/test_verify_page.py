"""Whoever wonders about a message finds what we never ask for and whom to call, without being noted down."""

import pytest


@pytest.mark.parametrize(
    ("language", "title", "line"),
    [("es", "¿Es real este mensaje?", "Policía Nacional"), ("en", "Is this message real?", "National Police")],
)
def test_the_page_says_how_to_tell(client, language, title, line):
    answer = client.get(f"/v?lang={language}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert title in page
    assert line in page
    assert 'href="tel:111"' in page
    assert 'href="tel:942841978"' in page


def test_nothing_is_remembered(client):
    answer = client.get("/v?lang=en")
    assert "Set-Cookie" not in answer.headers
    assert len(answer.data) < 50_000


def test_writing_to_it_is_refused(client):
    assert client.post("/v").status_code == 405
