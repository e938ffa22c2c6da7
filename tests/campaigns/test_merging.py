"""Two contacts become one: history, marks and former addresses together, refusals as of one person."""

import pytest
from sqlalchemy import text

from campaigns import consent, merging
from campaigns.consent import Source
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules.channels import Channel
from campaigns.store import contacts as store
from tests import drafts
from tests.crowd import person

ONE, OTHER, THIRD = "+51987000001", "+51987000002", "+51987000003"


@pytest.fixture
def rosa(session, vault, agency):
    return person(session, vault, agency, ONE, email="rosa@correo.example", tags=("cono norte",))


@pytest.fixture
def twin(session, vault, agency):
    return person(
        session, vault, agency, OTHER, email="r.quispe@correo.example", sectors=("4922",), tags=("nuevo",), name="R. Q."
    )


@pytest.fixture
def merge(session, vault, agency, dora):
    def verb(kept, other, *take):
        merging.merge(session, vault, agency.id, (kept.id, other.id), take=take, by=dora.id)
        session.flush()
        session.expire_all()
        return store.get(session, agency.id, kept.id)

    return verb


def aliases(session):
    return dict(session.execute(text("SELECT address_index, contact_id FROM contact_alias")).all())


def test_what_is_not_taken_stays_and_leads_files_to_the_one(session, vault, agency, rosa, twin, merge):
    given_up = {twin.phone_index, rosa.email_index}
    kept = merge(rosa, twin, "email", "name")
    assert vault.open(kept.phone_sealed, agency.id) == ONE
    assert vault.open(kept.email_sealed, agency.id) == "r.quispe@correo.example"
    assert vault.open(kept.name_sealed, agency.id) == "R. Q."
    assert store.get(session, agency.id, twin.id) is None
    assert aliases(session) == dict.fromkeys(given_up, kept.id)
    assert store.sectors(session, agency.id, [kept.id]) == {kept.id: ["4921", "4922"]}
    assert store.tags(session, agency.id, [kept.id]) == {kept.id: ["cono norte", "nuevo"]}


def test_what_only_one_has_is_kept_without_asking(session, vault, agency, merge):
    kept, other = person(session, vault, agency, ONE), person(session, vault, agency, None, email="ana@correo.example")
    other.role = "driver"
    one = merge(kept, other)
    assert vault.open(one.email_sealed, agency.id) == "ana@correo.example"
    assert (one.phone_kind, one.role) == ("mobile", "driver")
    assert aliases(session) == {}


def test_the_number_of_the_other_may_be_taken(session, vault, agency, rosa, twin, merge):
    former = rosa.phone_index
    kept = merge(rosa, twin, "phone")
    assert kept.phone_index == vault.address_index(OTHER)
    assert aliases(session)[former] == kept.id
    # A third one who is merged in brings what they were merged from along.
    third = person(session, vault, agency, THIRD)
    last = merge(third, kept)
    assert set(aliases(session).values()) == {last.id}
    assert vault.address_index(OTHER) in aliases(session)


@pytest.mark.parametrize("refuser", ["rosa", "twin"])
@pytest.mark.parametrize("take", [(), ("phone",)])
def test_whoever_of_the_two_refused_the_one_person_did(request, session, agency, rosa, twin, merge, refuser, take):
    indexes = [rosa.phone_index, twin.phone_index]
    refusing = request.getfixturevalue(refuser)
    consent.stop(session, agency.id, "sms", [refusing.phone_index], source=Source.WORD, rule="ALTO")
    merge(rosa, twin, *take)
    for index in indexes:
        assert consent.is_stopped(session, agency.id, "sms", [index])
        assert not consent.is_stopped(session, agency.id, "email", [index])
    told = session.execute(text("SELECT DISTINCT source, rule FROM opt_out")).all()
    assert [tuple(row) for row in told] == [("word", "ALTO")]


def test_a_start_does_not_undo_what_the_other_told_staff(session, agency, rosa, twin, merge):
    kept_index = rosa.phone_index
    consent.stop(session, agency.id, "sms", [rosa.phone_index], source=Source.WORD, rule="ALTO")
    consent.stop(session, agency.id, "sms", [twin.phone_index], source=Source.STAFF, rule="by telephone")
    merge(rosa, twin)
    assert not consent.start(session, agency.id, "sms", [kept_index], rule="ALTA")
    assert consent.is_stopped(session, agency.id, "sms", [kept_index])


def test_that_mails_came_back_is_nobodys_refusal(session, agency, rosa, twin, merge):
    kept_index = rosa.email_index
    consent.stop(session, agency.id, "email", [twin.email_index], source=Source.BOUNCE, rule="5.1.1")
    merge(rosa, twin)
    assert not consent.is_stopped(session, agency.id, "email", [kept_index])


@pytest.mark.parametrize("without", ["kept", "other"])
def test_without_a_ground_on_one_side_there_is_none(session, vault, agency, merge, without):
    grounds = {"kept": "consent", "other": "consent"} | {without: None}
    kept = person(session, vault, agency, ONE, ground=grounds["kept"])
    other = person(session, vault, agency, OTHER, ground=grounds["other"])
    outlook = merging.outlook(session, vault, agency.id, kept.id, other.id)
    assert outlook.loses_ground
    one = merge(kept, other, "ground")
    assert (one.legal_ground, one.ground_on, one.ground_source, one.ground_text) == (None, None, None, None)


def test_a_mailbox_that_a_third_one_has_leads_nowhere_else(session, vault, agency, rosa, merge):
    shared = person(session, vault, agency, OTHER, email="oficina@correo.example")
    third = person(session, vault, agency, THIRD, email="oficina@correo.example")
    merge(rosa, shared)
    assert third.email_index not in aliases(session)


def test_the_outlook_says_what_differs_and_what_is_refused(session, vault, agency, rosa, twin):
    consent.stop(session, agency.id, "email", [twin.email_index], source=Source.LINK, rule="one_click")
    outlook = merging.outlook(session, vault, agency.id, rosa.id, twin.id)
    assert outlook.differs == {"name", "phone", "email"}
    assert outlook.refused == {Channel.EMAIL}
    assert not outlook.loses_ground


def test_what_both_were_sent_stands_on_one_page_and_the_approval_holds(
    sessions, vault, agency, ada, bruno, dora, sender
):
    with sessions(agency.id).begin() as session:
        ids = tuple(person(session, vault, agency, phone).id for phone in (ONE, OTHER))
    submitted = drafts.submitted(sessions, agency, ada, sender)
    with sessions(agency.id).begin() as session:
        merging.merge(session, vault, agency.id, ids, take=(), by=dora.id)
    with sessions(agency.id).begin() as session:
        whose = session.scalars(
            text("SELECT DISTINCT contact_id FROM delivery WHERE campaign_id = :c"), {"c": submitted}
        )
        assert whose.all() == [ids[0]]
        told = session.scalar(text("SELECT detail FROM audit WHERE did = 'contact:merged'"))
        assert told == {"other": ids[1], "fields": [], "messages": 1}
        digests = text("SELECT audience_digest = campaign_audience_digest(id) FROM campaign WHERE id = :c")
        assert session.scalar(digests, {"c": submitted}) is True


def test_nobody_is_merged_with_themselves_a_stranger_or_nobody(
    session, sessions, vault, agency, other_agency, rosa, dora
):
    with sessions(other_agency.id).begin() as theirs:
        stranger = person(theirs, vault, other_agency, OTHER).id
    with pytest.raises(Conflict, match="merge_same"):
        merging.outlook(session, vault, agency.id, rosa.id, rosa.id)
    for unknown in (stranger, 4711):
        with pytest.raises(NotFound):
            merging.merge(session, vault, agency.id, (rosa.id, unknown), take=(), by=dora.id)
    with pytest.raises(Invalid, match="choice_unknown"):
        merging.merge(session, vault, agency.id, (rosa.id, stranger), take=("import_id",), by=dora.id)
