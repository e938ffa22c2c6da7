"""The receiver: whom it takes mail for, what it holds out, and that nothing is lost that it said it has."""

import asyncio
import smtplib
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from campaigns import receipts
from campaigns.mail_inbound import Mailroom
from outreach.mailin import server as mailin_server
from outreach.mailin.certificate import tls_of
from outreach.mailin.desk import MOST_RECIPIENTS, Desk
from tests.posting import BOUNCE_DOMAIN
from tests.returning import REPLIES, Receiver, sample, snapshot

HELLO = b"From: luis@otra.example\r\nTo: x@y.example\r\nSubject: Hola\r\nMessage-ID: <1@otra.example>\r\n\r\nBuenas\r\n"


def inbox(sessions, agency):
    with sessions(agency.id)() as session:
        return session.execute(text("SELECT kind, contact_id, campaign_id FROM inbound ORDER BY id")).all()


@pytest.mark.parametrize(
    "to",
    [
        REPLIES,
        "avisos@limanorte.example",
        "AVISOS@LimaNorte.Example",
        f"fbl@{BOUNCE_DOMAIN}",
        f"abuse@{BOUNCE_DOMAIN}",
        f"postmaster@{BOUNCE_DOMAIN}",
        "postmaster@limanorte.example",
    ],
)
def test_mailboxes_of_a_sender_are_known(to, receiver, mail_sender, sessions, agency):
    assert receiver.give(HELLO, to) == 250
    assert [row.kind for row in inbox(sessions, agency)] == ["other"]


@pytest.mark.parametrize(
    "to",
    [
        "somebody@limanorte.example",
        "postmaster@elsewhere.example",
        f"consultas@{BOUNCE_DOMAIN}",
        f"b-{'a' * 55}@{BOUNCE_DOMAIN}",
        f"u-{'a' * 53}@{BOUNCE_DOMAIN}",
        "''; DROP TABLE contact; --@limanorte.example",
        "ñandú@limanorte.example",
        "x" * 300 + "@limanorte.example",
        "%@limanorte.example",
        "_@%",
    ],
)
def test_nobody_else_is(to, receiver, mail_sender, sessions, agency):
    before = snapshot(sessions, agency.id)
    assert receiver.give(HELLO, to) in (550, 553)
    assert snapshot(sessions, agency.id) == before


def test_an_upper_case_return_path_is_still_ours(receiver, left, sessions, agency, do):
    mail = left(1)[0]
    raw, to = sample("postfix_user_unknown", mail)
    assert receiver.give(raw, to.upper()) == 250
    receipts.apply(sessions, agency.id)
    assert do("SELECT state FROM delivery").scalar_one() == "failed"


def test_a_mail_to_several_of_us_is_one_text(receiver, mail_sender, sessions, agency):
    assert receiver.give(HELLO, REPLIES, "avisos@limanorte.example") == 250
    assert len(inbox(sessions, agency)) == 1


def test_more_recipients_than_there_are_people_come_later(receiver, left, mail_sender):
    mails = left(MOST_RECIPIENTS + 1)
    with receiver.client() as client:
        client.ehlo()
        client.mail("")
        codes = [client.rcpt(f"{mail.unsubscribe}@{BOUNCE_DOMAIN}")[0] for mail in mails]
        assert codes == [250] * MOST_RECIPIENTS + [452]
        assert client.data(HELLO)[0] == 250


def test_a_database_that_is_gone_lets_the_mail_come_again(
    left, room, database, vault, valkey, signer, sessions, agency
):
    mail = left(1)[0]
    raw, to = sample("postfix_user_unknown", mail)

    def gone(_agency):
        raise OperationalError("SELECT 1", {}, Exception("no server"))

    started = Receiver(Desk(Mailroom(gone, vault, valkey, signer)))
    try:
        assert started.give(raw, to) == 451
        # Who is not known by the address alone is not told that nobody is there.
        assert started.give(HELLO, "somebody@limanorte.example") == 451
    finally:
        started.close()
    started = Receiver(Desk(room))
    try:
        assert started.give(raw, to) == 250
    finally:
        started.close()
    assert len(snapshot(sessions, agency.id)["receipt"]) == 1


def test_a_database_that_hangs_does_not_hold_the_sender(left, vault, valkey, signer):
    released = threading.Event()

    def hanging(_agency):
        released.wait(30)
        raise OperationalError("SELECT 1", {}, Exception("no server"))

    raw, to = sample("postfix_user_unknown", left(1)[0])
    started = Receiver(Desk(Mailroom(hanging, vault, valkey, signer), patience=0.3))
    try:
        assert started.give(raw, to) == 451
    finally:
        released.set()
        started.close()


def test_size_is_limited_twice(receiver, mail_sender, sessions, agency):
    big = HELLO + b"a" * 70 + b"\r\n"
    big += (b"b" * 70 + b"\r\n") * (mailin_server.LARGEST // 72)
    with receiver.client() as client:
        client.ehlo()
        assert client.mail("x@otra.example", [f"size={len(big)}"])[0] == 552
        client.rset()
        client.mail("x@otra.example")
        client.rcpt(REPLIES)
        assert client.data(big)[0] == 552
        assert client.mail("x@otra.example")[0] == 250  # and the connection goes on
    assert inbox(sessions, agency) == []


def test_eight_bits_nuls_and_long_lines_are_taken(receiver, mail_sender, sessions, agency):
    said = "ñandú ".encode() + b"\xff\xfe\x00\x01" + b"x" * 5_000 + b"\r\n"
    raw = b"From: \xff\xfe\x00 <a\x00b@otra.example>\r\nSubject: =?utf-7?q?+2AA-?= \xff\r\n\r\n" + said
    utf7 = b"From: c@otra.example\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+2AA- hola\r\n"
    assert [receiver.give(raw, REPLIES), receiver.give(utf7, REPLIES)] == [250, 250]
    assert [row.kind for row in inbox(sessions, agency)] == ["other", "other"]


def talk(port: int, said: bytes, *, hang_up: bool = True) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(said)
        if hang_up:
            line.shutdown(socket.SHUT_WR)
        heard = b""
        while piece := line.recv(65536):
            heard += piece
    return heard


GARBAGE = [
    b"",
    b"\x00" * 4_000 + b"\r\n",
    b"\xff\xfe\xfd\r\n" * 50,
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    b"EHLO x\r\nMAIL FROM:<\x00@\xff>\r\nRCPT TO:<\xff\x00@x>\r\nDATA\r\n.\r\n",
    b"EHLO " + b"x" * 100_000 + b"\r\nQUIT\r\n",
    b"EHLO x\r\nMAIL FROM:<a@b> SIZE=99999999999999999999\r\nMAIL FROM:<a@b> BODY=\r\nQUIT\r\n",
    b"EHLO x\r\nVRFY avisos@limanorte.example\r\nEXPN x\r\nHELP\r\nAUTH PLAIN AGEAYg==\r\nSTARTTLS\r\nQUIT\r\n",
    b"RCPT TO:<x>\r\n" * 500,
    b"NOOP\r\n" * 5_000,
    b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<" + REPLIES.encode() + b">\r\nDATA\r\nhalf a mail",
]


@pytest.mark.parametrize("said", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_answered_and_leaves_nothing(said, receiver, mail_sender, sessions, agency, caplog, capfd):
    before = snapshot(sessions, agency.id)
    try:
        heard = talk(receiver.port, said)
        assert b"Traceback" not in heard
    except ConnectionError:
        pass  # cut is an answer too
    assert snapshot(sessions, agency.id) == before
    assert receiver.give(HELLO, REPLIES) == 250  # and the next one is taken
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err + caplog.text


def test_nothing_is_read_from_who_hung_up(room, mail_sender):
    class Deaf(Desk):
        async def handle_RCPT(self, *_given):  # noqa: N802 - aiosmtpd's name
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                return "250 OK"  # as code between us and the server may do it

    started = Receiver(Deaf(room))
    try:
        talk(started.port, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<x@y>\r\n")
        give_up = time.monotonic() + 10
        while started.server.open and time.monotonic() < give_up:
            time.sleep(0.05)
        assert not started.server.open
    finally:
        started.close()


def test_the_same_words_for_every_address_that_is_asked_about(receiver, mail_sender):
    with receiver.client() as client:
        answers = {client.verify(address) for address in (REPLIES, "nobody@limanorte.example", "x")}
    assert len(answers) == 1


def test_commands_may_come_all_at_once(receiver, mail_sender, sessions, agency):
    two = [HELLO.replace(b"<1@", b"<%d@" % number).replace(b"\r\n\r\n", b"\r\n\r\n..punto\r\n") for number in (1, 2)]
    said = b"EHLO x\r\n" + b"".join(
        b"MAIL FROM:<>\r\nRCPT TO:<" + REPLIES.encode() + b">\r\nDATA\r\n" + raw + b".\r\n" for raw in two
    )
    heard = talk(receiver.port, said + b"QUIT\r\n", hang_up=False)
    assert heard.count(b"250 2.6.0") == 2
    assert len(inbox(sessions, agency)) == 2


def test_a_dot_that_is_no_end_smuggles_no_mail_in(receiver, mail_sender, sessions, agency):
    inner = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<" + REPLIES.encode() + b">\r\nDATA\r\nSubject: ALTO\r\n\r\nALTO\r\n"
    for end in (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n\x00.\r\n"):
        raw = HELLO.replace(b"<1@", b"<%s@" % end.hex().encode()) + b"x" + end + inner
        with receiver.client() as client:
            client.ehlo()
            client.mail("")
            client.rcpt(REPLIES)
            client.putcmd("data")
            client.getreply()
            client.send(raw + b"\r\n.\r\n")
            assert client.getreply()[0] == 250
    assert [row.kind for row in inbox(sessions, agency)] == ["other"] * 5


def test_too_many_connections_are_told_so(receiver, mail_sender, monkeypatch):
    monkeypatch.setattr(mailin_server, "_MOST_CONNECTIONS", 2)
    open_ = [receiver.client() for _ in range(2)]
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        receiver.client()
    assert refused.value.smtp_code == 421
    open_.pop().close()
    open_.pop().close()
    for _ in range(50):
        if not receiver.server.open:
            break
        threading.Event().wait(0.1)
    assert receiver.give(HELLO, REPLIES) == 250


def test_one_stranger_does_not_take_every_place(receiver, mail_sender, monkeypatch):
    monkeypatch.setattr(mailin_server, "_MOST_FROM_ONE", 3)
    lines = [socket.create_connection(("127.0.0.1", receiver.port), timeout=20) for _ in range(8)]
    try:
        # All at once, and yet the first have their places.
        assert sorted(line.recv(3) for line in lines) == [b"220"] * 3 + [b"421"] * 5
        with socket.create_connection(("127.0.0.1", receiver.port), 20, source_address=("127.0.0.2", 0)) as other:
            assert other.recv(3) == b"220"
    finally:
        for line in lines:
            line.close()


def test_where_a_connection_comes_from():
    places = [mailin_server._network((address, 25)) for address in ("192.0.2.1", "2001:db8::1", "2001:db8::2:1")]
    assert places == ["192.0.2.1", "2001:db8::/64", "2001:db8::/64"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*made, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


def test_starttls_with_the_certificate_that_is_set(certificate, room, mail_sender, settings):
    tls = tls_of(replace(settings, mailin_cert=certificate / "cert.pem", mailin_key=certificate / "key.pem"))
    started = Receiver(Desk(room), tls)
    try:
        with started.client() as client:
            client.starttls(context=ssl._create_unverified_context())
            client.ehlo()
            assert client.sendmail("", [REPLIES], HELLO) == {}
        talk(started.port, b"EHLO x\r\nSTARTTLS\r\nthis is no handshake\r\n" * 3)
        assert started.give(HELLO, REPLIES) == 250
    finally:
        started.close()


def test_a_certificate_that_cannot_be_used_is_a_sentence(certificate, settings):
    assert tls_of(settings) is None
    with pytest.raises(ValueError, match=r"OUTREACH_MAILIN_CERT=.*nowhere.*No such file"):
        tls_of(replace(settings, mailin_cert=certificate / "nowhere.pem"))
    with pytest.raises(ValueError, match=r"no certificate with its key|PEM"):
        tls_of(replace(settings, mailin_cert=certificate / "cert.pem"))
