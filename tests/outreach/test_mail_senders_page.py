"""Mail senders in the settings: typed, kept sealed, tested without sending, and the record to publish."""

import socket

import pytest
from sqlalchemy import select

from campaigns import mail_senders
from campaigns.store.audit import AuditRow
from tests.campaigns.providers.test_dkim_signing import RSA, pem
from tests.outreach.conftest import send, token

NEW = "/settings/mail-senders/new"
SECRET = "clave larga del correo"


def typed(**changes):
    about = {
        "name": "Avisos por correo",
        "address": "avisos@limanorte.example",
        "reply_to": "",
        "host": "127.0.0.1",
        "port": "587",
        "security": "starttls",
        "login": "avisos",
        "password": SECRET,
        "mails_per_second": "10",
        "connections": "5",
        "bounce_domain": "rebotes.limanorte.example",
        "dkim_selector": "",
        "dkim_key": "",
    }
    return about | changes


@pytest.fixture
def kept(sessions, agency):
    def ask():
        with sessions(agency.id)() as session:
            (found,) = mail_senders.senders(session, agency.id)
            return found

    return ask


def test_a_mail_sender_is_added_and_its_secrets_are_never_shown_again(as_dora, kept, vault, agency):
    sent = typed(port=" 2525 ", dkim_selector="outreach", dkim_key=pem(RSA))
    answer = send(as_dora, NEW, **sent)
    assert answer.status_code == 303
    shown = as_dora.get(answer.headers["Location"]).text
    assert SECRET not in shown
    assert "PRIVATE KEY" not in shown
    assert 'value="outreach._domainkey.limanorte.example"' in shown
    assert "v=DKIM1; k=rsa; p=MIIB" in shown
    found = kept()
    assert (found.port, vault.open(found.credentials_sealed, agency.id)) == (2525, SECRET)
    listed = as_dora.get("/settings/").text
    assert "avisos@limanorte.example" in listed
    assert "10 correos" in listed


def test_saving_what_is_shown_keeps_the_secrets(as_dora, kept, vault, agency):
    path = send(as_dora, NEW, **typed(dkim_selector="outreach", dkim_key=pem(RSA))).headers["Location"]
    assert send(as_dora, path, **typed(name="Otro", password="", dkim_selector="outreach")).status_code == 303
    found = kept()
    assert (found.name, vault.open(found.credentials_sealed, agency.id)) == ("Otro", SECRET)
    assert found.dkim_key_sealed is not None
    refused = send(as_dora, path, **typed(password="", host="otro.example"))
    assert refused.status_code == 422
    assert "Escriba la contraseña otra vez" in refused.text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Escriba un nombre."),
        ("address", "avisos", "Escriba un correo electrónico"),
        ("host", "smtp limanorte", "Escriba el nombre del servidor"),
        ("port", "x", "Escriba un número entero."),
        ("port", "70000", "Escriba un número entero de 1 a 65535."),
        ("security", "none\r\n", 'role="alert"'),
        ("bounce_domain", "rebotes", "Escriba un dominio"),
        ("mails_per_second", "0", "Escriba un número entero de 1 a 1000."),
        ("dkim_key", "-----BEGIN NOTHING", "Escriba un selector"),
        ("password", "", "Escriba la contraseña de este usuario."),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(as_dora, field, value, sentence):
    answer = send(as_dora, NEW, **typed(reply_to="consultas@limanorte.example") | {field: value})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="consultas@limanorte.example"' in answer.text
    assert SECRET not in answer.text


def test_only_an_administrator_comes_here_and_strangers_find_nothing(as_ada, signed_in, carla, mail_sender, sender):
    path = f"/settings/mail-senders/{mail_sender.id}"
    for address in (NEW, path):
        assert as_ada.get(address).status_code == 403
    assert send(as_ada, path + "/test").status_code == 403
    as_carla = signed_in(carla)
    assert as_carla.get(path).status_code == 404
    assert send(as_carla, path, **typed()).status_code == 404
    assert send(as_carla, path + "/test").status_code == 404


def test_numbers_and_mail_senders_have_pages_of_their_own(as_dora, mail_sender, sender):
    moved = as_dora.get(f"/settings/senders/{mail_sender.id}")
    assert (moved.status_code, moved.headers["Location"]) == (303, f"/settings/mail-senders/{mail_sender.id}")
    assert as_dora.get(f"/settings/mail-senders/{sender.id}").status_code == 404


def test_a_right_sender_passes_the_test_and_nothing_is_sent(as_dora, mail_sender, sessions, agency, simulator):
    path = f"/settings/mail-senders/{mail_sender.id}"
    answer = as_dora.post(path + "/test", data={"csrf_token": token(as_dora, path)}, follow_redirects=True)
    assert "El servidor de correo responde" in answer.text
    with sessions(agency.id)() as session:
        deed = session.scalars(select(AuditRow).where(AuditRow.did == "sender:tested")).one()
    assert deed.detail == {"result": "works"}


def test_what_the_test_finds_is_told_in_words(as_dora, simulator):
    def told(**changes):
        path = send(as_dora, NEW, **typed(**changes)).headers["Location"]
        as_dora.get(path)
        return send(as_dora, path + "/test").status_code, as_dora.get(path).text

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = str(nobody.getsockname()[1])
        assert f"No respondió ningún servidor de correo en 127.0.0.1, puerto {port}" in told(port=port)[1]
    # The simulator knows no logins, and certifies itself.
    known = {"port": str(simulator[1]), "security": "starttls"}
    assert "no acepta este usuario y esta contraseña" in told(address="b@limanorte.example", **known)[1]
    assert "no se puede cifrar" in told(address="c@limanorte.example", host="127.1", login="", password="", **known)[1]
