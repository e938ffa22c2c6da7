"""Staff write drafts; whatever they change after submitting voids what was submitted."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from campaigns import approval, authoring, drafts, planning, segments
from campaigns.authoring import Draft
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules.segments import EVERYONE
from campaigns.store.audit import AuditRow
from campaigns.store.deliveries import Delivery
from tests.crowd import crowd
from tests.drafts import NOW, TEXTS, draft, running, submitted


def as_draft(campaign, **changes):
    values = {
        "name": campaign.name,
        "segment_id": campaign.segment_id,
        "sender_id": campaign.sender_id,
        "fallback_language": campaign.fallback_language,
        "expires_at": campaign.expires_at,
        "texts": TEXTS,
    }
    return Draft(**(values | changes))


def test_a_new_draft_has_the_agencys_first_sender(session, agency, ada, sender):
    campaign = authoring.create(session, agency.id, name="  Aviso  1 ", by=ada.id)
    assert (campaign.name, campaign.state, campaign.sender_id, campaign.fallback_language) == (
        "Aviso 1",
        "draft",
        sender.id,
        "es",
    )


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": " "}, "name", "name_length"),
        ({"name": "x" * 81}, "name", "name_length"),
        ({"segment_id": 999}, "segment", "segment_unknown"),
        ({"sender_id": 999}, "sender", "sender_unknown"),
        ({"expires_at": NOW}, "expires_at", "expiry_past"),
        ({"fallback_language": "zz"}, "fallback_language", "language_unknown"),
        ({"texts": {"zz": "Hola"}}, "texts", "language_unknown"),
        ({"texts": {"es": " \n"}}, "text_es", "text_empty"),
        ({"texts": {"es": "Hola {{nombre"}}, "text_es", "placeholder_unclosed"),
        ({"texts": {"es": "Hola", "qu": "Hola {{dni}}"}}, "text_qu", "placeholder_unknown"),
        ({"texts": {"es": "Hola\x00"}}, "text_es", "text_control_character"),
        ({"texts": {"es": "x" * 1600}}, "text_es", "text_too_long"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_changed(session, agency, ada, sender, changes, field, code):
    campaign = draft(session, agency, ada, sender)
    with pytest.raises(Invalid) as caught:
        authoring.change(session, agency.id, campaign.id, as_draft(campaign, **changes), by=ada.id, now=NOW)
    assert (caught.value.field, caught.value.code) == (field, code)
    assert {t.language: t.body for t in authoring.texts(session, agency.id, campaign.id)} == TEXTS


def test_every_language_a_message_can_be_written_in_works(session, agency, ada, sender):
    campaign = draft(session, agency, ada, sender)
    wanted = {"ay": "Jan qullqi churamti.", "cni": "Pameja.", "zh": "请勿付款"}
    authoring.change(session, agency.id, campaign.id, as_draft(campaign, texts=wanted), by=ada.id, now=NOW)
    assert {t.language: t.body for t in authoring.texts(session, agency.id, campaign.id)} == wanted


def test_any_change_voids_what_was_submitted(sessions, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)
    changes = [
        {"name": "Otro nombre"},
        {"texts": TEXTS | {"es": "Otro texto"}},
        {"texts": {"es": TEXTS["es"]}},
        {"fallback_language": "qu"},
        {"expires_at": NOW + timedelta(days=2)},
    ]
    for change in changes:
        campaign_id = submitted(sessions, agency, ada, sender)
        with sessions(agency.id).begin() as session:
            campaign = authoring.get(session, agency.id, campaign_id)
            assert campaign.state == "submitted"
            authoring.change(session, agency.id, campaign_id, as_draft(campaign, **change), by=ada.id, now=NOW)
        with sessions(agency.id)() as session:
            campaign = authoring.get(session, agency.id, campaign_id)
            assert (campaign.state, campaign.content_digest, campaign.audience_digest) == ("draft", None, None)
            assert (campaign.plan_total, campaign.plan_done, campaign.plan_after) == (None, 0, 0)
            left = session.scalar(select(text("count(*)")).where(Delivery.campaign_id == campaign_id))
            deeds = set(session.scalars(select(AuditRow.did).where(AuditRow.subject == f"campaign:{campaign_id}")))
        assert left == 0
        assert "campaign:voided" in deeds


def test_saving_without_a_change_voids_nothing(sessions, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
    campaign_id = submitted(sessions, agency, ada, sender)
    with sessions(agency.id).begin() as session:
        campaign = authoring.get(session, agency.id, campaign_id)
        same = authoring.change(session, agency.id, campaign_id, as_draft(campaign), by=ada.id, now=NOW)
        assert same.state == "submitted"


def test_nothing_changes_while_it_is_planned_or_runs(sessions, agency, ada, bruno, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
    campaign_id = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id)() as session:
        planned = draft(session, agency, ada, sender)
        authoring.submit(session, agency.id, planned.id, by=ada.id, now=NOW)
        for number in (campaign_id, planned.id):
            campaign = authoring.get(session, agency.id, number)
            with pytest.raises(Conflict, match="campaign_not_editable"):
                authoring.change(session, agency.id, number, as_draft(campaign, name="Otro"), by=ada.id, now=NOW)
            with pytest.raises(Conflict, match="campaign_not_draft"):
                authoring.delete(session, agency.id, number, by=ada.id)
        with pytest.raises(Conflict, match="campaign_not_editable"):
            authoring.take_back(session, agency.id, campaign_id, by=ada.id)


def test_what_is_missing_is_told_all_at_once(session, agency, ada):
    campaign = authoring.create(session, agency.id, name="Aviso", by=ada.id)
    found = drafts.lacks(session, agency.id, campaign, now=NOW)
    assert [problem.field for problem in found] == ["segment", "sender", "texts"]
    with pytest.raises(Invalid, match="campaign_needs_segment"):
        authoring.submit(session, agency.id, campaign.id, by=ada.id, now=NOW)


def test_a_second_submit_is_refused_and_harms_nothing(sessions, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
    campaign_id = submitted(sessions, agency, ada, sender)
    with sessions(agency.id)() as session, pytest.raises(Conflict, match="campaign_submitted"):
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
    with sessions(agency.id)() as session:
        assert authoring.get(session, agency.id, campaign_id).state == "submitted"


def test_it_can_be_submitted_again_after_it_went_back(sessions, agency, ada, bruno, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
    campaign_id = submitted(sessions, agency, ada, sender)
    with sessions(agency.id).begin() as session:
        approval.return_(session, agency.id, campaign_id, reason="Falta el 105", by=bruno.id)
        authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
    assert planning.plan(sessions, agency.id, campaign_id, now=NOW)
    with sessions(agency.id)() as session:
        campaign = authoring.get(session, agency.id, campaign_id)
        assert (campaign.state, campaign.plan_done, campaign.return_reason) == ("submitted", 5, None)


def test_a_copy_is_a_draft_of_its_own(sessions, agency, ada, bruno, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 5)
    campaign_id = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        copy = authoring.duplicate(session, agency.id, campaign_id, name="Copia de " + "x" * 90, by=ada.id)
        assert (copy.state, len(copy.name)) == ("draft", 80)
        assert {t.language: t.body for t in authoring.texts(session, agency.id, copy.id)} == TEXTS
        authoring.delete(session, agency.id, copy.id, by=ada.id)
        with pytest.raises(NotFound):
            authoring.get(session, agency.id, copy.id)


def test_lists_are_by_state_and_newest_first(session, agency, ada, sender):
    made = [authoring.create(session, agency.id, name=f"Aviso {i}", by=ada.id).id for i in range(5)]
    session.execute(text("UPDATE campaign SET state = 'finished' WHERE id = :id"), {"id": made[0]})
    page = authoring.listed(session, agency.id, ["draft"], limit=2)
    assert [c.id for c in page] == [made[4], made[3]]
    assert [c.id for c in authoring.listed(session, agency.id, ["draft"], before=made[3])] == [made[2], made[1]]
    assert authoring.in_states(session, agency.id) == {"draft": 4, "finished": 1}


def test_a_stranger_finds_nothing(sessions, session, agency, ada, sender, other_agency, carla):
    campaign = draft(session, agency, ada, sender)
    session.commit()
    with sessions(other_agency.id)() as theirs:
        calls = [
            lambda: authoring.get(theirs, other_agency.id, campaign.id),
            lambda: authoring.texts(theirs, other_agency.id, campaign.id),
            lambda: authoring.change(theirs, other_agency.id, campaign.id, as_draft(campaign), by=carla.id, now=NOW),
            lambda: authoring.duplicate(theirs, other_agency.id, campaign.id, name="x", by=carla.id),
            lambda: authoring.delete(theirs, other_agency.id, campaign.id, by=carla.id),
            lambda: authoring.submit(theirs, other_agency.id, campaign.id, by=carla.id, now=NOW),
            lambda: authoring.take_back(theirs, other_agency.id, campaign.id, by=carla.id),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                call()


def test_a_draft_cannot_take_a_strangers_segment_or_sender(sessions, session, vault, agency, ada, other_agency, carla):
    with sessions(other_agency.id).begin() as theirs:
        segment = segments.save(theirs, other_agency.id, name="Suyo", rule=EVERYONE, by=carla.id)
    campaign = authoring.create(session, agency.id, name="Aviso", by=ada.id)
    with pytest.raises(Invalid, match="segment_unknown"):
        authoring.change(session, agency.id, campaign.id, as_draft(campaign, segment_id=segment.id), by=ada.id, now=NOW)
