"""Receipts applied while somebody else changes the same deliveries: a window that closes, a sweep, a stop."""

import threading
import time

import psycopg
import pytest
from sqlalchemy import text

from campaigns import receipts

NUMBER = 3_000


@pytest.fixture
def deliveries(sessions, settings, agency, sender):
    """The first of NUMBER deliveries of one campaign that were sent, a receipt waiting for each."""
    values = {"agency": agency.id, "sender": sender.id, "number": NUMBER}
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO delivery (campaign_id, agency_id, channel, address_index, language, occasion, state,"
                " attempt) SELECT (SELECT id FROM campaign WHERE kind = 'service'), :agency, 'sms', 'x', 'es', n,"
                " 'sent', 1 FROM generate_series(1, :number) n"
            ),
            values,
        )
        session.execute(
            text(
                "INSERT INTO receipt (agency_id, sender_id, provider_ref, campaign_id, delivery_id, attempt, state)"
                " SELECT :agency, :sender, 'SM' || id, campaign_id, id, 1, 'delivered' FROM delivery ORDER BY id"
            ),
            values,
        )
        first = session.scalar(text("SELECT min(id) FROM delivery"))
    with psycopg.connect(settings.owner_url.replace("+psycopg", "")) as owner:
        owner.execute("ANALYZE delivery, receipt")
    return first


def wait_until_somebody_waits_for_a_row(sessions) -> None:
    give_up = time.monotonic() + 20
    with sessions(None)() as session:
        while not session.scalar(
            text("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted")
        ):
            assert time.monotonic() < give_up
            session.rollback()
            time.sleep(0.02)


def test_a_delivery_that_changes_meanwhile_is_waited_for_and_the_database_lives(sessions, agency, deliveries):
    applied = []
    with sessions(agency.id).begin() as other:
        other.execute(text("UPDATE delivery SET changed_at = now() WHERE id = :id"), {"id": deliveries + 3})
        thread = threading.Thread(target=lambda: applied.append(receipts.apply(sessions, agency.id)))
        thread.start()
        wait_until_somebody_waits_for_a_row(sessions)
    thread.join(30)
    assert applied == [NUMBER]
    with sessions(agency.id)() as session:
        assert session.scalar(text("SELECT count(*) FROM delivery WHERE state = 'delivered'")) == NUMBER


def test_one_that_was_withdrawn_meanwhile_stays_where_it_is(sessions, agency, deliveries):
    applied = []
    with sessions(agency.id).begin() as other:
        other.execute(text("UPDATE delivery SET attempt = 2, state = 'queued' WHERE id = :id"), {"id": deliveries + 3})
        thread = threading.Thread(target=lambda: applied.append(receipts.apply(sessions, agency.id)))
        thread.start()
        wait_until_somebody_waits_for_a_row(sessions)
    thread.join(30)
    assert applied == [NUMBER]
    with sessions(agency.id)() as session:
        left = session.execute(text("SELECT id, state, attempt FROM delivery WHERE state <> 'delivered'")).all()
    assert left == [(deliveries + 3, "queued", 2)]


def test_receipts_of_many_campaigns_and_of_none_are_applied_together(sessions, agency, sender, deliveries):
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO receipt (agency_id, sender_id, provider_ref, campaign_id, delivery_id, attempt, state)"
                " SELECT :agency, :sender, 'SN' || n, nullif(n, 7), 1, 1, 'sent' FROM generate_series(1, 60) n"
            ),
            {"agency": agency.id, "sender": sender.id},
        )
    assert receipts.apply(sessions, agency.id) == NUMBER + 60
    with sessions(agency.id)() as session:
        waiting, strange = session.execute(
            text(
                "SELECT count(*) FILTER (WHERE applied_at IS NULL), count(*) FILTER (WHERE matched IS FALSE)"
                " FROM receipt"
            )
        ).one()
    assert (waiting, strange >= 59) == (0, True)
