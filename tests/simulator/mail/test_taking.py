"""Taking mail, as a real client hands it over, the ordinary and the fast way: same answers, same record."""

import asyncio
import socket
import ssl
import subprocess
import sys
import time
from email.message import EmailMessage
from urllib.request import urlopen

import aiosmtplib
import pytest
from simulator_cast import Simulator, start_with_mail
from simulator_post import LUIS, RAW, ROSA, SENDER, deliver

EHLO, FROM, RCPT = b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<rosa@empresa.example>"


def test_a_mail_is_kept_to_the_byte_and_told(post):
    assert post.send().startswith("250 2.0.0")
    (entry,) = post.mails()[ROSA]
    assert (entry["message_id"], entry["from"], entry["subject"]) == ("<d42@agency.example>", SENDER, "Aviso a Ñaña")
    assert (entry["size"], entry["delivery"], entry["outcome"]) == (len(RAW), "d42", "delivered")
    assert entry["answer"].startswith("250")
    assert entry["began_at"] <= entry["received_at"]
    with urlopen(f"{post.base}/control/mails/{entry['id']}/raw", timeout=10) as answer:
        assert answer.read() == RAW


def test_headers_and_ids_of_our_own_are_told(post):
    post.send(raw=b"X-Outreach-Campaign: c7\r\nX-Delivery-Id: d9\r\nX-Attempt: 2\r\nList-Id: <a>\r\n b\r\n\r\nx\r\n")
    (entry,) = post.mails(ROSA)[ROSA]
    assert (entry["campaign"], entry["delivery"], entry["attempt"]) == ("c7", "d9", "2")
    assert ["List-Id", "<a> b"] in entry["headers"]
    assert "headers" not in post.mails()[ROSA][0]
    assert "headers" in post.mails(query="headers=1")[ROSA][0]
    assert post.mails("nobody@x.example") == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: x\r\n\r\n.\r\n..\r\n.dot\r\n\r\n.\r\n", b"\r\nonly a body\r\n", b"", b".\r\n",
        b"Subject: \xc3\xb1\r\n\r\n\xff\xfe\x00\r\n", b"a\nb\n.\nc\r\n", b"Subject: x\r\n\r\n" + b"x" * 999 + b"\r\n",
        b"Subject: big\r\n\r\n" + b"0123456789" * 7 + b"\r\n" + (b"line " * 12 + b"\r\n") * 30_000,
    ],
)  # fmt: skip
def test_any_bytes_arrive_as_they_were(post, raw):
    """Written by hand, because clients mend what they send."""
    dotted = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in raw.split(b"\r\n"))
    with Wire(post.port) as wire:
        wire.ask(b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<rosa@empresa.example>", b"DATA")
        for start in range(0, len(dotted), 50_001):
            wire.socket.sendall(dotted[start : start + 50_001])
        assert wire.ask(b".")[0].startswith("250")
    entry = post.mails()[ROSA][0]
    with urlopen(f"{post.base}/control/mails/{entry['id']}/raw", timeout=10) as answer:
        assert answer.read() == raw
    assert post.mails(ROSA)[ROSA][0]["size"] == len(raw)


class Wire:
    """A connection written to by hand."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")
        self.read()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_error) -> None:
        self.file.close()
        self.socket.close()

    def read(self) -> str:
        lines = []
        while not lines or lines[-1][3:4] == b"-":
            lines.append(self.file.readline())
        return b"".join(lines).decode()

    def ask(self, *lines: bytes) -> list[str]:
        answers = []
        for line in lines:
            self.socket.sendall(line + b"\r\n")
            answers.append(self.read())
        return answers


def test_commands_may_come_in_one_go_and_in_pieces(post):
    mail = b"MAIL FROM:<a@b.example> BODY=8BITMIME SIZE=20\r\nRCPT TO:<rosa@empresa.example>\r\n"
    mail += b"RCPT TO:<Luis@Empresa.example>\r\nDATA\r\n"
    with Wire(post.port) as wire:
        assert "PIPELINING" in wire.ask(b"EHLO x")[0]
        wire.socket.sendall(mail)
        assert [wire.read()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        wire.socket.sendall(b"Subject: 1\r\n\r\nx\r\n.\r\n" + mail)
        assert [wire.read()[:3] for _ in range(5)] == ["250", "250", "250", "250", "354"]
        for byte in b"Subject: 2\r\n\r\nx\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n":
            wire.socket.sendall(bytes([byte]))
        assert [wire.read()[:3] for _ in range(4)] == ["250", "250", "250", "221"]
        assert wire.file.read() == b""
    boxes = post.mails()
    assert {address: [entry["subject"] for entry in entries] for address, entries in boxes.items()} == {
        ROSA: ["1", "2"],
        LUIS: ["1", "2"],
    }
    assert post.counters()["mails"] == 2


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([FROM], "503"), ([EHLO, RCPT], "503"), ([EHLO, b"DATA"], "503"), ([EHLO, FROM, b"DATA"], "503"),
        ([EHLO, FROM, FROM], "503"), ([EHLO, b"MAIL TO:<a>"], "501"), ([EHLO, FROM + b" SIZE=99999999"], "552"),
        ([EHLO, FROM + b" X=1"], "555"), ([EHLO, b"MAIL FROM:<>", b"RCPT TO:<nobody>"], "553"),
        ([EHLO, b"NONSENSE"], "500"), ([b"EHLO"], "501"), ([EHLO, b"MAIL FROM:<\xc3\xb1@b.example>"], "553"),
        ([EHLO, b"X" * 600], "500"), ([b"\xff\xff"], "500"), ([EHLO, b"STARTTLS now"], "501"),
        ([EHLO, b"AUTH PLAIN AGEAYg=="], "5"), ([EHLO, b""], "500"),
        ([EHLO, FROM, RCPT, b"DATA", b"x" * 1000 + b"\r\n."], "500"),
    ],
)  # fmt: skip
def test_what_is_out_of_order_is_refused_and_the_connection_goes_on(post, lines, code):
    with Wire(post.port) as wire:
        assert wire.ask(*lines)[-1].startswith(code)
        good = wire.ask(b"RSET", EHLO, FROM, RCPT, b"DATA", b"x\r\n.")
        assert good[-1].startswith("250"), good
    assert post.counters()["mails"] == 1


def test_smtputf8_and_quoted_addresses_are_taken(post):
    async def work(client):
        await client.mail("ñ@b.example", options=["SMTPUTF8"], encoding="utf-8")
        await client.rcpt("josé@empresa.example", encoding="utf-8")
        await client.data(RAW)
        await client.mail(SENDER)
        await client.rcpt('"a b"@x.example')
        await client.data(RAW)
        await client.mail("")
        await client.rcpt(LUIS)
        await client.data(RAW)

    post.run(work)
    boxes = post.mails()
    assert boxes["josé@empresa.example"][0]["from"] == "ñ@b.example"
    assert boxes['"a b"@x.example']
    assert boxes[LUIS][0]["from"] == ""


def test_many_connections_at_once_are_counted(post):
    async def work(_client):
        clients = [aiosmtplib.SMTP(hostname="127.0.0.1", port=post.port, start_tls=False) for _ in range(9)]
        for client in clients:
            await client.connect()
        await asyncio.gather(*(deliver(client, f"u{n}@x.example") for n, client in enumerate(clients)))
        for client in clients:
            await client.quit()

    post.run(work)
    counters = post.counters()
    assert (counters["most_connections_open"], counters["mails"], counters["mailboxes"]) == (10, 9, 9)
    assert counters["connections"] == 10


def test_a_message_id_that_comes_twice_is_counted(post):
    post.send(), post.send(LUIS)
    assert post.counters()["repeated"] == 0
    post.send("Rosa@Empresa.example")
    assert post.counters()["repeated"] == 1
    assert len(post.mails()[ROSA]) == 2


def test_a_reset_forgets_mails_and_faults(post):
    post.send()
    post.mail_faults(greylist_s=5)
    post.control("reset", {})
    assert post.mails() == {}
    assert post.counters()["mails"] == 0
    assert post.send().startswith("250")


def test_starttls_with_a_certificate_that_can_be_checked(post):
    with urlopen(post.base + "/control/mails/certificate", timeout=10) as answer:
        trusting = ssl.create_default_context(cadata=answer.read().decode())
    assert post.send(start_tls=True, tls_context=trusting).startswith("250")
    assert [entry["tls"] for entry in post.mails()[ROSA]] == [True]
    with pytest.raises(ssl.SSLCertVerificationError):
        post.send(start_tls=True)  # nobody else trusts it


@pytest.mark.parametrize("fast", [[], ["--fast"]])
def test_tls_and_a_password_can_be_asked_for(fast):
    process, base, port = start_with_mail(
        "--smtp-tls", "required", "--smtp-user", "agency", "--smtp-password", "correct horse", *fast
    )
    try:

        async def work() -> list[object]:
            found: list[object] = []
            options = {"hostname": "127.0.0.1", "port": port, "validate_certs": False}
            for tls, user, password in ((False, None, None), (True, None, None), (True, "agency", "wrong"),
                                        (True, "agency", "correct horse")):  # fmt: skip
                client = aiosmtplib.SMTP(start_tls=tls, **options)
                try:
                    await client.connect()
                    if user:
                        await client.login(user, password)
                    found.append((await deliver(client))[:3])
                except aiosmtplib.SMTPResponseException as error:
                    found.append(error.code)
                finally:
                    client.close()
            client = aiosmtplib.SMTP(start_tls=True, **options)
            await client.connect()
            await client.ehlo()
            await client.auth_login("agency", "correct horse")
            found.append((await deliver(client))[:3])
            client.close()
            await asyncio.sleep(0.02)  # TLS says good-bye
            return found

        assert asyncio.run(work()) == [530, 530, 535, "250", "250"]
        assert len(Simulator(base).control("mails")["mailboxes"][ROSA]) == 2
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
        process.stdout.close()


def test_a_port_that_was_named_and_is_taken_ends_the_start_with_a_sentence(post):
    arguments = [sys.executable, "-m", "simulator", "--port", "0", "--smtp-port", str(post.port)]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {post.port}" in ended.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--smtp-port", "x"], "smtp_port=x: write a number"), (["--smtp-tls", "no"], "write offered, required, off"),
        (["--smtp-user", "a"], "give both or none"), (["--mailin", "nowhere"], "write HOST:PORT"),
    ],
)  # fmt: skip
def test_a_wrong_option_ends_the_start_with_a_sentence(options, says):
    arguments = [sys.executable, "-m", "simulator", "--port", "0", *options]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert says in ended.stderr


def test_the_ledger_of_many_mails_is_quick(post):
    async def work(client):
        message = EmailMessage()
        message["Subject"] = "Año nuevo"
        message.set_content("hola\n" * 100)
        raw = message.as_bytes()
        for number in range(300):
            await deliver(client, f"u{number}@x.example", raw)

    post.run(work)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert len(post.mails()) == 300
        took.append(time.perf_counter() - began)
    assert min(took) < 1  # the others may have met a machine that paused
