"""Mails beside SMS, whole and real: written, seen, approved, sent; what bounces, complains and leaves stays away."""

import re
import urllib.request

from campaigns.settings import Settings
from outreach import embedded
from tests.journeys import leaks
from tests.journeys.browser import Person
from tests.journeys.installation import Installation, until
from tests.journeys.test_first_light import approve, everything_it_wrote, submit

HEADINGS = "Nombre;Negocio;Celular;Correo;Idioma;Distrito;Consentimiento"
PEOPLE = {
    "rosa": ("", "rosa@correo.example"),  # leaves with one click
    "luis": ("", "bounce-511@correo.example"),  # no such mailbox
    "ana": ("", "spam@correo.example"),  # calls it spam
    "eva": ("", "eva@correo.example"),
    "pia": ("987654321", "pia@correo.example"),  # her SMS arrives
    "leo": ("987654322", "leo@correo.example"),  # his cannot
    "tito": ("987654323", ""),
}
ANSWER = "Me pidieron plata en la esquina del mercado"
SUBJECT = "Aviso para {{negocio}}"
MAIL = "Hola **{{nombre}}**:\n\nNadie debe pedirle dinero. Llame gratis al {{linea_111}}.\n\n- Guarde los mensajes."


def import_people(ada: Person, folder) -> None:
    rows = [
        f"{name.title()} Prueba;Buses {name.title()};{mobile};{mail};español;Comas;sí"
        for name, (mobile, mail) in PEOPLE.items()
    ]
    file = folder / "people.csv"
    file.write_text("\n".join([HEADINGS, *rows]), encoding="utf-8")
    ada.goto("/imports/new")
    ada.page.set_input_files("input[type=file]", file)
    ada.press("Enviar el archivo")
    ada.wait_for("Cómo quedan las primeras filas")
    ada.press("Revisar todo el archivo")
    ada.wait_for("Importar: añadir a 7 personas")
    ada.press("Importar: añadir a 7 personas")
    ada.wait_for("Se añadió a 7 personas")
    assert "a 3 se les puede escribir por SMS y a 6 por correo" in ada.text()


def write(ada: Person, name: str, how: str) -> str:
    """A campaign to everybody, in SMS and mail; the preview is looked at before it is saved."""
    ada.goto("/campaigns/new")
    ada.page.get_by_label("Nombre").fill(name)
    ada.press("Continuar con el texto")
    ada.page.wait_for_url("**/edit")
    ada.page.select_option("[name=segment]", label="Todos")
    ada.page.locator("main label", has_text=how).click()
    if ada.page.locator("[name=text_es]").is_visible():
        ada.page.fill("[name=text_es]", "{{nombre}}, no pague. Llame al {{linea_111}}.")
    ada.page.fill("[name=subject_es]", "Aviso\u202e para {{negocio}}")
    ada.page.fill("[name=mail_es]", MAIL)
    save = ada.page.locator("main button.btn-primary", has_text="Guardar")
    save.click()
    ada.page.locator(".invalid-feedback").first.wait_for()
    assert ada.page.input_value("[name=mail_es]") == MAIL
    ada.page.fill("[name=subject_es]", SUBJECT)
    ada.page.frame_locator("iframe >> visible=true").get_by_text("Nadie debe pedirle dinero").wait_for()
    assert ada.look() == []
    save.click()
    ada.wait_for("Enviar a aprobación")
    assert ada.look() == []
    return ada.page.url.removeprefix(ada.url).rstrip("/")


def mailboxes(installation: Installation) -> dict[str, list[dict[str, object]]]:
    """Address -> mails of campaigns; news for staff goes to other boxes."""
    addresses = {mail for _, mail in PEOPLE.values() if mail}
    return {to: mails for to, mails in installation.control("mails?headers=1")["mailboxes"].items() if to in addresses}


def raw(installation: Installation, mail: dict[str, object]) -> str:
    with urllib.request.urlopen(f"{installation.simulator_url}/control/mails/{mail['id']}/raw", timeout=30) as answer:
        return answer.read().decode()


def open_every_link(text: str) -> None:
    """What a scanner does."""
    for link in set(re.findall(r"http://127\.0\.0\.1[^\s\"<>]+", text.replace("=\r\n", "").replace("=3D", "="))):
        with urllib.request.urlopen(link, timeout=30) as answer:
            assert answer.status == 200
            assert "Set-Cookie" not in answer.headers


def test_mails_go_where_sms_does_not_and_never_again_to_who_left(installation, browser, tmp_path):
    settings = Settings.from_env(installation.environment)
    with embedded.servers(settings) as live, leaks.Monitor(live.queue_url) as monitor:
        send_and_take_back(installation, browser, tmp_path)
        words = [mail for _, mail in PEOPLE.values()] + [ANSWER]
        words += [word for name in PEOPLE for word in (f"{name} Prueba", f"Buses {name}")]
        people = leaks.People.of([mobile for mobile, _ in PEOPLE.values() if mobile], words)
        found = {place: people.found_in(text) for place, text in everything_it_wrote(installation, monitor).items()}
        assert found == {"database": set(), "valkey": set(), "jobs": set(), "logs": set()}


def send_and_take_back(installation, browser, tmp_path) -> None:
    """Two campaigns; somebody bounces, complains, answers, is away, and leaves by each way there is."""
    ada, bruno = (Person(browser, installation.url) for _ in range(2))
    ada.sign_in(installation, "writer")
    bruno.sign_in(installation, "approver")
    installation.control("faults", {"outcomes": {"+51987654322": "undelivered:30005"}})
    import_people(ada, tmp_path)
    ada.goto("/segments/new")
    ada.page.get_by_label("Nombre").fill("Todos")
    ada.press("Guardar")
    ada.wait_for("Todos")

    first = write(ada, "Alerta por dos canales", "Primero SMS")
    submit(ada, first)
    approve(bruno, first)
    bruno.wait_for("El buzón no existe")
    bruno.wait_for("No hizo falta, porque el SMS salió bien")
    until(lambda: "leo@correo.example" in mailboxes(installation))
    got = mailboxes(installation)
    wanted = {mail for name, (_, mail) in PEOPLE.items() if name not in ("pia", "tito")}
    assert {to: len(mails) for to, mails in got.items()} == dict.fromkeys(wanted, 1)
    phones = installation.phones()
    assert {number: len(texts) for number, texts in phones.items()} == {
        f"+51{PEOPLE[n][0]}": 1 for n in ("pia", "leo", "tito")
    }
    bruno.goto(f"{first}/")
    assert bruno.look() == []

    (rosa,) = got["rosa@correo.example"]
    (eva,) = got["eva@correo.example"]
    assert rosa["subject"] == "Aviso para Buses Rosa"
    open_every_link(raw(installation, eva))
    assert installation.control(f"mails/{rosa['id']}/unsubscribe", {"encoding": "multipart"})["result"] == "200"

    for act, given in (("reply", {"body": ANSWER}), ("vacation", {})):
        assert installation.control(f"mails/{eva['id']}/{act}", given)["result"].startswith("250")
    (leo,) = got["leo@correo.example"]
    assert installation.control(f"mails/{leo['id']}/unsubscribe_mail", {})["result"].startswith("250")
    bruno.goto("/inbox")
    bruno.wait_for(ANSWER)

    second = write(ada, "Segunda alerta", "Correo: a quienes tienen")
    submit(ada, second)
    approve(bruno, second)
    until(lambda: len(mailboxes(installation)["eva@correo.example"]) == 2)
    bruno.wait_for("Todo enviado")
    again = {to: len(mails) for to, mails in mailboxes(installation).items()}
    assert again == dict.fromkeys(wanted, 1) | {
        "eva@correo.example": 2,
        "pia@correo.example": 1,
    }
    bruno.goto(f"{second}/")
    assert bruno.look() == []
    assert ada.complaints == bruno.complaints == []
