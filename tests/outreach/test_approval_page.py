"""Approval as staff meet it: a second person reads one page, and lets go exactly what stood there."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from campaigns import authoring, planning
from campaigns.store.audit import AuditRow
from tests.crowd import crowd
from tests.drafts import submitted
from tests.outreach.conftest import send, state

NOW = datetime.now(UTC)


@pytest.fixture
def people(sessions, agency):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)


@pytest.fixture
def waiting(sessions, agency, ada, sender, people) -> int:
    """The id of a campaign that waits for approval."""
    return submitted(sessions, agency, ada, sender)


def approval_address(client, number):
    """Where the page of a submitted campaign leads whoever approves it."""
    return re.search(r'href="(/campaigns/\d+/approve\?seen=[0-9a-f]+)"', client.get(f"/campaigns/{number}/").text)[1]


def test_the_approver_sees_everything_and_lets_it_go(as_bruno, sessions, agency, waiting, valkey):
    page = as_bruno.get(f"/campaigns/{waiting}/").text
    address = approval_address(as_bruno, waiting)
    for told in ("<strong>20</strong>", "Rosa, no pague.", "Ama qullqita", "Todas las personas", "+5117000001", "Ada"):
        assert told in page
    assert "20 personas" in as_bruno.get(address).text
    assert send(as_bruno, address).status_code == 303
    assert state(sessions, agency, waiting) == "running"
    assert valkey.llen("rq:queue:dispatch") == 1
    with sessions(agency.id)() as session:
        deeds = select(AuditRow.did).where(AuditRow.subject == f"campaign:{waiting}").order_by(AuditRow.id.desc())
        assert session.scalars(deeds.limit(2)).all() == ["campaign:started", "campaign:approved"]
    assert as_bruno.get(address).status_code == 409
    assert send(as_bruno, address).status_code == 409


def test_what_was_submitted_again_is_not_approved_by_an_old_page(as_bruno, sessions, agency, ada, waiting):
    old = approval_address(as_bruno, waiting)
    with sessions(agency.id).begin() as session:
        authoring.take_back(session, agency.id, waiting, by=ada.id)
        session.execute(text("UPDATE text SET body = 'Otra cosa'"))
        authoring.submit(session, agency.id, waiting, by=ada.id, now=NOW)
    planning.plan(sessions, agency.id, waiting, now=NOW)
    for address in (old, f"/campaigns/{waiting}/approve"):
        assert as_bruno.get(address).status_code == 303
        assert send(as_bruno, address).headers["Location"] == f"/campaigns/{waiting}/"
        assert state(sessions, agency, waiting) == "submitted"
    page = as_bruno.get(f"/campaigns/{waiting}/").text
    assert "Otra persona cambió esta campaña" in page
    assert "Otra cosa" in page
    assert send(as_bruno, approval_address(as_bruno, waiting)).status_code == 303
    assert state(sessions, agency, waiting) == "running"


def test_a_large_number_is_typed(as_bruno, sessions, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 120)
    number = submitted(sessions, agency, ada, sender)
    address = approval_address(as_bruno, number)
    assert send(as_bruno, address, typed="12").status_code == 422
    assert state(sessions, agency, number) == "submitted"
    assert send(as_bruno, address, typed="120").status_code == 303
    assert state(sessions, agency, number) == "running"


def test_nobody_approves_their_own(signed_in, as_ada, dora, sessions, agency, sender, people, waiting):
    assert send(as_ada, f"/campaigns/{waiting}/approve").status_code == 403
    own = submitted(sessions, agency, dora, sender)
    as_dora = signed_in(dora)
    page = as_dora.get(f"/campaigns/{own}/").text
    assert f"/campaigns/{own}/approve" not in page
    assert "debe aprobarla otra persona" in page
    assert send(as_dora, f"/campaigns/{own}/approve").status_code == 403
    assert state(sessions, agency, own) == "submitted"


def test_changed_under_way_goes_back_and_says_so(as_bruno, sessions, agency, waiting):
    address = approval_address(as_bruno, waiting)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE sender SET address = '+5117000009'"))
    assert send(as_bruno, address).status_code == 303
    assert state(sessions, agency, waiting) == "draft"
    assert "Algo cambió después de enviarla" in as_bruno.get(f"/campaigns/{waiting}/").text


def test_sent_back_with_a_reason(as_bruno, as_ada, sessions, agency, waiting):
    assert send(as_bruno, f"/campaigns/{waiting}/return", reason=" ").status_code == 422
    assert send(as_bruno, f"/campaigns/{waiting}/return", reason="Falta <el> 105").status_code == 303
    assert "Falta &lt;el&gt; 105" in as_ada.get(f"/campaigns/{waiting}/").text
    assert send(as_bruno, f"/campaigns/{waiting}/return", reason="Otra vez").status_code == 422


def test_whoever_approves_is_not_told_that_it_is_being_sent_when_it_is_not(as_bruno, sessions, agency, waiting):
    address = approval_address(as_bruno, waiting)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET halted_at = now()"))
    assert send(as_bruno, address).status_code == 303
    page = as_bruno.get(f"/campaigns/{waiting}/").text
    assert "comienza cuando se vuelvan a permitir" in page
    assert "se está enviando" not in page
