"""Imports in a real browser: every step usable by everybody, on a desk, on a phone, by keyboard and without scripts."""

import pytest
from playwright.sync_api import Page

from campaigns import imports
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.imports.conftest import MESSY
from tests.outreach.test_in_the_browser import sign_in

ODD = "contacto;dato;zona\nRosa Quispe;987654321;Los Olivos\nAna Flores;987654322;Los Olivos\nPedro;12;Comas\n"

# As a desktop lets a file fall: an event with the file in it.
DROP = """content => {
  const carried = new DataTransfer();
  carried.items.add(new File([content], "lista.csv", {type: "text/csv"}));
  const fall = new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true});
  document.querySelector("[data-drop]").dispatchEvent(fall);
}"""


@pytest.mark.parametrize("width", [1280, 360])
def test_every_step_can_be_used_by_everybody(tab: Page, address, ada, agency, sessions, vault, width):
    tab.set_viewport_size({"width": width, "height": 900})
    sign_in(tab, address, ada.email)

    def look(name: str) -> None:
        assert (name, faults(tab), is_too_wide(tab)) == (name, [], False)

    def work() -> None:
        imports.run(sessions, vault, agency.id, 1)

    tab.goto(address + "/imports/new")
    look("file")
    tab.set_input_files("input[type=file]", MESSY)
    tab.click("main button[type=submit]")
    tab.wait_for_selector("#preview")
    tab.select_option("#column-8", "8:")
    tab.check("#mode-1")
    tab.select_option("#ground", "consent")
    tab.click("text=Revisar todo el archivo")
    tab.wait_for_selector("text=Corrija esto antes de revisar el archivo")
    look("columns")
    tab.select_option("#column-8", "8:ground")
    tab.click("text=Revisar todo el archivo")
    tab.wait_for_selector("#import-bar")
    look("checking")
    work()
    tab.wait_for_selector("text=Importar: añadir")  # by itself: nobody reloads
    look("checked")
    tab.click("text=Importar: añadir")
    tab.wait_for_selector("#import-bar")
    look("importing")
    work()
    tab.click("text=Deshacer esta importación…")
    look("undo")
    tab.fill("#typed", "463")
    tab.click("main button[type=submit]")
    tab.wait_for_selector("#import-bar")
    look("undoing")
    work()
    tab.wait_for_selector("text=Se borró a 463 personas")
    look("undone")
    tab.goto(address + "/imports/")
    look("list")
    assert complaints(tab) == []


def test_a_file_falls_into_place_and_its_columns_are_corrected_with_the_keyboard(tab: Page, address, ada):
    sign_in(tab, address, ada.email)
    tab.goto(address + "/imports/new")
    tab.evaluate(DROP, ODD)
    assert tab.evaluate("document.activeElement.id") == "file"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#preview")
    assert "Los Olivos" in tab.inner_text("#preview")
    tab.focus("#column-2")
    with tab.expect_response("**/preview"):
        tab.keyboard.press("Home")  # not used
    tab.wait_for_selector("#preview >> text=Los Olivos", state="detached")
    assert tab.evaluate("document.activeElement.id") == "column-2"
    assert tab.inner_text("#how-2") == "No se usa lo que contiene"
    assert tab.locator("tr.unused").count() >= 1
    assert complaints(tab) == []


def test_the_button_that_stops_keeps_the_focus_while_the_figures_change(tab: Page, address, ada):
    sign_in(tab, address, ada.email)
    tab.goto(address + "/imports/new")
    tab.set_input_files("input[type=file]", MESSY)
    tab.click("main button[type=submit]")
    tab.click("text=Revisar todo el archivo")
    tab.focus("main form button")
    with tab.expect_response("**standing=checking*"):
        pass
    assert tab.evaluate("document.activeElement.textContent") == "Detener"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#preview")


def test_all_of_it_works_without_scripts(browser, address, ada, agency, sessions, vault, tmp_path):
    file = tmp_path / "lista.csv"
    file.write_text(ODD, encoding="utf-8")
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 800})
    page = context.new_page()
    sign_in(page, address, ada.email)
    page.goto(address + "/imports/new")
    page.set_input_files("input[type=file]", file)
    page.click("main button[type=submit]")
    page.select_option("#column-2", "2:")
    page.click("text=Volver a mostrar las filas")
    assert "Los Olivos" not in page.inner_text("#preview")
    page.select_option("#column-2", "2:district")
    page.click("text=Revisar todo el archivo")
    imports.run(sessions, vault, agency.id, 1)
    page.click("text=Actualice la página para ver el avance")
    with page.expect_download() as taken:
        page.click("text=Descargar todas estas filas")
    assert "Pedro" in taken.value.path().read_text("utf-8-sig")
    page.click("text=Importar: añadir a 2 personas")
    imports.run(sessions, vault, agency.id, 1)
    page.click("text=Actualice la página para ver el avance")
    page.click("text=Deshacer esta importación…")
    page.click("main button[type=submit]")
    imports.run(sessions, vault, agency.id, 1)
    page.click("text=Actualice la página para ver el avance")
    assert "Se borró a 2 personas" in page.inner_text("main")
    context.close()
