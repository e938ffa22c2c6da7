"""The unsubscribe link: one click stops, reading changes nothing, and no link opens more than its own."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from campaigns.links import Refusal, Sent, Signer
from tests.returning import snapshot

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
URLENCODED = {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"}
MULTIPART = {
    "data": b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    "content_type": "multipart/form-data; boundary=b",
}


@pytest.fixture
def refusals(sessions, agency):
    def by_index():
        with sessions(agency.id)() as session:
            rows = session.execute(text("SELECT address_index, source, rule FROM opt_out WHERE stopped"))
            return {bytes(row.address_index): (row.source, row.rule) for row in rows}

    return by_index


def harmless(answer) -> None:
    """What holds for every answer of these pages."""
    assert "Set-Cookie" not in answer.headers
    assert "Location" not in answer.headers
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script" not in answer.text
    assert len(answer.data) < 50_000


@pytest.mark.parametrize("body", [URLENCODED, MULTIPART], ids=["urlencoded", "multipart"])
def test_one_click_stops_at_once(body, client, left, refusals, do):
    first, _second = left(2)
    answer = client.post(f"/u/{first.unsubscribe}", **body)
    assert answer.status_code == 200
    harmless(answer)
    assert refusals() == {first.index: ("link", "one-click")}
    assert do("SELECT sum(number) FROM figure WHERE state = 'opted_out'").scalar_one() == 1


def test_twice_is_once(client, left, sessions, agency):
    path = f"/u/{left(1)[0].unsubscribe}"
    assert client.post(path, **URLENCODED).status_code == 200
    before = snapshot(sessions, agency.id)
    again = client.post(path.upper().replace("/U/", "/u/"), **MULTIPART)  # some programs change the case
    assert again.status_code == 200
    assert snapshot(sessions, agency.id) == before


def test_ten_at_the_same_moment_are_one(app, left, sessions, agency, do):
    path = f"/u/{left(1)[0].unsubscribe}"
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: app.test_client().post(path, **URLENCODED).status_code, range(10)))
    assert answers == [200] * 10
    assert do("SELECT sum(number) FROM figure WHERE state = 'opted_out'").scalar_one() == 1


def test_a_scanner_that_opens_everything_changes_nothing(client, left, sessions, agency):
    mail = left(1)[0]
    before = snapshot(sessions, agency.id)
    seen, waiting = set(), [f"/u/{mail.unsubscribe}", f"/u/{mail.unsubscribe}?List-Unsubscribe=One-Click&x=1"]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.startswith(("/u/", "/static/")):
            continue
        seen.add(path)
        for ask in (client.get, client.head, client.options):
            answer = ask(path, headers={"Sec-Purpose": "prefetch"})
            assert answer.status_code == 200
            answer.close()
        found = client.get(path)
        waiting += re.findall(r'(?:href|src|action)="([^"]+)"', found.text)
        found.close()
    assert any("lang=en" in path for path in seen)
    for method in ("PUT", "DELETE", "PATCH", "LINK"):
        assert client.open(f"/u/{mail.unsubscribe}", method=method).status_code == 405
    assert snapshot(sessions, agency.id) == before


def test_the_page_has_one_button_that_stops(client, left, refusals):
    mail = left(1)[0]
    page = client.get(f"/u/{mail.unsubscribe}", headers={"Accept-Language": "es"})
    harmless(page)
    assert page.text.count("<button") == 1
    assert "<title>Mensajes</title>" in page.text
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)[1]
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text.partition("<form")[2]))
    answer = client.post(action, data=fields)
    harmless(answer)
    assert "Ya no recibirá estos mensajes" in answer.text
    assert refusals() == {mail.index: ("link", "page")}


def test_it_says_nothing_of_who_wrote_or_what_about(client, left, agency):
    path = f"/u/{left(1)[0].unsubscribe}"
    for page in (client.get(path).text, client.post(path, **URLENCODED).text):
        assert not re.search(r"(?i)lima|municipalidad|polic|extorsi|outreach<|campa|correo\.example|@", page)


def test_the_switch_keeps_the_language_without_a_cookie(client, left):
    path = f"/u/{left(1)[0].unsubscribe}"
    english = client.get(f"{path}?lang=en", headers={"Accept-Language": "es"})
    assert 'lang="en"' in english.text
    assert "Stop these messages" in english.text
    done = client.post(f"{path}?lang=en", data=ONE_CLICK, headers={"Accept-Language": "es"})
    assert "You will get no more of these messages" in done.text
    harmless(done)
    assert client.get(path, headers={"Accept-Language": "en"}).text.count("Dejar") == 0


def test_a_post_without_the_words_shows_the_button(client, left, refusals):
    path = f"/u/{left(1)[0].unsubscribe}"
    for given in ({}, {"data": {"List-Unsubscribe": "no"}}, {"data": "x", "content_type": "text/plain"}):
        answer = client.post(path, **given)
        assert (answer.status_code, answer.text.count("<button")) == (422, 1)
        harmless(answer)
    for given, status in (
        ({"json": ONE_CLICK}, 415),
        ({"data": b"x" * 2_000_000, **_type("x-www-form-urlencoded")}, 413),
    ):
        answer = client.post(path, **given)
        assert answer.status_code == status
        harmless(answer)
    assert refusals() == {}


def _type(kind):
    return {"content_type": f"application/{kind}"}


def test_no_cookie_and_no_form_token_is_needed(app, left, refusals):
    """As a mail provider posts: no cookie jar, no Referer, no Origin, a strange Host."""
    client = app.test_client(use_cookies=False)
    mail = left(1)[0]
    answer = client.post(f"/u/{mail.unsubscribe}", headers={"Origin": "https://mail.example"}, **URLENCODED)
    assert answer.status_code == 200
    assert list(refusals()) == [mail.index]


def test_words_of_another_purpose_person_or_key_open_nothing_else(client, left, refusals, settings, agency):
    first, second = left(2)
    sent = Sent(agency.id, 1, first.id, 1)
    refusal = Refusal(agency.id, "email", first.index)
    theirs = Signer("the key of another installation")
    halves = [first.unsubscribe[:-1], first.unsubscribe + "a", first.unsubscribe[:30] + second.unsubscribe[30:]]
    wrong = [
        first.verp,
        first.message_id,
        Signer(settings.secret_key).make_return_path(sent),
        theirs.make_unsubscribe(refusal),
        *halves,
        "u-" + "a" * 53,
        "u-",
        "x",
        "%00",
        "%ff%fe",
        "ñ" * 40,
        "u-/../../etc",
        first.unsubscribe + "/",
        "a" * 3_000,
    ]
    for token in wrong:
        for answer in (client.get(f"/u/{token}"), client.post(f"/u/{token}", **URLENCODED)):
            assert (token, answer.status_code) in {(token, 404), (token, 400)}
            harmless(answer)
            assert answer.text.count("<button") == 0
    assert refusals() == {}
    assert client.post(f"/u/{first.unsubscribe}", **URLENCODED).status_code == 200
    assert list(refusals()) == [first.index]


def test_who_tries_links_is_slowed_down_and_true_links_are_not(client, left, refusals):
    mail = left(1)[0]
    answers = [client.get(f"/u/u-{number}").status_code for number in range(70)]
    assert answers == [404] * 60 + [429] * 10
    slowed = client.post("/u/u-x", **URLENCODED)
    assert slowed.status_code == 429
    harmless(slowed)
    assert client.post(f"/u/{mail.unsubscribe}", **URLENCODED).status_code == 200


def test_without_valkey_it_works(app, left, settings, database):
    from dataclasses import replace

    from outreach.app import create_app

    lonely = create_app(replace(settings, redis_url="redis://127.0.0.1:9/0"), database)
    assert lonely.test_client().get("/u/x").status_code == 404
    assert lonely.test_client().post(f"/u/{left(1)[0].unsubscribe}", **URLENCODED).status_code == 200


def test_without_a_database_it_says_to_try_again(app, left, monkeypatch, sessions, agency):
    mail = left(1)[0]

    class Gone:
        def __init__(self, real):
            self.vault = real.vault

        def sessions(self, _agency):
            raise OperationalError("SELECT 1", {}, Exception("no server"))

    monkeypatch.setitem(app.extensions, "connections", Gone(app.extensions["connections"]))
    client = app.test_client()
    assert client.get(f"/u/{mail.unsubscribe}").status_code == 200
    answer = client.post(f"/u/{mail.unsubscribe}", **URLENCODED)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.text.count("<button") == 1
    harmless(answer)
    monkeypatch.undo()
    assert snapshot(sessions, agency.id)["opt_out"] == []


def test_a_deleted_person_and_one_we_never_knew_stay_stopped(client, left, sessions, agency, signer, refusals):
    index = bytes(range(16))
    token = signer.make_unsubscribe(Refusal(agency.id, "email", index))
    assert client.post(f"/u/{token}", **URLENCODED).status_code == 200
    assert list(refusals()) == [index]
    with sessions(agency.id)() as session:
        counted = session.scalar(text("SELECT count(*) FROM figure WHERE state = 'opted_out'"))
    assert counted == 0


def test_a_link_of_one_agency_stops_nothing_of_another(client, left, other_agency, signer, sessions, agency):
    mail = left(1)[0]
    token = signer.make_unsubscribe(Refusal(other_agency.id, "email", mail.index))
    before = snapshot(sessions, agency.id)
    assert client.post(f"/u/{token}", **URLENCODED).status_code == 200
    assert snapshot(sessions, agency.id) == before
    assert len(snapshot(sessions, other_agency.id)["opt_out"]) == 1
