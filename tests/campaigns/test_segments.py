"""Segments pick exactly the contacts their rule says, for their own agency only."""

import threading
import time

import pytest
from sqlalchemy import select, text

from campaigns import authoring, consent, segments
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules.channels import Channel
from campaigns.rules.segments import (
    EVERYONE,
    AllOf,
    AnyOf,
    HasEmail,
    HasSms,
    InPlace,
    InSector,
    InSegment,
    NoneOf,
    Reads,
    Tagged,
    parse,
)
from campaigns.segments import Uses
from campaigns.store import segments as store
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from campaigns.store.segment_sql import picks
from tests.crowd import person, refuse
from tests.drafts import NOW, draft


@pytest.fixture
def people(session, vault, agency):
    """A bus in Comas, a taxi in Los Olivos, a shop in Callao, somebody nowhere; each found by different rules."""
    return {
        "bus": person(session, vault, agency, "+51987000001", place="150110", sectors=("4921",), tags=("ruta 5",)),
        "taxi": person(session, vault, agency, "+51987000002", place="150117", sectors=("4922",), language="qu"),
        "shop": person(session, vault, agency, "+51987000003", place="070101", sectors=("4711", "4921")),
        "nowhere": person(
            session, vault, agency, None, email="rosa@correo.example", place=None, sectors=(), language="quy"
        ),
    }


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (EVERYONE, "bus taxi shop nowhere"),
        (InSector("492"), "bus taxi shop"),
        (InSector("4922"), "taxi"),
        (InPlace("15"), "bus taxi"),
        (InPlace("150110"), "bus"),
        (Reads("qu"), "taxi"),
        (Tagged("ruta 5"), "bus"),
        (HasSms(), "bus taxi shop"),
        (HasEmail(), "nowhere"),
        (NoneOf((HasEmail(), InPlace("15"))), "shop"),
        (AnyOf((InPlace("0701"), Reads("quy"))), "shop nowhere"),
        (AllOf((InSector("49"), AnyOf((InPlace("150117"), InPlace("07"))))), "taxi shop"),
        (NoneOf((InPlace("15"),)), "shop nowhere"),
        (NoneOf((InSector("49"), Tagged("ruta 5"))), "nowhere"),
        (NoneOf((NoneOf((InPlace("15"),)),)), "bus taxi"),
        (AllOf((NoneOf((HasSms(),)), Reads("quy"))), "nowhere"),
    ],
)
def test_a_rule_picks_these(session, agency, people, rule, found):
    ids = set(session.scalars(select(Contact.id).where(picks(rule, agency.id))))
    assert {name for name, contact in people.items() if contact.id in ids} == set(found.split())
    assert segments.count(session, agency.id, rule).total == len(found.split())


def test_the_count_says_who_falls_out_and_why(session, vault, agency, people):
    refuse(session, agency, people["bus"])
    person(session, vault, agency, "+5112345678", kind="landline")
    person(session, vault, agency, "+51987000009", ground=None)
    counted = segments.count(session, agency.id, EVERYONE)
    assert (counted.total, counted.reachable_sms, counted.reachable_email, counted.reachable_either) == (6, 2, 1, 3)
    assert counted.left_out(Channel.SMS) == {"opted_out": 1, "no_ground": 1, "no_mobile": 2}
    assert counted.left_out(Channel.EMAIL) == {"no_email": 5}
    assert counted.languages(Channel.SMS) == {"qu": 1, "es": 1}


def test_an_undone_stop_counts_as_reachable(session, agency, people):
    refuse(session, agency, people["bus"])
    consent.start(session, agency.id, "sms", [people["bus"].phone_index], rule="ALTA")
    assert segments.count(session, agency.id, InPlace("150110")).reachable_sms == 1


def test_nobody_counts_another_agencys_people(sessions, session, people, other_agency):
    session.commit()
    with sessions(other_agency.id)() as theirs:
        assert segments.count(theirs, other_agency.id, EVERYONE).total == 0
        # Even with the wrong agency's number in hand, row-level security shows nothing.
        assert segments.count(theirs, people["bus"].agency_id, EVERYONE).total == 0


def test_save_change_list_delete(session, agency, ada):
    made = segments.save(session, agency.id, name="  Buses de  Comas ", rule=InPlace("150110"), by=ada.id)
    assert made.name == "Buses de Comas"
    assert segments.rule_of(made) == InPlace("150110")
    segments.save(session, agency.id, name="Buses", rule=InSector("4921"), by=ada.id, segment_id=made.id)
    assert [s.name for s in segments.listed(session, agency.id)] == ["Buses"]
    segments.delete(session, agency.id, made.id, by=ada.id)
    assert not segments.listed(session, agency.id)


def test_two_segments_cannot_share_a_name(session, agency, ada):
    segments.save(session, agency.id, name="Buses", rule=EVERYONE, by=ada.id)
    with pytest.raises(Invalid, match="segment_name_taken"):
        segments.save(session, agency.id, name="Buses ", rule=EVERYONE, by=ada.id)


def test_a_rule_made_in_code_keeps_the_limits(session, agency, ada):
    with pytest.raises(Invalid, match="rule_place"):
        segments.save(session, agency.id, name="Todos", rule=InPlace("x"), by=ada.id)


def test_a_segment_in_use_is_not_deleted(session, agency, ada):
    made = segments.save(session, agency.id, name="Buses", rule=EVERYONE, by=ada.id)
    session.add(Campaign(agency_id=agency.id, name="Aviso", segment_id=made.id))
    session.flush()
    with pytest.raises(Conflict) as caught:
        segments.delete(session, agency.id, made.id, by=ada.id)
    assert caught.value.values == {"count": 1}
    assert segments.uses(session, agency.id) == {made.id: Uses(campaigns=1)}


@pytest.fixture
def chain(session, agency, ada):
    """Norte is made of Centro, and Centro of Sur."""
    sur = segments.save(session, agency.id, name="Sur", rule=InPlace("1501"), by=ada.id)
    centro = segments.save(session, agency.id, name="Centro", rule=AllOf((InSegment(sur.id), HasSms())), by=ada.id)
    norte = segments.save(session, agency.id, name="Norte", rule=NoneOf((InSegment(centro.id),)), by=ada.id)
    return norte, centro, sur


def test_a_circle_is_refused_with_the_names_of_the_segments_in_it(session, agency, ada, chain):
    norte, _centro, sur = chain
    for rule in (InSegment(norte.id), AllOf((HasSms(), NoneOf((InSegment(norte.id),))))):
        with pytest.raises(Invalid) as caught:
            segments.save(session, agency.id, name="Sur 2", rule=rule, by=ada.id, segment_id=sur.id)
        assert caught.value.code == "rule_circle"
        assert caught.value.values == {"way": "Sur 2 → Norte → Centro → Sur 2", "segment": norte.id}
    with pytest.raises(Invalid, match="rule_circle"):
        segments.save(session, agency.id, name="Sur", rule=InSegment(sur.id), by=ada.id, segment_id=sur.id)
    assert segments.rule_of(sur) == InPlace("1501")


def test_a_segment_that_is_gone_or_a_strangers_cannot_be_named(sessions, session, agency, ada, other_agency, carla):
    with sessions(other_agency.id).begin() as theirs:
        foreign = segments.save(theirs, other_agency.id, name="Ajeno", rule=EVERYONE, by=carla.id).id
    for number in (foreign, 999):
        with pytest.raises(Invalid, match="rule_segment_unknown"):
            segments.save(session, agency.id, name="Norte", rule=InSegment(number), by=ada.id)


def test_a_segment_that_others_are_made_of_is_not_deleted(session, agency, ada, chain):
    norte, centro, sur = chain
    with pytest.raises(Conflict) as caught:
        segments.delete(session, agency.id, sur.id, by=ada.id)
    assert (caught.value.code, caught.value.values) == ("segment_inside", {"names": "Centro", "count": 1})
    assert segments.uses(session, agency.id) == {sur.id: Uses(segments=1), centro.id: Uses(segments=1)}
    for one in (norte, centro, sur):
        segments.delete(session, agency.id, one.id, by=ada.id)


def test_a_change_that_makes_an_outer_segment_too_large_is_refused_with_its_name(session, agency, ada, chain):
    many = AnyOf(tuple(Tagged(f"ruta {number}") for number in range(500)))
    with pytest.raises(Invalid) as caught:
        segments.save(session, agency.id, name="Sur", rule=many, by=ada.id, segment_id=chain[2].id)
    assert (caught.value.code, caught.value.values) == ("rule_outgrown", {"name": "Centro"})


def test_a_copy_has_the_rule_and_a_name_of_its_own(session, agency, ada, chain):
    names = [segments.duplicate(session, agency.id, chain[0].id, name="Norte", by=ada.id).name for _ in range(2)]
    assert names == ["Norte 2", "Norte 3"]
    copies = [one for one in segments.listed(session, agency.id) if one.name in names]
    assert [segments.rule_of(one) for one in copies] == [segments.rule_of(chain[0])] * 2


def test_a_strangers_segment_is_not_found(sessions, session, agency, ada, other_agency, carla):
    made = segments.save(session, agency.id, name="Buses", rule=EVERYONE, by=ada.id)
    session.commit()
    with sessions(other_agency.id)() as theirs:
        for call in (
            lambda: segments.get(theirs, other_agency.id, made.id),
            lambda: segments.delete(theirs, other_agency.id, made.id, by=carla.id),
            lambda: segments.save(theirs, other_agency.id, name="x", rule=EVERYONE, by=carla.id, segment_id=made.id),
        ):
            with pytest.raises(NotFound):
                call()


def test_two_people_who_choose_one_name_at_once_are_both_answered(sessions, agency, ada, monkeypatch):
    """The look for a taken name cannot see what another tab has not committed yet; the database still refuses."""
    with sessions(agency.id).begin() as one:
        segments.save(one, agency.id, name="Buses", rule=EVERYONE, by=ada.id)
    monkeypatch.setattr(store, "named", lambda *_: None)
    with sessions(agency.id)() as two, pytest.raises(Invalid, match="segment_name_taken"):
        segments.save(two, agency.id, name="Buses", rule=EVERYONE, by=ada.id)
    monkeypatch.undo()
    with sessions(agency.id).begin() as two:
        taken = segments.save(two, agency.id, name="Taxis", rule=EVERYONE, by=ada.id)
        two.add(Campaign(agency_id=agency.id, name="Aviso", segment_id=taken.id))
    monkeypatch.setattr(store, "campaigns_of", lambda *_: {})
    with sessions(agency.id)() as two, pytest.raises(Conflict, match="segment_used"):
        segments.delete(two, agency.id, taken.id, by=ada.id)


def test_two_people_do_not_close_a_circle_together(sessions, agency, ada):
    """Each puts the other's segment into their own at the same moment: the second waits, and is told."""
    with sessions(agency.id).begin() as session:
        one, two = (segments.save(session, agency.id, name=name, rule=EVERYONE, by=ada.id).id for name in ("A", "B"))
    told = []

    def come_second():
        with sessions(agency.id)() as later, pytest.raises(Invalid) as refused:
            segments.save(later, agency.id, name="B", rule=InSegment(one), by=ada.id, segment_id=two)
        told.append(refused.value.values["way"])

    with sessions(agency.id)() as first:
        segments.save(first, agency.id, name="A", rule=InSegment(two), by=ada.id, segment_id=one)
        thread = threading.Thread(target=come_second)
        thread.start()
        with sessions(None)() as watching:
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = :name")
            name = watching.scalar(text("SELECT current_database()"))
            for _ in range(200):
                if watching.scalar(waits, {"name": name}):
                    break
                watching.rollback()
                time.sleep(0.02)
        first.commit()
    thread.join(10)
    assert told == ["B → A → B"]


def test_a_submitted_campaign_keeps_what_its_inner_segments_said(session, agency, ada, sender, people):
    inner = segments.save(session, agency.id, name="Comas", rule=InPlace("150110"), by=ada.id)
    made = draft(session, agency, ada, sender, rule=AllOf((HasSms(), InSegment(inner.id))))
    submitted = authoring.submit(session, agency.id, made.id, by=ada.id, now=NOW)
    segments.save(session, agency.id, name="Comas", rule=InPlace("07"), by=ada.id, segment_id=inner.id)
    assert parse(submitted.rule) == AllOf((HasSms(), InPlace("150110")))
    picked = set(session.scalars(select(Contact.id).where(picks(parse(submitted.rule), agency.id))))
    assert picked == {people["bus"].id}
