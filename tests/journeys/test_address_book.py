"""The address book in a real browser, at a desk and on a phone: find, narrow, see in full, correct, delete."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.browser import Person
from tests.journeys.installation import Installation

WHY = "Llamó a la central y pide corregir su número"
SIZES = {"desk": (1280, 900), "phone": (360, 780)}
PEOPLE = {
    "desk": ("Saturnina Ccoyllo Huamaní", "987 650 001", "saturnina@correo.example"),
    "phone": ("Fortunato Yllatopa Quiroga", "987 650 002", "fortunato@correo.example"),
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One in which two people an hour may be seen in full."""
    installation = Installation(tmp_path_factory.mktemp("book"), OUTREACH_REVEALS_PER_HOUR="2")
    installation.start()
    yield installation
    installation.stop()


@pytest.fixture(scope="module")
def ada(installation, browser) -> Person:
    return Person(browser, installation.url).sign_in(installation, "writer")


def see(person: Person, name: str) -> str:
    """What the page says, once nothing is wrong with it; kept as a picture where somebody wants to look."""
    size = person.page.viewport_size
    assert person.look() == []
    person.page.set_viewport_size(size)
    if folder := os.environ.get("OUTREACH_PICTURES"):
        person.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    return person.text()


def add(ada: Person, size: str, name: str, phone: str, email: str) -> None:
    ada.goto("/people/new")
    see(ada, f"{size}-new")
    for field, value in {"name": name, "business": f"Bodega {size}", "phone": phone, "email": email}.items():
        ada.page.fill(f"#{field}", value)
    ada.page.select_option("#role", "driver")
    ada.page.fill("#tags", "paradero norte, amenazada")
    ada.page.select_option("#ground", "consent")
    ada.page.fill("#ground_source", "Ficha 12, archivador 3")
    ada.press("Añadir a una persona")
    assert "No escriba lo que le pasó a alguien" in see(ada, f"{size}-new-refused")
    ada.page.fill("#tags", "paradero norte")
    ada.press("Añadir a una persona")
    ada.wait_for("Se añadió a la persona.")


@pytest.mark.parametrize("size", SIZES)
def test_find_narrow_open_see_in_full_correct_and_delete(installation, ada, size):
    width, height = SIZES[size]
    ada.page.set_viewport_size({"width": width, "height": height})
    name, phone, email = PEOPLE[size]
    secrets = [*name.split(), phone, phone.replace(" ", ""), email]

    def masked(text: str) -> None:
        assert [secret for secret in secrets if secret in text] == []

    add(ada, size, name, phone, email)
    masked(see(ada, f"{size}-person"))

    ada.goto("/people/")
    ada.page.get_by_text("Acotar la lista").click()
    ada.page.select_option("#role", "driver")
    ada.page.select_option("#reach", "sms")
    ada.press("Mostrar")
    assert ada.page.locator(".chip").count() == 2
    masked(see(ada, f"{size}-narrowed"))
    ada.page.locator(".chip").first.click()
    ada.page.wait_for_load_state()
    assert ada.page.locator(".chip").count() == 1

    ada.page.fill("#query", "+51 " + phone.replace(" ", "-"))
    ada.press("Buscar")
    ada.page.wait_for_load_state()
    assert "6500" not in ada.page.url
    found = see(ada, f"{size}-found")
    assert f"+51 9** *** 00{1 if size == 'desk' else 2}" in found
    ada.page.locator("main tbody a").first.click()
    ada.page.wait_for_url("**/people/*")
    page = ada.page.url

    ada.press("Ver completo")
    ada.page.wait_for_url("**/reveal")
    masked(see(ada, f"{size}-reason"))
    ada.page.fill("#reason", "corto")
    ada.press("Mostrar")
    assert "Escriba al menos 10 caracteres" in see(ada, f"{size}-reason-refused")
    ada.page.fill("#reason", WHY)
    ada.press("Mostrar")
    ada.wait_for(name)
    assert phone.replace(" ", "") in see(ada, f"{size}-revealed")
    ada.page.reload()
    assert "Se mostró una vez." in see(ada, f"{size}-reloaded")
    masked(ada.text())
    assert WHY in ada.text()

    ada.press("Corregir")
    ada.page.wait_for_url("**/change")
    masked(see(ada, f"{size}-change"))
    ada.page.select_option("#language", "qu")
    ada.press("Guardar")
    ada.wait_for("Se guardó lo que corrigió.")
    assert "Se corrigió: Idioma" in ada.text()
    ada.press("Eliminar")
    ada.page.wait_for_url("**/delete")
    masked(see(ada, f"{size}-delete"))
    ada.press("Eliminar a esta persona")
    ada.wait_for("Se eliminó a la persona.")
    assert ada.page.goto(page).status == 404
    assert ada.complaints == []


def test_the_third_within_an_hour_is_refused_and_told(installation, browser):
    dora = Person(browser, installation.url).sign_in(installation, "admin")
    add(dora, "third", "Eulogia Sullca", "987 650 003", "eulogia@correo.example")
    page = dora.page.url
    assert "Eulogia Sullca" in see(dora, "admin-person")  # an administrator reads names
    for number in range(3):
        dora.page.goto(page + "/reveal")
        see(dora, f"asked-{number}")
        dora.page.fill("#reason", f"{WHY} {number}")
        dora.press("Mostrar" if number < 2 else "Pedirlo de todos modos")
        dora.wait_for("Esto se muestra una sola vez." if number < 2 else "y ese es el límite")
    assert "987650003" not in see(dora, "used-up")
    dora.goto("/")
    dora.wait_for("Llegó a un límite")
    dora.page.locator("main a[href*='/people/reveals']").click()
    dora.page.wait_for_url("**/reveals?**")
    assert f"{WHY} 1" in see(dora, "reveals")
