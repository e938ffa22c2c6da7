"""The shell in a real browser: nobody is shut out, nothing is stopped by our own policy, no script is needed."""

import pytest
from playwright.sync_api import Page

from tests.cast import PASSWORD
from tests.outreach.conftest import complaints, faults, is_too_wide


def sign_in(tab: Page, address: str, email: str) -> None:
    tab.goto(address + "/sign-in")
    tab.fill("#email", email)
    tab.fill("#password", PASSWORD)
    tab.click("button.btn-primary")
    tab.wait_for_selector("aside")


@pytest.mark.parametrize("width", [1280, 360])
def test_sign_in_can_be_used_by_everybody(tab, address, database, width):
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto(address + "/sign-in")
    assert faults(tab) == []
    assert not is_too_wide(tab)
    tab.click("button.btn-primary")
    assert "no son correctos" in tab.locator("[role=alert]").inner_text()
    assert faults(tab) == []


@pytest.mark.parametrize("width", [1280, 360])
def test_the_frame_and_every_macro_can_be_used_by_everybody(tab, address, dora, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, dora.email)
    for path in ("/", "/account/password", "/shelf/form", "/shelf/confirm", "/nowhere"):
        tab.goto(address + path)
        assert (path, faults(tab)) == (path, [])
        assert (path, is_too_wide(tab)) == (path, False)


def test_the_scripts_we_bring_work_under_our_policy(tab, address, dora):
    sign_in(tab, address, dora.email)
    tab.goto(address + "/shelf/form")
    tab.wait_for_selector(".ts-control")
    tab.click(".ts-control")
    tab.keyboard.type("Choice 7")
    tab.wait_for_selector(".option.active:has-text('Choice 7')")
    tab.keyboard.press("Enter")
    assert tab.evaluate("[...document.getElementById('many').selectedOptions].map(o => o.value)") == ["7"]
    assert tab.locator("#many-ts-control").input_value() == ""
    # From the outside, as a page's own script would draw it.
    drawn = """() => {
      const chart = new Chart(document.getElementById("chart"), {type: "bar", options: {animation: false},
        data: {labels: ["a", "b"], datasets: [{data: [1, 2]}]}});
      return chart.getDatasetMeta(0).data.length;
    }"""
    assert tab.evaluate(drawn) == 2
    tab.wait_for_selector("#bar progress[value='100']")  # htmx polled, and the last answer polls no more
    assert tab.locator("#bar").get_attribute("hx-get") is None
    tab.click("#ask")
    tab.wait_for_selector("#notice [role=alert]")
    assert "Otra entidad ya tiene el nombre corto lima." in tab.locator("#notice").inner_text()
    assert complaints(tab) == []


def test_everything_is_reached_with_the_keyboard_alone(tab, address, dora):
    tab.goto(address + "/sign-in")
    tab.keyboard.type(dora.email)  # the first field has the focus
    tab.keyboard.press("Tab")
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("aside")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


def test_the_menu_opens_on_a_phone(tab, address, dora):
    tab.set_viewport_size({"width": 360, "height": 800})
    sign_in(tab, address, dora.email)
    assert not tab.locator("text=Cerrar sesión").is_visible()
    tab.locator("button.menu").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("text=Cerrar sesión", state="visible")
    tab.click("text=Cerrar sesión")
    tab.wait_for_selector("#password")


def test_it_works_without_scripts(browser, address, dora):
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 800})
    page = context.new_page()
    sign_in(page, address, dora.email)
    page.goto(address + "/account/password")
    page.click("main button")
    assert "Escriba la contraseña nueva." in page.inner_text("main")
    page.click("text=Cerrar sesión")
    page.wait_for_selector("#password")
    context.close()
