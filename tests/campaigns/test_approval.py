"""A second person approves exactly what was submitted; nothing else ever starts."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from campaigns import agencies, approval, authoring, planning
from campaigns.errors import Conflict, Invalid, NotAllowed, NotFound
from campaigns.rules import hours
from campaigns.store.audit import AuditRow
from campaigns.store.deliveries import Delivery
from tests.crowd import crowd
from tests.drafts import NOW, draft, running, submitted


@pytest.fixture
def waiting(sessions, agency, ada, sender) -> int:
    """The id of a submitted campaign of Ada's for twenty people."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)
    return submitted(sessions, agency, ada, sender)


def state(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        return authoring.get(session, agency.id, campaign_id).state


def test_a_second_person_approves_and_starts(sessions, agency, bruno, waiting):
    with sessions(agency.id).begin() as session:
        approved = approval.approve(session, agency.id, waiting, by=bruno.id, now=NOW)
        assert (approved.state, approved.approver_id, approved.approved_at) == ("approved", bruno.id, NOW)
        started = approval.start(session, agency.id, waiting, by=bruno.id, now=NOW)
        assert (started.state, started.started_at) == ("running", NOW)
    with sessions(agency.id)() as session:
        deeds = session.scalars(
            select(AuditRow.did).where(AuditRow.subject == f"campaign:{waiting}").order_by(AuditRow.id)
        ).all()
    assert deeds[-3:] == ["campaign:submitted", "campaign:approved", "campaign:started"]


def test_the_author_cannot_approve(sessions, agency, ada, waiting):
    with sessions(agency.id)() as session, pytest.raises(NotAllowed, match="own_campaign"):
        approval.approve(session, agency.id, waiting, by=ada.id, now=NOW)


def test_who_only_wrote_a_word_of_it_cannot_approve_either(sessions, agency, ada, dora, bruno, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
        campaign_id = draft(session, agency, dora, sender).id
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
    planning.plan(sessions, agency.id, campaign_id, now=NOW)
    with sessions(agency.id)() as session:
        for author in (ada, dora):
            assert approval.to_approve(session, agency.id, author.id) == []
            with pytest.raises(NotAllowed):
                approval.approve(session, agency.id, campaign_id, by=author.id, now=NOW)
        assert [c.id for c in approval.to_approve(session, agency.id, bruno.id)] == [campaign_id]


def test_approving_twice_is_refused(sessions, agency, bruno, dora, waiting):
    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, waiting, by=bruno.id, now=NOW)
    with sessions(agency.id)() as session, pytest.raises(Conflict, match="campaign_not_submitted"):
        approval.approve(session, agency.id, waiting, by=dora.id, now=NOW)
    assert state(sessions, agency, waiting) == "approved"


def test_two_people_at_once_approve_once(sessions, agency, bruno, dora, waiting):
    together, outcomes = threading.Barrier(2), []

    def approve(who):
        with sessions(agency.id)() as session:
            together.wait()
            try:
                approval.approve(session, agency.id, waiting, by=who.id, now=NOW)
                session.commit()
                outcomes.append("approved")
            except Conflict as problem:
                outcomes.append(problem.code)

    people = [threading.Thread(target=approve, args=(who,)) for who in (bruno, dora)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    assert sorted(outcomes) == ["approved", "campaign_not_submitted"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE text SET body = body || '!' WHERE language = 'es'",
        "DELETE FROM text WHERE language = 'qu'",
        "UPDATE sender SET address = '+5117000002'",
        "UPDATE agency SET name = 'Otra'",
        "UPDATE campaign SET expires_at = '2030-01-01'",
    ],
)
@pytest.mark.parametrize("stage", ["approve", "start"])
def test_what_is_no_longer_as_submitted_goes_back_to_draft(sessions, agency, bruno, waiting, change, stage):
    with sessions(agency.id).begin() as session:
        if stage == "start":
            approval.approve(session, agency.id, waiting, by=bruno.id, now=NOW)
    with sessions(agency.id).begin() as session:
        session.execute(text(change))
    with sessions(agency.id).begin() as session:
        verb = approval.approve if stage == "approve" else approval.start
        voided = verb(session, agency.id, waiting, by=bruno.id, now=NOW)
        assert (voided.state, voided.return_reason) == ("draft", "changed_since_submitted")
        assert (voided.approver_id, voided.content_digest) == (None, None)
    with sessions(agency.id)() as session:
        assert not session.scalars(select(Delivery.id).where(Delivery.campaign_id == waiting)).all()
        voiding = select(AuditRow).where(AuditRow.subject == f"campaign:{waiting}").order_by(AuditRow.id.desc())
        assert session.scalars(voiding).first().did == "campaign:voided"


def test_another_audience_than_submitted_does_not_start(settings, sessions, agency, bruno, waiting):
    """The app's role cannot change an audience; somebody with the owner's role could, and is found out."""
    import psycopg

    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, waiting, by=bruno.id, now=NOW)
    with psycopg.connect(settings.owner_url.replace("+psycopg", "")) as owner:
        owner.execute("DELETE FROM delivery WHERE id = (SELECT min(id) FROM delivery)")
    with sessions(agency.id).begin() as session:
        assert approval.start(session, agency.id, waiting, by=bruno.id, now=NOW).state == "draft"


def test_other_hours_than_approved_do_not_start(sessions, agency, bruno, dora, waiting):
    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, waiting, by=bruno.id, now=NOW)
        form = agencies.AgencyForm(agency.name, "America/Lima", hours.default_hours())
        agencies.change(session, agency.id, form, by=dora.id)
    with sessions(agency.id).begin() as session:
        assert approval.start(session, agency.id, waiting, by=bruno.id, now=NOW).state == "draft"


def test_nothing_starts_unapproved_or_twice(sessions, agency, ada, bruno, sender, waiting):
    with sessions(agency.id)() as session, pytest.raises(Conflict, match="campaign_not_approved"):
        approval.start(session, agency.id, waiting, by=bruno.id, now=NOW)
    started = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id)() as session, pytest.raises(Conflict, match="campaign_not_approved"):
        approval.start(session, agency.id, started, by=bruno.id, now=NOW)


def test_what_has_expired_is_neither_approved_nor_started(sessions, agency, ada, bruno, sender):
    soon = NOW + timedelta(hours=1)
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
        campaign = draft(session, agency, ada, sender)
        campaign.expires_at = soon
        authoring.submit(session, agency.id, campaign.id, by=ada.id, now=NOW)
    planning.plan(sessions, agency.id, campaign.id, now=NOW)
    with sessions(agency.id)() as session:
        with pytest.raises(Conflict, match="campaign_expired"):
            approval.approve(session, agency.id, campaign.id, by=bruno.id, now=soon)
        approval.approve(session, agency.id, campaign.id, by=bruno.id, now=NOW)
        with pytest.raises(Conflict, match="campaign_expired"):
            approval.start(session, agency.id, campaign.id, by=bruno.id, now=soon)


def test_returned_with_a_reason_the_author_can_read(sessions, agency, bruno, waiting):
    with sessions(agency.id).begin() as session:
        for empty in ("", " \n "):
            with pytest.raises(Invalid, match="reason_needed"):
                approval.return_(session, agency.id, waiting, reason=empty, by=bruno.id)
        with pytest.raises(Invalid, match="reason_too_long"):
            approval.return_(session, agency.id, waiting, reason="x" * 501, by=bruno.id)
        returned = approval.return_(session, agency.id, waiting, reason="Falta  el 105.\nGracias", by=bruno.id)
        assert (returned.state, returned.return_reason) == ("draft", "Falta el 105. Gracias")
        assert not session.scalars(select(Delivery.id).where(Delivery.campaign_id == waiting)).all()
        with pytest.raises(Conflict, match="campaign_not_submitted"):
            approval.return_(session, agency.id, waiting, reason="Otra vez", by=bruno.id)


def test_cancelled_before_it_starts_and_never_after(sessions, agency, ada, bruno, sender, waiting):
    started = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        assert approval.cancel(session, agency.id, waiting, by=bruno.id).state == "cancelled"
        assert not session.scalars(select(Delivery.id).where(Delivery.campaign_id == waiting)).all()
        for number in (waiting, started):
            with pytest.raises(Conflict, match="campaign_started"):
                approval.cancel(session, agency.id, number, by=bruno.id)


def test_a_stranger_approves_nothing(sessions, other_agency, carla, waiting):
    with sessions(other_agency.id)() as theirs:
        for call in (
            lambda: approval.approve(theirs, other_agency.id, waiting, by=carla.id, now=NOW),
            lambda: approval.start(theirs, other_agency.id, waiting, by=carla.id, now=NOW),
            lambda: approval.return_(theirs, other_agency.id, waiting, reason="x", by=carla.id),
            lambda: approval.cancel(theirs, other_agency.id, waiting, by=carla.id),
        ):
            with pytest.raises(NotFound):
                call()
        assert approval.to_approve(theirs, other_agency.id, carla.id) == []
