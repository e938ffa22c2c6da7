"""The pages of an agency's desk in a real browser: for everybody, by keyboard, without scripts."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from campaigns import imports, inbox, scheduling
from campaigns.providers.contract import Received
from tests import crowd, drafts
from tests.cast import SIMULATOR_NUMBER
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.test_in_the_browser import sign_in

MESSY = Path(__file__).resolve().parent.parent / "data" / "contacts_messy.csv"
PAGES = (
    "/",
    "/people/",
    "/people/?language=qu&reach=yes",
    "/people/1",
    "/people/new",
    "/people/1/change",
    "/people/1/delete",
    "/imports/",
    "/imports/new",
    "/imports/1",
    "/inbox/",
    "/settings/",
    "/settings/senders/1",
    "/settings/senders/new",
    "/halt/",
)


@pytest.fixture
def filled(sessions, vault, agency, ada, bruno, dora, sender):
    """An agency in the middle of its work: people, an import, a campaign of each kind, a text that waits."""
    with sessions(agency.id).begin() as session:
        rosa = crowd.person(session, vault, agency, "+51987654321", tags=("paradero norte",))
        crowd.person(session, vault, agency, None, ground=None, place=None, name="", business="")
        crowd.refuse(session, agency, rosa)
    with MESSY.open("rb") as file:
        imports.bring_in(sessions, vault, agency.id, file, by=ada.id)
    drafts.running(sessions, agency, ada, bruno, sender)
    drafts.submitted(sessions, agency, ada, sender)
    paused = drafts.running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, paused, by=bruno.id, reason="credentials")
        for number, body in enumerate(("¿Es verdad?", "Una palabra " + "larguísima" * 40)):
            received = Received(f"SM{number}", "+51987654321", SIMULATOR_NUMBER, body, None)
            inbox.receive(session, vault, sender, received)


@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_can_be_used_by_everybody(tab: Page, address, dora, filled, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, dora.email)
    for path in PAGES:
        assert tab.goto(address + path).status == 200, path
        assert (path, faults(tab)) == (path, [])
        assert (path, is_too_wide(tab)) == (path, False)
    assert complaints(tab) == []


@pytest.mark.parametrize("width", [1280, 360])
def test_empty_pages_and_refused_forms_can_be_used_by_everybody(tab: Page, address, dora, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, dora.email)
    for path in ("/", "/people/", "/imports/", "/inbox/", "/settings/"):
        tab.goto(address + path)
        assert (path, faults(tab), is_too_wide(tab)) == (path, [], False)
    for path in ("/people/new", "/imports/new", "/settings/senders/new"):
        tab.goto(address + path)
        tab.click("main form button.btn-primary")
        tab.wait_for_selector("main [role=alert]")
        assert tab.evaluate("document.activeElement.getAttribute('role')") == "alert"
        assert (path, faults(tab), is_too_wide(tab)) == (path, [], False)


def test_a_file_is_imported_and_watched_to_its_end(tab: Page, address, ada, agency, sessions, vault):
    sign_in(tab, address, ada.email)
    tab.goto(address + "/imports/new")
    tab.set_input_files("#file", str(MESSY))
    tab.click("main form button.btn-primary")
    tab.click("text=Revisar todo el archivo")
    tab.wait_for_selector("text=Se lee cada fila")
    assert faults(tab) == []
    imports.run(sessions, vault, agency.id, 1)
    tab.click("text=Importar: añadir a 463 personas")  # by itself: nobody reloads
    tab.wait_for_selector("text=El archivo espera su turno")
    imports.run(sessions, vault, agency.id, 1)
    tab.wait_for_selector("text=Se añadió a 463 personas.")
    assert complaints(tab) == []


def test_a_file_that_is_too_large_is_told_before_it_travels(tab: Page, address, ada, tmp_path):
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(201 * 1024 * 1024)
    sign_in(tab, address, ada.email)
    tab.goto(address + "/imports/new")
    tab.set_input_files("#file", str(large))
    assert tab.locator("#file-large").inner_text().startswith("Un archivo puede tener 200 MB")
    tab.click("main form button.btn-primary")
    tab.wait_for_timeout(300)
    assert tab.url.endswith("/imports/new")
    assert tab.evaluate("document.activeElement.id") == "file"


def test_everything_is_stopped_with_the_keyboard_alone(tab: Page, address, bruno, filled):
    tab.set_viewport_size({"width": 360, "height": 800})
    sign_in(tab, address, bruno.email)
    for _ in range(10):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.textContent.trim()") == "Detener envíos":
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/halt/")
    tab.focus("main form button.btn-danger")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".halted")
    for path in ("/", "/people/", "/halt/resume"):
        tab.goto(address + path)
        assert (path, faults(tab), is_too_wide(tab)) == (path, [], False)


def test_texts_are_closed_one_after_the_other_with_the_keyboard(tab: Page, address, ada, filled):
    sign_in(tab, address, ada.email)
    tab.goto(address + "/inbox/")
    for left in (1, 0):
        tab.keyboard.press("Tab")
        while tab.evaluate("document.activeElement.textContent.trim()") != "Cerrar":
            tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        tab.wait_for_selector(".notice.success")
        assert tab.locator("li.text").count() == left
    assert "No hay nada pendiente" in tab.inner_text("main")


def test_it_works_without_scripts(browser: Browser, address, dora, filled):
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 800})
    page = context.new_page()
    sign_in(page, address, dora.email)
    page.goto(address + "/people/")
    page.fill("#query", "+51 987 654 321")
    page.click("text=Buscar >> nth=-1")
    assert page.locator("tbody tr").count() == 1
    page.click("tbody a")
    page.click("text=Corregir")
    page.fill("#business", "Otro Negocio")
    page.click("main form button.btn-primary")
    assert "Otro Negocio" in page.inner_text("main")
    page.goto(address + "/settings/")
    page.fill("#hours_mon", "09:15")
    page.click("text=Guardar ajustes")
    assert page.input_value("#hours_mon") == "09:15"
    page.goto(address + "/imports/new")
    page.set_input_files("#file", str(MESSY))
    page.click("main form button.btn-primary")
    page.click("text=Volver a mostrar las filas")
    page.click("text=Revisar todo el archivo")
    assert "Actualice la página" in page.inner_text("main")
    assert "Se lee cada fila" in page.inner_text("main")
    context.close()
