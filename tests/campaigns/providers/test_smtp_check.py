"""The test of a mail sender: the server is reached, in private, and takes the login; nothing is sent."""

import asyncio
import socket
from dataclasses import replace

import pytest

from campaigns.providers import registry
from campaigns.providers.contract import Account, NotSent, Security, Server
from campaigns.rules.outcomes import Failure
from tests.campaigns.providers.test_smtp import PASSWORD, USER, _office


@pytest.fixture(scope="module")
def guarded():
    yield from _office("--smtp-user", USER, "--smtp-password", PASSWORD, "--smtp-tls", "required")


@pytest.fixture(scope="module")
def bare():
    yield from _office("--smtp-tls", "off")


@pytest.fixture
def check(settings):
    def ask(port, *, host="127.0.0.1", security=Security.STARTTLS, account=USER, secret=PASSWORD, seconds=5.0):
        given = Account(1, "avisos@limanorte.example", account, secret, Server(host, port, security))
        return asyncio.run(registry.check("smtp", given, replace(settings, provider_timeout=seconds)))

    return ask


def test_a_right_sender_passes_and_nothing_is_sent(check, guarded):
    assert check(guarded.port) is None
    assert check(guarded.port, account="", secret="") is None
    assert guarded.counted()["mails"] == 0


def test_a_wrong_login_is_named(check, guarded, bare):
    assert check(guarded.port, secret="wrong") is Failure.CREDENTIALS
    assert check(guarded.port, account="nobody") is Failure.CREDENTIALS
    assert check(bare.port, security=Security.NONE) is Failure.CREDENTIALS  # it knows no logins at all


def test_a_line_that_others_could_read_is_named(check, guarded, bare):
    assert check(bare.port, account="") is Failure.NO_PRIVACY  # it offers no STARTTLS
    assert check(guarded.port, host="127.1") is Failure.NO_PRIVACY  # its certificate is of its own making
    assert check(25, host="192.0.2.1", security=Security.NONE) is Failure.NO_PRIVACY
    assert check(bare.port, security=Security.NONE, account="") is None


def test_a_server_that_does_not_talk_says_nothing_about_the_sender(check, bare):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent):
            check(nobody.getsockname()[1])
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for security in (Security.STARTTLS, Security.TLS):
            with pytest.raises(NotSent):
                check(silent.getsockname()[1], security=security, seconds=0.5)
    with pytest.raises(NotSent):
        check(25, host="no-such-host.invalid")
