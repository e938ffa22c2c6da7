"""The plan of a correction: exactly those who were handed the first message, each in the language of that one."""

import pytest
from sqlalchemy import event, select, text, update

from campaigns import corrections, planning
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from tests.amending import look, over
from tests.crowd import crowd, refuse
from tests.drafts import NOW, running
from tests.outcomes import become

REACHED = ("sent", "delivered", "unconfirmed", "unknown")
NOT_REACHED = ("queued", "failed", "skipped")


def test_exactly_those_it_was_handed_to_each_in_the_language_of_the_first(
    sessions, agency, started, amend, write, submit, sender
):
    campaign_id, people = started(["es", "qu"] * 7)
    with sessions(agency.id).begin() as session:
        for number, state in enumerate((*REACHED, *NOT_REACHED)):
            if state != "queued":
                become(session, campaign_id, state, people[2 * number : 2 * number + 2])
        # What somebody reads today does not matter: they got the first in another language.
        session.execute(update(Contact).where(Contact.id.in_(people)).values(language="en", accepts_fallback=False))
    child = amend(campaign_id, stop=True).campaign
    assert (child.state, child.parent_id, child.amends) == ("draft", campaign_id, "withdraw")
    assert (child.is_urgent, child.sender_id, child.fallback_language) == (True, sender.id, "es")
    assert (child.segment_id, child.expires_at) == (None, None)
    write(child.id)
    submit(child.id)
    assert planning.plan(sessions, agency.id, child.id, now=NOW, slice_size=3)

    planned, deliveries = look(sessions, agency, child.id)
    reached = people[: 2 * len(REACHED)]
    assert deliveries == {one: ("qu" if at % 2 else "es", "queued") for at, one in enumerate(reached)}
    assert (planned.state, planned.plan_left_out, planned.plan_total, planned.plan_done) == ("submitted", {}, 8, 8)
    assert planned.content_digest
    assert planned.audience_digest


def test_who_fell_out_since_is_left_out_with_a_reason(
    sessions, vault, agency, ada, started, amend, write, submit, other_agency
):
    campaign_id, people = started(["es"] * 7)
    stays, refused, gone, moved, landline, ground, other = people
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "delivered", people[:-1])
        refuse(session, agency, session.get_one(Contact, refused))
        session.delete(session.get_one(Contact, gone))
        session.get_one(Contact, moved).phone_index = vault.address_index("+51999000111")
        session.get_one(Contact, landline).phone_kind = "landline"
        session.get_one(Contact, ground).legal_ground = None
        # What another agency was asked is not our business.
        there = "INSERT INTO opt_out VALUES (:a, 'sms', :i, true, 'word', 'ALTO')"
        index = session.get_one(Contact, stays).phone_index
    with sessions(other_agency.id).begin() as session:
        session.execute(text(there), {"a": other_agency.id, "i": index})
    over(sessions, agency, campaign_id)
    with sessions(agency.id)() as session:
        found = corrections.reach(session, agency.id, campaign_id)
    assert found.languages == {("sms", "es"): 1}
    assert found.left_out == {"opted_out": 1, "gone": 1, "changed": 1, "no_mobile": 1, "no_ground": 1}
    assert (found.people, found.total) == (1, 6)

    child = amend(campaign_id).campaign
    submit(child.id)
    planning.plan(sessions, agency.id, child.id, now=NOW)
    planned, deliveries = look(sessions, agency, child.id)
    assert deliveries == {stays: ("es", "queued")}
    assert planned.plan_left_out == {"opted_out": 1, "changed": 2, "no_mobile": 1, "no_ground": 1}
    assert other not in deliveries


def test_somebody_who_refused_and_was_deleted_counts_as_refused(sessions, agency, started):
    campaign_id, people = started(["es"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
        contact = session.get_one(Contact, people[0])
        refuse(session, agency, contact)
        session.delete(contact)
    with sessions(agency.id)() as session:
        assert corrections.reach(session, agency.id, campaign_id).left_out == {"opted_out": 1}


def test_with_nobody_left_it_goes_back_and_says_so(sessions, agency, started, amend, submit):
    campaign_id, people = started(["es"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
        refuse(session, agency, session.get_one(Contact, people[0]))
    child = amend(campaign_id, stop=True).campaign
    submit(child.id)
    planning.plan(sessions, agency.id, child.id, now=NOW)
    planned, deliveries = look(sessions, agency, child.id)
    assert (planned.state, planned.return_reason, deliveries) == ("draft", "nobody_left", {})
    assert planned.plan_left_out == {"opted_out": 1}
    assert (planned.parent_id, planned.amends) == (campaign_id, "withdraw")


def test_what_becomes_of_the_first_after_the_plan_changes_nothing(sessions, agency, started, amend, submit):
    campaign_id, people = started(["es", "es"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "unknown")
    child = amend(campaign_id, stop=True).campaign
    submit(child.id)
    planning.plan(sessions, agency.id, child.id, now=NOW)
    before = look(sessions, agency, child.id)[1]
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET state = 'failed' WHERE campaign_id = :c"), {"c": campaign_id})
    assert look(sessions, agency, child.id)[1] == before == dict.fromkeys(people, ("es", "queued"))


def test_no_text_in_their_language_is_a_reason_and_never_another_language(
    sessions, agency, started, amend, write, submit
):
    campaign_id, people = started(["es", "qu"])
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    child = amend(campaign_id, stop=True).campaign
    write(child.id)
    submit(child.id)
    with sessions(agency.id).begin() as session:  # as if it had been taken away behind our back
        session.execute(text("DELETE FROM text WHERE campaign_id = :c AND language = 'qu'"), {"c": child.id})
    planning.plan(sessions, agency.id, child.id, now=NOW)
    planned, deliveries = look(sessions, agency, child.id)
    assert deliveries == {people[0]: ("es", "queued")}
    assert planned.plan_left_out == {"no_text": 1}


def test_a_planner_that_dies_is_followed_by_one_that_goes_on(sessions, agency, started, amend, submit, monkeypatch):
    campaign_id, people = started(["es"] * 6)
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
    child = amend(campaign_id, stop=True).campaign
    submit(child.id)

    class Killed(BaseException):
        """What a SIGKILL looks like to the transaction it hits."""

    real, calls = corrections.store.plan_slice, []

    def dies_in_the_second(*args, **values):
        done = real(*args, **values)
        calls.append(done)
        if len(calls) == 2:
            raise Killed
        return done

    monkeypatch.setattr(corrections.store, "plan_slice", dies_in_the_second)
    with pytest.raises(Killed):
        planning.plan(sessions, agency.id, child.id, now=NOW, slice_size=2)
    planned, deliveries = look(sessions, agency, child.id)
    assert (len(deliveries), planned.plan_done, planned.plan_total, planned.state) == (2, 2, 6, "planning")
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET plan_leased_until = now() - interval '1 second'"))
    assert planning.plan(sessions, agency.id, child.id, now=NOW, slice_size=2)
    planned, deliveries = look(sessions, agency, child.id)
    assert (set(deliveries), planned.plan_done, planned.state) == (set(people), 6, "submitted")


def test_a_hundred_thousand_are_planned_set_by_set(
    database, sessions, agency, ada, bruno, sender, amend, write, submit
):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 100_000)
    campaign_id = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        become(session, campaign_id, "sent")
        session.execute(text("ANALYZE"))
    child = amend(campaign_id, stop=True).campaign
    write(child.id)
    submit(child.id)
    said = []
    engine = sessions(agency.id).kw["bind"]

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert planning.plan(sessions, agency.id, child.id, now=NOW)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    with sessions(agency.id)() as session:
        planned = session.scalar(select(Campaign.plan_done).where(Campaign.id == child.id))
        same = session.scalar(
            text("""SELECT count(*) FROM delivery a JOIN delivery b USING (contact_id, address_index, language)
                WHERE a.campaign_id = :parent AND b.campaign_id = :child"""),
            {"parent": campaign_id, "child": child.id},
        )
    assert planned == same == 100_000
    assert len(said) < 60  # five slices and the last look, a handful of statements each
    assert sum("INSERT INTO delivery" in statement for statement in said) == 5
