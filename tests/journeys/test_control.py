"""Holding a campaign: paused and resumed, stopped, braked by itself, all through the pages and judged by the phones."""

import time
from pathlib import Path

import pytest

from tests.journeys.browser import Person
from tests.journeys.installation import Installation, until
from tests.journeys.test_first_light import approve, make_a_segment, submit, write_a_campaign
from tests.journeys.test_withdraw import of_campaign

PEOPLE = 400
AT_ONCE = 20  # what may still arrive after a pause: calls that are open


def import_many(installation: Installation, folder: Path) -> None:
    """People with mobiles that play no special part."""
    lines = ["Nombre y apellido;Celular;Distrito;Provincia;Rubro;Idioma;Aceptó recibir mensajes;Fecha de aceptación"]
    lines += [f"Rosa Flores;9{10_000_000 + n};Comas;Lima;4921;es;Sí;2026-01-10" for n in range(PEOPLE)]
    file = folder / "people.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    report = installation.outreach("import", str(file), "--agency", "lima-norte-demo", "--json")
    assert f'"reachable_sms": {PEOPLE}' in report, report


def set_the_pace(dora: Person, parts_per_second: int) -> None:
    dora.goto("/settings/")
    dora.page.locator("main a[href*='/settings/senders/']", has_text="avisos").first.click()
    dora.page.fill("[name=parts_per_second]", str(parts_per_second))
    dora.page.locator("main form button.btn-primary[type=submit]").first.click()
    dora.page.wait_for_url("**/settings/**")


def let_go(ada: Person, bruno: Person, name: str) -> str:
    campaign = write_a_campaign(ada, name)
    submit(ada, campaign)
    approve(bruno, campaign)
    return campaign


def reached(installation: Installation, campaign: str) -> int:
    told = of_campaign(installation, campaign)
    assert {len(messages) for messages in told.values()} <= {1}
    return len(told)


def stands_still(installation: Installation, campaign: str) -> int:
    """How many were reached when no more are, two seconds after the press at the latest."""
    time.sleep(2)
    before = reached(installation, campaign)
    time.sleep(2)
    assert reached(installation, campaign) == before
    return before


def confirm(person: Person, words: str) -> None:
    person.press(words)
    person.page.wait_for_load_state()
    assert person.look() == []
    person.page.locator("main form button[type=submit]").last.click()


@pytest.fixture(scope="module")
def staff(installation, browser, tmp_path_factory) -> tuple[Person, Person, Person]:
    """Writer, approver and admin, signed in, with people to write to; whichever test comes first."""
    ada, bruno, dora = (Person(browser, installation.url) for _ in range(3))
    for person, role in ((ada, "writer"), (bruno, "approver"), (dora, "admin")):
        person.sign_in(installation, role)
    import_many(installation, tmp_path_factory.mktemp("people"))
    make_a_segment(ada)
    return ada, bruno, dora


def test_pause_resume_and_stop(installation, staff):
    ada, bruno, dora = staff
    set_the_pace(dora, 15)
    campaign = let_go(ada, bruno, "Alerta que se detiene")

    until(lambda: reached(installation, campaign) >= 20)
    bruno.press("Pausar")
    bruno.wait_for("Continuar")
    assert bruno.look() == []
    paused = stands_still(installation, campaign)
    assert 20 <= paused < PEOPLE // 2
    ada.goto("/")
    assert "Alerta que se detiene" in ada.text()  # news for its author
    assert ada.look() == []

    bruno.press("Continuar")
    until(lambda: reached(installation, campaign) >= paused + 20)
    confirm(bruno, "Detener…")
    bruno.wait_for("Detenida")
    stopped = stands_still(installation, campaign)
    assert paused + 20 <= stopped < PEOPLE
    assert bruno.look() == []
    assert f"{PEOPLE - stopped}" in bruno.text()
    assert ada.complaints == bruno.complaints == dora.complaints == []


def test_it_brakes_by_itself_and_a_person_lets_it_go_on(installation, staff):
    ada, bruno, dora = staff
    set_the_pace(dora, 60)
    installation.control("faults", {"mix": {"undelivered:30008": 0.5}, "status_delay_ms": [10, 20]})
    campaign = let_go(ada, bruno, "Alerta que falla")
    bruno.wait_for("se pausó sola")
    assert bruno.look() == []
    braked = stands_still(installation, campaign)
    assert 100 <= braked < PEOPLE
    ada.goto("/")
    assert "Se pausó sola" in ada.text()
    assert ada.look() == []

    installation.control("faults", {"mix": {}})
    bruno.press("Continuar")
    bruno.wait_for("Terminada")
    assert reached(installation, campaign) == PEOPLE
    assert bruno.look() == []
    assert ada.complaints == bruno.complaints == dora.complaints == []
