"""What every answer tells the browser."""

from dataclasses import replace

import pytest

from outreach.app import create_app


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/health", "/static/outreach.css"])
def test_every_answer_is_protected(client, database, path):
    with client.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_pages_are_not_kept_and_static_files_are(as_ada, client):
    assert as_ada.get("/").headers["Cache-Control"] == "no-store"
    with client.get("/static/outreach.css?v=1") as answer:
        assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_static_addresses_change_with_the_content(client):
    assert 'href="/static/outreach.css?v=' in client.get("/sign-in").text
    assert "v=missing" not in client.get("/sign-in").text


def test_behind_https_cookies_and_hosts_are_strict(settings, database, ada):
    app = create_app(replace(settings, base_url="https://avisos.example"), database)
    answer = app.test_client().get("/sign-in", base_url="https://avisos.example")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert "Secure; HttpOnly; Path=/; SameSite=Lax" in answer.headers["Set-Cookie"]


def test_on_loopback_there_is_no_such_promise(client):
    assert "Strict-Transport-Security" not in client.get("/sign-in").headers
