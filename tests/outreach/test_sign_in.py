"""Who gets in, who stays out, and how often a password may be tried."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_limiter.util import get_remote_address
from sqlalchemy import select

from campaigns import staff
from campaigns.settings import Settings
from campaigns.store.audit import AuditRow
from campaigns.store.engine import AgencySessions
from campaigns.store.staff import Staff
from outreach import sign_in
from outreach.app import create_app
from outreach.database import Connections
from tests.cast import PASSWORD, password_hash
from tests.outreach.conftest import SignIn, token


def attempt(client: FlaskClient, email: str, password: str, **more: str) -> object:
    form = {"email": email, "password": password, "csrf_token": token(client), **more}
    return client.post("/sign-in", data=form)


def test_ada_signs_in_and_sees_her_name_and_agency(as_ada):
    page = as_ada.get("/").text
    assert "Ada Writer" in page
    assert "Municipalidad de Lima Norte" in page


def test_the_address_is_taken_in_any_case_and_with_spaces(client, ada):
    assert attempt(client, f"  {ada.email.upper()} ", PASSWORD).status_code == 302


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, ada):
    wrong = attempt(client, ada.email, "not her password")
    unknown = attempt(client, "nobody@limanorte.example", "not her password")
    assert wrong.status_code == unknown.status_code == 422
    assert "no son correctos" in wrong.text

    def plain(text: str, email: str) -> str:
        return re.sub(r'(value="|Token&#34;: &#34;)[\w.\-]{40,}', "", text.replace(email, "EMAIL"))

    assert plain(wrong.text, ada.email) == plain(unknown.text, "nobody@limanorte.example")


@pytest.mark.parametrize(
    ("email", "password"),
    [("", ""), ("x", "y"), ("a@b", "\x00"), ("ada\x00@limanorte.example", "p"), ("é" * 300, "p"), ("'--", "😀" * 2000)],
)
def test_odd_input_gets_a_sentence(client, database, email, password):
    answer = attempt(client, email, password)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_someone_switched_off_cannot_sign_in(client, sessions, ada):
    with sessions(None).begin() as session:
        staff.by_email(session, ada.email).active = False
    assert attempt(client, ada.email, PASSWORD).status_code == 422


def test_a_reset_ends_every_sign_in(as_ada, sessions, ada):
    assert as_ada.get("/").status_code == 200
    with sessions(None).begin() as session:
        staff.reset(session, ada.email, password_hash=password_hash())
    assert as_ada.get("/").status_code == 303


def test_a_stolen_cookie_is_of_no_use_in_another_browser(as_ada):
    assert as_ada.get("/").status_code == 200
    assert as_ada.get("/", headers={"User-Agent": "another browser"}).status_code == 303


def test_signing_in_leaves_an_audit_line(as_ada, sessions: AgencySessions, ada: Staff):
    with sessions(ada.agency_id)() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.did == "staff:signed_in")).all()
    assert [(row.staff_id, row.subject) for row in rows] == [(ada.id, f"staff:{ada.id}")]


def test_signing_out_needs_a_post_and_ends_the_sign_in(as_ada):
    assert as_ada.get("/sign-out").status_code == 405
    assert as_ada.get("/").status_code == 200
    as_ada.post("/sign-out", data={"csrf_token": token(as_ada, "/account/password")})
    assert as_ada.get("/").status_code == 303


def test_after_signing_in_people_go_where_they_wanted_to(client, ada):
    sent = client.get("/account/password?x=1")
    assert sent.headers["Location"] == "/sign-in?next=/account/password?x%3D1"
    answer = attempt(client, ada.email, PASSWORD, next="/account/password?x=1")
    assert answer.headers["Location"] == "/account/password?x=1"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "\\\\evil.example", "/\\evil.example"]
)
def test_nobody_is_led_to_another_site(client, ada, elsewhere):
    answer = attempt(client, ada.email, PASSWORD, next=elsewhere)
    led_to = urljoin("http://127.0.0.1/sign-in", answer.headers.get("Location", ""))
    assert urlsplit(led_to).hostname == "127.0.0.1"


def test_the_password_can_be_changed_and_other_browsers_are_signed_out(client, signed_in: SignIn, ada):
    here, elsewhere = signed_in(ada), signed_in(ada)
    new = "otra frase larga y nueva"
    form = {"password": PASSWORD, "new_password": new, "new_password_confirm": new}
    form["csrf_token"] = token(here, "/account/password")
    assert here.post("/account/password", data=form).status_code == 302
    assert "Su contraseña se cambió" in here.get("/").text
    assert elsewhere.get("/").status_code == 303
    assert attempt(client, ada.email, PASSWORD).status_code == 422
    assert attempt(client, ada.email, new).status_code == 302


@pytest.mark.parametrize(
    ("current", "new", "again", "sentence"),
    [
        ("wrong", "otra frase larga y nueva", "otra frase larga y nueva", "Esta no es su contraseña actual."),
        (PASSWORD, "corta", "corta", "Use al menos 12 caracteres."),
        (PASSWORD, "otra frase larga y nueva", "otra", "No es igual a la contraseña nueva de arriba."),
        (PASSWORD, PASSWORD, PASSWORD, "La contraseña nueva debe ser distinta de la actual."),
        ("", "", "", "Escriba la contraseña nueva."),
    ],
)
def test_a_password_that_cannot_be_changed_says_why(as_ada, current, new, again, sentence):
    form = {"password": current, "new_password": new, "new_password_confirm": again}
    answer = as_ada.post("/account/password", data=form | {"csrf_token": token(as_ada, "/account/password")})
    assert answer.status_code == 422
    assert sentence in answer.text


def test_the_eleventh_wrong_password_is_refused_and_so_is_the_right_one_then(client, ada):
    answers = [attempt(client, ada.email, "wrong").status_code for _ in range(10)]
    assert answers == [422] * 10
    refused = attempt(client, ada.email, PASSWORD)
    assert refused.status_code == 429
    assert "Demasiados intentos" in refused.text
    assert int(refused.headers["Retry-After"]) <= 15 * 60


def test_another_spelling_of_the_address_is_no_other_account(client, ada):
    fullwidth = "".join(chr(ord(letter) + 0xFEE0) for letter in "limanorte")
    spellings = [f"ada@{fullwidth[:n]}{'limanorte'[n:]}.example" for n in range(10)]
    for email in (*spellings[:5], *("\x00" * n + ada.email for n in range(5))):
        assert attempt(client, email, "wrong").status_code == 422
    assert attempt(client, ada.email, PASSWORD).status_code == 429
    assert attempt(client, spellings[9], PASSWORD).status_code == 429


@pytest.mark.parametrize(
    ("told_by", "forwarded", "known_as"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
    ],
)
def test_a_visitor_behind_our_proxy_is_known_by_the_address_it_tells(app, client, told_by, forwarded, known_as):
    seen = []
    app.before_request(lambda: seen.append(get_remote_address()))
    client.get("/sign-in", environ_base={"REMOTE_ADDR": told_by}, headers={"X-Forwarded-For": forwarded})
    assert seen == [known_as]


def test_right_passwords_are_not_counted(app: Flask, ada):
    for _ in range(12):
        assert attempt(app.test_client(), ada.email, PASSWORD).status_code == 302


def test_no_address_of_a_person_lies_in_valkey(client, ada, valkey):
    attempt(client, ada.email, "wrong")
    keys = valkey.keys("*")
    assert keys, "the limit was not counted in Valkey"
    assert not [key for key in keys if b"ada" in key.lower() or b"example" in key]


def test_sign_in_stays_open_and_limited_when_valkey_is_gone(settings: Settings, database: Connections, ada, tmp_path):
    from dataclasses import replace

    app = create_app(replace(settings, redis_url=f"unix://{tmp_path}/nobody.sock"), database)
    client = app.test_client()
    assert attempt(client, ada.email, PASSWORD).status_code == 302
    other = app.test_client()
    answers = [attempt(other, ada.email, "wrong").status_code for _ in range(12)]
    assert answers[0] == 422
    assert answers[-1] == 429


def test_the_limits_are_the_ones_the_docs_name():
    assert (sign_in.PER_ACCOUNT, sign_in.PER_ADDRESS) == ("10 per 15 minutes", "50 per 15 minutes")
