"""`outreach doctor mail --agency` looks at what a mail sender is set to, down to our own receiver of bounces."""

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from campaigns import mail_senders
from campaigns.links import Signer
from campaigns.mail_inbound import Mailroom
from campaigns.mail_senders import MailSenderForm
from outreach.embedded import environment
from outreach.mailin.desk import Desk
from outreach.mailin.server import MailServer
from tests.outreach.doctor_mail.domain import BOUNCES, DOMAIN, KEY_AT, OURS


@pytest.fixture
def installed(doctor, settings, dns, monkeypatch):
    """The command, on the tests' own installation."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OUTREACH_RESOLVER", dns.address)
    return doctor


@pytest.fixture
def sender(session, vault, agency, dora, key_file):
    """Keeps mail senders, committed."""

    def keep(address=f"avisos@{DOMAIN}", **changes):
        with open(key_file) as file:
            given = {
                "host": "127.0.0.1",
                "port": 2525,
                "security": "none",
                "dkim_selector": "s1",
                "dkim_key": file.read(),
            }
        form = MailSenderForm(name="Correo", address=address, bounce_domain=BOUNCES, **(given | changes))
        made = mail_senders.save(session, vault, agency.id, form, sender_id=None, by=dora.id)
        session.commit()
        return made.id

    return keep


@contextmanager
def mailin(connections, settings):
    """Our receiver of bounces, running; gives its port."""
    room = Mailroom(connections.sessions, connections.vault, connections.valkey, Signer(settings.secret_key))
    loop, thread = asyncio.new_event_loop(), None

    async def start():
        server = MailServer(Desk(room), name="mail.test")
        return server, await server.listen("127.0.0.1", 0)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(5)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def test_a_senders_own_settings_are_looked_at(installed, sender, serve):
    sender(port=serve())
    done = installed("--agency", "lima-norte", "--address", OURS)
    assert f"{KEY_AT} (RSA, 2048 bits) belongs to our private key" in done.output
    assert f"ok      SPF: {BOUNCES} permits mail from {OURS}." in done.output
    assert "is on this machine and answers" in done.output
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, f"{DOMAIN}: nothing needed is missing.")


def test_our_own_receiver_takes_what_we_signed_and_nothing_else(installed, sender, dns, connections, settings):
    sender()
    dns.zone[BOUNCES] |= {"MX": "10 relay.limanorte.gob.pe."}
    with mailin(connections, settings) as port:
        done = installed("--agency", "lima-norte", "--probe", "--probe-port", port)
        assert "takes mail for a return path of ours and refuses one that we did not sign" in done.output
    with mailin(connections, replace(settings, secret_key="another installation's")) as port:
        done = installed("--agency", "lima-norte", "--probe", "--probe-port", port)
        assert "does not take mail for a return path of ours" in done.output


def test_which_sender_is_meant(installed, sender):
    assert "lima-norte has no mail sender" in installed("--agency", "lima-norte").output
    first = sender()
    second = sender(f"avisos@otra.{DOMAIN}")
    done = installed("--agency", "lima-norte")
    assert done.exit_code == 2
    assert f"--sender: {first} ({DOMAIN}), {second} (otra.{DOMAIN})" in " ".join(done.output.split())
    assert f"otra.{DOMAIN}: " in installed("--agency", "lima-norte", "--sender", second).output.splitlines()[-1]
    assert installed("--agency", "lima-norte", "--sender", 999_999).exit_code == 2
    assert installed("--agency", "nobody").output.startswith("Error: ")
    assert "leave DOMAIN and its options out" in installed(DOMAIN, "--agency", "lima-norte").output
