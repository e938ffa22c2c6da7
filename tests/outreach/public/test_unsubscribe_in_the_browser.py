"""The unsubscribe page in a real browser, on a phone, with and without scripts."""

import pytest

from tests.outreach.conftest import complaints, faults, is_too_wide


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_everybody_can_use_it(tab, address, left, width, scheme, do):
    tab.set_viewport_size({"width": width, "height": 740})
    tab.emulate_media(color_scheme=scheme)
    tab.goto(f"{address}/u/{left(1)[0].unsubscribe}")
    assert (faults(tab), is_too_wide(tab)) == ([], False)
    assert tab.title() == "Mensajes"
    tab.click("text=English")
    tab.click("text=Stop these messages")
    assert tab.inner_text("h1") == "You will get no more of these messages"
    assert (faults(tab), is_too_wide(tab)) == ([], False)
    tab.click("text=Español")
    assert tab.inner_text("h1") == "Ya no recibirá estos mensajes"
    assert do("SELECT source FROM opt_out WHERE stopped").scalar_one() == "link"
    assert tab.context.cookies() == []
    assert complaints(tab) == []


def test_a_broken_link_can_be_read_by_everybody(tab, address, database):
    tab.set_viewport_size({"width": 360, "height": 740})
    tab.goto(f"{address}/u/u-abc")
    assert "incompleto" in tab.inner_text("h1")
    assert (faults(tab), is_too_wide(tab)) == ([], False)


def test_without_scripts_and_with_the_keyboard_alone(browser, address, left, do):
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{address}/u/{left(1)[0].unsubscribe}")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Ya no recibirá")
    assert do("SELECT count(*) FROM opt_out WHERE stopped").scalar_one() == 1
    context.close()


def test_it_is_small(tab, address, left):
    sizes = []
    tab.on("response", lambda response: sizes.append(len(response.body())))
    tab.goto(f"{address}/u/{left(1)[0].unsubscribe}", wait_until="networkidle")
    assert 1 <= len(sizes) <= 2
    assert sum(sizes) < 10_000
