"""Runs `outreach doctor mail` against a name server and mail servers of our own."""

import json
from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from campaigns import mail_domain
from outreach.cli import main
from tests import mail_hosts, name_server
from tests.outreach.doctor_mail.domain import BOUNCES, DOMAIN, GOOD_KEY, KEY_AT, OURS, POINTER, RSA, SECRET


@pytest.fixture
def dns():
    """A name server with a domain whose records are all in order."""
    with name_server.serving() as server:
        server.zone |= {
            DOMAIN: {"MX": "10 mail.limanorte.gob.pe."},
            BOUNCES: {"MX": "10 mail.limanorte.gob.pe.", "TXT": ["v=spf1 ip4:203.0.113.0/28 -all", "another=thing"]},
            "mail.limanorte.gob.pe": {"A": [OURS]},
            "relay.limanorte.gob.pe": {"A": "127.0.0.1"},
            KEY_AT: {"TXT": GOOD_KEY},
            f"_dmarc.{DOMAIN}": {"TXT": "v=DMARC1; p=quarantine; rua=mailto:dmarc@limanorte.gob.pe"},
            POINTER: {"PTR": "mail.limanorte.gob.pe."},
        }
        yield server


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """A certificate authority that this process trusts."""
    made = mail_hosts.Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.fixture
def serve():
    """Starts mail servers that end with the test."""
    with ExitStack() as stack:
        yield lambda *given, **options: stack.enter_context(mail_hosts.mail_server(*given, **options))


@pytest.fixture
def key_file(tmp_path):
    """The private half of the published key."""
    path = tmp_path / "key.pem"
    path.write_bytes(RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


@pytest.fixture
def doctor(dns, tmp_path, monkeypatch):
    """Runs the command as an operator would."""
    monkeypatch.setenv("OUTREACH_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("OUTREACH_RESOLVER", dns.address)
    monkeypatch.setenv("OUTREACH_SECRET_KEY", SECRET)
    monkeypatch.setattr(mail_domain, "_LINE_SECONDS", 3.0)

    def run(*arguments):
        done = CliRunner().invoke(main, ["doctor", "mail", *map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output
        return done

    return run


@pytest.fixture
def check(doctor):
    """The findings of one topic, as (level, sentence, what to publish)."""

    def run(topic, *arguments):
        usual = [DOMAIN, "--bounce-domain", BOUNCES, "--selector", "s1", "--address", OURS]
        done = doctor(*usual, *arguments, "--json")
        found = json.loads(done.output)["findings"]
        is_harmful = any(one["level"] not in ("ok", "advice") for one in found)
        assert done.exit_code == (1 if is_harmful else 0)
        return [
            (one["level"], one["sentence"], one["publish"] and one["publish"]["value"])
            for one in found
            if one["topic"] == topic
        ]

    return run
