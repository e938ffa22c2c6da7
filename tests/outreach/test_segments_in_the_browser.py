"""The rule builder in a real browser: put together by clicking, with and without scripts, on a desk and on a phone."""

import pytest
from sqlalchemy import text

from campaigns import segments
from campaigns.rules.segments import AllOf, AnyOf, InPlace, InSector, InSegment, NoneOf, Reads, Tagged
from tests.crowd import crowd
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.test_in_the_browser import sign_in

DEEP = AllOf(
    (
        InSector("492"),
        AnyOf((AllOf((InPlace("150110"), NoneOf((Reads("ay"), AllOf((Tagged("a"), Tagged("b"))))))), InPlace("07"))),
        NoneOf((Reads("qu"),)),
    )
)


@pytest.fixture
def book(sessions, agency, ada):
    """A hundred and fifty people, and two segments, one of them deep."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 150)
        session.execute(
            text(
                "INSERT INTO contact_tag (agency_id, tag, contact_id) SELECT agency_id, t, id FROM contact,"
                " unnest(ARRAY['a', 'b']) t WHERE agency_id = :a"
            ),
            {"a": agency.id},
        )
        deep = segments.save(session, agency.id, name="Profundo", rule=DEEP, by=ada.id).id
        segments.save(session, agency.id, name="Quechua", rule=Reads("qu"), by=ada.id)
    return deep


def add(tab, group, kind):
    """Press "Add condition" in a group and wait for the condition to be there; its number."""
    before = set(numbers(tab))
    tab.select_option(f"#new-{group}", kind)
    tab.click(f"button[value='add:{group}']")
    tab.wait_for_function("count => document.querySelectorAll('[name=node]').length > count", arg=len(before))
    return (set(numbers(tab)) - before).pop()


def numbers(tab):
    return tab.eval_on_selector_all("[name=node]", "all => all.map(one => one.value)")


def choose(tab, number, words):
    """Type into the condition's search field and take what it finds."""
    tab.click(f"#value-{number}-ts-control")
    tab.wait_for_selector(f"#node-{number} .ts-dropdown")
    tab.keyboard.type(words)
    tab.wait_for_selector(f"#node-{number} .option.active:has-text('{words}')")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"#node-{number} .item:has-text('{words}')")
    tab.click("h1")  # whoever looks elsewhere closes the list
    tab.wait_for_selector(f"#node-{number} .ts-dropdown", state="hidden")


@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_of_segments_can_be_used_by_everybody(tab, address, ada, book, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, ada.email)
    for path in ("/segments/", "/segments/new", f"/segments/{book}", f"/segments/{book}/delete"):
        tab.goto(address + path)
        assert (path, faults(tab)) == (path, [])
        assert (path, is_too_wide(tab)) == (path, False)
    assert complaints(tab) == []


@pytest.mark.parametrize("width", [1280, 360])
def test_three_levels_are_built_by_clicking_read_counted_and_saved(tab, address, ada, book, sessions, agency, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, ada.email)
    tab.goto(address + "/segments/new")
    tab.fill("#name", "Por hacer clic")
    sector = add(tab, "1", "sector")
    assert tab.evaluate("document.activeElement.id") == f"node-{sector}"
    choose(tab, sector, "Todo el transporte terrestre")
    tab.wait_for_selector("#count:has-text('Transportistas.')")
    tab.click("button[value='group:1']")
    tab.wait_for_selector("#node-3")
    place = add(tab, "3", "place")
    choose(tab, place, "Comas")
    tab.wait_for_selector("#count:has-text('Transportistas de Comas.')")
    choose(tab, place, "Los Olivos")
    tab.click("button[value='group:3']")
    tab.wait_for_selector("#node-5")
    tab.select_option("#join-5", "none")
    language = add(tab, "5", "language")
    choose(tab, language, "español")
    tab.wait_for_selector(
        "#count:has-text('Transportistas que o bien son de Comas o Los Olivos, o bien no leen español.')"
    )
    assert faults(tab) == []
    assert not is_too_wide(tab)
    assert tab.locator("#count strong").first.inner_text() == "120"
    tab.click("main .btn-primary")
    tab.wait_for_url("**/segments/")
    with sessions(agency.id)() as session:
        (made,) = [one for one in segments.listed(session, agency.id) if one.name == "Por hacer clic"]
        assert segments.rule_of(made) == AllOf(
            (InSector("492"), AnyOf((InPlace("150110"), InPlace("150117"), NoneOf((Reads("es"),)))))
        )
    assert complaints(tab) == []


def test_nothing_that_was_typed_is_lost_on_the_way(tab, address, ada, book):
    sign_in(tab, address, ada.email)
    tab.goto(address + "/segments/new")
    tab.fill("#name", "Con días")
    days = add(tab, "1", "contacted")
    tab.fill(f"#days-{days}", "siete")
    place = add(tab, "1", "place")
    assert tab.input_value(f"#days-{days}") == "siete"
    choose(tab, place, "Comas")
    tab.click("main .btn-primary")
    tab.wait_for_selector(f"#node-{days}-error")
    assert tab.input_value("#name") == "Con días"
    assert tab.input_value(f"#days-{days}") == "siete"
    assert tab.locator(f"#node-{place} .item").inner_text().startswith("Comas")
    assert faults(tab) == []
    tab.click(f"a[href='#node-{days}']")
    tab.fill(f"#days-{days}", "7")
    tab.select_option(f"#not-{days}", "not")
    tab.wait_for_selector(
        "#count:has-text('Personas de Comas, pero no las que ya recibieron algo en los últimos 7 días.')"
    )
    tab.click(f"button[value='up:{place}']")
    tab.wait_for_selector(f"#builder fieldset.condition:first-of-type#node-{place}")
    tab.press("#name", "Enter")
    tab.wait_for_url("**/segments/")
    assert complaints(tab) == []


def test_a_segment_is_put_together_with_the_keyboard_alone(tab, address, ada, book):
    sign_in(tab, address, ada.email)
    tab.goto(address + "/segments/new")
    tab.focus("#name")
    tab.keyboard.type("Con teclado")
    for _ in range(2):
        tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "new-1"
    tab.keyboard.type("Idioma")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#node-2")
    for _ in range(2):
        tab.keyboard.press("Tab")
    tab.keyboard.type("quechua")
    tab.wait_for_selector(".option.active:has-text('quechua')")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Escape")
    tab.wait_for_selector("#count:has-text('Personas que leen quechua.')")
    tab.focus("#name")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/segments/")
    assert "Con teclado" in tab.inner_text("main")


@pytest.mark.parametrize("width", [1280, 360])
def test_everything_works_without_scripts(browser, address, ada, book, sessions, agency, width):
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": width, "height": 800})
    page = context.new_page()
    sign_in(page, address, ada.email)
    page.goto(address + "/segments/new")
    page.fill("#name", "Sin guiones")
    page.select_option("#new-1", "place")
    page.click("button[value='add:1']")
    page.select_option("#value-2", ["150110", "150117"])
    page.click("button[value='group:1']")
    page.select_option("#join-3", "none")
    page.select_option("#new-3", "segment")
    page.click("button[value='add:3']")
    page.select_option("#value-4", label="Quechua")
    page.click("text=Contar de nuevo")
    told = "Personas de Comas o Los Olivos, pero no las que están en el segmento «Quechua»."
    assert told in page.inner_text("#count")
    page.press("#name", "Enter")
    assert told in page.inner_text("main")
    with sessions(agency.id)() as session:
        quechua = next(one.id for one in segments.listed(session, agency.id) if one.name == "Quechua")
        (made,) = [one for one in segments.listed(session, agency.id) if one.name == "Sin guiones"]
        assert segments.rule_of(made) == AllOf(
            (AnyOf((InPlace("150110"), InPlace("150117"))), NoneOf((InSegment(quechua),)))
        )
    context.close()
