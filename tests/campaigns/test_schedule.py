"""A campaign with a time starts then, by itself, once; never late by itself, never as something else."""

import threading
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from campaigns import approval, authoring, contacts, drafts, planning, scheduling, starting
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.notices import News
from campaigns.scheduling import LATE_SECONDS
from campaigns.store.audit import AuditRow
from campaigns.store.deliveries import Delivery
from campaigns.store.notices import Notice
from tests.crowd import crowd
from tests.drafts import NOW, TEXTS, draft

AT = NOW + timedelta(days=1)
END = AT + timedelta(hours=8)


@pytest.fixture
def written(sessions, agency, ada, sender):
    """Makes a submitted campaign with these times; its id."""

    def write(**times):
        with sessions(agency.id).begin() as session:
            if not contacts.are_there(session, agency.id):
                crowd(session, agency, 5)
            made = draft(session, agency, ada, sender)
            wanted = authoring.Draft(made.name, made.segment_id, sender.id, texts=TEXTS, **times)
            authoring.change(session, agency.id, made.id, wanted, by=ada.id, now=NOW)
            authoring.submit(session, agency.id, made.id, by=ada.id, now=NOW)
        planning.plan(sessions, agency.id, made.id, now=NOW)
        return made.id

    return write


@pytest.fixture
def approve(sessions, agency, bruno):
    """Approves and starts, as the page does."""

    def both(campaign_id, now=NOW):
        with sessions(agency.id).begin() as session:
            approval.approve(session, agency.id, campaign_id, by=bruno.id, now=now)
            return approval.start(session, agency.id, campaign_id, by=bruno.id, now=now)

    return both


@pytest.fixture
def scheduled(written, approve):
    """The id of a campaign that starts at AT and may be sent until END."""
    campaign_id = written(starts_at=AT, expires_at=END)
    assert approve(campaign_id).state == "scheduled"
    return campaign_id


@pytest.fixture
def now_is(sessions, agency):
    """The campaign as it stands now."""

    def get(campaign_id):
        with sessions(agency.id)() as session:
            return authoring.get(session, agency.id, campaign_id)

    return get


@pytest.fixture
def told(sessions, agency):
    """(who, what, why) of every piece of news after the approval that was asked for, oldest first."""

    def all_of_it():
        with sessions(agency.id)() as session:
            rows = session.query(Notice).where(Notice.what != News.TO_APPROVE).order_by(Notice.id).all()
            return [(row.staff_id, row.what, row.reason) for row in rows]

    return all_of_it


def test_it_starts_when_its_time_comes_and_both_are_told(sessions, agency, ada, bruno, scheduled, now_is, told):
    early = AT - timedelta(seconds=1)
    assert scheduling.start_due(sessions, agency.id, scheduled, now=early) is None
    assert now_is(scheduled).state == "scheduled"
    begun = scheduling.start_due(sessions, agency.id, scheduled, now=AT)
    assert (begun.state, begun.started_at) == ("running", AT)
    assert now_is(scheduled).state == "running"
    assert sorted(told()) == sorted([(ada.id, "started", None), (bruno.id, "started", None)])
    assert scheduling.start_due(sessions, agency.id, scheduled, now=AT) is None
    assert len(told()) == 2


def test_two_workers_start_it_once(sessions, agency, scheduled, told):
    together, outcomes = threading.Barrier(4), []

    def start():
        together.wait()
        outcomes.append(scheduling.start_due(sessions, agency.id, scheduled, now=AT) is not None)

    workers = [threading.Thread(target=start) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(outcomes) == [False, False, False, True]
    assert len(told()) == 2


def test_an_hour_late_it_starts_and_later_a_person_decides(
    sessions, agency, ada, bruno, written, approve, scheduled, now_is, told
):
    other = written(starts_at=AT)
    approve(other)
    limit = AT + timedelta(seconds=LATE_SECONDS)
    assert scheduling.start_due(sessions, agency.id, other, now=limit) is not None
    for _ in range(2):
        assert scheduling.start_due(sessions, agency.id, scheduled, now=limit + timedelta(seconds=1)) is None
    late = now_is(scheduled)
    assert (late.state, late.pause_reason, late.approver_id) == ("approved", "late", bruno.id)
    assert sorted(told()[2:]) == sorted([(ada.id, "late", "late"), (bruno.id, "late", "late")])
    with sessions(agency.id).begin() as session:
        started = approval.start(session, agency.id, scheduled, by=bruno.id, now=limit + timedelta(hours=2))
        assert (started.state, started.pause_reason) == ("running", None)


def test_what_is_over_by_then_is_left_to_a_person_and_cannot_start(sessions, agency, bruno, scheduled, now_is, told):
    assert scheduling.start_due(sessions, agency.id, scheduled, now=END) is None
    assert (now_is(scheduled).state, now_is(scheduled).pause_reason) == ("approved", "expired")
    assert {what for _, what, _ in told()} == {"late"}
    with sessions(agency.id)() as session, pytest.raises(Conflict, match="campaign_expired"):
        approval.start(session, agency.id, scheduled, by=bruno.id, now=END)
    with sessions(agency.id).begin() as session:
        back = authoring.take_back(session, agency.id, scheduled, by=bruno.id)
        assert (back.state, back.pause_reason) == ("draft", None)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE text SET body = body || '!' WHERE language = 'es'",
        "UPDATE campaign SET starts_at = starts_at - interval '1 minute'",
        "UPDATE campaign SET is_urgent = true",
        "UPDATE campaign SET parts_cap = 7",
        "UPDATE sender SET address = '+5117000002'",
    ],
)
def test_what_is_no_longer_as_approved_goes_back_to_draft(
    sessions, agency, ada, bruno, scheduled, now_is, told, change
):
    with sessions(agency.id).begin() as session:
        session.execute(text(change))
    assert scheduling.start_due(sessions, agency.id, scheduled, now=AT) is None
    assert (now_is(scheduled).state, now_is(scheduled).return_reason) == ("draft", starting.CHANGED)
    assert sorted(told()) == sorted((who.id, "voided", starting.CHANGED) for who in (ada, bruno))
    with sessions(agency.id)() as session:
        assert session.query(Delivery).filter(Delivery.campaign_id == scheduled).count() == 0


def test_another_audience_than_approved_does_not_start(settings, sessions, agency, scheduled, now_is):
    with psycopg.connect(settings.owner_url.replace("+psycopg", "")) as owner:
        owner.execute("DELETE FROM delivery WHERE id = (SELECT min(id) FROM delivery)")
    assert scheduling.start_due(sessions, agency.id, scheduled, now=AT) is None
    assert now_is(scheduled).state == "draft"


def test_a_time_that_passed_before_approval_starts_at_once(approve, written):
    assert approve(written(starts_at=AT), now=AT + timedelta(days=2)).state == "running"


def test_changed_before_it_is_scheduled_goes_back(sessions, agency, bruno, written):
    campaign_id = written(starts_at=AT)
    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, campaign_id, by=bruno.id, now=NOW)
        session.execute(text("UPDATE text SET body = body || '!'"))
        assert approval.start(session, agency.id, campaign_id, by=bruno.id, now=NOW).state == "draft"


def test_scheduled_twice_is_refused(sessions, agency, bruno, scheduled):
    with sessions(agency.id)() as session:
        with pytest.raises(Conflict, match="campaign_not_approved"):
            approval.start(session, agency.id, scheduled, by=bruno.id, now=NOW)
        with pytest.raises(Conflict, match="campaign_not_submitted"):
            approval.approve(session, agency.id, scheduled, by=bruno.id, now=NOW)


@pytest.mark.parametrize("verb", ["cancel", "take_back", "return_", "change"])
def test_until_it_starts_it_can_be_held_back(sessions, agency, ada, bruno, sender, scheduled, now_is, verb):
    with sessions(agency.id).begin() as session:
        if verb == "cancel":
            approval.cancel(session, agency.id, scheduled, by=ada.id)
        elif verb == "take_back":
            authoring.take_back(session, agency.id, scheduled, by=ada.id)
        elif verb == "return_":
            approval.return_(session, agency.id, scheduled, reason="Falta el 105", by=bruno.id)
        else:
            segment = now_is(scheduled).segment_id
            wanted = authoring.Draft("Otra", segment, sender.id, starts_at=AT, expires_at=END, texts=TEXTS)
            authoring.change(session, agency.id, scheduled, wanted, by=ada.id, now=NOW)
    assert now_is(scheduled).state == ("cancelled" if verb == "cancel" else "draft")
    assert scheduling.start_due(sessions, agency.id, scheduled, now=AT) is None
    with sessions(agency.id)() as session:
        assert session.query(Delivery).filter(Delivery.campaign_id == scheduled).count() == 0


def test_the_log_says_who_scheduled_and_that_the_clock_started_it(sessions, agency, bruno, scheduled):
    scheduling.start_due(sessions, agency.id, scheduled, now=AT)
    with sessions(agency.id)() as session:
        rows = session.query(AuditRow).filter(AuditRow.subject == f"campaign:{scheduled}").order_by(AuditRow.id).all()
    assert [(row.did, row.staff_id) for row in rows[-2:]] == [
        ("campaign:scheduled", bruno.id),
        ("campaign:started", None),
    ]


def test_a_stranger_starts_nothing(sessions, other_agency, scheduled, now_is):
    with pytest.raises(NotFound):
        scheduling.start_due(sessions, other_agency.id, scheduled, now=AT)
    assert now_is(scheduled).state == "scheduled"


@pytest.mark.parametrize(
    ("times", "field", "code"),
    [
        ({"starts_at": NOW}, "starts_at", "start_past"),
        ({"starts_at": NOW - timedelta(days=1)}, "starts_at", "start_past"),
        ({"starts_at": END, "expires_at": END}, "starts_at", "start_after_expiry"),
        ({"expires_at": NOW}, "expires_at", "expiry_past"),
        ({"parts_cap": 0}, "parts_cap", "number_range"),
        ({"parts_cap": -1}, "parts_cap", "number_range"),
        ({"parts_cap": 2**31}, "parts_cap", "number_range"),
    ],
)
def test_times_and_caps_that_cannot_be_are_refused(sessions, agency, ada, sender, times, field, code):
    with sessions(agency.id)() as session:
        made = draft(session, agency, ada, sender)
        wanted = authoring.Draft(made.name, made.segment_id, sender.id, texts=TEXTS, **times)
        with pytest.raises(Invalid, match=code) as refused:
            authoring.change(session, agency.id, made.id, wanted, by=ada.id, now=NOW)
        assert refused.value.field == field


def test_a_draft_whose_time_has_passed_is_not_submitted(sessions, agency, ada, sender):
    with sessions(agency.id)() as session:
        made = draft(session, agency, ada, sender)
        wanted = authoring.Draft(made.name, made.segment_id, sender.id, starts_at=AT, texts=TEXTS)
        made = authoring.change(session, agency.id, made.id, wanted, by=ada.id, now=NOW)
        assert drafts.lacks(session, agency.id, made, now=NOW) == []
        assert [one.code for one in drafts.lacks(session, agency.id, made, now=AT)] == ["start_past"]
        with pytest.raises(Invalid, match="start_past"):
            authoring.submit(session, agency.id, made.id, by=ada.id, now=AT)


def test_a_copy_has_the_cap_and_the_urgency_but_no_times(sessions, agency, ada, written, now_is):
    old = written(starts_at=AT, expires_at=END, is_urgent=True, parts_cap=40)
    with sessions(agency.id)() as session:
        copy = authoring.duplicate(session, agency.id, old, name="Copia", by=ada.id)
        assert (copy.starts_at, copy.expires_at, copy.is_urgent, copy.parts_cap) == (None, None, True, 40)
