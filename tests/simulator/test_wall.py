"""The phone wall, as a browser without scripts sees it."""

import re
import string
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from simulator_cast import LUIS, NUMBER, ROSA, SID, TOKEN, until
from twilio.base.exceptions import TwilioRestException

from simulator import words
from simulator.faults import CREATE_KINDS

BUILT = ("note_", "kind_", "act_", "do_", "show_", "encoding_", "event_", "outcome_")
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)> & "x"'


class Reader(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and all(a.get(k.strip("_")) == v for k, v in wanted.items())]


@pytest.fixture
def wall(simulator):
    def read(path: str = "/", form: dict[str, str] | None = None) -> Reader:
        data = None if form is None else urlencode(form).encode()
        with urlopen(Request(simulator.base + path, data=data), timeout=10) as answer:
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            return Reader(answer.read().decode())

    return read


@pytest.fixture
def send(twilio):
    def create(to=ROSA, body="Llame al 111", campaign="7"):
        callback = f"http://127.0.0.1:1/s?c={campaign}&d=1#rc=0"
        twilio.messages.create(to=to, from_=NUMBER, body=body, status_callback=callback)

    return create


def test_an_empty_wall_says_what_to_do(wall):
    page = wall()
    assert "Todavía no llegó ningún mensaje." in page.text
    assert page.all("html", lang="es")


def test_the_latest_message_comes_first_and_is_shown_as_text(wall, send):
    send(LUIS), send(body="primero"), send(body=HOSTILE, campaign="8")
    page = wall()
    assert [tag["id"] for tag in page.all("li", class_="phone")] == ["phone-" + ROSA[1:], "phone-" + LUIS[1:]]
    assert HOSTILE in page.text
    assert page.text.index(HOSTILE) < page.text.index("primero")
    assert not page.all("img")
    assert "+51 987 654 321" in page.text


def test_no_script_or_style_stands_in_the_page(wall, send):
    send()
    for path in ("/", "/tally", "/?lang=en"):
        page = wall(path)
        assert [tag["src"] for tag in page.all("script")] == ["/static/wall.js"]
        assert not page.all("style")
        assert not [a for _, a in page.tags for name in a if name == "style" or name.startswith("on")]


def test_every_field_has_a_name_that_can_be_read_out(wall, send):
    send(), send(LUIS)
    page = wall()
    labels = {tag["for"] for tag in page.all("label")}
    fields = [tag for tag in page.all("input") if tag.get("type") != "hidden"]
    assert {tag["id"] for tag in fields} <= labels
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_a_reply_without_scripts_reaches_the_product_and_says_so(simulator, wall, send, product):
    given = {"sid": SID, "token": TOKEN, "opt_out": "off", "inbound_url": product.base + "/in"}
    simulator.control("accounts", given)
    product.answer = (200, "text/xml", "<Response><Message>Ya no le escribiremos.</Message></Response>")
    send()
    page = wall("/wall/reply", {"phone": ROSA, "body": "ALTO", "q": "987"})
    hook = product.take(1)[0]
    assert (hook.form["From"], hook.form["To"], hook.form["Body"], hook.signed) == (ROSA, NUMBER, "ALTO", True)
    assert "La plataforma contestó a este teléfono." in page.text
    assert "Ya no le escribiremos." in page.text


@pytest.mark.parametrize(
    ("status", "form", "says"),
    [
        (500, {"phone": ROSA, "body": "hola"}, "respuesta HTTP 500"),
        (None, {"phone": ROSA, "body": "x"}, "no contesta"),
        (200, {"phone": "nadie", "body": "x"}, "no se pudo enviar"), (200, {"phone": ROSA}, "no se pudo enviar"),
        (200, {"phone": ROSA, "body": "x" * 1601}, "no se pudo enviar"),
        (200, {"phone": ROSA, "body": "hola", "lang": "en"}, "the platform received it"),
    ],
)  # fmt: skip
def test_a_reply_that_goes_wrong_gets_a_sentence(simulator, wall, product, status, form, says):
    url = product.base + "/in" if status else "http://127.0.0.1:1/in"
    simulator.control("accounts", {"sid": SID, "token": TOKEN, "opt_out": "off", "inbound_url": url})
    product.answer = (status or 200, "text/xml", "<Response/>")
    assert says in wall("/wall/reply", form).text


def test_a_number_nobody_wrote_to_can_write(wall):
    page = wall("/?q=987654321")
    assert page.all("input", name="phone", value=ROSA)
    assert "Este teléfono aún no recibió nada." in page.text


def test_searching_and_pages(wall, send):
    for n in range(30):
        send(f"+5191234{n:04}")
    assert len(wall().all("li", class_="phone")) == 24
    assert len(wall("/?page=2").all("li", class_="phone")) == 6
    assert "Página 2 de 2" in wall("/?page=999").text
    assert len(wall("/?q=0017").all("li", class_="phone")) == 1
    assert "Ningún teléfono contiene «555»" in wall("/?q=555").text


@pytest.mark.parametrize(
    "path", ["/?page=x", "/?page=-1", "/?lang=zz", "/?q=%00%ff%3Cb%3E", "/?note=bad:x:y", "/?note=refused:%C2%B2"]
)
def test_odd_addresses_are_answered(wall, path):
    assert wall(path).all("html", lang="es")


def test_the_page_is_sent_again_only_when_something_happened(simulator, wall, send):
    simulator.faults(status_delay_ms=60_000)
    send()
    version = wall("/?fragment=1").all("div")[0]["data-version"]

    def status() -> int:
        with urlopen(f"{simulator.base}/?fragment=1&since={version}", timeout=10) as answer:
            return answer.status

    assert status() == 204
    send(LUIS)
    assert status() == 200


def test_the_switches_turn_faults_on_and_off(simulator, wall, twilio):
    page = wall("/wall/faults", {"outage": "on", "slow": "on"})
    assert "Fallas actualizadas." in page.text
    assert {tag["name"] for tag in page.all("input", role="switch") if "checked" in tag} == {"outage", "slow"}
    with pytest.raises(TwilioRestException) as caught:
        twilio.messages.create(to=ROSA, from_=NUMBER, body="x")
    assert caught.value.status == 503
    wall("/wall/faults", {"lost": "on", "refused": "on"})
    faults = simulator.control("faults")
    assert (faults["create"], faults["drain_rate"], faults["callbacks"]["drop"]) == ([], None, 1.0)
    assert sum(faults["mix"].values()) == pytest.approx(0.4)
    wall("/wall/faults", {})
    faults = simulator.control("faults")
    assert (faults["mix"], faults["callbacks"]["drop"], faults["reads_fail"]) == ({}, 0.0, False)


def filled(page: Reader) -> dict[str, str]:
    """The form of all faults as a browser would send it back."""
    fields = [tag for tag in page.all("input") if str(tag.get("id", "")).startswith("f-")]
    return {
        str(tag["name"]): str(tag.get("value") or "on")
        for tag in fields
        if (tag.get("type") != "checkbox" or "checked" in tag) and tag.get("value") != ""
    }


def test_every_fault_of_the_control_api_can_be_set_on_the_page(simulator, wall):
    form = {
        **{f"create-{kind}": str(number + 1) for number, kind in enumerate(CREATE_KINDS)},
        "refused_code": "21606", "refused_status": "403", "latency_ms": "80-120", "concurrency_limit": "50",
        "reads_fail": "on", "status_delay_ms": "40", "drain_rate": "12.5", "queue_limit_parts": "9",
        "mix-undelivered:30003": "12,5", "mix-sent": "5", "duplicate": "1", "early": "2", "drop": "3", "late": "4",
        "shuffle": "300", "late_ms": "500 - 900", "retry_ms": "70", "seed": "ocho",
    }  # fmt: skip
    page = wall("/wall/faults/all", form)
    assert "Fallas actualizadas." in page.text
    faults = simulator.control("faults")
    made = {fault["kind"]: fault for fault in faults.pop("create")}
    faults.pop("mail")
    assert [made[kind]["probability"] for kind in CREATE_KINDS] == [(n + 1) / 100 for n in range(len(CREATE_KINDS))]
    assert (made["refused"]["code"], made["refused"]["status"]) == (21606, 403)
    assert faults == {
        "latency_ms": [80, 120], "status_delay_ms": [40, 40], "drain_rate": 12.5, "queue_limit_parts": 9,
        "concurrency_limit": 50, "reads_fail": True, "outcomes": {}, "mix": {"undelivered:30003": 0.125, "sent": 0.05},
        "callbacks": {"duplicate": 0.01, "early": 0.02, "drop": 0.03, "late": 0.04, "shuffle": 300,
                      "late_ms": [500, 900], "retry_ms": [70, 70]},
        "seed": "ocho",
    }  # fmt: skip
    before = simulator.control("faults")
    wall("/wall/faults/all", filled(page))
    assert simulator.control("faults") == before  # what the page shows is what it takes


def test_what_is_meant_for_one_number_stays_when_the_form_is_sent(simulator, wall):
    mine = {"kind": "error_after", "to": ROSA, "count": 2}
    simulator.faults(create=[mine, {"kind": "too_many", "retry_after": 9}], outcomes={ROSA: "undelivered:30003"})
    page = wall()
    assert "2 más" in page.text
    wall("/wall/faults/all", {**filled(page), "create-too_many": "50"})
    faults = simulator.control("faults")
    assert [(f["kind"], f["to"], f["probability"], f["retry_after"]) for f in faults["create"]] == [
        ("error_after", ROSA, 1.0, 1), ("too_many", None, 0.5, 9),
    ]  # fmt: skip
    assert faults["outcomes"] == {ROSA: ["undelivered:30003"]}


def test_one_button_puts_everything_in_order(simulator, wall):
    simulator.faults(create=[{"kind": "problem", "count": 3}], mix={"sent": 0.5}, latency_ms=7, seed=9)
    assert "no es un día normal" in wall().text
    page = wall("/wall/faults/all", {"calm": "1", "create-problem": "100"})
    assert "no es un día normal" not in page.text
    assert simulator.control("faults")["create"] == []
    assert simulator.control("faults")["seed"] == "9"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"create-problem": "101"}, "400 en el formato RFC 9457"), ({"create-problem": "-1"}, "RFC 9457"),
        ({"create-refused": "5"}, "Código del rechazo"), ({"latency_ms": "9-3"}, "Demora de cada respuesta"),
        ({"latency_ms": "<b>"}, "Demora de cada respuesta"), ({"mix-sent": "60", "mix-failed:30001": "60"}, "Cómo"),
        ({"queue_limit_parts": "1.5"}, "Partes que caben"), ({"drain_rate": "0"}, "drain_rate"),
    ],
)  # fmt: skip
def test_a_wrong_figure_gets_a_sentence_keeps_what_was_written_and_changes_nothing(simulator, form, says):
    before = simulator.control("faults")
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(simulator.base + "/wall/faults/all", data=urlencode(form).encode()), timeout=10)
    with caught.value as answer:
        page = Reader(answer.read().decode())
    assert caught.value.code == 422
    assert {"open", "data-wrong"} <= page.all("details", class_="fold all")[0].keys()
    assert "Nada cambió. Revise: " in page.text
    assert says in page.text
    assert page.all("input", id="f-" + next(iter(form)), value=next(iter(form.values())))
    assert simulator.control("faults") == before


def test_the_tally_shows_repetitions_first(wall, send):
    send(ROSA), send(LUIS), send(LUIS), send(ROSA, campaign="8")
    page = wall("/tally")
    assert len(page.all("tr", class_="repeated")) == 1
    assert page.text.index("+51 912 345 678") < page.text.index("+51 987 654 321")
    assert "más de una vez" in page.text


def test_a_second_attempt_after_a_failure_is_no_repetition(simulator, wall, send):
    simulator.faults(outcomes={ROSA: ["undelivered:30003", "delivered"]}, status_delay_ms=0)
    send()
    until(lambda: simulator.control("counters")["steps_waiting"] == 0)
    send()
    page = wall("/tally")
    assert not page.all("tr", class_="repeated")
    assert "Nadie recibió dos veces el mismo mensaje." in page.text


def test_pages_of_other_sites_cannot_post(simulator):
    for path in ("/wall/reply", "/wall/faults", "/wall/faults/all"):
        request = Request(simulator.base + path, data=b"x=1", headers={"Origin": "https://evil.example"})
        with pytest.raises(HTTPError) as caught:
            urlopen(request, timeout=10)
        assert caught.value.code == 403
        caught.value.close()


def test_only_the_walls_own_files_are_served(simulator):
    for name, kind in (("wall.css", "text/css"), ("wall.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        with urlopen(f"{simulator.base}/static/{name}", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith(kind)
    for name in ("nothing.js", "..%2fwall.py", "%2e%2e/wall.py"):
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{simulator.base}/static/{name}", timeout=10)
        assert caught.value.code == 404
        caught.value.close()


def test_both_languages_say_the_same_things_with_the_same_holes():
    def holes(sentence: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(sentence)} - {None}

    spanish, english = (words._ALL[code] for code in ("es", "en"))
    assert spanish.keys() == english.keys()
    assert {key for key in spanish if holes(spanish[key]) != holes(english[key])} == set()


def test_every_word_is_used():
    folder = Path(words.__file__).parent
    files = {*folder.rglob("*.py"), *folder.glob("templates/*.html")} - {*folder.rglob("words.py")}
    sources = "".join(path.read_text() for path in files)
    unused = {key for key in words._ALL["es"] if not re.search(rf"\b{key}\b", sources)}
    built = {key for key in unused if key.isdigit() or key.startswith(BUILT) or key.endswith("_hint")}
    assert unused - built == {"unknown_reason"}  # asked for inside words.py
