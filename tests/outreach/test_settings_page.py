"""Settings: hours and zone, senders with their sealed token, and the test that asks the provider."""

import re
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select, text

from campaigns import agencies
from campaigns.rules.hours import DAYS
from campaigns.rules.local_time import month_start
from campaigns.store.audit import AuditRow
from outreach.app import create_app
from tests.cast import PASSWORD, SIMULATOR_ACCOUNT, SIMULATOR_NUMBER, SIMULATOR_TOKEN
from tests.outreach.conftest import token

BRAKES = {"brake_failed": "20", "brake_filtered": "2"}
WEEK = {f"hours_{day}": ["08:00", "20:00"] for day in DAYS}


def form(client, path: str = "/settings/", **more: object) -> dict[str, object]:
    about = {"name": "Municipalidad de Lima Norte", "time_zone": "America/Lima", "holidays": "PE", **BRAKES, **WEEK}
    return {"csrf_token": token(client, path), **(about if path == "/settings/" else {}), **more}


def sender_form(client, path: str = "/settings/senders/new", **more: str) -> dict[str, object]:
    about = {
        "name": "Avisos",
        "address": SIMULATOR_NUMBER,
        "account": SIMULATOR_ACCOUNT,
        "token": SIMULATOR_TOKEN,
        "parts_per_second": "10",
        "in_flight": "100",
    }
    return {"csrf_token": token(client, path), **about, **more}


@pytest.fixture
def stored(sessions, agency):
    def ask():
        with sessions(agency.id)() as session:
            return agencies.get(session, agency.id)

    return ask


def test_hours_holidays_zone_and_name_are_changed(as_dora, stored):
    sent = form(as_dora, name="  Lima   Norte ", time_zone="America/Bogota")
    sent["hours_sat"] = ["09:30", "00:00"]
    sent["hours_sun"] = ["08:00", "20:00", "closed"]
    assert as_dora.post("/settings/", data=sent).status_code == 303
    agency = stored()
    assert (agency.name, agency.time_zone) == ("Lima Norte", "America/Bogota")
    days = {day: ["08:00", "20:00"] for day in DAYS[:5]} | {"sat": ["09:30", "24:00"]}
    assert agency.hours == {"days": days, "holidays": "PE"}
    shown = as_dora.get("/settings/").text
    assert re.findall(r'name="hours_sat"[^>]*value="([^"]*)"', shown)[:2] == ["09:30", "00:00"]


def test_saving_what_is_shown_changes_nothing(as_dora, stored):
    before = stored().hours
    shown = as_dora.get("/settings/").text
    sent = form(as_dora, holidays="")
    for day in DAYS:
        sent[f"hours_{day}"] = re.findall(rf'type="time" name="hours_{day}"[^>]*value="([^"]*)"', shown)
    assert as_dora.post("/settings/", data=sent).status_code == 303
    assert stored().hours == before


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("hours_mon", ["20:00", "08:00"], "La hora final debe ser posterior"),
        ("hours_mon", ["08:00", ""], "Escriba las dos horas"),
        ("hours_mon", ["8 a. m.", "20:00"], "no es una hora"),
        ("hours_mon", ["99:99", "20:00"], "no es una hora"),
        ("hours_mon", [], "Escriba las dos horas"),
        ("name", "", "Escriba un nombre."),
        ("name", "x" * 81, "Escriba un nombre de 1 a 80 caracteres."),
        ("time_zone", "America/Nowhere", 'role="alert"'),
        ("holidays", "XX", 'role="alert"'),
        ("parts_per_month", "0", "Escriba un número entero de 1 a"),
        ("parts_per_month", "9" * 30, "Escriba un número entero de 1 a"),
        ("parts_per_month", "mil", "Escriba un número entero."),
        ("brake_failed", "0", "Escriba un número entero de 1 a 100."),
        ("brake_failed", "101", "Escriba un número entero de 1 a 100."),
        ("brake_failed", "", "Escriba un número."),
        ("brake_filtered", "2.5", "Escriba un número entero."),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(as_dora, stored, field, value, sentence):
    before = stored().hours
    sent = form(as_dora, **{"hours_tue": ["07:15", "19:45"], field: value})
    answer = as_dora.post("/settings/", data=sent)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="07:15"' in answer.text
    assert stored().hours == before


def test_a_budget_and_brakes_are_set_and_a_limit_is_taken_away_again(as_dora, stored, sessions, agency):
    def limits():
        found = stored()
        return found.parts_per_month, found.brake_failed, found.brake_filtered

    assert limits() == (None, 20, 2)
    sent = form(as_dora, parts_per_month=" 50000 ", brake_failed="35", brake_filtered="100")
    assert as_dora.post("/settings/", data=sent).status_code == 303
    assert limits() == (50000, 35, 100)
    shown = as_dora.get("/settings/").text
    assert 'value="50000"' in shown
    assert "Este mes se usaron 0 SMS" in shown
    assert as_dora.post("/settings/", data=form(as_dora, parts_per_month="")).status_code == 303
    assert limits() == (None, 20, 2)


def test_what_this_month_cost_is_counted_in_the_agencys_zone(as_dora, sessions, agency, other_agency):
    now = datetime.now(UTC)
    began = month_start(now, "America/Lima")
    figure = (
        "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number, parts, made_at)"
        " VALUES (:a, 1, 'sms', 'es', 'sent', 0, :p, :at)"
    )
    with sessions(agency.id).begin() as session:
        for parts, at in ((5, began), (-2, now), (70, began - timedelta(seconds=1))):
            session.execute(text(figure), {"a": agency.id, "p": parts, "at": at})
    with sessions(other_agency.id).begin() as session:
        session.execute(text(figure), {"a": other_agency.id, "p": 1000, "at": now})
    with time_machine.travel(now, tick=False):  # or the month could end in between
        page = as_dora.get("/settings/").text
    assert "Este mes se usaron 3 SMS" in page


def test_a_week_without_an_open_day_is_refused(as_dora):
    sent = form(as_dora) | {f"hours_{day}": ["", "", "closed"] for day in DAYS}
    assert "Deje al menos un día abierto" in as_dora.post("/settings/", data=sent).text


def test_only_an_administrator_comes_here(as_ada, signed_in, bruno, sender):
    for client in (as_ada, signed_in(bruno)):
        for path in ("/settings/", "/settings/senders/new", f"/settings/senders/{sender.id}"):
            assert client.get(path).status_code == 403
        assert client.post(f"/settings/senders/{sender.id}/test", data=form(client, "/")).status_code in (400, 403)
        assert "/settings/" not in client.get("/").text


def test_a_sender_is_added_and_its_token_is_never_shown_again(as_dora, sessions, vault, agency):
    sent = sender_form(as_dora, address=" +51 1 700-0001 ")
    address = as_dora.post("/settings/senders/new", data=sent).headers["Location"]
    shown = as_dora.get(address).text
    assert SIMULATOR_TOKEN not in shown
    with sessions(agency.id)() as session:
        (sender,) = agencies.senders(session, agency.id)
    assert sender.address == SIMULATOR_NUMBER
    assert vault.open(sender.credentials_sealed, agency.id) == SIMULATOR_TOKEN
    assert f'value="http://127.0.0.1:8000/hooks/twilio/{sender.key}/inbound"' in shown


def test_an_empty_token_keeps_the_one_that_is_there(as_dora, sender, sessions, vault, agency):
    path = f"/settings/senders/{sender.id}"
    assert as_dora.post(path, data=sender_form(as_dora, path, token="", name="Otro")).status_code == 303
    with sessions(agency.id)() as session:
        kept = agencies.sender(session, agency.id, sender.id)
    assert (kept.name, kept.key) == ("Otro", sender.key)
    assert vault.open(kept.credentials_sealed, agency.id) == SIMULATOR_TOKEN


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("address", "no es un número!", "Escriba un número como"),
        ("account", "AB12", "Una cuenta comienza con AC"),
        ("token", "", "Copie el token"),
        ("token", "ñ", "Copie el token"),
        ("parts_per_second", "0", "Escriba un número entero de 1 a 1000."),
        ("parts_per_second", "many", "Escriba un número entero."),
        ("in_flight", "501", "Escriba un número entero de 1 a 500."),
    ],
)
def test_a_wrong_sender_gets_a_sentence_and_loses_nothing(as_dora, field, value, sentence):
    answer = as_dora.post("/settings/senders/new", data=sender_form(as_dora, name="Mi línea") | {field: value})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="Mi línea"' in answer.text


def test_the_same_number_twice_is_refused_beside_the_field(as_dora, sender):
    answer = as_dora.post("/settings/senders/new", data=sender_form(as_dora))
    assert answer.status_code == 422
    assert SIMULATOR_NUMBER in answer.text


def test_a_strangers_sender_is_not_found(signed_in, carla, sender):
    client = signed_in(carla)
    path = f"/settings/senders/{sender.id}"
    assert client.get(path).status_code == 404
    assert client.post(path, data=sender_form(client)).status_code == 404
    assert client.post(path + "/test", data={"csrf_token": token(client, "/settings/")}).status_code == 404


@pytest.fixture
def ask(settings, database, dora, sender, sessions, agency):
    """Presses the test button of an installation whose provider is at the given address; what the page then says."""

    def press(url: str, **changed: str) -> str:
        client = create_app(replace(settings, twilio_url=url, provider_timeout=1.0), database).test_client()
        signing = {"email": dora.email, "password": PASSWORD, "csrf_token": token(client)}
        client.post("/sign-in", data=signing)
        path = f"/settings/senders/{sender.id}"
        if changed:
            assert client.post(path, data=sender_form(client, path, **changed)).status_code == 303
            client.get(path)  # the notice of saving
        answer = client.post(path + "/test", data={"csrf_token": token(client, path)}, follow_redirects=True)
        assert answer.status_code == 200
        return answer.text.partition('id="notice"')[2].partition("<section")[0]

    return press


def results(sessions, agency) -> list[object]:
    with sessions(agency.id)() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.did == "sender:tested").order_by(AuditRow.id)).all()
        return [(row.detail or {}).get("result") for row in rows]


def test_a_right_sender_passes_the_test(ask, simulator_url, sessions, agency):
    assert "El proveedor conoce esta cuenta" in ask(simulator_url)
    assert results(sessions, agency) == ["works"]


def test_a_wrong_token_is_named(ask, simulator_url, sessions, agency):
    assert "no acepta esta cuenta y este token" in ask(simulator_url, token="wrong")
    assert results(sessions, agency) == ["credentials"]


def test_a_number_of_somebody_else_is_named(ask, simulator_url, sessions, agency):
    assert "este número no es de la cuenta" in ask(simulator_url, address="+5117000999")
    assert results(sessions, agency) == ["sender_refused"]


def test_a_provider_that_is_not_there_is_told_from_a_wrong_sender(ask, sessions, agency):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: refused
        assert "El proveedor no respondió" in ask(f"http://127.0.0.1:{nobody.getsockname()[1]}")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes the call and never says a word
        assert "El proveedor no respondió" in ask(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert results(sessions, agency) == ["silent", "silent"]


def test_the_staff_are_listed(as_dora, ada, bruno):
    shown = as_dora.get("/settings/").text
    for person in (ada, bruno):
        assert person.email in shown
    assert "outreach staff add" in shown
