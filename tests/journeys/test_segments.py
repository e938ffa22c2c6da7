"""A segment of three levels is built by clicking, read, counted and used inside another; a circle is refused."""

import re

from playwright.sync_api import Browser

from tests.journeys.browser import Person
from tests.journeys.installation import Installation
from tests.journeys.test_first_light import add_condition, choose, import_the_file

TOLD = (
    "Transportistas que o bien son de Comas o Los Olivos, o bien no leen español,"
    " pero no los que ya recibieron algo en los últimos 7 días."
)


def press_in_the_tree(person: Person, value: str, then: str) -> None:
    """Press a small button of the builder and wait for what it brings."""
    person.page.click(f"button[value='{value}']")
    person.page.wait_for_selector(then)


def build_three_levels(ada: Person) -> int:
    """Through the builder alone; how many people it says fit."""
    ada.goto("/segments/new")
    ada.page.get_by_label("Nombre").fill("Norte sin repetir")
    choose(ada, add_condition(ada, "1", "sector"), ["492"])
    press_in_the_tree(ada, "group:1", "#node-3")
    choose(ada, add_condition(ada, "3", "place"), ["150110", "150117"])
    press_in_the_tree(ada, "group:3", "#node-5")
    ada.page.select_option("#join-5", "none")
    choose(ada, add_condition(ada, "5", "language"), ["es"])
    days = add_condition(ada, "1", "contacted")
    ada.page.select_option(f"#not-{days}", "not")
    ada.page.fill(f"#days-{days}", "7")
    ada.page.press(f"#days-{days}", "Tab")
    ada.wait_for(TOLD)
    assert ada.look() == []
    found = re.search(r"([\d.,]+) personas cumplen la regla", ada.text().replace("\n", " "))
    assert found is not None, ada.text()
    ada.press("Guardar segmento")
    ada.page.wait_for_url("**/segments/")
    ada.wait_for(TOLD)
    assert ada.look() == []
    return int(re.sub(r"\D", "", found[1]))


def use_inside_another(ada: Person, people: int) -> None:
    """The other segment is exactly the first one, so as many fit."""
    ada.goto("/segments/new")
    ada.page.get_by_label("Nombre").fill("Todo el norte")
    inner = add_condition(ada, "1", "segment")
    number = ada.page.get_attribute(f"#value-{inner} option:text-is('Norte sin repetir')", "value")
    choose(ada, inner, [str(number)])
    ada.wait_for("Personas que están en el segmento «Norte sin repetir».")
    assert f"{people} personas cumplen la regla" in ada.text().replace("\n", " ")
    ada.press("Guardar segmento")
    ada.page.wait_for_url("**/segments/")
    ada.wait_for("1 segmento")


def close_a_circle(ada: Person) -> None:
    """Putting the outer one into the inner one is refused beside the condition; nothing is lost, nothing is saved."""
    ada.page.get_by_role("link", name="Norte sin repetir", exact=True).click()
    ada.page.wait_for_selector("#builder")
    inner = add_condition(ada, "1", "segment")
    number = ada.page.get_attribute(f"#value-{inner} option:text-is('Todo el norte')", "value")
    choose(ada, inner, [str(number)])
    ada.press("Guardar segmento")
    ada.page.wait_for_selector(f"#node-{inner}-error")
    told = ada.page.inner_text(f"#node-{inner}-error")
    assert "Norte sin repetir → Todo el norte → Norte sin repetir" in told
    assert ada.look() == []
    ada.goto("/segments/")
    ada.wait_for(TOLD)


def without_scripts(browser: Browser, installation: Installation) -> None:
    """The same buttons send the form, and the page comes back with everything in it."""
    address, password = installation.sign_in_of("writer")
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.goto(installation.url + "/sign-in")
    page.get_by_label("Correo electrónico").fill(address)
    page.get_by_label("Contraseña").fill(password)
    page.press("[name=password]", "Enter")
    page.goto(installation.url + "/segments/new")
    page.get_by_label("Nombre").fill("Sin guiones")
    page.click("button[value='group:1']")
    page.select_option("#join-2", "none")
    page.select_option("#new-2", "role")
    page.click("button[value='add:2']")
    page.select_option("#value-3", "driver")
    page.click("text=Contar de nuevo")
    assert "Todas las personas de la lista, pero no las que son conductores." in page.inner_text("#count")
    page.press("#name", "Enter")
    assert "Sin guiones" in page.inner_text("main")
    context.close()


def test_three_levels_are_built_and_used_and_no_circle_is_closed(installation, browser):
    ada = Person(browser, installation.url)
    ada.sign_in(installation, "writer")
    import_the_file(ada)
    people = build_three_levels(ada)
    assert people > 10
    use_inside_another(ada, people)
    close_a_circle(ada)
    without_scripts(browser, installation)
    assert ada.complaints == []
