"""Correct and withdraw, as staff meet them: one page to confirm, and what both campaigns tell of each other."""

import re

import pytest
from sqlalchemy import text

from campaigns import authoring, corrections, planning
from campaigns.corrections import Amends
from campaigns.store.contacts import Contact
from tests.crowd import person, refuse
from tests.drafts import NOW, draft, running
from tests.outcomes import become
from tests.outreach.conftest import send, state, token


@pytest.fixture
def people(sessions, vault, agency) -> list[int]:
    """Four read Spanish, one reads Quechua."""
    with sessions(agency.id).begin() as session:
        return [
            person(session, vault, agency, f"+5198700{at:04}", language="qu" if at == 4 else "es").id for at in range(5)
        ]


@pytest.fixture
def going(sessions, agency, ada, bruno, sender, people) -> int:
    """A running campaign: three have it, one waits."""
    campaign_id = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "delivered", people[:2])
        become(session, campaign_id, "sent", [people[4]])
        become(session, campaign_id, "failed", [people[3]])
    return campaign_id


@pytest.fixture
def ended(sessions, agency, going) -> int:
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'finished' WHERE id = :c"), {"c": going})
    return going


def press(client, address, **fields):
    """Confirm on the page itself."""
    return client.post(address, data=fields | {"csrf_token": token(client, address)})


def child_of(sessions, agency, campaign_id, amends):
    with sessions(agency.id)() as session:
        return corrections.open_one(session, agency.id, campaign_id, Amends(amends))


def test_the_page_says_whom_it_reaches_and_what_else_happens(as_dora, as_ada, going):
    page = as_dora.get(f"/campaigns/{going}/withdraw").text
    assert "3</strong> personas pueden recibir un SMS ahora" in page.replace("\n", " ")
    assert "A 3 personas se les envió «Aviso a transportistas»" in page
    assert "1 persona la espera" in page
    assert 'name="stop" value="yes"' in page
    page = as_ada.get(f"/campaigns/{going}/correct").text
    assert 'name="stop"' not in page
    assert "alguien con derecho a detenerla" in page


def test_stop_and_withdraw_is_one_press(as_dora, sessions, agency, going):
    answer = press(as_dora, f"/campaigns/{going}/withdraw", stop="yes")
    child = child_of(sessions, agency, going, "withdraw")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/campaigns/{child.id}/edit")
    assert state(sessions, agency, going) == "stopping"
    assert child.name == "Sin efecto: Aviso a transportistas"
    page = as_dora.get(f"/campaigns/{child.id}/edit").text
    assert "queda sin efecto. No lo tome en cuenta." in page
    assert '<select id="segment"' not in page
    again = press(as_dora, f"/campaigns/{going}/correct")
    other = child_of(sessions, agency, going, "correct")
    assert again.headers["Location"] == f"/campaigns/{other.id}/edit"
    assert other.name == "Corrección: Aviso a transportistas"


def test_a_second_press_leads_to_the_one_there_is(as_dora, sessions, agency, going):
    address = f"/campaigns/{going}/withdraw"
    key = token(as_dora, address)
    first = as_dora.post(address, data={"csrf_token": key, "stop": "yes"})
    second = as_dora.post(address, data={"csrf_token": key, "stop": "yes"})
    child = child_of(sessions, agency, going, "withdraw")
    assert first.headers["Location"] == f"/campaigns/{child.id}/edit"
    assert second.headers["Location"] == as_dora.get(address).headers["Location"] == f"/campaigns/{child.id}/"
    assert "Ya hay un aviso que deja sin efecto esta campaña" in as_dora.get(f"/campaigns/{child.id}/").text


def test_a_writer_writes_and_may_not_stop(as_ada, as_bruno, sessions, agency, going):
    assert press(as_ada, f"/campaigns/{going}/withdraw", stop="yes").status_code == 403
    assert child_of(sessions, agency, going, "withdraw") is None
    assert press(as_ada, f"/campaigns/{going}/withdraw").status_code == 303
    assert state(sessions, agency, going) == "running"
    child = child_of(sessions, agency, going, "withdraw")
    page = as_ada.get(f"/campaigns/{child.id}/").text
    assert "todavía puede salir" in page
    assert "Enviar a aprobación" not in page
    send(as_ada, f"/campaigns/{child.id}/submit")
    assert state(sessions, agency, child.id) == "draft"
    # Who approves does not write; who may stop it is led to where that is done.
    assert as_bruno.get(f"/campaigns/{going}/withdraw").status_code == 403
    assert f"/campaigns/{going}/stop" in as_bruno.get(f"/campaigns/{child.id}/").text


def test_the_draft_says_who_falls_out_and_which_text_is_missing(as_ada, sessions, agency, ended, people):
    press(as_ada, f"/campaigns/{ended}/withdraw")
    child = child_of(sessions, agency, ended, "withdraw")
    with sessions(agency.id).begin() as session:
        refuse(session, agency, session.get_one(Contact, people[0]))
        session.delete(session.get_one(Contact, people[1]))
    page = as_ada.get(f"/campaigns/{child.id}/").text
    assert "Esto deja sin efecto" in page
    assert "Desde entonces pidió no recibir más mensajes: 1" in page
    assert "Se la eliminó desde entonces: 1" in page
    assert "A la gente se le escribió en 1 idioma" in page
    assert "Falta todavía" in page
    assert "A quienes se les envió" in page
    assert "Elija quiénes deben recibirla" not in page


def test_from_the_first_press_to_the_approval(as_ada, as_bruno, sessions, agency, ended, people):
    press(as_ada, f"/campaigns/{ended}/correct")
    child = child_of(sessions, agency, ended, "correct")
    address = f"/campaigns/{child.id}"
    seen = authoring.stamp(child)
    fields = {
        "seen": seen,
        "name": child.name,
        "sender": child.sender_id,
        "fallback_language": "es",
        "segment": "",
        "is_urgent": "y",
    }
    saved = press(as_ada, f"{address}/edit", **fields, text_es="Lo correcto: llame al 111.", text_qu="111 waqyay.")
    assert (saved.status_code, saved.headers["Location"]) == (303, f"{address}/")
    assert "Falta todavía" not in as_ada.get(f"{address}/").text
    send(as_ada, f"{address}/submit")
    assert state(sessions, agency, child.id) == "planning"
    assert "Se revisa a todas las personas a quienes se envió el primer mensaje" in as_ada.get(f"{address}/").text
    planning.plan(sessions, agency.id, child.id, now=NOW)
    page = as_bruno.get(f"{address}/").text
    assert "3</strong> personas la recibirán" in page
    assert "Esto corrige" in page
    assert "Otros idiomas" not in page
    seen = re.search(r"seen=(\w+)", page)[1]
    press(as_bruno, f"{address}/approve?seen={seen}")
    assert state(sessions, agency, child.id) == "running"
    first = as_bruno.get(f"/campaigns/{ended}/").text
    assert "Corregida por" in first
    assert f'href="{address}/"' in first
    assert f"/campaigns/{ended}/correct" not in first  # an approver writes nothing
    assert f"/campaigns/{ended}/correct" in as_ada.get(f"/campaigns/{ended}/").text
    # A second one to the same people is possible once the first is over, and the page says what there is.
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'finished' WHERE id = :c"), {"c": child.id})
    page = as_ada.get(f"/campaigns/{ended}/correct").text
    assert "Ya hay un segundo mensaje" in page
    assert f'href="{address}/"' in page


def test_with_nobody_left_the_reasons_are_told(as_ada, sessions, agency, ended, people):
    with sessions(agency.id).begin() as session:
        for one in people:
            refuse(session, agency, session.get_one(Contact, one))
    press(as_ada, f"/campaigns/{ended}/withdraw")
    child = child_of(sessions, agency, ended, "withdraw")
    address = f"/campaigns/{child.id}"
    seen = authoring.stamp(child)
    fields = {"seen": seen, "name": child.name, "sender": child.sender_id, "fallback_language": "es", "segment": ""}
    press(as_ada, f"{address}/edit", **fields, text_es="Queda sin efecto.", text_qu="Manam.")
    send(as_ada, f"{address}/submit")
    planning.plan(sessions, agency.id, child.id, now=NOW)
    page = as_ada.get(f"{address}/").text
    assert "No queda nadie a quien escribir" in page
    assert "segmento" not in page


def test_nothing_to_correct_and_strangers(as_ada, signed_in, carla, sessions, agency, ada, sender, going):
    with sessions(agency.id).begin() as session:
        never = draft(session, agency, ada, sender).id
    assert as_ada.get(f"/campaigns/{never}/withdraw").status_code == 409
    assert send(as_ada, f"/campaigns/{never}/withdraw").status_code == 409
    assert as_ada.get(f"/campaigns/{going}/burn").status_code == 404
    as_carla = signed_in(carla)
    assert as_carla.get(f"/campaigns/{going}/withdraw").status_code == 404
    assert send(as_carla, f"/campaigns/{going}/withdraw", stop="yes").status_code == 404
    assert state(sessions, agency, going) == "running"


def test_a_copy_of_it_asks_for_a_segment(as_ada, sessions, agency, ended):
    press(as_ada, f"/campaigns/{ended}/withdraw")
    child = child_of(sessions, agency, ended, "withdraw")
    answer = send(as_ada, f"/campaigns/{child.id}/duplicate")
    copy = int(answer.headers["Location"].split("/")[2])
    with sessions(agency.id)() as session:
        assert authoring.get(session, agency.id, copy).parent_id is None
    assert "Elija quiénes deben recibirla" in as_ada.get(f"/campaigns/{copy}/").text
