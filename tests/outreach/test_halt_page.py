"""Stopping all sending: always in reach of whoever may, one press and one sentence."""

import pytest
from sqlalchemy import select

from campaigns import agencies
from campaigns.store.audit import AuditRow
from tests.outreach.conftest import token


@pytest.fixture
def halted(sessions, agency):
    """Whether the agency is halted, as the database has it now."""

    def ask() -> bool:
        with sessions(agency.id)() as session:
            return agencies.get(session, agency.id).halted_at is not None

    return ask


def press(client, path: str, **more: str):
    return client.post(path, data={"csrf_token": token(client, path), **more}, follow_redirects=True)


def test_an_approver_stops_everything_and_lets_it_go_on(signed_in, bruno, halted, sessions, agency):
    client = signed_in(bruno)
    assert 'href="/halt/"' in client.get("/").text
    assert not halted()
    assert "Ahora no se está enviando nada" in client.get("/halt/").text
    assert not halted()  # looking changes nothing
    told = press(client, "/halt/").text
    assert halted()
    assert "Todo el envío está detenido." in told
    assert 'href="/halt/resume"' in told
    assert 'href="/halt/"' not in told
    assert "Se permite enviar de nuevo." in press(client, "/halt/resume").text
    assert not halted()
    with sessions(agency.id)() as session:
        did = session.scalars(select(AuditRow.did).where(AuditRow.staff_id == bruno.id).order_by(AuditRow.id)).all()
    assert did[-2:] == ["agency:halted", "agency:resumed"]


def test_stopping_twice_is_harmless(signed_in, bruno, halted):
    client = signed_in(bruno)
    form = {"csrf_token": token(client, "/halt/")}
    assert [client.post("/halt/", data=form).status_code for _ in range(2)] == [303, 303]
    assert halted()


def test_everyone_sees_that_it_is_stopped_but_a_writer_cannot_change_it(as_ada, signed_in, bruno, halted):
    assert 'href="/halt/"' not in as_ada.get("/").text
    for path in ("/halt/", "/halt/resume"):
        assert as_ada.get(path).status_code == 403
        assert as_ada.post(path, data={"csrf_token": token(as_ada)}).status_code in (400, 403)
    assert not halted()
    press(signed_in(bruno), "/halt/")
    told = as_ada.get("/").text
    assert "Todo el envío está detenido." in told
    assert 'href="/halt/resume"' not in told


def test_it_stops_one_agency_only(signed_in, bruno, carla, halted):
    press(signed_in(carla), "/halt/")
    assert not halted()
    assert "Todo el envío está detenido." not in signed_in(bruno).get("/").text


def test_nothing_happens_without_the_token(signed_in, bruno, halted):
    assert signed_in(bruno).post("/halt/").status_code == 400
    assert not halted()
