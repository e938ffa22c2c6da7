"""What comes back to a mail, in the shapes servers and people really write.

The samples are ours, after the formats of the programs they are named for; all addresses are examples. In them VERP,
MESSAGE_ID and UNSUBSCRIBE stand for the tokens that are signed when the tests run.
"""

import csv
import encodings
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.links import Refusal, Sent, Signer
from campaigns.providers import bounces
from campaigns.providers.mail_reports import Kind
from campaigns.rules import keywords
from campaigns.rules.keywords import Keyword
from campaigns.rules.outcomes import Failure

MAILS = Path(__file__).resolve().parents[2] / "data" / "mails"
SEEDS = Path(__file__).resolve().parents[3] / "campaigns" / "seeds"
TABLE = list(csv.DictReader((MAILS / "expected.csv").read_text("utf-8").splitlines()))
SIGNER = Signer("the key of this installation")
SENT = Sent(agency_id=3, campaign_id=70, delivery_id=123_456, attempt=1)
ROSA = Refusal(agency_id=3, channel="email", address_index=bytes(range(16)))
TOKENS = {
    "VERP": SIGNER.make_return_path(SENT),
    "MESSAGE_ID": SIGNER.make_message_id(SENT),
    "UNSUBSCRIBE": SIGNER.make_unsubscribe(ROSA),
}
INDEX = keywords.build(
    Keyword(row["language"], keywords.Kind(row["kind"]), row["word"])
    for row in csv.DictReader((SEEDS / "keywords.csv").read_text("utf-8").splitlines())
    if row["enabled"] == "yes"
)


def sample(name):
    text = (MAILS / f"{name}.eml").read_text("utf-8")
    for mark, token in TOKENS.items():
        text = text.replace(mark, token)
    return text.replace("\n", "\r\n").encode()


def read(raw, *to):
    return bounces.classify(raw, to, SIGNER, INDEX)


def test_the_table_names_every_sample():
    assert sorted(row["mail"] for row in TABLE) == sorted(path.stem for path in MAILS.glob("*.eml"))
    assert len(TABLE) >= 40
    assert {row["kind"] for row in TABLE} == set(Kind)


@pytest.mark.parametrize("expected", TABLE, ids=[row["mail"] for row in TABLE])
def test_each_sample_is_what_the_table_says(expected):
    found = read(sample(expected["mail"]))
    assert (found.kind, found.reason or "") == (Kind(expected["kind"]), expected["reason"])
    about = {"yes": SENT, "no": None, "refusal": None}[expected["about"]]
    assert (found.about.delivery_id if found.about else None) == (about.delivery_id if about else None)
    if expected["about"] == "refusal":
        assert found.refusal == ROSA


@pytest.mark.parametrize("expected", TABLE, ids=[row["mail"] for row in TABLE])
def test_case_and_line_ends_do_not_matter(expected):
    raw = sample(expected["mail"]).replace(b"\r\n", b"\n")
    for token in TOKENS.values():
        raw = raw.replace(token.encode(), token.upper().encode())
    assert read(raw) == read(sample(expected["mail"]))


def test_the_envelope_finds_the_message_when_the_mail_does_not_name_it():
    raw = sample("qmail").replace(TOKENS["VERP"].encode(), b"x").replace(TOKENS["MESSAGE_ID"].encode(), b"x")
    assert read(raw).about is None
    assert read(raw, f"{TOKENS['VERP']}@vuelta.comas.example").about == SENT


def test_another_installations_tokens_are_about_nothing():
    theirs = Signer("the key of another installation")
    for expected in TABLE:
        found = bounces.classify(sample(expected["mail"]), [], theirs, INDEX)
        assert (found.about, found.refusal) == (None, None)


def test_a_link_quoted_in_an_answer_unsubscribes_nobody():
    found = read(sample("human_question"))
    assert found.refusal is None
    assert found.words == "Buenas tardes, ¿este aviso es verdadero? Me llamaron ayer."
    assert found.sender == "rosa@empresa.example"
    assert found.subject == "Re: Aviso a transportistas"


def test_a_complaint_names_whose_it_is_even_redacted():
    assert read(sample("arf_abuse")).recipients == ("rosa@correo.example",)
    assert read(sample("arf_redacted")).recipients == ()
    assert read(sample("arf_redacted")).refusal == ROSA


@pytest.mark.parametrize("name", [row["mail"] for row in TABLE if row["kind"] == "auto_reply"])
@pytest.mark.parametrize("word", ["STOP", "BAJA", "ALTO", "UNSUBSCRIBE"])
def test_no_automatic_answer_opts_anybody_out(name, word):
    head, _, _body = sample(name).partition(b"\r\n\r\n")
    if b"multipart" not in head:
        raw = head + b"\r\n\r\n" + word.encode() + b"\r\n"
        assert read(raw).kind is not Kind.UNSUBSCRIBE or not _says_it_is_automatic(head)


def _says_it_is_automatic(head):
    """A challenge that is one only by its text is a person's mail once the text is another."""
    return b"Auto-Submitted" in head or b"Precedence" in head or b"Automatic" in head or TOKENS["VERP"].encode() in head


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("5.1.0", Kind.HARD, Failure.ADDRESS_UNKNOWN),
        ("5.1.1", Kind.HARD, Failure.ADDRESS_UNKNOWN),
        ("5.1.2", Kind.HARD, Failure.ADDRESS_UNKNOWN),
        ("5.1.3", Kind.HARD, Failure.ADDRESS_INVALID),
        ("5.1.10", Kind.HARD, Failure.ADDRESS_UNKNOWN),
        ("5.2.1", Kind.HARD, Failure.ADDRESS_UNKNOWN),
        ("5.2.2", Kind.SOFT, Failure.MAILBOX_FULL),
        ("4.2.2", Kind.SOFT, Failure.MAILBOX_FULL),
        ("4.4.7", Kind.SOFT, Failure.TOO_LATE),
        ("4.1.1", Kind.SOFT, Failure.UNREACHABLE),
        ("5.3.4", Kind.SOFT, Failure.TEXT_REFUSED),
        ("5.4.6", Kind.SOFT, Failure.OTHER),
        ("5.7.1", Kind.SOFT, Failure.MAIL_REFUSED),
        ("5.7.26", Kind.SOFT, Failure.MAIL_REFUSED),
        ("4.7.32", Kind.SOFT, Failure.MAIL_REFUSED),
        ("x", Kind.SOFT, Failure.OTHER),
    ],
)
def test_the_enhanced_code_decides(status, kind, reason):
    raw = sample("nothing_but_failed").replace(b"5.0.0", status.encode()).replace(b"550 Admin", b"Admin")
    found = read(raw)
    assert (found.kind, found.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("failed", Kind.HARD),
        ("FAILED (something)", Kind.HARD),
        ("delayed", Kind.DELAYED),
        ("delivered", Kind.DELIVERED),
        ("relayed", Kind.DELAYED),
        ("expanded", Kind.DELAYED),
        ("unheard-of", Kind.HARD),
    ],
)
def test_every_action_of_the_standard(action, kind):
    raw = sample("postfix_user_unknown").replace(b"Action: failed", b"Action: " + action.encode())
    assert read(raw).kind is kind


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.sampled_from([row["mail"] for row in TABLE]), st.data())
def test_damaged_mails_never_raise(name, data):
    raw = bytearray(sample(name))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(raw) - 1))
        end = at + data.draw(st.integers(0, 40))
        raw[at:end] = data.draw(st.binary(max_size=20))
    assert read(bytes(raw)).kind in Kind


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "hex", "utf-16", "unicode_escape", "x" * 9_000])
def test_no_charset_raises(charset):
    raw = f"From: a@b.example\r\nContent-Type: text/plain; charset={charset}\r\n\r\nBuenas \\N{{}}".encode() + b"\xff"
    assert read(raw).kind is Kind.HUMAN


def test_what_a_detector_trips_over_is_not_logged(caplog):
    raw = b"From:\r\nReturn-Path: <>\r\nSubject: failure notice\r\n\r\nrosa@empresa.example"
    assert read(raw).kind is Kind.SOFT
    assert caplog.text == ""


@given(st.binary(max_size=400))
def test_any_bytes_are_some_mail(raw):
    found = read(raw)
    assert found.about is None
    assert found.refusal is None


_HEADS = b"From: x@empresa.example\r\nTo: y@comas.example\r\nMIME-Version: 1.0\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n" * 300_000,
        b"A" * 3_000_000,
        b"Subject: " + b"=?utf-8?b?" * 100_000 + b"\r\n\r\nx",
        b"Subject: =?utf-8?b?\xff\xfe?=\r\n\r\nx",
        b"Subject: =?no-charset?q?x?=\r\nContent-Type: text/plain; charset=no-charset\r\n\r\n\xff\xfe",
        b"X: y\r\n" * 200_000 + b"\r\nx",
        b"Received: x\r\n" * 2_000 + b"\r\nx",
        _HEADS + b"\r\n" + b"> " * 400_000,
        _HEADS + b"\r\n" + b"From: x\nSent: y\n" * 50_000,
        _HEADS + b"\r\n" + b"On x\n" * 150_000,
        _HEADS + b"Content-Type: text/html\r\n\r\n" + b"<" * 700_000,
        _HEADS + b"Content-Type: text/html\r\n\r\n" + b"<style>" * 100_000,
        _HEADS + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 80_000,
        _HEADS + b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 40_000,
        _HEADS
        + b'Content-Type: multipart/report; boundary="b"\r\n\r\n--b\r\n'
        + b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(15_000)
        ),
        b"To: " + b"b-" * 400_000 + b"\r\n\r\nx",
        b"To: " + (b"b-" + b"a" * 55 + b"@x ") * 15_000 + b"\r\n\r\nx",
        _HEADS + b"\r\n" + (b"d1.1.1." + b"a" * 20 + b"@x ") * 30_000,
        b"From: mailer-daemon@empresa.example\r\n\r\n" + b"recipient " * 90_000,
        b"From: mailer-daemon@empresa.example\r\n\r\n" + b"550 " * 250_000,
        b"From: mailer-daemon@empresa.example\r\n\r\n" + b"account" * 140_000,
        b"From: " + b"(" * 500_000 + b"\r\n\r\nx",
        b"From: " + b"<" * 500_000 + b"\r\n\r\nx",
        b"X-Failed-Recipients: " + b"a" * 900_000 + b"\r\n\r\nx",
        b"From: mailer-daemon@empresa.example\r\n\r\n" + b"\r\n" * 480_000,
        _HEADS + b"Content-Type: text/plain; charset=punycode\r\n\r\nabc-" + b"a1b2" * 240_000,
        _HEADS + b"Content-Type: text/plain; charset*=utf-8''%70unycode\r\n\r\n\xff-" + b"a1b2" * 240_000,
        _HEADS + b"Content-Type: " + b"a;" * 480_000 + b"\r\n\r\nx",
        _HEADS + b"Content-Disposition: " + b"a;" * 480_000 + b"\r\n\r\nx",
    ],
    ids=range(31),
)
def test_nothing_huge_or_deep_keeps_us_busy(raw):
    started = time.process_time()  # a busy machine takes longer, and works no more
    assert read(raw).about is None
    assert time.process_time() - started < 10


def test_charsets_nobody_knows_are_not_kept():
    before = len(encodings._cache)
    for number in range(30):
        found = read(
            b"Subject: =?x-%d?q?hola?=\r\nContent-Type: text/plain; charset=y-%d\r\n\r\nBuenas" % (number, number)
        )
        assert (found.subject, found.words) == ("hola", "Buenas")
    assert len(encodings._cache) - before < 5


@pytest.mark.parametrize(
    ("subject", "read_as"),
    [
        (b"=?utf-8?q?a=C3=B1o?= =?utf-8?q?_nuevo?=", "a\u00f1o nuevo"),
        (b"Re: =?iso-8859-1?q?a=F1o?= nuevo", "Re: a\u00f1o nuevo"),
        (b"=?windows-1252?b?k2hvbGGU?= y =?gb2312?b?1tDOxA==?=", "\u201chola\u201d y \u4e2d\u6587"),
        (b"=?punycode?q?abc-a1b2?=", "abc-a1b2"),
    ],
)
def test_words_in_their_charsets(subject, read_as):
    assert read(b"Subject: " + subject + b"\r\n\r\nx").subject == read_as
