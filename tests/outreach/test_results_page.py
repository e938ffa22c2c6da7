"""What staff read of a campaign under way, and the figures they take along: every state and reason in plain words."""

import csv
import io
import re

import pytest
from sqlalchemy import text

from campaigns import authoring, notices, scheduling
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import CampaignState, Reason, State
from campaigns.rules.outcomes import CONCERNS_SENDER, Failure
from outreach.admin import campaign_words, message_words
from outreach.i18n import COOKIE
from tests.crowd import crowd
from tests.drafts import running
from tests.outreach.conftest import send


@pytest.fixture
def going(sessions, agency, ada, bruno, sender) -> int:
    """The id of a campaign that is being sent to twenty."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)
    return running(sessions, agency, ada, bruno, sender)


@pytest.fixture
def add(sessions, agency, going):
    """Adds a change to the figures of the campaign."""

    def one(state, number, reason=None, *, parts=0, language="es"):
        with sessions(agency.id).begin() as session:
            session.execute(
                text(
                    "INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts)"
                    " VALUES (:a, :c, 'sms', :l, :s, :r, :n, :p)"
                ),
                {"a": agency.id, "c": going, "l": language, "s": state, "r": reason, "n": number, "p": parts},
            )

    return one


def table(answer):
    """(about, rows) of the file."""
    assert answer.status_code == 200
    assert answer.data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    gap = lines.index([])
    return {line[0]: line[1:] for line in lines[:gap]}, [
        dict(zip(lines[gap + 1], line, strict=True)) for line in lines[gap + 2 :]
    ]


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("language", ["es", "en"])
def test_everything_has_words_in_both_languages(app, language, channel):
    told = {}
    with app.test_request_context("/", headers={"Cookie": f"{COOKIE}={language}"}):
        for state in CampaignState:
            told[f"state {state}"] = str(campaign_words.STATES[state][0])
        for state in State:
            told[f"delivery {state}"] = message_words.delivery(state, channel)
            told[f"message {state}"] = message_words.message(state, channel)[0]
        for reason in Reason:
            told[f"reason {reason}"] = message_words.reason(reason, channel)
        for failure in Failure:
            what, advice = message_words.failure(failure, channel)
            assert what
            assert advice.endswith(".")
            told[f"failure {failure}"] = f"{what}. {advice}"
        for code in (*CONCERNS_SENDER, "changed_since_approval", "brake_failed", "brake_filtered"):
            told[f"pause {code}"] = campaign_words.paused(code)
        for channels in Channels:
            told[f"channels {channels}"] = message_words.way(channels)
    assert [name for name, words in told.items() if not words or "_" in words] == []
    own = {name: words for name, words in told.items() if name.startswith(("reason", "failure", "delivery"))}
    assert len(set(own.values())) == len(own)


def test_what_a_person_wrote_is_shown_as_they_wrote_it(as_bruno, sessions, agency, going, bruno):
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, going, by=bruno.id, reason="Lo pidió <la> central")
    assert "Lo pidió &lt;la&gt; central" in as_bruno.get(f"/campaigns/{going}/").text


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("brake_failed", "fallaron demasiados de sus últimos 500 mensajes"),
        ("brake_filtered", "se tomaron por publicidad no deseada"),
        ("changed_since_approval", "Ya no es lo que se aprobó"),
        ("credentials", "El proveedor rechazó la cuenta o el token, así que se pausó sola. Revise"),
    ],
)
def test_why_it_paused_is_said_with_what_to_do(as_bruno, sessions, agency, going, code, told):
    with sessions(agency.id).begin() as session:
        session.execute(
            text("UPDATE campaign SET state = 'paused', pause_reason = :r WHERE id = :c"), {"r": code, "c": going}
        )
    for path in (f"/campaigns/{going}/", "/"):
        assert told in as_bruno.get(path).text


def test_second_attempts_are_counted_and_their_wait_is_explained(as_bruno, going, add):
    page = as_bruno.get(f"/campaigns/{going}/").text
    assert "segundo intento" not in page
    polled = re.search(r'id="funnel" hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    add("queued", -5)
    add("queued", 2, "unreachable")
    add("queued", 1, "queue_full")
    add("sending", 1, "unreachable")
    add("delivered", 1)
    add("again", 2)
    add("opted_out", 1)
    hx = {"HX-Request": "true"}
    assert "<dd>18</dd>" not in as_bruno.get(polled, headers=hx).text  # nothing but deliveries is planned
    details = as_bruno.get(polled + "&part=details", headers=hx).text
    assert "entre 30 y 60 minutos" in details
    assert re.search(r"El teléfono estaba apagado o sin señal.*?>2<", details, re.S)
    assert "2 mensajes que fallaron pasaron a un segundo intento." in details
    languages = re.findall(r'scope="row">([^<]+)</th>\s*<td class="figure" data-name="Previstos">(\d+)', details)
    assert languages == [("español", "12"), ("quechua", "8")]


def test_a_finished_campaign_says_whom_it_missed(as_ada, sessions, agency, bruno, going, add):
    add("queued", -8, language="qu")
    add("skipped", 7, "budget", language="qu")
    add("skipped", 1, "expired", language="qu")
    told = "7 personas no recibieron nada: ya no quedaban SMS en el presupuesto."
    assert told not in as_ada.get(f"/campaigns/{going}/").text
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'finished' WHERE id = :c"), {"c": going})
        notices.tell(session, authoring.get(session, agency.id, going), notices.News.FINISHED, by=None)
    for path in (f"/campaigns/{going}/", "/campaigns/", "/"):
        page = as_ada.get(path).text
        assert told in page
        assert "1 persona no recibió nada: se acabó el tiempo para enviarla." in page


def test_what_only_waits_for_the_carrier_is_said(as_bruno, going, add):
    add("queued", -11)
    add("sent", 9)
    add("delivered", 2)
    assert "confirmación" not in as_bruno.get(f"/campaigns/{going}/").text
    add("queued", -1)
    add("unknown", 1)
    add("queued", -8, language="qu")
    add("sent", 8, language="qu")
    page = as_bruno.get(f"/campaigns/{going}/").text
    assert "17 mensajes esperan la confirmación de la operadora." in page


def test_nobody_is_told_minutes_while_nothing_may_leave(as_bruno, sessions, agency, going, add):
    add("queued", -5)
    add("sent", 5)
    page = as_bruno.get(f"/campaigns/{going}/").text
    assert re.search("Faltan? cerca de", page)
    polled = re.search(r'id="funnel" hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    hx = {"HX-Request": "true"}
    assert as_bruno.get(polled, headers=hx).status_code == 204
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET halted_at = now()"))
    funnel = as_bruno.get(polled, headers=hx)
    assert funnel.status_code == 200
    assert "Todos los envíos de su entidad están detenidos" in funnel.text
    assert "minuto" not in funnel.text


def test_parts_are_shown_beside_the_cap(as_bruno, sessions, agency, going, add):
    add("sent", 2, parts=4)
    add("queued", -2)
    assert "4 SMS hasta ahora." in as_bruno.get(f"/campaigns/{going}/").text
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET parts_cap = 1500"))
    assert "4 SMS hasta ahora, de un máximo de 1,500." in as_bruno.get(f"/campaigns/{going}/").text
    add("skipped", 3, "budget")
    add("queued", -3)
    assert "Se agotaron los SMS" in as_bruno.get(f"/campaigns/{going}/").text


def test_the_figures_are_taken_along(as_ada, sessions, agency, going, add):
    add("queued", -5)
    add("delivered", 2, parts=5)
    add("failed", 1, "landline", parts=1)
    add("skipped", 1, "opted_out", language="es")
    add("queued", 1, "unreachable", parts=2)
    add("again", 1)
    add("opted_out", 1)
    answer = as_ada.get(f"/campaigns/{going}/figures.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="campaign-{going}-figures.csv"'
    about, rows = table(answer)
    assert about["campaign"] == ["Aviso a transportistas"]
    assert about["state"] == ["running", "En envío"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", about["started"][0])
    assert about["ended"] == [""]
    spanish = [tuple(row.values()) for row in rows if row["language"] == "es"]
    assert spanish == [
        ("sms", "es", "planned", "", "12", "8", "Previstos"),
        ("sms", "es", "queued", "", "7", "0", "En espera"),
        (
            *("sms", "es", "queued", "unreachable", "1", "2"),
            "En espera de un segundo intento: El teléfono estaba apagado o sin señal",
        ),
        ("sms", "es", "delivered", "", "2", "5", "Entregados"),
        ("sms", "es", "failed", "landline", "1", "1", "Fallidos: El número es un teléfono fijo"),
        ("sms", "es", "skipped", "opted_out", "1", "0", "No se les escribe: Pidió no recibir más mensajes"),
        ("sms", "es", "again", "", "1", "0", "Segundos intentos"),
        ("sms", "es", "opted_out", "", "1", "0", "Pidieron no recibir más"),
    ]
    assert "download" in as_ada.get(f"/campaigns/{going}/").text
    english = table(as_ada.get(f"/campaigns/{going}/figures.csv?lang=en"))[1]
    assert "Failed: The number is a landline" in [row["meaning"] for row in english]


def test_who_was_left_out_is_in_the_file_too(as_ada, sessions, agency, going):
    with sessions(agency.id).begin() as session:
        left_out = """UPDATE campaign SET plan_left_out = '{"no_text": 3, "opted_out": 1}' WHERE id = :c"""
        session.execute(text(left_out), {"c": going})
    rows = table(as_ada.get(f"/campaigns/{going}/figures.csv"))[1]
    assert sorted(tuple(row.values()) for row in rows if row["state"] == "left_out") == [
        ("", "", "left_out", "no_text", "3", "0", "No previstos: No hay texto en un idioma que acepte"),
        ("", "", "left_out", "opted_out", "1", "0", "No previstos: Pidió no recibir más mensajes"),
    ]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(1)", " =1", 'Con "comillas", y\tmás'])
def test_a_name_is_never_a_formula(as_ada, sessions, agency, going, name):
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET name = :n WHERE id = :c"), {"n": name, "c": going})
    told = table(as_ada.get(f"/campaigns/{going}/figures.csv"))[0]["campaign"][0]
    assert told == (name if name.startswith("Con") else f"'{name}")


def test_figures_of_a_draft_and_of_nobody(as_ada, client, signed_in, carla, sessions, agency, ada, going):
    with sessions(agency.id).begin() as session:
        empty = authoring.create(session, agency.id, name="Vacía", by=ada.id).id
    assert table(as_ada.get(f"/campaigns/{empty}/figures.csv"))[1] == []
    assert signed_in(carla).get(f"/campaigns/{going}/figures.csv").status_code == 404
    assert as_ada.get("/campaigns/999999/figures.csv").status_code == 404
    assert client.get(f"/campaigns/{going}/figures.csv").status_code == 303


def test_news_are_told_until_they_are_seen(as_ada, as_bruno, sessions, agency, ada, bruno, going):
    with sessions(agency.id).begin() as session:
        scheduling.pause(session, agency.id, going, by=bruno.id, reason="Lo pidió <la> central")
    page = as_ada.get("/").text
    assert page.index("Lo pidió &lt;la&gt; central") < page.index("Empezó")
    assert "Novedades" not in as_bruno.get("/").text
    upto = re.search(r'name="upto" value="(\d+)"', page)[1]
    with sessions(agency.id).begin() as session:
        scheduling.resume(session, agency.id, going, by=bruno.id)
    for _ in range(2):  # a second press does no harm
        assert send(as_ada, "/news/seen", upto=upto).status_code == 303
    page = as_ada.get("/").text
    assert "Continúa" in page
    assert "Empezó" not in page


def test_the_menu_says_how_much_news_there_is_on_every_page_but_an_errors(as_ada, as_bruno, going):
    badge = r'Inicio\s*<span class="state waiting ms-2">1<span class="visually-hidden"> novedad</span></span>'
    for path in ("/", "/campaigns/", f"/campaigns/{going}/"):
        assert re.search(badge, as_ada.get(path).text)
        assert "novedad<" not in as_bruno.get(path).text
    missing = as_ada.get("/campaigns/999999/")
    assert missing.status_code == 404
    assert "Inicio" in missing.text
    assert "novedad<" not in missing.text


@pytest.mark.parametrize("upto", ["", "x", "-1", "9" * 30, "1; DROP TABLE notice"])
def test_what_is_no_notice_is_no_fault(as_ada, going, upto):
    assert send(as_ada, "/news/seen", upto=upto).status_code == 303
    assert "Empezó" in as_ada.get("/").text


def test_nobody_sees_the_news_of_others_away(signed_in, as_ada, carla, going):
    assert send(signed_in(carla), "/news/seen", upto="9999").status_code == 303
    assert "Empezó" in as_ada.get("/").text
