"""Inbox: what people wrote waits for a person, newest first, masked; closing is harmless twice."""

import re

import pytest
from sqlalchemy import select

from campaigns import inbox
from campaigns.providers.contract import Received
from campaigns.store.audit import AuditRow
from tests import crowd
from tests.cast import SIMULATOR_NUMBER
from tests.outreach.conftest import token


@pytest.fixture
def wrote(sessions, vault, agency, sender):
    """A person writes to us."""
    made = iter(range(1_000_000))

    def write(body: str, number: str = "+51987654321") -> None:
        with sessions(agency.id).begin() as session:
            received = Received(f"SM{next(made):032x}", number, SIMULATOR_NUMBER, body, None)
            inbox.receive(session, vault, sender, received)

    return write


def close(client, number: int, **more: object):
    return client.post(f"/inbox/{number}/close", data={"csrf_token": token(client, "/account/password"), **more})


def test_texts_wait_newest_first_with_masked_numbers_and_exact_words(as_ada, wrote):
    wrote("¿Es verdad este mensaje?")
    wrote("<b>Sí</b> 😀 מה זה\nsegunda línea", "+51912345678")
    shown = as_ada.get("/inbox/").text
    assert shown.index("&lt;b&gt;Sí&lt;/b&gt; 😀") < shown.index("¿Es verdad")
    assert "+51 9** *** 321" in shown
    assert "987654321" not in shown
    assert "(hora de Lima)" in shown
    assert "No está en la lista" in shown
    assert "2 mensajes esperan" in shown


def test_stop_start_and_help_do_not_wait(as_ada, wrote):
    for word in ("ALTO", "ALTA", "AYUDA"):
        wrote(word)
    assert "No hay nada pendiente" in as_ada.get("/inbox/").text


def test_a_text_leads_to_the_person_while_they_are_known(as_ada, wrote, sessions, agency, vault):
    with sessions(agency.id).begin() as session:
        rosa = crowd.person(session, vault, agency, "+51987654321")
    wrote("Hola")
    assert f'href="/people/{rosa.id}"' in as_ada.get("/inbox/").text
    form = {"csrf_token": token(as_ada, f"/people/{rosa.id}/delete")}
    assert as_ada.post(f"/people/{rosa.id}/delete", data=form).status_code == 303
    assert f"/people/{rosa.id}" not in as_ada.get("/inbox/").text


def test_closing_goes_on_to_the_next_and_twice_is_harmless(as_ada, wrote, session, ada):
    wrote("uno")
    wrote("dos")
    first = close(as_ada, 2, following=1)
    assert first.headers["Location"] == "/inbox/#message-1"
    shown = as_ada.get("/inbox/").text
    assert "dos</p>" not in shown
    assert "uno</p>" in shown
    assert close(as_ada, 2).status_code == 303
    assert "Este mensaje ya" in as_ada.get("/inbox/").text
    did = session.scalars(select(AuditRow).where(AuditRow.did == "inbound:closed")).all()
    assert [(row.subject, row.staff_id) for row in did] == [("inbound:2", ada.id)]


@pytest.mark.parametrize("following", ["", "x", "-1", "9" * 5000, "1\x00"])
def test_an_odd_next_is_no_fault(as_ada, wrote, following):
    wrote("uno")
    assert close(as_ada, 1, following=following).status_code == 303


def test_an_approver_reads_and_does_not_close(signed_in, bruno, wrote):
    wrote("uno")
    client = signed_in(bruno)
    shown = client.get("/inbox/").text
    assert "uno</p>" in shown
    assert "/close" not in shown
    assert close(client, 1).status_code == 403


def test_a_stranger_sees_and_closes_nothing(signed_in, carla, as_ada, wrote):
    wrote("secreto de Lima Norte")
    client = signed_in(carla)
    assert "secreto" not in client.get("/inbox/").text
    close(client, 1)
    assert "secreto" in as_ada.get("/inbox/").text


def test_a_long_inbox_has_pages(as_ada, wrote):
    for number in range(53):
        wrote(f"mensaje {number}.")
    first = as_ada.get("/inbox/").text
    assert first.count('class="text"') == 50
    older = re.search(r'rel="next" href="([^"]+)"', first)[1]
    assert as_ada.get(older).text.count('class="text"') == 3
    assert as_ada.get("/inbox/?before=abc").status_code == 200
    assert "No hay nada más antiguo" in as_ada.get("/inbox/?before=1").text
