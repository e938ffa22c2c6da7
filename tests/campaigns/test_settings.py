"""Settings are read once, and a wrong value stops the start with a sentence."""

import base64

import pytest

from campaigns.settings import Settings

KEY = base64.b64encode(bytes(32)).decode()
PRODUCTION = {
    "DATABASE_URL": "postgresql://outreach_app@db/outreach",
    "REDIS_URL": "redis://queue/0",
    "OUTREACH_SECRET_KEY": "s",
    "OUTREACH_PASSWORD_SALT": "p",
    "OUTREACH_SEAL_KEYS": f"1:{KEY}",
    "OUTREACH_INDEX_KEYS": f"1:{KEY}",
}


def test_nothing_set_means_embedded_servers():
    settings = Settings.from_env({})
    assert settings.database_url is None
    assert settings.data.name == "var"
    assert settings.base_url == "http://127.0.0.1:8000"


def test_production_is_read():
    settings = Settings.from_env({**PRODUCTION, "OUTREACH_BASE_URL": "https://avisos.example/"})
    assert settings.app_url == "postgresql+psycopg://outreach_app@db/outreach"
    assert settings.base_url == "https://avisos.example"
    assert Settings.from_env({"OUTREACH_PROXIES": "10.0.0.0/8, ::1"}).proxies == ("10.0.0.0/8", "::1")
    assert settings.secure_cookies
    assert settings.seal_keys == {1: bytes(32)}


@pytest.mark.parametrize("written", ["", "9.9.9.9", "127.0.0.1:5353", "::1", "[::1]", "[2001:db8::1]:53"])
def test_a_resolver_is_an_address_with_or_without_a_port(written):
    assert Settings.from_env({"OUTREACH_RESOLVER": written}).resolver == written


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"OUTREACH_SEAL_KEYS": ""}, "OUTREACH_SEAL_KEYS and OUTREACH_INDEX_KEYS: both are needed"),
        ({"OUTREACH_SECRET_KEY": ""}, "OUTREACH_SECRET_KEY and OUTREACH_PASSWORD_SALT: both are needed"),
        ({"OUTREACH_SEAL_KEYS": "x"}, "write each key as NUMBER:BASE64"),
        ({"OUTREACH_SEAL_KEYS": f"0:{KEY}"}, "its own number from 1 to 255 and 32 bytes"),
        ({"OUTREACH_SEAL_KEYS": f"1:{KEY},1:{KEY}"}, "its own number"),
        ({"OUTREACH_INDEX_KEYS": "1:AAAA"}, "32 bytes"),
        ({"OUTREACH_PORT": "http"}, "OUTREACH_PORT='http': write a port number"),
        ({"OUTREACH_PORT": "70000"}, "write a port number"),
        ({"OUTREACH_MAILIN_PORT": "-1"}, "OUTREACH_MAILIN_PORT='-1': write a port number from 0 to 65535"),
        ({"OUTREACH_MAILIN_KEY": "/etc/key.pem"}, "it needs its certificate, OUTREACH_MAILIN_CERT"),
        ({"OUTREACH_LEASE": "soon"}, "OUTREACH_LEASE='soon': write a number of seconds"),
        ({"OUTREACH_LEASE": "0"}, "above 0"),
        ({"OUTREACH_BASE_URL": "avisos.example"}, "begins with http"),
        ({"OUTREACH_RESOLVER": "dns.example"}, "write an address such as 9.9.9.9"),
        ({"OUTREACH_RESOLVER": "9.9.9.9:dns"}, "write an address"),
        ({"OUTREACH_RESOLVER": "9.9.9.9:0"}, "write an address"),
        ({"OUTREACH_RESOLVER": "[::1]53"}, "write an address"),
        ({"OUTREACH_RESOLVER": "["}, "write an address"),
        ({"OUTREACH_PROXIES": "10.0.0.1, gateway"}, "write addresses or networks"),
        ({"DATABASE_URL": "mysql://x/y"}, "begins with postgresql://"),
        ({"DATABASE_URL": "nonsense"}, "begins with postgresql://"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(changed, sentence):
    with pytest.raises(ValueError, match="_") as told:
        Settings.from_env({**PRODUCTION, **changed})
    assert sentence in str(told.value)


RELAY = {"OUTREACH_MAIL_FROM": "outreach@agency.gob.pe"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smtp://mail.gob.pe", ("mail.gob.pe", 587, "starttls", "", "")),
        ("smtp://ana:s%40cret@mail.gob.pe:2525/", ("mail.gob.pe", 2525, "starttls", "ana", "s@cret")),
        ("smtps://a%40b.pe:x@mail.gob.pe", ("mail.gob.pe", 465, "tls", "a@b.pe", "x")),
        ("smtp://127.0.0.1:25", ("127.0.0.1", 25, "none", "", "")),
        ("smtp://[::1]:25", ("::1", 25, "none", "", "")),
        ("smtp://localhost", ("localhost", 587, "none", "", "")),
    ],
)
def test_the_relay_is_private_unless_it_is_on_this_machine(url, told):
    relay = Settings.from_env({**RELAY, "OUTREACH_MAIL_URL": url}).mail_relay
    assert (relay.host, relay.port, relay.security, relay.user, relay.password) == told
    assert relay.sender == "outreach@agency.gob.pe"


@pytest.mark.parametrize(
    "changed",
    [
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@mail.gob.pe", "OUTREACH_MAIL_FROM": ""},
        {"OUTREACH_MAIL_URL": ""},
        {"OUTREACH_MAIL_URL": "mail.gob.pe"},
        {"OUTREACH_MAIL_URL": "http://ana:secret@mail.gob.pe"},
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@mail.gob.pe:port"},
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@mail.gob.pe:70000"},
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@"},
        {"OUTREACH_MAIL_URL": "smtp://ana@mail.gob.pe"},
        {"OUTREACH_MAIL_URL": "smtp://:secret@mail.gob.pe"},
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@mail.gob.pe/inbox"},
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@mail.gob.pe?tls=no"},
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@mail gob pe"},
        {"OUTREACH_MAIL_URL": "smtp://ana:secret@[::1"},
        {"OUTREACH_MAIL_URL": "smtp://mail.gob.pe", "OUTREACH_MAIL_FROM": "Outreach <a@b.pe>"},
        {"OUTREACH_MAIL_URL": "smtp://mail.gob.pe", "OUTREACH_MAIL_FROM": "a@b.pe\nBcc: c@d.pe"},
        {"OUTREACH_MAIL_URL": "smtp://mail.gob.pe", "OUTREACH_MAIL_FROM": "a@b"},
    ],
)
def test_a_wrong_relay_is_told_without_its_password(changed):
    with pytest.raises(ValueError, match="OUTREACH_MAIL_") as told:
        Settings.from_env({**RELAY, **changed})
    assert "secret" not in str(told.value)


def test_the_relays_password_is_never_shown():
    settings = Settings.from_env({**RELAY, "OUTREACH_MAIL_URL": "smtp://ana:s3cret@mail.gob.pe"})
    assert "s3cret" not in repr(settings)
    assert Settings.from_env({}).mail_relay is None


def test_urls_that_are_missing_are_told():
    for name in ("app_url", "owner_url", "queue_url"):
        with pytest.raises(ValueError, match="is not set"):
            getattr(Settings(), name)
