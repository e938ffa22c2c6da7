"""A correction goes to exactly those who were handed the first message, each in the language of that one."""

import threading

import pytest
from sqlalchemy import event, select, text, update

from campaigns import approval, authoring, contacts, corrections, planning, scheduling
from campaigns.corrections import Amends
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery
from tests.crowd import crowd, person, refuse
from tests.drafts import NOW, running, submitted
from tests.outcomes import become

REACHED = ("sent", "delivered", "unconfirmed", "unknown")
NOT_REACHED = ("queued", "failed", "skipped")
WORDS = {"es": "El aviso queda sin efecto.", "qu": "Manam chiqaqchu."}


@pytest.fixture
def amend(sessions, agency, ada):
    def verb(campaign_id, amends=Amends.WITHDRAW, *, stop=False, by=ada, name="Retirada"):
        with sessions(agency.id).begin() as session:
            return corrections.amend(session, agency.id, campaign_id, amends, name=name, by=by.id, stop=stop)

    return verb


@pytest.fixture
def write(sessions, agency, ada):
    """Give a campaign texts, as somebody at the form does."""

    def verb(campaign_id, texts=WORDS):
        with sessions(agency.id).begin() as session:
            child = authoring.get(session, agency.id, campaign_id)
            names = [name for name in authoring.Draft.__dataclass_fields__ if name != "texts"]
            draft = authoring.Draft(**{name: getattr(child, name) for name in names}, texts=texts)
            authoring.change(session, agency.id, campaign_id, draft, by=ada.id, now=NOW)

    return verb


@pytest.fixture
def submit(sessions, agency, ada):
    def verb(campaign_id):
        with sessions(agency.id).begin() as session:
            return authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)

    return verb


@pytest.fixture
def started(sessions, vault, agency, ada, bruno, sender):
    """A running campaign for people who read these languages; its id and theirs."""

    def start(languages):
        with sessions(agency.id).begin() as session:
            people = [
                person(session, vault, agency, f"+5198700{number:04}", language=language).id
                for number, language in enumerate(languages)
            ]
        return running(sessions, agency, ada, bruno, sender), people

    return start


def over(sessions, agency, campaign_id):
    """The campaign ended by itself."""
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'finished' WHERE id = :c"), {"c": campaign_id})


def look(sessions, agency, campaign_id):
    """The campaign, and contact -> (language, state) of its deliveries."""
    with sessions(agency.id)() as session:
        rows = session.execute(
            select(Delivery.contact_id, Delivery.language, Delivery.state).where(Delivery.campaign_id == campaign_id)
        )
        return store.get(session, agency.id, campaign_id), {row.contact_id: (row[1], row[2]) for row in rows}


def deeds(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        wanted = text("SELECT did FROM audit WHERE subject = :s ORDER BY id")
        return list(session.scalars(wanted, {"s": f"campaign:{campaign_id}"}))


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
    assert found.languages == {"es": 1}
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
        found = authoring.lacks(session, agency.id, authoring.get(session, agency.id, campaign_id), now=NOW)
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
        history = contacts.history(session, agency.id, people[0]).messages
    assert [(sent.campaign_id, sent.state) for sent in history] == [(child.id, "delivered"), (campaign_id, "sent")]


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
