"""What `outreach doctor mail` says of the mail server we hand over to, and of the one that takes bounces."""

import socket
import time

import pytest

from campaigns.links import Signer
from campaigns.settings import Settings
from outreach import secrets_file
from tests import mail_hosts
from tests.outreach.doctor_mail.domain import BOUNCES, DOMAIN, SECRET

HOST = "relay.limanorte.gob.pe"


@pytest.fixture
def line(check):
    """The findings about the line to a server on a port."""
    return lambda port, *more, host=HOST: check("TLS", "--host", host, "--port", port, *more)


def test_a_certificate_that_fits_over_tls_at_once(line, authority, serve):
    port = serve(authority.context(HOST), at_once=True)
    ((level, said, _),) = line(port, "--security", "tls")
    assert (level, said) == (
        "ok",
        f"The line to {HOST}:{port} is private (TLSv1.3); the certificate fits and is valid for 90 days.",
    )


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("names", "how", "level", "said"),
    [
        ([HOST], {"days": 5}, "advice", "ends in 5 days; nothing is sent after that"),
        ([HOST], {"days": -3}, "wrong", "ended 3 days ago"),
        ([HOST], {"since": 3}, "wrong", "is not valid yet"),
        (
            ["mail.elsewhere.example", "10.1.1.1"],
            {},
            "wrong",
            "is for mail.elsewhere.example, 10.1.1.1, not for " + HOST,
        ),
        ([HOST], {"is_self_signed": True}, "wrong", "is signed by itself"),
    ],
)
def test_certificates_that_do_not_convince(names, how, level, said, at_once, line, authority, serve):
    port = serve(authority.context(*names, **how), at_once=at_once)
    found = line(port, "--security", "tls" if at_once else "starttls")
    assert [one for one in found if one[0] == level and said in one[1]], found


def test_an_authority_nobody_knows(line, authority, serve, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    port = serve(mail_hosts.Authority(folder).context(HOST))
    ((level, said, _),) = line(port)
    assert (level, "is not signed by anybody this machine trusts" in said) == ("wrong", True)


def test_no_starttls(line, serve):
    ((level, said, _),) = line(serve())
    assert (level, "does not offer STARTTLS" in said) == ("wrong", True)
    ((level, said, _),) = line(serve(), "--security", "none")
    assert (level, "leaves this machine" in said) == ("wrong", True)


def test_tls_is_spoken_to_the_wrong_port(line, authority, serve):
    ((level, said, _),) = line(serve(authority.context(HOST)), "--security", "tls")
    assert (level, "No TLS could be agreed on" in said) == ("wrong", True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine(host, line, authority, serve):
    port = serve(authority.context("whatever.example"))
    for security in ("none", "starttls"):
        ((level, said, _),) = line(port, "--security", security, host=host)
        assert (level, "is on this machine and answers" in said) == ("ok", True)


def say(words: bytes):
    def behave(line: socket.socket) -> None:
        line.sendall(words)
        line.recv(1000)

    return behave


@pytest.mark.parametrize(
    ("behaves", "level", "said"),
    [
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "wrong", "does not speak SMTP"),
        (say(b"554 5.7.1 No service for you\r\n"), "unclear", "greets with a refusal: 554 5.7.1 No service for you"),
        (say(b"220 hello\r\n"), "wrong", "does not speak SMTP"),
        (say(b"\x00\xff\x1b[31m" * 10_000), "wrong", "does not speak SMTP"),
        (lambda line: None, "wrong", "does not speak SMTP"),
        (lambda line: time.sleep(4), "unclear", "does not answer within the time"),
    ],
)
def test_ports_that_misbehave(behaves, level, said, line):
    with mail_hosts.port_that(behaves) as port:
        ((found_level, sentence, _),) = line(port)
    assert (found_level, said in sentence) == (level, True), sentence
    assert sentence.isprintable()


def test_nobody_there(line):
    assert "Nobody takes connections" in line(mail_hosts.closed_port())[0][1]
    assert "has no address in DNS" in line(25, host="gone.limanorte.gob.pe")[0][1]


class Receiver:
    """Takes mail as the receiver of bounces should: for return paths we signed."""

    def __init__(self, key=SECRET, answer="550 5.1.1 No such box") -> None:
        self.signer, self.answer, self.mails = Signer(key), answer, 0

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.answer and self.signer.read_return_path(address.partition("@")[0]) is None:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.mails += 1
        return "250 OK"


@pytest.fixture
def probe(check, dns, serve):
    def run(receiver):
        dns.zone[BOUNCES] |= {"MX": "10 relay.limanorte.gob.pe."}
        return check("return path", "--probe", "--probe-port", serve(None, receiver))[1:]

    return run


@pytest.mark.parametrize(
    ("receiver", "level", "said"),
    [
        (Receiver(), "ok", "takes mail for a return path of ours and refuses one that we did not sign"),
        (Receiver("another key"), "wrong", "does not take mail for a return path of ours (5.1.1 No such box)"),
        (Receiver(answer=""), "wrong", "takes mail for any name"),
        (Receiver(answer="450 4.2.0 Greylisted"), "unclear", "does not say now"),
    ],
)
def test_the_receiver_of_bounces_is_asked(receiver, level, said, probe):
    ((found_level, sentence, _),) = probe(receiver)
    assert (found_level, said in sentence) == (level, True), sentence
    assert receiver.mails == 0


def test_no_receiver_to_ask(check, dns):
    dns.zone[BOUNCES] |= {"MX": "10 relay.limanorte.gob.pe."}
    found = check("return path", "--probe", "--probe-port", mail_hosts.closed_port())
    assert found[1][0] == "unclear"
    assert "Run `outreach mailin` there" in found[1][1]
    with mail_hosts.port_that(lambda line: time.sleep(4)) as port:
        assert "Many networks block port 25" in check("return path", "--probe", "--probe-port", port)[1][1]
    dns.zone[BOUNCES] = {"TXT": "x"}
    assert [one[0] for one in check("return path", "--probe")] == ["missing"]


def test_a_probe_on_embedded_servers_has_the_keys_of_the_data_folder(doctor, serve, dns, monkeypatch, tmp_path):
    monkeypatch.delenv("OUTREACH_SECRET_KEY")
    dns.zone[BOUNCES] |= {"MX": "10 relay.limanorte.gob.pe."}
    done = doctor(DOMAIN, "--bounce-domain", BOUNCES, "--probe")
    assert (done.exit_code, "no installation has its keys here" in done.output) == (1, True)
    assert not (tmp_path / "var").exists()
    (tmp_path / "var").mkdir()
    keys = secrets_file.fill(Settings.from_env({"OUTREACH_DATA": str(tmp_path / "var")}))
    port = serve(None, Receiver(keys.secret_key))
    done = doctor(DOMAIN, "--bounce-domain", BOUNCES, "--probe", "--probe-port", port)
    assert "takes mail for a return path of ours" in done.output
