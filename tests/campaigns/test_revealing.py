"""Who is seen in full: with a reason, on record, not too often, and every administrator hears of more."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from campaigns import contact_history, contacts, notices, revealing
from campaigns.cards import Viewer
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.store.audit import AuditRow
from campaigns.store.reveals import Reveal
from tests import crowd

WHY = "Llamó y pide corregir su número"


@pytest.fixture
def rosa(sessions, vault, agency) -> int:
    with sessions(agency.id).begin() as session:
        return crowd.person(session, vault, agency, "+51987654321", email="rosa@correo.example").id


@pytest.fixture
def reveal(sessions, vault, agency, rosa):
    """Asks once, in a transaction of its own, as a request would."""
    marks = iter(range(1000))

    def ask(by, *, reason=WHY, once=None, most=20, of=None, now=None):
        with sessions(agency.id).begin() as session:
            request = revealing.Request(by.id, reason, once or f"mark {next(marks)}", now or datetime.now(UTC))
            return revealing.reveal(session, vault, agency.id, of or rosa, request, most=most)

    return ask


@pytest.fixture
def deeds(sessions, agency):
    def of(did):
        with sessions(agency.id)() as session:
            return session.scalars(select(AuditRow).where(AuditRow.did == did).order_by(AuditRow.id)).all()

    return of


def test_a_person_is_shown_and_it_stays_on_record(reveal, deeds, sessions, agency, vault, ada, rosa):
    found = reveal(ada)
    assert (found.name, found.business) == ("Rosa Quispe", "Transportes El Sol")
    assert (found.phone, found.email) == ("+51987654321", "rosa@correo.example")
    assert "Rosa" not in repr(found)
    row = deeds("contact:revealed")[0]
    assert (row.staff_id, row.subject) == (ada.id, f"contact:{rosa}")
    assert row.detail == {"fields": ["name", "business", "phone", "email"], "reveal": 1}
    with sessions(agency.id)() as session:
        kept = session.scalars(select(Reveal)).one()
        assert WHY.encode() not in kept.reason_sealed
        history = contact_history.history(session, vault, agency.id, rosa, with_texts=False, with_reasons=True)
        assert [(one.did, one.by, one.reason) for one in history.changes] == [("contact:revealed", "Ada Writer", WHY)]
        hidden = contact_history.history(session, vault, agency.id, rosa, with_texts=False, with_reasons=False)
        assert hidden.changes == [replace(history.changes[0], reason="")]
        looks = revealing.by_staff(session, vault, Viewer(agency.id), ada.id)
        assert [(look.card.name, look.reason) for look in looks] == [("R. Q.", WHY)]


def test_without_a_reason_nothing_is_shown_or_counted(reveal, deeds, ada):
    with pytest.raises(Invalid):
        reveal(ada, reason="          ")
    assert deeds("contact:revealed") == []


def test_the_same_form_shows_nobody_twice(reveal, deeds, ada):
    assert reveal(ada, once="a form")
    with pytest.raises(Conflict) as refused:
        reveal(ada, once="a form")
    assert refused.value.code == "reveal_shown"
    assert len(deeds("contact:revealed")) == 1


def test_past_the_limit_nobody_is_shown_and_each_administrator_is_told_once(
    reveal, deeds, sessions, agency, other_agency, ada, bruno, dora, carla
):
    assert [reveal(ada, most=2) is None for _ in range(5)] == [False, False, True, True, True]
    assert len(deeds("contact:revealed")) == 2
    refused = deeds("contact:reveals_refused")
    assert [(row.staff_id, row.subject) for row in refused] == [(ada.id, f"staff:{ada.id}")]
    with sessions(agency.id)() as session:
        told = {one.name: notices.unseen(session, agency.id, one.id) for one in (ada, bruno, dora)}
    assert [len(told[one.name]) for one in (ada, bruno, dora)] == [0, 0, 1]
    news = told[dora.name][0]
    assert (news.notice.what, news.notice.about_staff_id, news.staff_name) == (
        "reveals_used_up", ada.id, "Ada Writer"
    )  # fmt: skip
    with sessions(other_agency.id)() as session:
        assert notices.unseen(session, other_agency.id, carla.id) == []


def test_an_hour_later_there_is_room_again(reveal, deeds, ada, dora):
    assert reveal(ada, most=1)
    assert reveal(ada, most=1) is None
    later = datetime.now(UTC) + timedelta(minutes=61)
    assert reveal(ada, most=1, now=later)
    assert reveal(dora, most=1)  # everybody has an hour of their own
    assert len(deeds("contact:revealed")) == 3


def test_two_tabs_at_once_cannot_pass_the_limit(reveal, deeds, ada, dora):
    with ThreadPoolExecutor(4) as tabs:
        found = list(tabs.map(lambda _: reveal(ada, most=3), range(8)))
    assert sum(one is not None for one in found) == 3
    assert len(deeds("contact:revealed")) == 3
    assert len(deeds("contact:reveals_refused")) == 1


def test_the_reason_goes_with_the_person_and_the_record_stays(reveal, deeds, sessions, agency, ada, rosa):
    reveal(ada)
    with sessions(agency.id).begin() as session:
        contacts.delete(session, agency.id, rosa, by=ada.id)
        assert session.scalar(select(func.count()).select_from(Reveal)) == 0
    assert len(deeds("contact:revealed")) == 1


def test_the_app_can_neither_change_nor_take_away_a_reason(reveal, sessions, agency, ada):
    reveal(ada)
    for statement in ("DELETE FROM reveal", "UPDATE reveal SET staff_id = 1", "UPDATE reveal SET made_at = now()"):
        with sessions(agency.id)() as session, pytest.raises(Exception, match="permission denied"):
            session.execute(text(statement))


def test_strangers_are_shown_nobody(reveal, sessions, vault, other_agency, ada, carla, rosa):
    reveal(ada)
    with sessions(other_agency.id)() as session:
        request = revealing.Request(carla.id, WHY, "mark", datetime.now(UTC))
        with pytest.raises(NotFound):
            revealing.reveal(session, vault, other_agency.id, rosa, request, most=20)
        assert revealing.by_staff(session, vault, Viewer(other_agency.id), ada.id) == []
        history = contact_history.history(session, vault, other_agency.id, rosa, with_texts=True, with_reasons=True)
        assert (history.changes, history.replies, history.refusals) == ([], [], [])
        assert contact_history.near(session, vault, Viewer(other_agency.id), rosa) == contact_history.Near([], [])


def test_nobody_is_deleted_under_a_reason(reveal, sessions, agency, vault, ada, rosa):
    """Whoever deletes her at the same moment waits, and takes the reason along."""
    with sessions(agency.id)() as revealing_session, ThreadPoolExecutor(1) as other:
        request = revealing.Request(ada.id, WHY, "mark", datetime.now(UTC))
        assert revealing.reveal(revealing_session, vault, agency.id, rosa, request, most=20)

        def delete() -> None:
            with sessions(agency.id).begin() as session:
                contacts.delete(session, agency.id, rosa, by=ada.id)

        deleted = other.submit(delete)
        with pytest.raises(TimeoutError):
            deleted.result(0.3)
        revealing_session.commit()
        deleted.result(20)
    with sessions(agency.id)() as session:
        assert session.scalar(select(func.count()).select_from(Reveal)) == 0
