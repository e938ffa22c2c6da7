"""Figures add up to what a full count of the deliveries says."""

import pytest
from sqlalchemy import func, select, text

from campaigns import receipts, reports
from campaigns.errors import NotFound
from campaigns.reports import Funnel
from campaigns.store import figures as store
from campaigns.store.deliveries import Delivery
from tests.crowd import crowd, person, refuse
from tests.drafts import running


def full_count(session, campaign_id):
    rows = session.execute(
        select(Delivery.channel, Delivery.language, Delivery.state, Delivery.reason, func.count())
        .where(Delivery.campaign_id == campaign_id)
        .group_by(Delivery.channel, Delivery.language, Delivery.state, Delivery.reason)
    )
    return {tuple(row[:4]): row[4] for row in rows}


def summed(session, agency, campaign_id):
    return {tuple(row[:4]): row.number for row in store.sums(session, agency.id, campaign_id)}


@pytest.fixture
def sent(sessions, agency, ada, bruno, sender) -> int:
    """A running campaign of fifty, of whose deliveries some were handed over, as windows would have done."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 50)
    campaign_id = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "WITH moved AS (UPDATE delivery SET state = 'sent', attempt = 1 WHERE id % 2 = 0"
                " RETURNING agency_id, campaign_id, channel, language)"
                " INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)"
                " SELECT m.*, c.state, c.number FROM moved m, (VALUES ('queued', -1), ('sent', 1)) AS c (state, number)"
            )
        )
    return campaign_id


def test_planned_figures_equal_a_full_count(sessions, agency, ada, bruno, sender):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 50)
    campaign_id = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id)() as session:
        assert summed(session, agency, campaign_id) == full_count(session, campaign_id)
        found = reports.figures(session, agency.id, campaign_id)
    assert found.all == Funnel(planned=50, waiting=50)
    assert {language: funnel.planned for language, funnel in found.languages.items()} == {"es": 30, "qu": 20}


def test_figures_follow_receipts_and_equal_a_full_count(sessions, agency, sender, sent):
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO receipt"
                " (agency_id, sender_id, provider_ref, campaign_id, delivery_id, attempt, state, reason)"
                " SELECT agency_id, :sender, 'SM' || id, campaign_id, id, 1,"
                " CASE WHEN id % 4 = 0 THEN 'delivered' ELSE 'failed' END,"
                " CASE WHEN id % 4 = 0 THEN NULL ELSE 'unreachable' END FROM delivery WHERE state = 'sent' AND id <= 40"
            ),
            {"sender": sender.id},
        )
    receipts.apply(sessions, agency.id)
    with sessions(agency.id)() as session:
        assert summed(session, agency, sent) == full_count(session, sent)
        found = reports.figures(session, agency.id, sent)
        states = dict(
            session.execute(
                select(Delivery.state, func.count()).where(Delivery.campaign_id == sent).group_by(Delivery.state)
            ).all()
        )
    assert found.all.planned == 50
    assert found.all.waiting == states["queued"] == 25
    assert found.all.handed == 25
    assert found.all.delivered == states["delivered"]
    assert found.failed == {"unreachable": states["failed"]}
    assert sum(funnel.handed for funnel in found.languages.values()) == 25


def test_opted_out_people_are_counted_apart(sessions, agency, sent):
    with sessions(agency.id).begin() as session:
        store.add_opt_out(session, agency.id, sent, "sms", "qu")
    with sessions(agency.id)() as session:
        found = reports.figures(session, agency.id, sent)
    assert (found.opted_out, found.all.planned) == (1, 50)


def test_who_is_not_written_to_is_shown_with_the_reason(sessions, vault, agency, ada, bruno, sender):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, "+51987000001")
        refuse(session, agency, person(session, vault, agency, "+51987000002"))
    campaign_id = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        # One more refused after planning, and the gate found out.
        session.execute(
            text(
                "WITH moved AS (UPDATE delivery SET state = 'skipped', reason = 'opted_out'"
                " RETURNING agency_id, campaign_id, channel, language)"
                " INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number)"
                " SELECT m.*, c.* FROM moved m,"
                " (VALUES ('queued', NULL, -1), ('skipped', 'opted_out', 1)) AS c (state, reason, number)"
            )
        )
    with sessions(agency.id)() as session:
        found = reports.figures(session, agency.id, campaign_id)
        assert summed(session, agency, campaign_id) == full_count(session, campaign_id)
    assert found.not_written_to == {"opted_out": 2}
    assert (found.picked, found.all.planned, found.all.skipped) == (2, 1, 1)
    assert found.all.is_settled


def test_a_stranger_sees_no_figures(sessions, other_agency, sent):
    with sessions(other_agency.id)() as theirs, pytest.raises(NotFound):
        reports.figures(theirs, other_agency.id, sent)


def test_a_table_of_figures_adds_up(sessions, agency, sent):
    with sessions(agency.id).begin() as session:
        store.add_opt_out(session, agency.id, sent, "sms", "qu")
        session.execute(
            text(
                "INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts) VALUES"
                " (:a, :c, 'sms', 'es', 'queued', NULL, -2, 0), (:a, :c, 'sms', 'es', 'queued', 'unreachable', 2, 3),"
                " (:a, :c, 'sms', 'qu', 'again', NULL, 4, 0)"
            ),
            {"a": agency.id, "c": sent},
        )
    with sessions(agency.id)() as session:
        table = reports.rows(session, agency.id, sent)
        found = reports.figures(session, agency.id, sent)
    whole = {row.language: row for row in table if row.state == reports.PLANNED}
    assert [table[0], next(row for row in table if row.language == "qu")] == list(whole.values())
    for language, total in whole.items():
        own = [r for r in table if r.language == language and r.state not in ("planned", "again", "opted_out")]
        assert (sum(r.number for r in own), sum(r.parts for r in own)) == (total.number, total.parts)
        assert total.number == found.languages[language].planned
    assert (found.parts, found.again, found.opted_out, found.waiting_again) == (3, 4, 1, {"unreachable": 2})
    assert (found.all.planned, found.all.waiting) == (50, 25)


def test_a_stranger_gets_no_table(sessions, other_agency, sent):
    with sessions(other_agency.id)() as theirs, pytest.raises(NotFound):
        reports.rows(theirs, other_agency.id, sent)
