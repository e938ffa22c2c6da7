"""The mailbox pages, as a browser without scripts sees them."""

import re
from email.message import EmailMessage
from html.parser import HTMLParser
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import aiosmtplib
import pytest
from simulator_post import LUIS, RAW, ROSA

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)> & "x"'


class Reader(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, page: str, status: int, headers) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.source, self.status, self.headers = "", page, status, headers
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and all(a.get(k.strip("_")) == v for k, v in wanted.items())]


@pytest.fixture
def page(post):
    def read(path: str = "/mail", form: dict[str, str] | None = None) -> Reader:
        data = None if form is None else urlencode(form).encode()
        try:
            with urlopen(Request(post.base + path, data=data), timeout=10) as answer:
                return Reader(answer.read().decode(), answer.status, answer.headers)
        except HTTPError as error:
            with error:
                return Reader(error.read().decode(), error.code, error.headers)

    return read


@pytest.fixture
def letter(post):
    def send(html: str | None = "<p>Hola <b>Rosa</b></p>", to: str = ROSA, **headers: str) -> int:
        message = EmailMessage()
        message["Subject"] = headers.pop("Subject", "Aviso")
        message["From"] = "Agencia <avisos@agency.example>"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content("Hola en texto\n")
        if html is not None:
            message.add_alternative(html, subtype="html")
        post.send(to, raw=message.as_bytes().replace(b"\n", b"\r\n"))
        return post.mails()[to][-1]["id"]

    return send


def filled(page: Reader) -> dict[str, str]:
    """The form of faults as a browser would send it back."""
    return {tag["name"]: tag.get("value") or "" for tag in page.all("input") if (tag.get("id") or "").startswith("f-")}


def test_an_empty_page_says_where_mail_is_taken(post, page):
    shown = page()
    assert "Todavía no llegó ningún correo." in shown.text
    assert f"127.0.0.1:{post.port}" in shown.text
    assert page("/mail?lang=en").all("html", lang="en")


def test_mailboxes_are_listed_latest_first_and_found_by_a_part(page, letter):
    letter(), letter(to=LUIS, Subject=HOSTILE)
    shown = page()
    links = [tag["href"] for tag in shown.all("a") if "/mail/box" in (tag["href"] or "")]
    assert links == [f"/mail/box?to={quote(LUIS, safe='')}", f"/mail/box?to={quote(ROSA, safe='')}"]
    assert HOSTILE in shown.text
    assert not shown.all("img")
    found = page("/mail?q=ROSA")
    assert ROSA in found.text
    assert LUIS not in found.text
    assert "Ninguna dirección contiene «zzz»" in page("/mail?q=zzz").text
    assert "Aviso" in page(links[1]).text
    assert page("/mail/box?to=nobody@x.example").status == 200


def test_the_phones_link_to_the_mail_and_back(page):
    assert page("/").all("a", href="/mail")
    assert page("/mail").all("a", href="/")
    assert page("/mail").all("a", href="/tally")


def test_many_mailboxes_are_cut_into_pages(page, letter):
    for number in range(51):
        letter(to=f"u{number}@x.example")
    assert "Página 1 de 2" in page().text
    assert "u0@x.example" in page("/mail?page=2").text
    assert page("/mail?page=99999999").status == page("/mail?page=x").status == 200


def test_a_page_that_did_not_change_says_so(page, letter):
    shown = page("/mail?fragment=1")
    version = shown.all("div")[0]["data-version"]
    assert page(f"/mail?fragment=1&since={version}").status == 204
    letter()
    assert ROSA in page(f"/mail?fragment=1&since={version}").text


def test_a_mail_is_shown_in_four_ways(page, letter):
    number = letter(List_Id="<alertas.agency.example>")
    assert page(f"/mail/{number}").all("iframe", src=f"/mail/{number}/html")
    assert "Hola en texto" in page(f"/mail/{number}?show=text").text
    assert "<alertas.agency.example>" in page(f"/mail/{number}?show=headers").text
    assert "multipart/alternative" in page(f"/mail/{number}?show=raw").text
    assert "no tiene parte HTML" in page(f"/mail/{letter(html=None)}?show=html").text
    assert page(f"/mail/{letter(html=None)}?show=dance").status == 200


def test_html_is_framed_where_nothing_runs_and_nothing_is_fetched(page, letter):
    html = (
        "<html><head><title>x</title></head><body><img src='https://t.example/p'>"
        "<p style='background:url(http://t.example/b)'>x</p>" + HOSTILE + "</body></html>"
    )
    number = letter(html=html)
    shown = page(f"/mail/{number}")
    (frame,) = shown.all("iframe")
    assert "allow-scripts" not in frame["sandbox"]
    assert "allow-same-origin" not in frame["sandbox"]
    assert "Contenidos remotos bloqueados: 2" in shown.text
    assert not shown.all("img")
    inside = page(f"/mail/{number}/html")
    rules = inside.headers["Content-Security-Policy"]
    assert "default-src 'none'; img-src data:;" in rules
    assert "sandbox allow-popups" in rules
    assert "<head><base target=" in inside.source


def test_pictures_that_come_with_the_mail_are_shown(post, page):
    message = EmailMessage()
    message.set_content("x")
    message.add_alternative("<img src='cid:crest@x'>", subtype="html")
    message.get_payload(1).add_related(b"\x89PNG", "image", "png", cid="<crest@x>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="mapa.pdf")
    post.send(raw=message.as_bytes().replace(b"\n", b"\r\n"))
    number = post.mails()[ROSA][0]["id"]
    assert "data:image/png;base64,iVBORw==" in page(f"/mail/{number}/html").source
    assert "mapa.pdf" in page(f"/mail/{number}").text


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\r\n", b"nonsense", b"Subject: =?nonsense?q?x?=\r\n\r\nx",
        b"Content-Type: text/html; charset=nope\r\n\r\n\xff",
        b"Content-Type: multipart/mixed\r\n\r\nx",
        b"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n--a",
        b"From: <<>>\r\nTo: @\r\nDate: never\r\nReply-To: ,,\r\nContent-Type: text/plain\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Subject: \xff\xfe\x00\r\n\r\n\x00",
        b"List-Unsubscribe: <<<\r\n\r\n",
        b"Subject: =?utf-8?b?4pi?=\r\n\r\nx", b"Content-Type: text/html\r\n\r\n\xed\xa0\x80<b>x",
    ],
)  # fmt: skip
def test_a_broken_mail_is_shown_all_the_same(post, page, raw):
    post.send(raw=raw + b"\r\n")
    number = post.mails()[ROSA][0]["id"]
    for path in (
        "/mail",
        f"/mail/box?to={ROSA}",
        *(f"/mail/{number}?show={way}" for way in ("html", "text", "headers", "raw")),
    ):
        assert page(path).status == 200
    assert page(f"/mail/{number}/html").status in (200, 404)
    assert post.control("mails?headers=1")["mailboxes"][ROSA]


def test_what_is_not_there_leads_back(page):
    assert "Buzones simulados" in page("/mail/999").text
    assert page("/mail/999/html").status == 404
    assert "Buzones simulados" in page("/mail/999/reply", {"body": "x"}).text


def test_buttons_do_what_they_say_and_tell_what_was_answered(post, page, letter, receiver):
    number = letter(Reply_To="respuestas@agency.example", List_Unsubscribe="<mailto:baja@agency.example>")
    assert not page(f"/mail/{number}").all("select")
    for act, form, says in (
        ("reply", {"body": "Gracias"}, "Respuesta"), ("spam", {}, "Queja"), ("bounce", {"status": "5.1.1"}, "Rebote"),
        ("vacation", {}, "Respuesta automática"), ("unsubscribe_mail", {}, "Baja por correo"),
    ):  # fmt: skip
        shown = page(f"/mail/{number}/{act}", {"to": ROSA, "show": "text", **form})
        assert "Hecho." in shown.text
        assert re.search(rf"{says}:\s+250 2\.0\.0 OK", shown.text)
    assert receiver.take().to == ["respuestas@agency.example"]


def test_unsubscribing_shows_the_status(post, page, letter):
    offered = {"List_Unsubscribe": f"<{post.base}/health>", "List_Unsubscribe_Post": "List-Unsubscribe=One-Click"}
    number = letter(**offered)
    assert page(f"/mail/{number}").all("select", name="encoding")
    shown = page(f"/mail/{number}/unsubscribe", {"encoding": "urlencoded", "lang": "en"})
    assert re.search(r"Unsubscribed with one click:\s+405", shown.text)


@pytest.mark.parametrize(
    ("act", "form", "status", "says"),
    [
        ("unsubscribe", {}, 502, "no http or https address"), ("reply", {"body": "x"}, 502, "no receiver is given"),
        ("reply", {"body": " "}, 422, "write a text"), ("bounce", {"status": "<b>"}, 422, "status="),
        ("spam", {"to": "other@x.example"}, 422, "did not get this mail"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_gets_a_sentence(page, letter, act, form, status, says):
    shown = page(f"/mail/{letter()}/{act}", form)
    assert shown.status == status
    assert "No se pudo: " in shown.text
    assert says in shown.text


def test_a_lost_answer_is_told(post, page):
    post.mail_faults(events=[{"kind": "drop_after"}])
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        post.send()
    assert "La respuesta a este correo se perdió" in page(f"/mail/{post.mails()[ROSA][0]['id']}").text


def test_every_fault_can_be_set_on_the_page(post, page):
    kept = [{"kind": "hang", "at": "rcpt"}, {"kind": "refuse", "at": "rcpt", "code": 550, "count": 3}]
    post.mail_faults(events=kept, outcomes={ROSA: "vacation"})
    shown = page("/mail")
    assert "3 más, solo para ciertas direcciones" in shown.text
    form = {
        "event-refuse-connect": "1", "event-refuse-mail": "2", "event-refuse-rcpt": "3", "event-refuse-data": "4",
        "event-refuse-end": "5", "event-drop-end": "6", "event-drop_after-end": "7", "event-hang-end": "8",
        "event-hang_after-end": "9,5", "refusal": "550 5.7.1 No, thanks", "latency_ms": "80-120",
        "command_latency_ms": "5", "greylist_s": "1.5", "connections_limit": "4", "mails_per_connection": "9",
        "mix-bounce:5.1.1": "12,5", "mix-complaint": "1", "notice_delay_ms": "10-20", "seed": "ocho",
    }  # fmt: skip
    assert "Fallas actualizadas." in page("/mail/faults", form).text
    faults = post.control("faults")
    assert faults["seed"] == "ocho"
    mail = faults["mail"]
    made = {(e["kind"], e["at"]): e for e in mail["events"] if e["count"] is None}
    assert made["refuse", "rcpt"]["probability"] == 0.03
    assert (made["refuse", "end"]["code"], made["refuse", "end"]["text"]) == (550, "No, thanks")
    assert made["refuse", "connect"]["code"] == 421
    assert made["hang_after", "end"]["probability"] == 0.095
    assert ("hang", "rcpt") in made
    assert [e["count"] for e in mail["events"] if e["code"] == 550 and e["count"]] == [3]
    assert (mail["latency_ms"], mail["command_latency_ms"], mail["greylist_s"]) == ([80, 120], [5, 5], 1.5)
    assert (mail["connections_limit"], mail["mails_per_connection"], mail["notice_delay_ms"]) == (4, 9, [10, 20])
    assert mail["mix"] == {"bounce:5.1.1": 0.125, "complaint": 0.01}
    shown = page("/mail")
    assert "no es un día normal" in shown.text
    page("/mail/faults", filled(shown))
    assert post.control("faults") == faults  # what the page shows is what it takes
    assert "no es un día normal" not in page("/mail/faults", {"calm": "1"}).text
    mail = post.control("faults")["mail"]
    assert (mail["events"], mail["outcomes"], mail["mix"], mail["greylist_s"]) == ([], {}, {}, None)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"event-refuse-rcpt": "x"}, "RCPT rechazado"), ({"refusal": "250 ok"}, "Respuesta de los rechazos"),
        ({"event-drop-end": "101"}, "Conexión cortada, sin guardar"), ({"latency_ms": "9-1"}, "Demora de la respuesta"),
        ({"mix-complaint": "60", "mix-vacation": "60"}, "Qué vuelve"), ({"greylist_s": "-1"}, "Lista gris"),
    ],
)  # fmt: skip
def test_a_wrong_field_gets_a_sentence_and_changes_nothing(post, page, form, says):
    before = post.control("faults")
    shown = page("/mail/faults", {"latency_ms": "7", **form})
    assert shown.status == 422
    assert f"Nada cambió. Revise: {says}" in shown.text
    assert post.control("faults") == before


def test_every_field_has_a_name_that_can_be_read_out(page, letter):
    number = letter(List_Unsubscribe="<https://x.example/u>", List_Unsubscribe_Post="List-Unsubscribe=One-Click")
    for path in ("/mail", f"/mail/{number}"):
        shown = page(path)
        labels = {tag["for"] for tag in shown.all("label")}
        fields = [a for t, a in shown.tags if t in ("input", "select", "textarea") and a.get("type") != "hidden"]
        assert {tag["id"] for tag in fields} <= labels
        ids = [a["id"] for _, a in shown.tags if "id" in a]
        assert len(ids) == len(set(ids))
        assert not [a for _, a in shown.tags for name in a if name == "style" or name.startswith("on")]
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


def test_pages_of_other_sites_may_do_nothing(post, letter):
    number = letter()
    for path, data in ((f"/mail/{number}/spam", b""), ("/mail/faults", b"calm=1"), ("/mail", None)):
        headers = {"Origin": "https://evil.example"} if data is not None else {"Host": "evil.example"}
        with pytest.raises(HTTPError) as caught:
            urlopen(Request(post.base + path, data=data, headers=headers), timeout=10)
        assert caught.value.code == 403
        caught.value.close()


def test_raw_is_shown_as_text(page, post):
    post.send(raw=RAW + HOSTILE.encode() + b"\r\n")
    shown = page(f"/mail/{post.mails()[ROSA][0]['id']}?show=raw")
    assert HOSTILE in shown.text
    assert not shown.all("img")
