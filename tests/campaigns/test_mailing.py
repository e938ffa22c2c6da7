"""A mail for one person: what mail programs read, and that nobody's name can change what it is."""

import re
import time
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default
from email.utils import parseaddr
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import mailing
from campaigns.errors import Invalid
from campaigns.providers.contract import Refused
from campaigns.rules import mail_text, placeholders
from campaigns.rules.outcomes import Failure
from tests.letters import AROUND, HEAD, LETTER, WAY, Page, content, parsed

PREPARED = mailing.prepare(AROUND, HEAD, LETTER)
ROSA = {"nombre": "Rosa Ñahui", "negocio": "Transportes El Sol S.A.C."}
HOSTILE = [
    "Rosa\r\nBcc: otro@empresa.example",
    "Rosa\n\n--=_outreach--\n",
    "--=_outreach",
    "=?utf-8?b?UGVkcm8=?=",
    "<script>alert(1)</script>",
    "&amp; <b>",
    "{{negocio}}",
    "[pague](https://evil.example)",
    ".",
    "From quien",
    "=",
    "==3D=",
    "a" * 500,
    "ñ" * 120,
    "\U0001f600" * 120,
    "'\"\\()<>@,;:",
    "\u202easoR",
    "x ",
    "\ue000\uf8ff",
]


def mail(values=ROSA, prepared=PREPARED, **changes):
    return prepared.bytes_for(values, replace(WAY, **changes))


def test_a_mail_has_all_it_needs():
    message = parsed(mail())
    assert message["To"] == "rosa@empresa.example"
    assert message["From"] == "Municipalidad de Comas <avisos@comas.example>"
    assert message["Subject"] == "Rosa Ñahui: aviso a transportistas"
    assert message["Date"].datetime == WAY.at
    assert message["Message-ID"] == "<d1.7.3.abcdefghijklmnopqrst@comas.example>"
    assert message["Reply-To"] == "consultas@comas.example"
    assert message["List-Id"] == "<avisos.comas.example>"
    assert message["List-Unsubscribe"] == (
        "<https://avisos.comas.example/u/u-abcdefghij234567?x=1&y=2>, <mailto:u-abcdefghij234567@vuelta.comas.example>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"
    assert message["Content-Language"] == "es"
    assert message["Feedback-ID"] == "c7:a3:mail:outreach"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert len(set(message.keys())) == len(message.keys())


def test_the_text_part_says_all():
    assert content(parsed(mail()), "plain") == (
        "Municipalidad de Comas\n\n"
        "Hola Rosa Ñahui de Transportes El Sol S.A.C.:\n\nLlame al 111.\n\n- uno\n- dos\n\n"
        "-- \nCompruebe en nuestra página que es verdadero:\nhttps://www.comas.example/avisos\n\n"
        "Dejar de recibir estos correos:\nhttps://avisos.comas.example/u/u-abcdefghij234567?x=1&y=2"
    )


def test_the_page_says_the_same_and_fetches_nothing():
    page = content(parsed(mail()), "html")
    read = Page(page)
    assert read.attributes("html") == [{"lang": "es", "dir": "ltr"}]
    words = " ".join(read.words.split())
    assert "Hola Rosa Ñahui de Transportes El Sol S.A.C.:Llame al 111.unodos" in words
    links = [link["href"] for link in read.attributes("a")]
    assert links == ["tel:111", HEAD.page, WAY.unsubscribe_url]
    assert {tag for tag, _attributes in read.tags}.isdisjoint({"img", "link", "script", "iframe", "form", "object"})
    assert not re.search(r"url\(|@import|\bsrc=|background=", page)
    assert "prefers-color-scheme: dark" in page
    assert 'style="' in page
    assert len(page.encode()) < 30_000


def test_a_long_mail_stays_small():
    letter = replace(LETTER, body="Una línea de un aviso, con palabras de siempre.\n\n" * 200)
    written = mailing.prepare(AROUND, HEAD, letter).bytes_for({}, WAY)
    assert len(content(parsed(written), "html").encode()) < 30_000


@pytest.mark.parametrize("values", [ROSA, {}, dict.fromkeys(ROSA, "😀" * 120), {"nombre": "Rosa"}])
def test_every_line_is_one_a_server_takes(values):
    written = mail(values)
    assert written.isascii()
    assert re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", written) is None
    head, _, body = written.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert not [line for line in body.split(b"\r\n") if line.startswith((b".", b"From "))]
    assert written.endswith(b"\r\n")


_TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=150)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({"nombre": _TEXTS, "negocio": _TEXTS}), _TEXTS.map(str.strip))
def test_values_come_out_as_they_are_and_change_nothing_else(values, agency):
    around = replace(AROUND, agency_name=agency or "X")
    prepared = mailing.prepare(around, HEAD, LETTER)
    message = parsed(prepared.bytes_for(values, WAY))
    plain, page = content(message, "plain"), Page(content(message, "html"))
    expected = parsed(PREPARED.bytes_for(ROSA, WAY))
    assert message.keys() == expected.keys()
    assert [part.get_content_type() for part in message.walk()] == [part.get_content_type() for part in expected.walk()]
    for name in ("To", "Message-ID", "List-Unsubscribe", "Reply-To", "Content-Type"):
        assert message[name] == expected[name]
    clean = {name: mailing._composed(placeholders.clean(value)) for name, value in values.items()}
    subject = placeholders.fill(prepared.subject, clean)
    assert message["Subject"] == mailing._composed(subject).strip()
    for value in clean.values():
        assert value in plain
        assert value in page.words
    assert [link["href"] for link in page.attributes("a")] == ["tel:111", HEAD.page, WAY.unsubscribe_url]
    assert message["From"].addresses[0].addr_spec == HEAD.address


@given(_TEXTS)
def test_any_subject_is_one_header_or_a_sentence(subject):
    try:
        prepared = mailing.prepare(AROUND, HEAD, replace(LETTER, subject=subject))
    except Invalid:
        return
    message = parsed(prepared.bytes_for({}, WAY))
    assert message.keys() == parsed(mail()).keys()


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_no_address_changes_a_header(address):
    try:
        written = mail(to=address)
    except Refused:
        return
    assert parsed(written).keys() == parsed(mail()).keys()


@pytest.mark.parametrize(
    "address",
    [
        "rosa@empresa.example\r\nBcc: otro@empresa.example",
        "rosa@empresa.example, otro@empresa.example",
        "Rosa <rosa@empresa.example>",
        "rosa",
        "@empresa.example",
        "rosa@",
        "ro sa@empresa.example",
        "r" * 65 + "@empresa.example",
        "rosañ@empresa.example",
        "",
    ],
)
def test_an_address_no_server_takes_is_refused(address):
    with pytest.raises(Refused) as refusal:
        mail(to=address)
    assert refusal.value.reason is Failure.ADDRESS_INVALID


def test_a_domain_of_other_letters_goes_out_in_ascii():
    assert parsed(mail(to="rosa@peña.example"))["To"] == "rosa@xn--pea-8ma.example"


@pytest.mark.parametrize("url", ["https://a.example/>\r\nBcc: x", "https://a.example/ b", "", "https://a.example/ñ"])
def test_no_link_can_begin_a_header(url):
    with pytest.raises(ValueError, match="List-Unsubscribe"):
        mail(unsubscribe_url=url)


@pytest.mark.parametrize(
    "name", ["Área de Ñ, «Comas»", 'La "Muni", Comas', "=?utf-8?q?x?=", "M" * 90, "Muni\r\nBcc: x"]
)
def test_an_agencys_name_is_read_as_it_is_written(name):
    prepared = mailing.prepare(replace(AROUND, agency_name=name), HEAD, LETTER)
    # The library's newer parser puts spaces between the encoded words of a name (RFC 2047, 6.2 forbids it).
    raw = message_from_bytes(prepared.bytes_for(ROSA, WAY), policy=compat32)["From"]
    display, address = parseaddr(raw.replace("\r\n", ""))
    assert str(make_header(decode_header(display))) == " ".join(name.split())
    assert address == HEAD.address


def test_who_has_no_name_on_file_sees_no_hole():
    message = parsed(mail({}))
    assert message["Subject"] == "aviso a transportistas"
    assert "\n\nHola de:\n\n" in content(message, "plain")
    assert "<strong" not in content(message, "html")


def test_language_direction_and_their_words():
    letter = replace(LETTER, language="en", direction="rtl")
    message = parsed(mailing.prepare(AROUND, HEAD, letter).bytes_for(ROSA, WAY))
    assert Page(content(message, "html")).attributes("html") == [{"lang": "en", "dir": "rtl"}]
    assert "Stop these mails:" in content(message, "plain")
    quechua = mailing.prepare(AROUND, HEAD, replace(LETTER, language="qu"))
    assert "Dejar de recibir" in content(parsed(quechua.bytes_for(ROSA, WAY)), "plain")


def test_a_crest_shows_without_images():
    prepared = mailing.prepare(AROUND, replace(HEAD, crest="República del Perú"), LETTER)
    message = parsed(prepared.bytes_for(ROSA, WAY))
    assert content(message, "plain").startswith("Municipalidad de Comas (República del Perú)\n")
    assert "República del Perú" in Page(content(message, "html")).words


def test_a_preview_is_what_leaves():
    for values in (ROSA, {}, {"nombre": "<b> & \u202e"}):
        message = parsed(mail(values))
        shown = PREPARED.shown_to(values, WAY.unsubscribe_url)
        assert shown.subject == message["Subject"]
        assert shown.plain == content(message, "plain")
        assert Page(shown.html).tags == Page(content(message, "html")).tags
        assert Page(shown.html).words == Page(content(message, "html")).words


def test_the_holes_a_letter_asks_for():
    assert PREPARED.holes == {"nombre", "negocio"}
    assert mailing.prepare(AROUND, HEAD, replace(LETTER, subject="Aviso", body="Igual para todos")).holes == frozenset()


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"subject": "a\r\nBcc: b@c.example"}, "subject_es", "subject_control_character"),
        ({"subject": "x" * (mail_text.LONGEST_SUBJECT + 1)}, "subject_es", "subject_too_long"),
        ({"body": "![x](https://a.example/x.png)"}, "mail_es", "mail_picture"),
        ({"body": "{{dni}}"}, "mail_es", "placeholder_unknown"),
    ],
)
def test_what_cannot_be_sent_is_told_before(change, field, code):
    with pytest.raises(Invalid, match=code) as problem:
        mailing.prepare(AROUND, HEAD, replace(LETTER, **change))
    assert problem.value.field == field


def test_many_threads_write_the_same_mails():
    prepared = mailing.prepare(AROUND, HEAD, LETTER)
    people = [ROSA, {}, {"nombre": "Rosa"}, {"negocio": "El Sol"}] * 5
    written: dict[int, bytes] = {}
    threads = [Thread(target=lambda at=at: written.update({at: mail(people[at], prepared)})) for at in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [written[at] for at in range(20)] == [mail(values) for values in people]


def test_a_mail_costs_a_small_part_of_building_one():
    """The library's own way is the measure, beside it on the same machine: far more than a hundred times as long."""
    got = message_from_bytes(mail(), policy=default)
    plain, html = (got.get_body((kind,)).get_content() for kind in ("plain", "html"))
    headers = [(name, str(value)) for name, value in got.items() if not name.startswith(("Content-", "MIME-"))]

    def build():
        message = EmailMessage()
        for name, value in headers:
            message[name] = value
        message.set_content(plain)
        message.add_alternative(html, subtype="html")
        return message.as_bytes()

    ours, theirs = (min(_seconds(work) for _ in range(30)) for work in (mail, build))
    assert 20 * ours < theirs


def _seconds(work):
    started = time.process_time()
    work()
    return time.process_time() - started


def test_the_letterheads_words_are_signed_reference_data(session):
    head = mailing.letterhead(
        session, address=HEAD.address, reply_to=HEAD.reply_to, list_id=HEAD.list_id, page=HEAD.page
    )
    assert {"es", "en"} <= set(head.unsubscribe) & set(head.verify)
    mailing.prepare(AROUND, head, LETTER)
