"""Segments and campaigns in a real browser: for everybody, on a desk and on a phone, with and without scripts."""

import pytest
from sqlalchemy import text

from campaigns import planning, segments
from campaigns.rules.segments import AllOf, AnyOf, InPlace
from tests.crowd import crowd
from tests.drafts import NOW, draft, running, submitted
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.test_in_the_browser import sign_in


@pytest.fixture
def stages(sessions, agency, ada, bruno, sender) -> dict[str, int]:
    """A campaign in each state that has a page of its own."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 150)
        segments.save(session, agency.id, name="Comas", rule=AllOf((AnyOf((InPlace("150110"),)),)), by=ada.id)
        made = draft(session, agency, ada, sender, texts={"es": "«No» pague", "ay": "Jan payllamti ï"}).id
    waiting, going = (
        submitted(sessions, agency, ada, sender),
        running(sessions, agency, ada, bruno, sender),
    )
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number) VALUES"
                " (:a, :c, 'sms', 'es', 'queued', NULL, -4), (:a, :c, 'sms', 'es', 'delivered', NULL, 1),"
                " (:a, :c, 'sms', 'es', 'failed', 'landline', 1), (:a, :c, 'sms', 'es', 'unknown', NULL, 1),"
                " (:a, :c, 'sms', 'es', 'skipped', 'opted_out', 1)"
            ),
            {"a": agency.id, "c": going},
        )
    return {"made": made, "waiting": waiting, "going": going}


def addresses(stages):
    made, waiting, going = stages["made"], stages["waiting"], stages["going"]
    return [
        "/segments/",
        "/segments/new",
        "/campaigns/",
        "/campaigns/new",
        f"/campaigns/{made}/",
        f"/campaigns/{made}/edit",
        f"/campaigns/{made}/test",
        f"/campaigns/{made}/delete",
        f"/campaigns/{waiting}/",
        f"/campaigns/{waiting}/edit",
        f"/campaigns/{going}/",
    ]


@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_can_be_used_by_everybody(tab, address, ada, stages, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, ada.email)
    for path in addresses(stages):
        tab.goto(address + path)
        assert (path, faults(tab)) == (path, [])
        assert (path, is_too_wide(tab)) == (path, False)
    assert complaints(tab) == []


@pytest.mark.parametrize("width", [1280, 360])
def test_so_can_the_approvers_pages(tab, address, bruno, stages, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, bruno.email)
    for path in (
        f"/campaigns/{stages['waiting']}/",
        f"/campaigns/{stages['waiting']}/return",
        f"/campaigns/{stages['going']}/",
        f"/campaigns/{stages['going']}/stop",
    ):
        tab.goto(address + path)
        assert (path, faults(tab)) == (path, [])
        assert (path, is_too_wide(tab)) == (path, False)
    tab.goto(address + f"/campaigns/{stages['waiting']}/")
    tab.click("text=Aprobar y enviar")
    tab.wait_for_url("**/approve?*")
    assert faults(tab) == []
    assert not is_too_wide(tab)
    assert complaints(tab) == []


def test_a_text_is_shown_and_priced_while_it_is_typed(tab, address, ada, stages):
    sign_in(tab, address, ada.email)
    tab.goto(address + f"/campaigns/{stages['waiting']}/edit")
    tab.fill("#text_es", "")
    tab.locator("#text_es").press_sequentially("Llame al ")
    tab.click("[data-hole='{{linea_111}}'][data-into='text_es']")
    tab.wait_for_selector("#preview-es:has-text('Llame al 111')")
    tab.locator("#text_es").press_sequentially(" «ya»")
    tab.wait_for_selector("#preview-es kbd")
    assert "«ya»" in tab.locator("#preview-es .bubble").inner_text()
    tab.click("#preview-es button[name=cheaper]")
    tab.wait_for_function("document.getElementById('text_es').value.includes('\"ya\"')")
    assert complaints(tab) == []


def test_the_live_page_follows_by_itself(tab, address, bruno, stages, sessions, agency):
    sign_in(tab, address, bruno.email)
    tab.goto(address + f"/campaigns/{stages['going']}/")
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)"
                " VALUES (:a, :c, 'sms', 'es', 'queued', -40), (:a, :c, 'sms', 'es', 'sent', 40)"
            ),
            {"a": agency.id, "c": stages["going"]},
        )
    tab.wait_for_selector("#funnel dd:text-is('42')")
    tab.wait_for_selector("#details td:text-is('42')")
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'paused' WHERE id = :c"), {"c": stages["going"]})
    tab.wait_for_selector("text=Continuar")
    assert complaints(tab) == []


def test_the_planning_page_ends_by_itself(tab, address, ada, sender, stages, sessions, agency):
    sign_in(tab, address, ada.email)
    with sessions(agency.id).begin() as session:
        number = draft(session, agency, ada, sender).id
    tab.goto(address + f"/campaigns/{number}/")
    tab.click("text=Enviar a aprobación")
    tab.wait_for_selector("#progress progress")
    assert faults(tab) == []
    planning.plan(sessions, agency.id, number, now=NOW)
    tab.wait_for_selector("text=personas la recibirán")
    assert complaints(tab) == []


def test_a_campaign_is_written_and_approved_without_scripts(browser, address, ada, bruno, stages, sessions, agency):
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 800})
    page = context.new_page()
    sign_in(page, address, ada.email)
    page.goto(address + "/segments/new")
    page.fill("#name", "Comas y Los Olivos")
    page.select_option("#new-1", "place")
    page.click("button[value='add:1']")
    page.select_option("#value-2", ["150110", "150117"])
    page.click("text=Contar de nuevo")
    assert "Personas de Comas o Los Olivos." in page.inner_text("#count")
    page.click("main .btn-primary")
    page.goto(address + "/campaigns/new")
    page.fill("#name", "Sin guiones")
    page.click("text=Continuar con el texto")
    page.select_option("#segment", label="Comas y Los Olivos")
    page.fill("#text_es", "{{nombre}}, no pague.")
    page.select_option("#add_language", "qu")
    page.click("text=Agregar este idioma")
    assert page.input_value("#text_es") == "{{nombre}}, no pague."
    page.fill("#text_qu", "Ama qullqita quychu.")
    page.press("#name", "Enter")
    page.click("text=Enviar a aprobación")
    number = int(page.url.rstrip("/").rpartition("/")[2])
    planning.plan(sessions, agency.id, number, now=NOW)
    page.click("text=Cerrar sesión")
    sign_in(page, address, bruno.email)
    page.goto(address + f"/campaigns/{number}/")
    page.click("text=Aprobar y enviar")
    page.fill("#typed", "100")
    page.click("main button")
    assert "se está enviando" in page.inner_text("main")
    context.close()
