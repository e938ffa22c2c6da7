"""Correcting and withdrawing: what makes the second campaign, when it may go, and who has no business with it."""

import threading

import pytest
from sqlalchemy import text

from campaigns import approval, authoring, corrections, drafts, planning, scheduling
from campaigns.corrections import Amends
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.store import deliveries
from tests.amending import look, over
from tests.crowd import person
from tests.drafts import NOW, submitted
from tests.outcomes import become


def deeds(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        wanted = text("SELECT did FROM audit WHERE subject = :s ORDER BY id")
        return list(session.scalars(wanted, {"s": f"campaign:{campaign_id}"}))


def test_it_begins_with_signed_words_in_the_languages_used(sessions, agency, started, amend):
    campaign_id, _ = started(["es", "qu"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    for amends, words in (
        (Amends.WITHDRAW, "El aviso que le enviamos el 23 nov. 2026 queda sin efecto. No lo tome en cuenta."),
        (Amends.CORRECT, "Corregimos el aviso que le enviamos el 23 nov. 2026. Lo correcto es:"),
    ):
        child = amend(campaign_id, amends).campaign
        with sessions(agency.id)() as session:
            assert {row.language: row.body for row in authoring.texts(session, agency.id, child.id)} == {"es": words}


def lacking(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        found = drafts.lacks(session, agency.id, authoring.get(session, agency.id, campaign_id), now=NOW)
        return [problem.code for problem in found]


def test_every_language_used_needs_a_text_and_the_first_words_are_not_enough(
    sessions, agency, started, amend, write, submit
):
    campaign_id, _ = started(["es", "qu"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    over(sessions, agency, campaign_id)
    child = amend(campaign_id, Amends.CORRECT).campaign
    assert lacking(sessions, agency, child.id) == ["parent_language_missing", "correction_unfinished"]
    with pytest.raises(Invalid) as missing:
        submit(child.id)
    assert (missing.value.code, missing.value.values) == ("parent_language_missing", {"count": 1})
    write(child.id)
    assert lacking(sessions, agency, child.id) == []
    assert submit(child.id).state == "planning"


@pytest.mark.parametrize("verbs", [[], ["pause"]])
def test_it_waits_until_the_first_can_reach_nobody_new(sessions, agency, bruno, started, amend, submit, verbs):
    campaign_id, people = started(["es"] * 3)
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "failed", people[:1])
        become(session, campaign_id, "sent", people[1:2])
        for verb in verbs:
            getattr(scheduling, verb)(session, agency.id, campaign_id, by=bruno.id)
    child = amend(campaign_id).campaign
    with pytest.raises(Conflict) as waiting:
        submit(child.id)
    assert (waiting.value.code, waiting.value.values["name"]) == ("parent_still_sending", "Aviso a transportistas")
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sending", people[2:])
        scheduling.stop(session, agency.id, campaign_id, by=bruno.id)
    with pytest.raises(Conflict, match="parent_in_hand"):
        submit(child.id)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET state = 'unknown' WHERE state = 'sending'"))
    submit(child.id)
    planning.plan(sessions, agency.id, child.id, now=NOW)
    assert set(look(sessions, agency, child.id)[1]) == set(people[1:])


def test_stop_and_withdraw_is_one_deed(sessions, agency, ada, started, amend):
    campaign_id, people = started(["es"] * 2)
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent", people[:1])
    done = amend(campaign_id, stop=True)
    assert (done.is_new, done.stopped) == (True, True)
    assert look(sessions, agency, campaign_id)[0].state == "stopping"
    assert deeds(sessions, agency, campaign_id)[-2:] == ["campaign:stopped", "campaign:withdrawn"]
    assert deeds(sessions, agency, done.campaign.id) == ["campaign:written"]
    with sessions(agency.id)() as session:
        told = session.execute(text("SELECT staff_id, what FROM notice WHERE what = 'stopped'")).all()
    assert [row.what for row in told] == ["stopped"]  # the approver; who did it knows
    again = amend(campaign_id, stop=True)
    assert (again.campaign.id, again.is_new, again.stopped) == (done.campaign.id, False, False)


def test_one_of_a_kind_at_a_time(sessions, agency, ada, started, amend):
    campaign_id, _ = started(["es"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    first, other = amend(campaign_id), amend(campaign_id, Amends.CORRECT)
    assert first.is_new
    assert other.is_new
    assert amend(campaign_id).campaign.id == first.campaign.id
    with sessions(agency.id).begin() as session:
        approval.cancel(session, agency.id, first.campaign.id, by=ada.id)
    second = amend(campaign_id)
    assert second.is_new
    over(sessions, agency, second.campaign.id)
    third = amend(campaign_id)
    assert third.is_new
    with sessions(agency.id)() as session:
        found = corrections.amendments(session, agency.id, campaign_id)
        standing = corrections.open_one(session, agency.id, campaign_id, Amends.WITHDRAW)
    assert [one.id for one in found] == [made.campaign.id for made in (third, second, other, first)]
    assert standing.id == third.campaign.id


def test_two_presses_at_once_make_one(sessions, agency, started, amend):
    campaign_id, _ = started(["es"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    made = []
    together = threading.Barrier(4)

    def press():
        together.wait()
        made.append(amend(campaign_id, stop=True))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.campaign.id for one in made}) == 1
    assert sorted(one.is_new for one in made) == sorted(one.stopped for one in made) == [False, False, False, True]


def test_there_must_be_something_to_correct(sessions, agency, vault, ada, bruno, sender, amend):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, "+51987000001")
    waiting = submitted(sessions, agency, ada, sender)
    with pytest.raises(Conflict, match="campaign_never_sent"):
        amend(waiting)
    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, waiting, by=bruno.id, now=NOW)
        approval.start(session, agency.id, waiting, by=bruno.id, now=NOW)
        scheduling.stop(session, agency.id, waiting, by=bruno.id)
    with pytest.raises(Conflict, match="campaign_never_sent"):
        amend(waiting)


def test_a_stranger_sees_and_touches_nothing(sessions, agency, other_agency, carla, started, amend):
    campaign_id, _ = started(["es"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    amend(campaign_id)
    with sessions(other_agency.id).begin() as session:
        with pytest.raises(NotFound):
            corrections.amend(session, other_agency.id, campaign_id, Amends.WITHDRAW, name="x", by=carla.id, stop=True)
        assert corrections.reach(session, other_agency.id, campaign_id).total == 0
        assert corrections.amendments(session, other_agency.id, campaign_id) == []
        assert corrections.languages_used(session, other_agency.id, campaign_id) == {}
        assert corrections.open_one(session, other_agency.id, campaign_id, Amends.WITHDRAW) is None
    assert look(sessions, agency, campaign_id)[0].state == "running"


def test_who_made_it_may_not_approve_it_even_after_somebody_else_wrote_on(
    sessions, agency, dora, started, amend, write
):
    campaign_id, _ = started(["es"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    child = amend(campaign_id, stop=True, by=dora).campaign
    write(child.id, {"es": "El aviso queda sin efecto."})
    with sessions(agency.id)() as session:
        written = authoring.get(session, agency.id, child.id)
        assert written.author_id != dora.id
        assert approval.is_own(session, written, dora.id)


def test_a_correction_can_be_corrected_and_its_copy_is_an_ordinary_draft(
    sessions, agency, ada, bruno, started, amend, submit
):
    campaign_id, people = started(["es"] * 3)
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    child = amend(campaign_id, stop=True).campaign
    submit(child.id)
    planning.plan(sessions, agency.id, child.id, now=NOW)
    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, child.id, by=bruno.id, now=NOW)
        approval.start(session, agency.id, child.id, by=bruno.id, now=NOW)
        become(session, child.id, "delivered", people[:2])
    grandchild = amend(child.id, Amends.CORRECT, stop=True).campaign
    assert grandchild.parent_id == child.id
    with sessions(agency.id).begin() as session:
        copy = authoring.duplicate(session, agency.id, child.id, name="Copia", by=ada.id)
        assert (copy.parent_id, copy.amends) == (None, None)
        history = deliveries.of_contact(session, agency.id, people[0], limit=50)
    assert [(sent.campaign_id, sent.state) for sent in history] == [(child.id, "delivered"), (campaign_id, "sent")]
