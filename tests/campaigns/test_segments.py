"""Segments pick exactly the contacts their rule says, for their own agency only."""

import pytest
from sqlalchemy import select

from campaigns import consent, segments
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules.channels import Channel
from campaigns.rules.segments import EVERYONE, AllOf, AnyOf, HasEmail, HasSms, InPlace, InSector, NoneOf, Reads, Tagged
from campaigns.store import segments as store
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from campaigns.store.segment_sql import picks
from tests.crowd import person, refuse


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
    assert segments.uses(session, agency.id) == {made.id: 1}


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
