"""The main job, whole and real: from an agency's messy file to phones that answer ALTO, and nobody named anywhere."""

import csv
import io
import json
from pathlib import Path

import psycopg
import redis

from campaigns.settings import Settings
from outreach import embedded
from tests.journeys import leaks
from tests.journeys.browser import Person
from tests.journeys.installation import Installation

DATA = Path(__file__).resolve().parents[1] / "data"
MESSY = DATA / "contacts_messy.csv"
SPANISH = "Hola {{nombre}}. Ningun agente pide dinero por telefono. Si lo extorsionan llame gratis al {{linea_111}}."
QUECHUA = "Napaykuyki {{nombre}}. Extorsionmanta {{linea_111}} yupayman qayay."
LOOK_AT = ("/", "/imports/", "/people/", "/segments/", "/campaigns/", "/inbox/")


def import_the_file(ada: Person) -> None:
    ada.goto("/imports/new")
    ada.page.set_input_files("input[type=file]", MESSY)
    assert ada.look() == []
    ada.press("Enviar el archivo")
    ada.wait_for("Cómo quedan las primeras filas")
    assert ada.look() == []
    ada.press("Revisar todo el archivo")
    ada.wait_for("Importar: añadir a 463 personas")
    assert ada.look() == []
    ada.press("Importar: añadir a 463 personas")
    ada.wait_for("Se añadió a 463 personas")
    assert "335" in ada.text()
    assert ada.look() == []


def make_a_segment(ada: Person) -> None:
    ada.goto("/segments/new")
    ada.page.get_by_label("Nombre").fill("Transportistas del norte")
    for kind, values in {
        "sector": ["4921", "4922"],
        "place": ["150110", "150117", "150125", "150135", "150102"],
    }.items():
        choose(ada, add_condition(ada, "1", kind), values)
    ada.wait_for("personas pueden recibir ahora un SMS")
    assert ada.look() == []
    ada.press("Guardar")
    ada.wait_for("Transportistas del norte")


def add_condition(person: Person, group: str, kind: str) -> str:
    """Press "Add condition" in a group of a segment; the number of the condition that comes."""
    numbers = "[...document.querySelectorAll('[name=node]')].map(one => one.value)"
    before = person.page.evaluate(numbers)
    person.page.select_option(f"#new-{group}", kind)
    person.page.click(f"button[value='add:{group}']")
    person.page.wait_for_function(f"before => {numbers}.length > before", arg=len(before))
    return str((set(person.page.evaluate(numbers)) - set(before)).pop())


def choose(person: Person, number: str, values: list[str]) -> None:
    """Choose in a condition's list, as the script on top of it does when somebody clicks."""
    person.page.click(f"#value-{number}-ts-control")
    person.page.wait_for_function(
        "([number, values]) => { const list = document.getElementById(`value-${number}`).tomselect;"
        " return values.every(value => value in list.options); }",
        arg=[number, values],
    )
    person.page.evaluate(
        "([number, values]) => { const list = document.getElementById(`value-${number}`);"
        " values.forEach(value => list.tomselect.addItem(value)); }",
        [number, values],
    )
    person.page.click("h1")  # whoever looks elsewhere closes the list
    person.page.wait_for_selector(f"#node-{number} .ts-dropdown", state="hidden")


def write_a_campaign(ada: Person, name: str) -> str:
    ada.goto("/campaigns/new")
    ada.page.get_by_label("Nombre").fill(name)
    ada.press("Continuar con el texto")
    ada.page.wait_for_url("**/edit")
    ada.page.select_option("[name=segment]", label="Transportistas del norte")
    ada.page.fill("[name=text_es]", SPANISH)
    ada.page.select_option("[name=add_language]", "qu")
    ada.page.click("[name=add]")
    ada.page.fill("[name=text_qu]", QUECHUA)
    ada.wait_for("Napaykuyki")
    assert ada.look() == []
    ada.page.locator("main button.btn-primary", has_text="Guardar").click()
    ada.wait_for("Enviar a aprobación")
    return ada.page.url.removeprefix(ada.url).rstrip("/")


def submit(ada: Person, campaign: str) -> None:
    ada.goto(f"{campaign}/")
    ada.press("Enviar a aprobación")
    ada.wait_for("Por aprobar")
    assert ada.look() == []
    assert ada.page.locator("main").get_by_role("link", name="Aprobar").count() == 0


def approve(bruno: Person, campaign: str) -> None:
    bruno.goto("/")
    assert "Espera su aprobación" in bruno.text()
    assert bruno.look() == []
    bruno.goto(f"{campaign}/")
    assert bruno.look() == []
    bruno.press("Aprobar y enviar")
    bruno.page.wait_for_url("**/approve?*")
    assert bruno.look() == []
    typed = bruno.page.locator("main form input[name=typed], main form input[inputmode=numeric]")
    if typed.count():
        typed.first.fill("".join(c for c in bruno.page.locator("main form label").first.inner_text() if c.isdigit()))
    bruno.page.locator("main form button[type=submit]").last.click()
    bruno.page.wait_for_url(f"**{campaign}/")


def rows_of_the_file() -> list[dict[str, str]]:
    text = MESSY.read_bytes().decode("cp1252")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def check_the_phones(installation: Installation, campaign: str) -> dict[str, list[dict[str, object]]]:
    """Exactly one text each, in the right language."""
    phones = installation.phones()
    number = campaign.rpartition("/")[2]
    languages = {}
    for row in rows_of_the_file():
        digits = "".join(c for c in row["Celular"] if c.isdigit())
        languages.setdefault(digits[-9:], row["Idioma"].strip().casefold())
    spoken = set()
    for phone, messages in phones.items():
        (message,) = messages
        assert message["campaign"] == number
        body = str(message["body"])
        assert body.startswith("Municipalidad de Lima Norte (demo): ")
        assert body.endswith("Responda ALTO para no recibir mas.")
        assert "{" not in body
        quechua = languages.get(phone[-9:], "") in {"quechua", "qu", "runasimi"}
        spoken.add(quechua)
        assert body.partition(": ")[2].startswith("Napaykuyki" if quechua else "Hola"), (phone, body)
    assert spoken == {True, False}
    return phones


def answer_from_a_phone(phones: Person, number: str) -> None:
    phones.goto(f"/?q={number.removeprefix('+')}")
    phones.page.get_by_role("button", name="ALTO").first.click()
    phones.page.get_by_text("no recibira mas mensajes").first.wait_for()


def everything_it_wrote(installation: Installation, monitor: leaks.Monitor) -> dict[str, bytes]:
    settings = Settings.from_env(installation.environment)
    with embedded.servers(settings) as live, redis.Redis.from_url(live.queue_url) as valkey:
        return {
            "database": leaks.dump(live.owner_url),
            "valkey": leaks.valkey_values(valkey),
            "jobs": monitor.said(),
            "logs": leaks.logs([installation.log, installation.data / "logs", installation.data / "postgres"]),
        }


def people_of_the_file() -> leaks.People:
    rows = rows_of_the_file()
    phones = {"".join(c for c in row["Celular"] if c.isdigit()) for row in rows}
    return leaks.People.of(
        [phone for phone in phones if len(phone) >= 9],
        [row["Nombre y apellido"].strip() for row in rows] + [row["Correo electrónico"].strip() for row in rows],
    )


def plant(installation: Installation, phone: str, mail: str, name: str) -> None:
    """Leave a person in each of the places, in a notation of its own."""
    settings = Settings.from_env(installation.environment)
    spaced = f"{phone[:3]} {phone[3:6]}-{phone[6:]}"
    with embedded.servers(settings) as live:
        with psycopg.connect(live.owner_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE TABLE planted (a text, b bytea, c jsonb)")
            connection.execute(
                "INSERT INTO planted VALUES (%s, %s, %s)", (spaced, mail.encode(), json.dumps({"name": name}))
            )
        with redis.Redis.from_url(live.queue_url) as valkey:
            import zlib

            valkey.hset("planted", "data", zlib.compress(f"{spaced} {mail} {name}".encode()))
    with open(installation.data / "logs" / "web.log", "a", encoding="utf-8") as log:
        log.write(json.dumps({"event": f"{spaced} {mail} {name}"}, ensure_ascii=False) + "\n")


def test_from_a_messy_file_to_a_phone_that_answers_alto(installation, browser):
    settings = Settings.from_env(installation.environment)
    with embedded.servers(settings) as live, leaks.Monitor(live.queue_url) as monitor:
        ada = Person(browser, installation.url).sign_in(installation, "writer")
        bruno = Person(browser, installation.url).sign_in(installation, "approver")
        import_the_file(ada)
        make_a_segment(ada)
        first = write_a_campaign(ada, "Alerta de noviembre")
        submit(ada, first)
        approve(bruno, first)
        bruno.wait_for("Terminada")
        sent = check_the_phones(installation, first)
        assert str(len(sent)) in bruno.text()
        assert bruno.look() == []

        stopper = sorted(sent)[0]
        answer_from_a_phone(Person(browser, installation.simulator_url), stopper)
        second = write_a_campaign(ada, "Segunda alerta")
        submit(ada, second)
        approve(bruno, second)
        bruno.wait_for("Terminada")
        assert "Pidió no recibir más" in bruno.text()
        again = installation.phones()
        assert {number for number, texts in again.items() if len(texts) == 1} == {stopper}
        assert {len(texts) for number, texts in again.items() if number != stopper} == {2}

        for path in LOOK_AT:
            ada.goto(path)
            assert (path, ada.look()) == (path, [])
        assert ada.complaints == bruno.complaints == []

        people = people_of_the_file()
        found = {place: people.found_in(text) for place, text in everything_it_wrote(installation, monitor).items()}
        assert found == {"database": set(), "valkey": set(), "jobs": set(), "logs": set()}
        # And the search can find: the same, with one of them left in every place.
        phone, mail, name = "987123654", "planted.person@correo.example", "Plantada Persona Ñique"
        plant(installation, phone, mail, name)
        planted = leaks.People.of([phone], [mail, name])
        sought = {phone.encode(), mail.encode(), name.lower().encode()}
        for place, text in everything_it_wrote(installation, monitor).items():
            assert (place, planted.found_in(text)) == (place, sought)
