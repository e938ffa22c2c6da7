"""What a mail server's answers, or none, say of a mail: taken, refused, certainly not taken, or unclear (DOMAIN 2)."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.providers import smtp
from campaigns.providers.contract import Account, NotSent, Outgoing, Refused, Security, Server, Unclear
from campaigns.rules.outcomes import Failure

ROOT = Path(__file__).resolve().parents[3]
TO, USER, PASSWORD = "rosa@empresa.example", "avisos", "clave-larga"
CONTENT = (
    b"From: Municipalidad <avisos@limanorte.example>\r\nTo: rosa@empresa.example\r\nSubject: Aviso\r\n"
    b"Message-ID: <d1@limanorte.example>\r\n\r\nHola.\r\n.\r\nEl punto queda.\r\n"
)


class Office:
    """A running simulator's mail side."""

    def __init__(self, url: str, port: int) -> None:
        self.url, self.port = url, port

    def control(self, path: str, given: object = None) -> dict:
        data = None if given is None else json.dumps(given).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/control/{path}", data), timeout=10) as answer:
            return json.loads(answer.read())

    def faults(self, **mail: object) -> None:
        self.control("faults", {"mail": mail})

    def got(self, to: str = TO) -> list[dict]:
        return self.control("mails")["mailboxes"].get(to, [])

    def counted(self) -> dict:
        return self.control("counters")["mail"]


def _office(*options: str) -> Iterator[Office]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", "--smtp-port", "0", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    url, mail = (process.stdout.readline().split()[-1] for _ in range(2))
    yield Office(url, int(mail.rpartition(":")[2]))
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Office]:
    yield from _office()


@pytest.fixture
def office(running) -> Office:
    running.control("reset", {})
    return running


@pytest.fixture
def mail(settings, office):
    """Runs work with one sender's connections and closes them."""

    def run(work, *, port=office.port, security=Security.STARTTLS, account="", secret="", seconds=5.0):
        async def main():
            server = Server("127.0.0.1", port, security)
            provider = smtp.Smtp(
                Account(1, "avisos@limanorte.example", account, secret, server),
                replace(settings, provider_timeout=seconds),
            )
            try:
                return await work(provider)
            finally:
                await provider.close()

        return asyncio.run(main())

    return run


def message(to: str = TO) -> Outgoing:
    return Outgoing(to, "", "", 0, CONTENT, "b-abc@rebotes.limanorte.example")


@pytest.fixture
def send(mail):
    return lambda to=TO, **how: mail(lambda provider: provider.send(message(to)), **how)


def test_a_mail_arrives_to_the_byte_over_tls_with_its_return_path(send, office):
    send()
    (got,) = office.got()
    assert (got["from"], got["tls"]) == ("b-abc@rebotes.limanorte.example", True)
    with urllib.request.urlopen(f"{office.url}/control/mails/{got['id']}/raw") as raw:
        assert raw.read() == CONTENT


def test_connections_are_kept_and_no_more_than_needed(mail, office):
    async def many(provider):
        for _ in range(5):
            await asyncio.gather(*(provider.send(message(f"p{n}@empresa.example")) for n in range(4)))

    mail(many)
    assert office.counted()["mails"] == 20
    assert office.counted()["connections"] == 4


def test_after_so_many_mails_a_connection_is_given_up(mail, office, monkeypatch):
    monkeypatch.setattr(smtp, "_MAILS_PER_CONNECTION", 3)

    async def seven(provider):
        for number in range(7):
            await provider.send(message(f"p{number}@empresa.example"))

    mail(seven)
    assert office.counted()["connections"] == 3


@pytest.mark.parametrize(
    ("at", "code", "enhanced", "reason"),
    [
        ("rcpt", 550, "5.1.1", Failure.ADDRESS_UNKNOWN),
        ("rcpt", 552, "5.2.2", Failure.MAILBOX_FULL),
        ("end", 554, "5.7.1", Failure.MAIL_REFUSED),
        ("mail", 550, "5.7.1", Failure.SENDER_REFUSED),
        ("connect", 554, "5.7.1", Failure.SENDER_REFUSED),
    ],
)
def test_what_is_refused_for_good(send, office, at, code, enhanced, reason):
    office.faults(events=[{"kind": "refuse", "at": at, "code": code, "enhanced": enhanced, "text": "No"}])
    with pytest.raises(Refused) as refused:
        send()
    assert refused.value.reason is reason
    assert office.got() == []


@pytest.mark.parametrize("at", ["connect", "mail", "rcpt", "data", "end"])
def test_what_is_refused_for_now_was_not_taken(send, office, at):
    office.faults(events=[{"kind": "refuse", "at": at, "code": 451, "enhanced": "4.3.0", "text": "Later"}])
    with pytest.raises(NotSent) as not_sent:
        send()
    assert not_sent.value.after >= 1
    assert office.got() == []


def test_a_refusal_costs_no_connection(mail, office):
    async def one_bad_among_good(provider):
        with pytest.raises(Refused):
            await provider.send(message("refuse-550@empresa.example"))
        await provider.send(message())

    mail(one_bad_among_good)
    assert office.counted()["connections"] == 1
    assert len(office.got()) == 1


@pytest.mark.parametrize("at", ["connect", "mail", "rcpt"])
def test_a_line_that_breaks_before_the_mail_took_nothing(send, office, at):
    office.faults(events=[{"kind": "drop", "at": at}])
    with pytest.raises(NotSent):
        send()
    assert office.got() == []


@pytest.mark.parametrize(("kind", "kept"), [("drop", 0), ("drop_after", 1), ("hang", 0), ("hang_after", 1)])
def test_after_the_mail_without_an_answer_it_is_unclear(send, office, kind, kept):
    office.faults(events=[{"kind": kind, "at": "end"}])
    with pytest.raises(Unclear):
        send(seconds=1.0)
    assert len(office.got()) == kept


def test_a_server_that_is_not_there_took_nothing(send):
    with pytest.raises(NotSent):
        send(port=1)


def test_without_tls_only_on_this_machine(settings, office, send):
    send(security=Security.NONE)
    assert [one["tls"] for one in office.got()] == [False]

    async def elsewhere():
        server = Server("192.0.2.1", 25, Security.NONE)
        await smtp.Smtp(Account(1, "a@b.example", "", "", server), settings).send(message())

    with pytest.raises(Refused) as refused:
        asyncio.run(elsewhere())
    assert refused.value.reason is Failure.NO_PRIVACY


def test_it_cannot_be_asked(mail):
    with pytest.raises(NotSent):
        mail(lambda provider: provider.find(message(), datetime.now(UTC)))
    with pytest.raises(NotSent):
        mail(lambda provider: provider.look("abc"))


def test_a_wrong_password_concerns_the_sender(mail):
    for guarded in _office("--smtp-user", USER, "--smtp-password", PASSWORD):
        mail(lambda provider: provider.send(message()), port=guarded.port, account=USER, secret=PASSWORD)
        assert len(guarded.got()) == 1
        with pytest.raises(Refused) as refused:
            mail(lambda provider: provider.send(message()), port=guarded.port, account=USER, secret="wrong")
        assert refused.value.reason is Failure.CREDENTIALS


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("2.0.0 Ok: queued as 4ZxY7k1Q", "4ZxY7k1Q"),
        ("OK id=1tAbCd-000123-Xy", "1tAbCd-000123-Xy"),
        ("Ok, thanks", ""),
        ("queued for rosa@empresa.example", ""),
        ("Ok: queued as rosa@empresa.example", ""),
    ],
)
def test_of_the_answer_only_the_servers_own_name_is_kept(said, name):
    assert smtp.queued_as(said) == name


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({b"DATA": None}, NotSent),  # it hung up before the mail began: nothing was taken
        ({b"DATA": b"451 4.3.0 later"}, NotSent),
        ({b"DATA": b"554 5.5.1 no valid recipients"}, Refused),
        ({b"DATA": b"250 what"}, NotSent),
        ({b".": None}, Unclear),
        ({b".": b"354 go on"}, Unclear),
        ({b"MAIL": b"250-first\r\n250 second", b".": b"250 2.0.0 Ok: queued as 4XyZ12"}, "4XyZ12"),
    ],
)
def test_only_silence_after_the_final_dot_leaves_open_whether_it_was_taken(settings, said, expected):
    answers = {b"EHLO": b"250 here", b"MAIL": b"250 ok", b"RCPT": b"250 ok", b"DATA": b"354 go", b".": b"250 ok"} | said

    async def serve(reader, writer):
        writer.write(b"220 here\r\n")
        in_mail = False
        while words := await reader.readline():
            if in_mail and words != b".\r\n":
                continue
            said = answers.get(b"." if in_mail else words.split()[0], b"250 ok")
            in_mail = said is not None and said.startswith(b"354")
            if said is None:
                break
            writer.write(said + b"\r\n")
        writer.close()
        await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()

    async def main():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            account = Account(1, "avisos@limanorte.example", "", "", Server("127.0.0.1", port, Security.NONE))
            provider = smtp.Smtp(account, settings)
            try:
                return await provider.send(message())
            finally:
                await provider.close()
                await gone.wait()

    if isinstance(expected, str):
        assert asyncio.run(main()) == expected
    else:
        with pytest.raises(expected):
            asyncio.run(main())


def test_an_address_outside_ascii_is_spoken_in_ascii_or_not_at_all(send, office):
    send("rosa@peñarol.example")
    assert office.got("rosa@xn--pearol-xwa.example")
    with pytest.raises(Refused):
        send("peña@empresa.example")
    with pytest.raises(Refused):
        send("rosa@empresa.example>\r\nRCPT TO:<otra@empresa.example")
