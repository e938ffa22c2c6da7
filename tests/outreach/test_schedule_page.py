"""A campaign with a time, as staff meet it: written, approved, waiting, started, and when its time passed."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import text

from campaigns import authoring, planning, scheduling
from tests.crowd import crowd
from tests.drafts import TEXTS, draft
from tests.outreach.conftest import send, state

NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=3)).replace(hour=14, minute=0, second=0, microsecond=0)  # 09:00 in Lima
LIMA = ZoneInfo("America/Lima")


@pytest.fixture
def made(sessions, agency, ada, sender) -> int:
    """The id of a draft that can be submitted."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)
        return draft(session, agency, ada, sender).id


@pytest.fixture
def typed(sessions, agency, made):
    """What the form of the campaign would send, with these changes."""
    with sessions(agency.id)() as session:
        campaign = authoring.get(session, agency.id, made)
    fields = {"name": campaign.name, "segment": campaign.segment_id, "sender": campaign.sender_id}
    fields |= {"fallback_language": "es", **{f"text_{code}": body for code, body in TEXTS.items()}}

    def now(**changes):
        with sessions(agency.id)() as session:
            return fields | {"seen": authoring.stamp(authoring.get(session, agency.id, made))} | changes

    return now


@pytest.fixture
def waiting(sessions, agency, ada, sender, made):
    """Submits the draft with these settings; its id."""

    def submit(**settings):
        with sessions(agency.id).begin() as session:
            campaign = authoring.get(session, agency.id, made)
            wanted = authoring.Draft(campaign.name, campaign.segment_id, sender.id, texts=TEXTS, **settings)
            authoring.change(session, agency.id, made, wanted, by=ada.id, now=NOW)
            authoring.submit(session, agency.id, made, by=ada.id, now=NOW)
        planning.plan(sessions, agency.id, made, now=NOW)
        return made

    return submit


@pytest.fixture
def pass_by(sessions, agency):
    """Lets so much time pass for a campaign: what it is bound to moves with its times."""

    def move(campaign_id, hours):
        with sessions(agency.id).begin() as session:
            session.execute(
                text(
                    "UPDATE campaign SET starts_at = starts_at - make_interval(hours => :h),"
                    " expires_at = expires_at - make_interval(hours => :h) WHERE id = :c"
                ),
                {"h": hours, "c": campaign_id},
            )
            digest = "UPDATE campaign SET content_digest = campaign_content_digest(id) WHERE id = :c"
            session.execute(text(digest), {"c": campaign_id})

    return move


def approval_address(client, number):
    """Where the page leads whoever may approve."""
    found = re.search(r'href="(/campaigns/\d+/approve\?seen=[0-9a-f]+)"', client.get(f"/campaigns/{number}/").text)
    return found and found[1]


def test_start_urgency_and_cap_are_written_and_shown_again(as_ada, sessions, agency, made, typed):
    wall = f"{SOON.astimezone(LIMA):%Y-%m-%dT%H:%M}"
    fields = typed(starts_at=wall, is_urgent="y", parts_cap=" 300 ")
    assert send(as_ada, f"/campaigns/{made}/edit", **fields).status_code == 303
    with sessions(agency.id)() as session:
        saved = authoring.get(session, agency.id, made)
    assert (saved.starts_at, saved.is_urgent, saved.parts_cap) == (SOON, True, 300)
    page = as_ada.get(f"/campaigns/{made}/edit").text
    assert f'value="{wall}"' in page
    assert 'value="300"' in page
    assert re.search(r'<input[^>]*\bchecked\b[^>]*name="is_urgent"', page)
    assert "Hora de Lima" in page
    shown = as_ada.get(f"/campaigns/{made}/").text
    for told in ("09:00 (hora de Lima)", "se adelanta a las demás campañas", "SMS, como máximo"):
        assert told in shown
    assert send(as_ada, f"/campaigns/{made}/edit", **typed()).status_code == 303
    with sessions(agency.id)() as session:
        saved = authoring.get(session, agency.id, made)
    assert (saved.starts_at, saved.is_urgent, saved.parts_cap) == (None, False, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"starts_at": "2001-01-01T10:00"}, "ya pasó"),
        ({"starts_at": "2040-01-01T10:00", "expires_at": "2040-01-01T10:00"}, "Comenzaría después"),
        ({"starts_at": "mañana"}, "Escriba un día y una hora"),
        ({"starts_at": "9999-12-31T23:59"}, "Ningún calendario"),
        ({"starts_at": "0001-01-01T00:00"}, "Ningún calendario"),
        ({"parts_cap": "0"}, "Escriba un número entero de 1 a"),
        ({"parts_cap": "-5"}, "Escriba un número entero de 1 a"),
        ({"parts_cap": "9" * 30}, "Escriba un número entero de 1 a"),
        ({"parts_cap": "muchos"}, "Escriba un número entero."),
        ({"parts_cap": "1.5"}, "Escriba un número entero."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(as_ada, sessions, agency, made, typed, changes, told):
    answer = send(as_ada, f"/campaigns/{made}/edit", **typed(text_es="No pague, <b>nunca</b>", **changes))
    assert answer.status_code == 422
    assert told in answer.text
    assert "No pague, &lt;b&gt;nunca&lt;/b&gt;" in answer.text
    for value in changes.values():
        assert f'value="{value}"' in answer.text
    with sessions(agency.id)() as session:
        saved = authoring.get(session, agency.id, made)
    assert (saved.starts_at, saved.parts_cap) == (None, None)


def test_a_time_that_the_clocks_skip_gets_a_sentence(as_ada, sessions, agency, made, typed):
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET time_zone = 'Europe/Madrid'"))
    answer = send(as_ada, f"/campaigns/{made}/edit", **typed(starts_at="2040-03-25T02:30"))
    assert answer.status_code == 422
    assert "no existen las 02:30" in answer.text
    assert "03:30" in answer.text
    assert "Hora de Madrid" in answer.text
    twice = typed(starts_at="2040-10-28T02:30", expires_at="2040-10-28T03:30")
    assert send(as_ada, f"/campaigns/{made}/edit", **twice).status_code == 303
    with sessions(agency.id)() as session:
        saved = authoring.get(session, agency.id, made)
    assert saved.starts_at == datetime(2040, 10, 28, 0, 30, tzinfo=UTC)


def test_approved_it_waits_for_its_time(as_bruno, as_ada, sessions, agency, waiting, valkey):
    number = waiting(starts_at=SOON)
    page = as_bruno.get(f"/campaigns/{number}/").text
    assert "Aprobar y programar…" in page
    assert "09:00 (hora de Lima)" in page
    address = approval_address(as_bruno, number)
    confirm = as_bruno.get(address).text
    assert "se enviará sola a 20 personas el " in confirm
    assert send(as_bruno, address).status_code == 303
    assert state(sessions, agency, number) == "scheduled"
    assert valkey.llen("rq:queue:dispatch") == 0
    page = as_bruno.get(f"/campaigns/{number}/").text
    assert "está programada para el" in page
    assert "Programada para el" in page
    assert approval_address(as_bruno, number) is None
    assert "debe aprobarla otra persona" not in as_ada.get(f"/campaigns/{number}/").text
    # A second press, and another tab that still shows the question.
    assert send(as_bruno, address).status_code == 409
    assert as_bruno.get(address).status_code == 409
    assert state(sessions, agency, number) == "scheduled"
    assert "Programada para el" in as_ada.get("/").text
    listed = as_ada.get("/campaigns/?show=approved").text
    assert f"/campaigns/{number}/" in listed
    assert "09:00 (hora de Lima)" in listed


@pytest.mark.parametrize("path", ["take-back", "cancel"])
def test_before_its_time_it_can_be_held_back(as_ada, as_bruno, sessions, agency, waiting, path):
    number = waiting(starts_at=SOON)
    send(as_bruno, approval_address(as_bruno, number))
    assert send(as_ada, f"/campaigns/{number}/{path}").status_code == 303
    assert state(sessions, agency, number) == ("draft" if path == "take-back" else "cancelled")
    assert scheduling.start_due(sessions, agency.id, number, now=SOON) is None


def test_the_approver_sends_a_scheduled_one_back(as_bruno, sessions, agency, waiting):
    number = waiting(starts_at=SOON)
    send(as_bruno, approval_address(as_bruno, number))
    assert send(as_bruno, f"/campaigns/{number}/return", reason="Se suspendió la feria").status_code == 303
    assert state(sessions, agency, number) == "draft"


def test_a_time_that_passed_by_then_is_said_and_sent_at_once(as_bruno, sessions, agency, waiting, pass_by, valkey):
    number = waiting(starts_at=SOON, is_urgent=True)
    old = approval_address(as_bruno, number)
    pass_by(number, 24 * 4)
    # Whoever came with the old page reads the new one first.
    assert send(as_bruno, old).headers["Location"] == f"/campaigns/{number}/"
    assert state(sessions, agency, number) == "submitted"
    address = approval_address(as_bruno, number)
    assert "ya pasó: se envía de inmediato." in as_bruno.get(address).text
    assert send(as_bruno, address).status_code == 303
    assert state(sessions, agency, number) == "running"
    assert "ya pasó, así que" in as_bruno.get(f"/campaigns/{number}/").text
    assert (valkey.llen("rq:queue:urgent"), valkey.llen("rq:queue:dispatch")) == (1, 0)


def test_late_it_waits_for_a_person_who_starts_it(as_bruno, as_ada, sessions, agency, waiting, pass_by, valkey):
    number = waiting(starts_at=SOON)
    send(as_bruno, approval_address(as_bruno, number))
    pass_by(number, 24 * 4)
    assert scheduling.start_due(sessions, agency.id, number, now=NOW) is None
    assert state(sessions, agency, number) == "approved"
    for client in (as_bruno, as_ada):
        start = client.get("/").text
        assert "Aprobada, sin comenzar" in start
        assert "No comenzó" in start
        assert "el sistema no estaba en marcha" in client.get(f"/campaigns/{number}/").text
    assert "Su hora pasó" in as_ada.get("/campaigns/").text
    assert "Volver a borrador" in as_ada.get(f"/campaigns/{number}/").text
    assert "Enviar ahora…" in as_bruno.get(f"/campaigns/{number}/").text
    address = approval_address(as_bruno, number)
    assert "Enviar ahora" in as_bruno.get(address).text
    assert send(as_bruno, address).status_code == 303
    assert state(sessions, agency, number) == "running"
    assert valkey.llen("rq:queue:dispatch") == 1
    assert send(as_bruno, address).status_code == 409


def test_what_is_over_can_only_be_taken_back(as_bruno, as_ada, sessions, agency, waiting, pass_by):
    number = waiting(starts_at=SOON, expires_at=SOON + timedelta(hours=2))
    send(as_bruno, approval_address(as_bruno, number))
    pass_by(number, 24 * 4)
    assert scheduling.start_due(sessions, agency.id, number, now=NOW) is None
    page = as_bruno.get(f"/campaigns/{number}/").text
    assert "Devuélvala a borrador y ponga otras horas" in page
    assert approval_address(as_bruno, number) is None
    with sessions(agency.id)() as session:
        from campaigns import approval

        seen = approval.fingerprint(authoring.get(session, agency.id, number))
    refused = send(as_bruno, f"/campaigns/{number}/approve?seen={seen}")
    assert refused.status_code == 422
    assert state(sessions, agency, number) == "approved"
    assert "ya es demasiado tarde" in as_ada.get("/").text
    assert send(as_ada, f"/campaigns/{number}/take-back").status_code == 303
    assert "ya pasó" in as_ada.get(f"/campaigns/{number}/").text  # before it can be submitted


def test_hours_that_are_closed_then_are_told_before(as_bruno, sessions, agency, waiting):
    number = waiting(starts_at=SOON)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET hours = '{\"days\": {}}'"))
    assert "nunca empieza" in as_bruno.get(f"/campaigns/{number}/").text
    day = SOON.astimezone(LIMA).strftime("%a").lower()
    with sessions(agency.id).begin() as session:
        hours = f'{{"days": {{"{day}": ["18:00", "20:00"]}}}}'
        session.execute(text("UPDATE agency SET hours = CAST(:h AS jsonb)"), {"h": hours})
    page = as_bruno.get(f"/campaigns/{number}/").text
    assert "A esa hora no se envía nada" in page
    assert "18:00 (hora de Lima)" in page


def test_a_cap_or_a_month_that_is_too_small_is_told_before(as_bruno, as_ada, sessions, agency, waiting):
    number = waiting(parts_cap=12)
    for client in (as_bruno, as_ada):
        assert "pero solo puede usar 12." in client.get(f"/campaigns/{number}/").text
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET parts_per_month = 10"))
        figure = (
            "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number, parts, made_at)"
            " VALUES (:a, :c, 'sms', 'es', 'sent', 0, :p, :at)"
        )
        now = datetime.now(UTC)
        for parts, days in ((3, 0), (400, 40)):
            values = {"a": agency.id, "c": number, "p": parts, "at": now - timedelta(days=days)}
            session.execute(text(figure), values)
    with time_machine.travel(now, tick=False):  # or the month could end in between
        page = as_bruno.get(f"/campaigns/{number}/").text
    assert "solo le quedan 7 este mes" in page


def test_a_stranger_finds_nothing(signed_in, carla, sessions, agency, waiting, as_bruno):
    number = waiting(starts_at=SOON)
    send(as_bruno, approval_address(as_bruno, number))
    as_carla = signed_in(carla)
    for path in ("", "approve", "take-back", "cancel", "return", "figures.csv", "edit"):
        assert as_carla.get(f"/campaigns/{number}/{path}").status_code == 404
    for path in ("approve", "take-back", "cancel"):
        assert send(as_carla, f"/campaigns/{number}/{path}").status_code == 404
    assert state(sessions, agency, number) == "scheduled"
