"""What is older than an agency keeps it goes, in slices; what is open stays, and so do refusals and figures."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text

from campaigns import imports, inbox, retention, wakeup
from campaigns.errors import Conflict, Invalid
from campaigns.providers.contract import Received
from campaigns.retention import Limits
from campaigns.store import due
from campaigns.store.contacts import Contact
from tests import drafts
from tests.cast import SIMULATOR_NUMBER
from tests.crowd import crowd, person, refuse

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
KEEP = Limits(messages=30, inbound=30, groundless=60, imports=30)
OLD, YOUNG = NOW - timedelta(days=100), NOW - timedelta(days=5)


@pytest.fixture
def owner(settings, database):
    """Runs a statement as the owner: only so can a row be made older."""
    with psycopg.connect(settings.owner_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection.execute


@pytest.fixture
def run(sessions, agency, dora):
    with sessions(agency.id).begin() as session:
        retention.change(session, agency.id, KEEP, by=dora.id, now=NOW)
    return lambda **more: retention.run(sessions, agency.id, now=NOW, **more)


@pytest.fixture
def rows(sessions, agency):
    def verb(statement, **values):
        with sessions(agency.id)() as session:
            return [tuple(row) for row in session.execute(text(statement), values)]

    return verb


def test_texts_without_a_campaign_go_when_their_message_is_long_over(agency, owner, run, rows):
    over = [("delivered", OLD), ("failed", OLD), ("skipped", OLD)]
    stay = [("queued", OLD), ("sending", OLD), ("unknown", OLD), ("delivered", YOUNG)]
    campaign = owner("SELECT id FROM campaign WHERE agency_id = %s AND kind = 'service'", [agency.id]).fetchone()[0]
    for number, (state, when) in enumerate(over + stay):
        values = [campaign, agency.id, number + 1, state, when if state in {"sending", "unknown"} else None, when]
        owner(
            "WITH d AS (INSERT INTO delivery (campaign_id, agency_id, channel, address_index, language, occasion,"
            " state, leased_until, changed_at) VALUES (%s, %s, 'sms', 'i', 'es', %s, %s, %s, %s) RETURNING *)"
            " INSERT INTO message (campaign_id, delivery_id, agency_id, address_sealed, body_sealed)"
            " SELECT campaign_id, id, agency_id, 'a', 'b' FROM d",
            values,
        )
    assert run()["messages"] == len(over)
    left = rows("SELECT d.state FROM delivery d JOIN message m ON m.delivery_id = d.id ORDER BY d.id")
    assert left == [(state,) for state, _ in stay]
    assert rows("SELECT count(*) FROM delivery") == [(len(over + stay),)]


def test_words_of_people_go_unless_nobody_has_read_them(sessions, vault, agency, sender, bruno, owner, run, rows):
    for number, words in enumerate(["ALTO", "Mi ruta cambió de paradero", "Ya no manejo esa combi"]):
        with sessions(agency.id).begin() as session:
            text_ = Received(f"SM{number}", "+51987000001", SIMULATOR_NUMBER, words, None)
            inbox.receive(session, vault, sender, text_)
    owner("UPDATE inbound SET kind = CASE WHEN id = 1 THEN 'stop' ELSE 'other' END, closed_at = NULL")
    owner("UPDATE inbound SET received_at = %s, closed_at = CASE WHEN id = 3 THEN %s::timestamptz END", [OLD, OLD])
    assert run()["inbound"] == 2
    assert rows("SELECT id, kind, body_sealed IS NULL, address_sealed IS NULL FROM inbound ORDER BY id") == [
        (1, "stop", True, True),
        (2, "other", False, False),
        (3, "other", True, True),
    ]
    with sessions(agency.id)() as session:
        assert [one.id for one in inbox.waiting(session, vault, agency.id)] == [2]


def test_who_has_no_ground_goes_unless_something_is_open(sessions, vault, agency, ada, bruno, sender, owner, run, rows):
    with sessions(agency.id).begin() as session:
        gone = person(session, vault, agency, "+51987000001", ground=None).id
        refuse(session, agency, session.get(Contact, gone))
        waiting, allowed = (person(session, vault, agency, f"+5198700000{n}").id for n in (2, 3))
        recent, asking = (person(session, vault, agency, f"+5198700000{n}", ground=None).id for n in (4, 5))
        inbox.receive(
            session,
            vault,
            sender,
            Received("SM1", "+51987000005", SIMULATOR_NUMBER, "Mi ruta cambió de paradero", None),
        )
    drafts.running(sessions, agency, ada, bruno, sender)
    owner("UPDATE contact SET changed_at = %s", [OLD])
    owner("UPDATE contact SET changed_at = %s WHERE id = %s", [YOUNG, recent])
    owner("UPDATE contact SET legal_ground = NULL WHERE id = %s", [waiting])
    assert run()["groundless"] == 1
    assert rows("SELECT id FROM contact ORDER BY id") == [(waiting,), (allowed,), (recent,), (asking,)]
    assert rows("SELECT stopped FROM opt_out") == [(True,)]
    assert rows("SELECT 1 FROM contact_sector WHERE contact_id = :c", c=gone) == []


def test_imports_keep_their_figures_and_cannot_be_undone_any_more(sessions, vault, agency, owner, dora, run, rows):
    made = [("done", OLD), ("checked", OLD), ("done", YOUNG), ("running", OLD)]
    for number, (state, when) in enumerate(made, 1):
        owner(
            "INSERT INTO import (agency_id, options, state, report, name_sealed, look_sealed, made_at, finished_at)"
            " VALUES (%s, '{}', %s, '{\"added\": 3}', 'n', 'l', %s, %s)",
            [agency.id, state, when, when if state == "done" else None],
        )
        owner("INSERT INTO import_chunk VALUES (%s, %s, 0, 'c')", [agency.id, number])
        owner("INSERT INTO import_fault VALUES (%s, %s, 0, 'f')", [agency.id, number])
        owner("INSERT INTO contact_before VALUES (%s, %s, 9, '{}')", [agency.id, number])
    assert run()["imports"] == 2
    assert rows(
        "SELECT id, state, report ->> 'added', name_sealed IS NULL, look_sealed IS NULL FROM import ORDER BY 1"
    ) == [
        (1, "done", "3", True, True),
        (3, "done", "3", False, False),
        (4, "running", "3", False, False),
    ]
    for table in ("import_chunk", "import_fault", "contact_before"):
        assert rows(f"SELECT import_id FROM {table} ORDER BY 1") == [(3,), (4,)]
    with sessions(agency.id)() as session:
        with pytest.raises(Conflict):
            imports.undo(session, agency.id, 1, by=dora.id)
        imports.undo(session, agency.id, 3, by=dora.id)


def test_many_go_in_slices_and_another_job_goes_on(sessions, agency, owner, run, rows):
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 25)
    owner("UPDATE contact SET legal_ground = NULL, changed_at = %s", [OLD])
    before = rows("SELECT retention_due_at FROM agency WHERE id = :a", a=agency.id)
    assert run(seconds=0) == {"messages": 0, "inbound": 0, "groundless": 0, "imports": 0}
    assert rows("SELECT retention_due_at FROM agency WHERE id = :a", a=agency.id) == before  # still due
    assert run(size=10)["groundless"] == 25
    assert rows("SELECT retention_due_at FROM agency WHERE id = :a", a=agency.id) == [(NOW + timedelta(days=1),)]
    told = [(detail["groundless"],) for (detail,) in rows("SELECT detail FROM audit WHERE did = 'retention:applied'")]
    assert told == [(10,), (10,), (5,)]
    assert sum(run().values()) == 0
    assert rows("SELECT count(*) FROM audit WHERE did = 'retention:applied'") == [(3,)]


def test_another_agencys_things_stay(sessions, vault, other_agency, owner, run):
    with sessions(other_agency.id).begin() as session:
        person(session, vault, other_agency, "+51987000001", ground=None)
    owner("UPDATE contact SET changed_at = %s", [OLD])
    assert run()["groundless"] == 0


def test_nothing_is_taken_where_nobody_set_a_number(sessions, vault, agency, owner, dora, rows):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, "+51987000001", ground=None)
        assert retention.limits(session, agency.id).groundless is None  # what an agency begins with
        retention.change(session, agency.id, Limits(None, None, None, None), by=dora.id, now=NOW)
    owner("UPDATE contact SET changed_at = %s", [OLD])
    assert set(retention.run(sessions, agency.id, now=NOW).values()) == {0}
    assert rows("SELECT count(*) FROM contact") == [(1,)]


@pytest.mark.parametrize("kind", ["messages", "inbound", "groundless", "imports"])
def test_too_few_and_too_many_days_are_refused(sessions, agency, dora, kind):
    least = getattr(retention.LEAST, kind)
    with sessions(agency.id)() as session:
        for days in (least - 1, 0, retention.MOST_DAYS + 1):
            wanted = Limits(**(vars(KEEP) | {kind: days}))
            with pytest.raises(Invalid) as refused:
                retention.change(session, agency.id, wanted, by=dora.id, now=NOW)
            assert (refused.value.field, refused.value.values["lowest"]) == (kind, least)
        retention.change(session, agency.id, Limits(**(vars(KEEP) | {kind: least})), by=dora.id, now=NOW)


def test_what_would_go_is_what_goes(sessions, vault, agency, owner, run):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, "+51987000001", ground=None)
    owner("UPDATE contact SET changed_at = %s", [OLD])
    with sessions(agency.id)() as session:
        told = retention.would_go(session, agency.id, KEEP, now=NOW)
    assert told == run() == {"messages": 0, "inbound": 0, "groundless": 1, "imports": 0}


def test_the_clock_finds_an_agency_once_a_day(sessions, agency, owner, valkey, run):
    owner("UPDATE agency SET retention_due_at = now() - interval '1 hour'")
    with sessions(None)() as session:
        assert due.Due("retention", agency.id, 0) in due.work(session)
    wakeup.everything_due(sessions, valkey)
    assert valkey.exists("rq:queue:retention")
    run()
    owner("UPDATE agency SET retention_due_at = now() + interval '1 hour'")
    with sessions(None)() as session:
        assert due.Due("retention", agency.id, 0) not in due.work(session)
