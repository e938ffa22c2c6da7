"""Corrections of campaigns by SMS and mail: each message is put right where it went, and every person counts once."""

import time
from collections import Counter

import pytest
from sqlalchemy import select, text

from campaigns import approval, authoring, corrections, drafts, planning
from campaigns.corrections import Amends
from campaigns.rules.channels import Channels
from campaigns.store import campaigns as store
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery
from tests.amending import over
from tests.crowd import crowd, refuse
from tests.drafts import NOW

_BECOME = text("""
WITH moved AS (
    UPDATE delivery SET state = :state, reason = NULL, not_before = NULL, handed_at = now(), changed_at = now()
    WHERE campaign_id = :campaign AND state = 'queued' AND channel = :channel AND contact_id = ANY (:people)
    RETURNING agency_id, channel, language, reason
)
INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)
SELECT agency_id, :campaign, channel, language, s.state, s.sign * count(*)
FROM moved, (VALUES ('queued', -1), (:state, 1)) AS s (state, sign) GROUP BY 1, 3, 4, s.state, s.sign
""")


def become(sessions, agency, campaign_id, state, channel, people):
    with sessions(agency.id).begin() as session:
        session.execute(_BECOME, {"campaign": campaign_id, "state": state, "channel": channel, "people": people})


@pytest.fixture
def everybody(sessions, agency, mail_people):
    """Ids of three people with both, two with a mobile alone, two with an address alone."""

    def make():
        mail_people(3)
        mail_people(2, first=3, mail=False)
        mail_people(2, first=5, mobile=False)
        with sessions(agency.id)() as session:
            return list(session.scalars(select(Contact.id).order_by(Contact.id)))

    return make


@pytest.fixture
def put_right(sessions, agency, ada):
    """Make the second campaign, write whatever languages were used, submit and plan it; its id."""

    def verb(campaign_id, *, slice_size=3):
        with sessions(agency.id).begin() as session:
            child = corrections.amend(
                session, agency.id, campaign_id, Amends.WITHDRAW, name="Retirada", by=ada.id
            ).campaign
            used = corrections.languages_used(session, agency.id, campaign_id)
            words = {
                (channel, code): store.Words("Aviso" if channel == "email" else None, "Queda sin efecto.")
                for channel, code in used
            }
            store.replace_texts(session, agency.id, child.id, words)
            authoring.submit(session, agency.id, child.id, by=ada.id, now=NOW)
            child_id = child.id
        assert planning.plan(sessions, agency.id, child_id, now=NOW, slice_size=slice_size)
        return child_id

    return verb


def look(sessions, agency, campaign_id):
    with sessions(agency.id)() as session:
        campaign = store.get(session, agency.id, campaign_id)
        rows = session.execute(
            select(Delivery.contact_id, Delivery.channel, Delivery.mail_waits, Delivery.reason).where(
                Delivery.campaign_id == campaign_id
            )
        ).all()
    assert not any(row.mail_waits or row.reason for row in rows)  # nothing of a correction waits for anything
    return campaign, sorted((row.contact_id, row.channel) for row in rows)


@pytest.mark.parametrize(
    ("channels", "childs"),
    [(Channels.BOTH, "both"), (Channels.SMS_THEN_EMAIL, "both"), (Channels.EMAIL, "email"), (Channels.SMS, "sms")],
)
def test_everybody_is_told_where_they_were_told_first(
    sessions, agency, everybody, start_mailing, put_right, mail_sender, channels, childs
):
    people = everybody()
    both, sms_alone, mail_alone = people[:3], people[3:5], people[5:]
    campaign_id = start_mailing(channels, discreet=True)
    become(sessions, agency, campaign_id, "delivered", "sms", [*both, sms_alone[0]])
    become(sessions, agency, campaign_id, "failed", "sms", sms_alone[1:])
    become(sessions, agency, campaign_id, "sent", "email", [*both[1:], mail_alone[0]])
    become(sessions, agency, campaign_id, "unknown", "email", mail_alone[1:])
    over(sessions, agency, campaign_id)
    with sessions(agency.id)() as session:
        first = session.execute(
            select(Delivery.contact_id, Delivery.channel).where(
                Delivery.campaign_id == campaign_id, Delivery.state.in_(["delivered", "sent", "unknown"])
            )
        ).all()
        found = corrections.reach(session, agency.id, campaign_id)
        parent = store.get(session, agency.id, campaign_id)
    got = {row.contact_id for row in first}
    assert (found.people, found.total, found.left_out) == (len(got), len(got), {})
    assert found.languages == {(channel, "es"): n for channel, n in Counter(row.channel for row in first).items()}

    child, rows = look(sessions, agency, put_right(campaign_id))
    assert rows == sorted((row.contact_id, row.channel) for row in first)
    assert (child.channels, child.mail_sender_id, child.is_discreet) == (childs, mail_sender.id, True)
    assert (child.state, child.plan_done, child.planned, child.plan_left_out) == ("submitted", len(got), len(got), {})
    assert parent.channels == channels
    with sessions(agency.id)() as session:
        figures = session.execute(
            text("SELECT channel, sum(number) FROM figure WHERE campaign_id = :c GROUP BY 1"), {"c": child.id}
        )
        assert dict(figures.all()) == Counter(row.channel for row in first)


def test_who_falls_out_on_one_channel_is_told_on_the_other(
    sessions, vault, agency, everybody, start_mailing, put_right
):
    people = everybody()
    campaign_id = start_mailing(Channels.BOTH)
    become(sessions, agency, campaign_id, "delivered", "sms", people)
    become(sessions, agency, campaign_id, "sent", "email", people)
    over(sessions, agency, campaign_id)
    with sessions(agency.id).begin() as session:
        one = {number: session.get_one(Contact, number) for number in people}
        refuse(session, agency, one[people[0]])
        one[people[1]].email_index = vault.address_index("nueva@correo.example")
        refuse(session, agency, one[people[2]])
        refuse(session, agency, one[people[2]], channel="email", source="bounce")
        session.delete(one[people[3]])
        refuse(session, agency, one[people[5]], channel="email", source="link")
        refuse(session, agency, one[people[6]], channel="email", source="bounce")
    with sessions(agency.id)() as session:
        found = corrections.reach(session, agency.id, campaign_id)
    assert found.left_out == {"opted_out": 2, "gone": 1, "bounced": 1}
    assert (found.people, found.total) == (3, 7)
    assert found.languages == {("email", "es"): 1, ("sms", "es"): 2}
    child, rows = look(sessions, agency, put_right(campaign_id))
    assert rows == [(people[0], "email"), (people[1], "sms"), (people[4], "sms")]
    assert (child.plan_left_out, child.plan_done, child.planned) == (
        {"opted_out": 2, "changed": 1, "bounced": 1},
        7,
        3,
    )


def test_it_begins_with_signed_words_on_each_channel_and_needs_all_of_them(
    sessions, agency, ada, everybody, start_mailing
):
    people = everybody()
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    become(sessions, agency, campaign_id, "delivered", "sms", people)
    become(sessions, agency, campaign_id, "sent", "email", people[5:])
    with sessions(agency.id).begin() as session:
        parent = {key: said for key, said in store.words(session, campaign_id).items() if key[1] == "es"}
        child = corrections.amend(session, agency.id, campaign_id, Amends.CORRECT, name="Corrección", by=ada.id)
        begun = store.words(session, child.campaign.id)
        assert begun.keys() == parent.keys() == {("sms", "es"), ("email", "es")}
        assert [words.subject for words in begun.values()] == [words.subject for words in parent.values()]
        assert {words.body for words in begun.values()} == {
            "Corregimos el aviso que le enviamos el 23 nov. 2026. Lo correcto es:"
        }
        mail = begun["email", "es"]

    def lacking(words):
        with sessions(agency.id).begin() as session:
            store.replace_texts(session, agency.id, child.campaign.id, words)
            campaign = store.get(session, agency.id, child.campaign.id)
            return [problem.code for problem in drafts.lacks(session, agency.id, campaign, now=NOW)]

    done = {("sms", "es"): store.Words(None, "Es el 111.")}
    # Mails that wait for an SMS may still reach somebody while the first one runs.
    assert lacking({**done, ("email", "es"): mail}) == ["parent_still_sending", "correction_unfinished"]
    over(sessions, agency, campaign_id)
    assert lacking(done) == ["parent_language_missing"]
    assert lacking({**done, ("email", "es"): store.Words(mail.subject, "Es el 111.")}) == []


def test_one_that_only_ever_went_by_sms_needs_no_mail(sessions, agency, everybody, start_mailing, put_right, bruno):
    people = everybody()
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    become(sessions, agency, campaign_id, "delivered", "sms", people[:2])
    become(sessions, agency, campaign_id, "failed", "email", people)
    over(sessions, agency, campaign_id)
    child_id = put_right(campaign_id)
    child, rows = look(sessions, agency, child_id)
    assert rows == [(number, "sms") for number in people[:2]]
    assert (child.channels, child.planned) == ("both", 2)
    with sessions(agency.id).begin() as session:
        approval.approve(session, agency.id, child_id, by=bruno.id, now=NOW)
        assert approval.start(session, agency.id, child_id, by=bruno.id, now=NOW).state == "running"


def test_two_channels_take_a_few_times_what_one_takes(sessions, agency, start_mailing, put_right):
    """Nothing is looked up each with each, although the planner knows nothing yet of what was just queued."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20_000)
        session.execute(text("UPDATE contact SET email_sealed = phone_sealed, email_index = sha256(phone_index)"))

    def took(channels):
        began_at = time.monotonic()
        campaign_id = start_mailing(channels)
        with sessions(agency.id)() as session:
            people = list(session.scalars(select(Contact.id)))
        for channel in channels.each:
            become(sessions, agency, campaign_id, "sent", channel, people)
        over(sessions, agency, campaign_id)
        with sessions(agency.id)() as session:
            assert corrections.reach(session, agency.id, campaign_id).people == len(people)
        child = put_right(campaign_id, slice_size=planning.SLICE)
        assert look(sessions, agency, child)[0].planned == len(people)
        return time.monotonic() - began_at

    one = took(Channels.SMS)
    assert took(Channels.BOTH) < 10 * one
