"""The start page: what needs me, what is being sent, and the first steps of a new agency."""

import pytest

from campaigns import approval, inbox, scheduling
from campaigns.providers.contract import Received
from tests import crowd, drafts
from tests.cast import SIMULATOR_NUMBER


@pytest.fixture
def people(sessions, vault, agency):
    with sessions(agency.id).begin() as session:
        crowd.person(session, vault, agency, "+51987654321")


def test_a_new_agency_is_led_through_its_first_steps(as_dora, as_ada):
    shown = as_dora.get("/").text
    for address in ("/settings/senders/new", "/imports/new", "/segments/new", "/campaigns/new"):
        assert f'href="{address}"' in shown
    assert "/settings/senders/new" not in as_ada.get("/").text  # a writer is told who does it


def test_steps_that_are_done_say_so_and_in_the_end_all_go(as_dora, sessions, agency, ada, sender, people):
    shown = as_dora.get("/").text
    assert "/settings/senders/new" not in shown
    assert "/imports/new" not in shown
    assert "/segments/new" in shown
    with sessions(agency.id).begin() as session:
        drafts.draft(session, agency, ada, sender)
    assert "Primeros pasos" not in as_dora.get("/").text


def test_who_may_approve_is_told_what_waits(signed_in, as_ada, bruno, sessions, agency, ada, sender, people):
    campaign_id = drafts.submitted(sessions, agency, ada, sender)
    shown = signed_in(bruno).get("/").text
    assert f'href="/campaigns/{campaign_id}/"' in shown
    assert "Espera su aprobación" in shown
    mine = as_ada.get("/").text
    assert "Espera su aprobación" not in mine
    assert "1 campaña espera la aprobación de otra persona." in mine


def test_what_came_back_is_shown_to_its_author_with_the_reason(
    as_ada, signed_in, bruno, sessions, agency, ada, sender, people
):
    campaign_id = drafts.submitted(sessions, agency, ada, sender)
    with sessions(agency.id).begin() as session:
        approval.return_(session, agency.id, campaign_id, reason="Falta <b>el 111</b>", by=bruno.id)
    assert "Falta &lt;b&gt;el 111&lt;/b&gt;" in as_ada.get("/").text
    assert "Falta" not in signed_in(bruno).get("/").text


def test_what_is_paused_and_what_is_being_sent(as_ada, sessions, agency, ada, bruno, sender, people):
    running = drafts.running(sessions, agency, ada, bruno, sender)
    paused = drafts.running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, paused, by=bruno.id, reason="Lo pidió la central")
    shown = as_ada.get("/").text
    assert "Lo pidió la central" in shown
    polled = as_ada.get("/under-way", headers={"HX-Request": "true"})
    assert "<html" not in polled.text
    assert f'href="/campaigns/{running}/"' in polled.text
    assert f"/campaigns/{paused}/" not in polled.text
    assert "0 / 1" in polled.text
    assert len(polled.data) < 2500


def test_a_halted_agency_says_why_nothing_goes_on(as_ada, sessions, agency, ada, bruno, sender, people):
    from campaigns import agencies

    drafts.running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        agencies.halt(session, agency.id, by=bruno.id)
    polled = as_ada.get("/under-way", headers={"HX-Request": "true"}).text
    assert "detenido" in polled


def test_texts_that_wait_are_counted(as_ada, sessions, agency, vault, sender):
    assert "No hay nada pendiente para usted." in as_ada.get("/").text
    with sessions(agency.id).begin() as session:
        inbox.receive(session, vault, sender, Received("SM1", "+51987654321", SIMULATOR_NUMBER, "Hola", None))
    assert "1 mensaje espera que alguien lo lea" in as_ada.get("/").text


def test_a_stranger_sees_nothing_of_it(signed_in, carla, sessions, agency, ada, sender, people):
    campaign_id = drafts.submitted(sessions, agency, ada, sender)
    shown = signed_in(carla).get("/").text
    assert f"/campaigns/{campaign_id}/" not in shown
    assert "Primeros pasos" in shown


@pytest.mark.parametrize("language", ["zz", "qu", "../../etc", "es_PE", ""])
def test_an_unknown_language_is_no_fault(as_ada, language):
    assert as_ada.get("/", query_string={"lang": language}).status_code == 200
