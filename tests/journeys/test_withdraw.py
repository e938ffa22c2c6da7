"""A campaign with a mistake: stopped half way, taken back, and exactly those who got it are told so."""

from tests.journeys.browser import Person
from tests.journeys.installation import Installation, until
from tests.journeys.test_first_light import (
    answer_from_a_phone,
    approve,
    import_the_file,
    make_a_segment,
    submit,
    write_a_campaign,
)

QUECHUA = "Naupaq willakuyqa manam chiqaqchu."
ENOUGH = 12


def slow_down(dora: Person) -> None:
    """So that there is time to stop it half way."""
    dora.goto("/settings/")
    dora.page.locator("main a[href*='/settings/senders/']", has_text="avisos").first.click()
    dora.page.fill("[name=parts_per_second]", "4")
    dora.page.locator("main form button.btn-primary[type=submit]").first.click()
    dora.page.wait_for_url("**/settings/**")


def of_campaign(installation: Installation, campaign: str) -> dict[str, list[dict[str, object]]]:
    """Phone -> the messages of this campaign that the carrier took for it."""
    number = campaign.rpartition("/")[2]
    return {
        phone: found
        for phone, messages in installation.phones().items()
        if (found := [message for message in messages if message["campaign"] == number])
    }


def first_words(messages: dict[str, list[dict[str, object]]]) -> set[str]:
    """How the texts begin, after the agency's name: one beginning per language."""
    return {str(found[0]["body"]).partition(": ")[2].split()[0] for found in messages.values()}


def stop_and_withdraw(dora: Person, campaign: str) -> str:
    """Through the campaign's own page; the address of the withdrawal."""
    dora.goto(f"{campaign}/")
    dora.press("Dejar sin efecto…")
    dora.wait_for("Detener y dejar sin efecto")
    assert dora.look() == []
    dora.press("Detener y dejar sin efecto")
    dora.page.wait_for_url("**/edit")
    return dora.page.url.removeprefix(dora.url).removesuffix("/edit")


def write_the_withdrawal(dora: Person, child: str) -> None:
    """The Spanish words stand there already; the other language that was used is asked for."""
    assert "queda sin efecto. No lo tome en cuenta." in dora.page.input_value("[name=text_es]")
    dora.page.locator("main button.btn-primary", has_text="Guardar").click()
    dora.wait_for("idioma que aquí todavía no tiene texto")
    assert dora.look() == []
    dora.goto(f"{child}/edit")
    dora.page.select_option("[name=add_language]", "qu")
    dora.page.click("[name=add]")
    dora.page.fill("[name=text_qu]", QUECHUA)
    dora.page.locator("main button.btn-primary", has_text="Guardar").click()
    dora.wait_for("Esto deja sin efecto")


def test_stopped_half_way_and_taken_back_from_exactly_those_who_got_it(installation, browser):
    ada, bruno, dora = (Person(browser, installation.url) for _ in range(3))
    for person, role in ((ada, "writer"), (bruno, "approver"), (dora, "admin")):
        person.sign_in(installation, role)
    slow_down(dora)
    import_the_file(ada)
    make_a_segment(ada)
    first = write_a_campaign(ada, "Alerta con un error")
    submit(ada, first)
    approve(bruno, first)
    until(lambda: len(told := of_campaign(installation, first)) >= ENOUGH and len(first_words(told)) == 2)

    child = stop_and_withdraw(dora, first)
    write_the_withdrawal(dora, child)
    dora.goto(f"{first}/")
    dora.wait_for("Detenida")
    assert "Quedó sin efecto por" in dora.text()
    assert dora.look() == []
    told = of_campaign(installation, first)
    assert {len(messages) for messages in told.values()} == {1}
    refused = sorted(told)[0]
    answer_from_a_phone(Person(browser, installation.simulator_url), refused)

    submit(dora, child)
    assert "Usted escribió" in dora.text()
    approve(bruno, child)
    bruno.wait_for("Terminada")
    taken_back = of_campaign(installation, child)
    assert set(taken_back) == set(told) - {refused}
    for phone, messages in taken_back.items():
        (message,) = messages
        before = str(told[phone][0]["body"]).partition(": ")[2]
        now = str(message["body"]).partition(": ")[2]
        assert now.startswith(QUECHUA if before.startswith("Napaykuyki") else "El aviso que le enviamos"), phone
    assert {phone: len(found) for phone, found in of_campaign(installation, first).items()} == dict.fromkeys(told, 1)
    assert first_words(taken_back) == {"El", "Naupaq"}
    assert ada.complaints == bruno.complaints == dora.complaints == []
