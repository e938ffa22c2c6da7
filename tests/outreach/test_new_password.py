"""A new password by a link in a mail: once, within the hour, for those who sign in, and nobody learns who that is."""

import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from sqlalchemy import select

from campaigns import staff
from campaigns.store.audit import AuditRow
from outreach import invitations, sign_in
from outreach.app import create_app
from tests.cast import PASSWORD
from tests.letters import Page, content
from tests.outreach.conftest import token
from tests.relay import with_relay

NEW = "otra frase larga y nueva"


@pytest.fixture
def live(settings, mailbox):
    return with_relay(settings, mailbox.port)


@pytest.fixture
def client(live, database):
    return create_app(live, database).test_client()


def ask(client, email: str):
    form = {"email": email, "csrf_token": token(client, "/new-password")}
    return client.post("/new-password", data=form)


def choose(client, path: str, password: str = NEW, again: str | None = None):
    form = {"password": password, "password_confirm": password if again is None else again}
    return client.post(path, data=form | {"csrf_token": token(client, "/new-password")})


def enter(client, email: str, password: str):
    return client.post("/sign-in", data={"email": email, "password": password, "csrf_token": token(client)})


def link_in(mail) -> str:
    """The path of the letter's link."""
    (found,) = re.findall(r"http://127\.0\.0\.1:8000(/\S+)", content(mail, "plain"))
    return found


def path_for(client, mailbox, person) -> str:
    assert ask(client, person.email).status_code == 303
    return link_in(mailbox.wait(person.email)[-1])


def test_a_link_by_mail_leads_to_a_new_password(client, mailbox, sessions, ada):
    assert "/new-password" in client.get("/sign-in").text
    answer = ask(client, ada.email)
    assert answer.headers["Location"] == "/sign-in"
    assert "un enlace va en camino" in client.get("/sign-in").text
    (mail,) = mailbox.wait(ada.email)
    assert mail["Subject"] == "Elija una contraseña nueva"
    assert mail["Content-Language"] == "es"
    path = link_in(mail)
    assert path in "".join(str(a["href"]) for a in Page(content(mail, "html")).attributes("a"))
    assert "Elija una contraseña" in client.get(path).text
    assert choose(client, path).headers["Location"] == "/sign-in"
    assert "Su contraseña nueva se guardó" in client.get("/sign-in").text
    assert enter(client, ada.email, PASSWORD).status_code == 422
    assert enter(client, ada.email, NEW).status_code == 302
    assert mailbox.wait(ada.email, 2)[1]["Subject"] == "Su contraseña se cambió"
    with sessions(ada.agency_id)() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.did == "staff:reset")).all()
    assert [(row.staff_id, row.subject) for row in rows] == [(ada.id, f"staff:{ada.id}")]


def test_a_link_works_once_and_ends_the_others_and_every_sign_in(client, live, database, mailbox, ada):
    here = create_app(live, database).test_client()
    assert enter(here, ada.email, PASSWORD).status_code == 302
    first = path_for(client, mailbox, ada)
    ask(client, ada.email)
    second = link_in(mailbox.wait(ada.email, 2)[-1])
    assert choose(client, second).status_code == 302
    assert here.get("/").status_code == 303
    for path in (first, second):
        assert client.get(path).headers["Location"] == "/new-password"
        assert "ya se usó" in client.get("/new-password").text
        assert choose(client, path, "una tercera frase larga").headers["Location"] == "/new-password"
    assert enter(client, ada.email, NEW).status_code == 302


def test_a_link_is_too_old_after_an_hour(client, mailbox, ada):
    path = path_for(client, mailbox, ada)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=59), tick=False):
        assert client.get(path).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61), tick=False):
        assert client.get(path).headers["Location"] == "/new-password"
        assert choose(client, path).headers["Location"] == "/new-password"
        assert "más de una hora" in client.get("/new-password").text
    assert enter(client, ada.email, PASSWORD).status_code == 302


@pytest.mark.parametrize("path", ["/new-password/x", "/new-password/WyJ4Il0.aSFmFg.xxxxxxxxxxxxxxxxxxxxxxxxxxx"])
def test_a_forged_link_opens_nothing(client, database, path):
    assert client.get(path).headers["Location"] == "/new-password"
    assert choose(client, path).headers["Location"] == "/new-password"


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client, live, database, mailbox, sessions, ada, bruno):
    with sessions(None).begin() as session:
        staff.by_email(session, bruno.email).active = False

    def seen(email):
        visitor = create_app(live, database).test_client()
        answer = ask(visitor, email)
        return (
            answer.status_code,
            answer.headers["Location"],
            re.sub(r'"[\w.\-]{40,}"', "", visitor.get("/sign-in").text),
        )

    known, unknown, gone = seen(ada.email), seen("nobody@limanorte.example"), seen(bruno.email)
    assert known[:2] == unknown[:2] == gone[:2] == (303, "/sign-in")
    strip = re.compile(r"Token&#34;: &#34;[\w.\-]+")
    assert strip.sub("", known[2]) == strip.sub("", unknown[2]) == strip.sub("", gone[2])
    mailbox.wait(ada.email)
    assert [to for _, to, _ in mailbox.mails] == [ada.email]


def test_the_answer_does_not_wait_for_the_mail(client, live, database, mailbox, ada):
    mailbox.loop.call_soon_threadsafe(time.sleep, 4.0)  # the relay does not speak for a while
    began = time.monotonic()
    assert ask(client, ada.email).status_code == 303
    assert time.monotonic() - began < 3.5
    mailbox.wait(ada.email)


def test_the_link_never_follows_the_host_somebody_names(client, mailbox, ada):
    there = {"base_url": "http://evil.example", "headers": {"X-Forwarded-Host": "evil.example"}}
    form = client.get("/new-password", **there).text.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = client.post("/new-password", data={"email": ada.email, "csrf_token": form}, **there)
    assert answer.status_code == 303
    (mail,) = mailbox.wait(ada.email)
    assert "evil" not in mail.as_string()
    assert link_in(mail)


@pytest.mark.parametrize("email", ["", "x", "a@b", "ada@", "é" * 300, "a\r\nBcc: b@c.example", "\x00"])
def test_what_is_no_address_gets_a_sentence(client, database, email):
    answer = ask(client, email)
    assert answer.status_code == 422
    assert "Escriba un correo electrónico, por ejemplo" in answer.text


@pytest.mark.parametrize(
    ("password", "again", "sentence"),
    [("corta", "corta", "Use al menos 12 caracteres"), (NEW, "otra", "No es igual"), ("", "", "Escriba la contraseña")],
)
def test_a_password_that_cannot_be_used_says_why_and_the_link_stays_good(
    client, mailbox, ada, password, again, sentence
):
    path = path_for(client, mailbox, ada)
    answer = choose(client, path, password, again)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert choose(client, path).status_code == 302


def test_nobody_is_flooded_with_links(client, mailbox, ada):
    answers = [ask(client, ada.email).status_code for _ in range(6)]
    assert answers == [303] * 5 + [429]
    assert sign_in.LINKS_PER_ACCOUNT == "5 per hour"


def test_a_relay_that_is_away_breaks_no_page(settings, database, ada):
    visitor = create_app(with_relay(settings, 9), database).test_client()
    assert ask(visitor, ada.email).status_code == 303
    assert visitor.get("/sign-in").status_code == 200


def test_without_mail_there_is_no_such_page(app, ada):
    visitor = app.test_client()
    assert visitor.get("/new-password").status_code == 404
    page = visitor.get("/sign-in").text
    assert "/new-password" not in page
    assert "Pida a quien administra Outreach" in page


def test_a_changed_password_is_told_by_mail(client, mailbox, sessions, ada):
    with sessions(None).begin() as session:
        staff.by_email(session, ada.email).interface_language = "en"
    enter(client, ada.email, PASSWORD)
    form = {"password": PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
    client.post("/account/password", data=form | {"csrf_token": token(client, "/account/password")})
    (mail,) = mailbox.wait(ada.email)
    assert mail["Subject"] == "Your password was changed"


@pytest.fixture
def newcomer(sessions, agency):
    with sessions(agency.id).begin() as session:
        return staff.add(
            session, agency.id, email="eva@limanorte.example", name="Eva Nueva", role="writer", password_hash=None
        )


def test_who_has_no_password_yet_cannot_sign_in(client, newcomer):
    for password in ("", "None", PASSWORD):
        assert enter(client, newcomer.email, password).status_code == 422


def test_an_invitation_leads_to_a_password_and_then_to_nothing(client, live, mailbox, newcomer):
    invitations.send(live, newcomer, "Municipalidad de Lima Norte")
    (mail,) = mailbox.to(newcomer.email)
    assert mail["Subject"] == "Su acceso a Outreach"
    path = link_in(mail)
    for _ in range(2):  # a mail server looks at it first
        led = client.get(path)
        assert led.status_code == 303
    assert choose(client, led.headers["Location"]).headers["Location"] == "/sign-in"
    assert enter(client, newcomer.email, NEW).status_code == 302
    client.post("/sign-out", data={"csrf_token": token(client, "/account/password")})
    assert client.get(path).headers["Location"] == "/sign-in"
    assert "ya se usó" in client.get("/sign-in").text


def test_an_invitation_is_too_old_after_three_days(client, live, newcomer):
    path = urlsplit(invitations.make_link(live, newcomer)).path
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2, hours=23), tick=False):
        assert client.get(path).headers["Location"].startswith("/new-password/")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3, minutes=1), tick=False):
        assert client.get(path).headers["Location"] == "/sign-in"
        assert "más de tres días" in client.get("/sign-in").text


def test_an_invitation_opens_nothing_else(client, live, newcomer, ada, sessions):
    word = urlsplit(invitations.make_link(live, newcomer)).path.rpartition("/")[2]
    assert client.get(f"/new-password/{word}").headers["Location"] == "/new-password"
    for bad in (word[:-1], "x", urlsplit(invitations.make_link(live, ada)).path.rpartition("/")[2]):
        assert client.get(f"/invitation/{bad}").headers["Location"] == "/sign-in"
    with sessions(None).begin() as session:
        staff.by_email(session, newcomer.email).active = False
    assert client.get(f"/invitation/{word}").headers["Location"] == "/sign-in"
