"""PostgreSQL itself keeps agencies apart, whatever the code forgets (DESIGN P5)."""

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from campaigns.store.engine import refuse_strong_role
from campaigns.store.tables import metadata

OUTSIDE = {"agency", "staff", "sender"}  # needed before an agency is known (DESIGN 10.2)


def test_every_agency_table_is_behind_a_policy(settings, database):
    with psycopg.connect(settings.owner_url.replace("+psycopg", "")) as connection:
        protected = {
            row[0]
            for row in connection.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid WHERE c.relrowsecurity"
            )
        }
    with_agency = {name for name, table in metadata.tables.items() if "agency_id" in table.c}
    assert with_agency - OUTSIDE == protected


@pytest.mark.parametrize("table", sorted({n for n, t in metadata.tables.items() if "agency_id" in t.c} - OUTSIDE))
def test_no_agency_set_means_no_rows(sessions, agency, other_agency, table):
    with sessions(None)() as session:
        assert session.scalar(text(f'SELECT count(*) FROM "{table}"')) == 0


def test_a_stranger_sees_nothing_even_without_a_condition(sessions, agency, other_agency):
    with sessions(agency.id)() as session:
        assert session.scalars(text("SELECT DISTINCT agency_id FROM campaign")).all() == [agency.id]
    with sessions(other_agency.id)() as session:
        assert session.scalars(text("SELECT DISTINCT agency_id FROM audit")).all() == [other_agency.id]


def test_a_row_cannot_be_written_for_another_agency(sessions, agency, other_agency):
    with sessions(agency.id)() as session, pytest.raises(ProgrammingError, match="row-level security"):
        session.execute(
            text("INSERT INTO contact (agency_id, language) VALUES (:other, 'es')"), {"other": other_agency.id}
        )


def test_a_pooled_connection_forgets_the_agency(sessions, agency):
    with sessions(agency.id)() as session:
        assert session.scalar(text("SELECT count(*) FROM campaign")) == 1
    with sessions(None)() as session:
        assert session.scalar(text("SELECT count(*) FROM campaign")) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET did = 'x'",
        "DELETE FROM audit",
        "DELETE FROM opt_out",
        "UPDATE delivery SET address_index = 'x'",
        "DELETE FROM delivery",
        "CREATE TABLE mine (a int)",
        "SELECT * FROM delivery_0",
        "ALTER TABLE contact DISABLE ROW LEVEL SECURITY",
    ],
)
def test_the_app_role_may_not(session, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        session.execute(text(statement))


def test_deliveries_cannot_be_added_to_a_campaign_that_is_not_planning(session, agency):
    campaign = session.scalar(
        text("INSERT INTO campaign (agency_id, name) VALUES (:agency, 'x') RETURNING id"), {"agency": agency.id}
    )
    with pytest.raises(Exception, match="only while their campaign is being planned"):
        session.execute(
            text(
                "INSERT INTO delivery (campaign_id, agency_id, channel, address_index, language)"
                " VALUES (:campaign, :agency, 'sms', 'a', 'es')"
            ),
            {"campaign": campaign, "agency": agency.id},
        )


def test_a_temporary_table_deceives_no_function_with_the_owners_rights(settings, session, agency):
    campaign = session.scalar(
        text("INSERT INTO campaign (agency_id, name) VALUES (:agency, 'x') RETURNING id"), {"agency": agency.id}
    )
    session.execute(
        text(
            "CREATE TEMPORARY TABLE campaign ON COMMIT DROP AS"
            " SELECT id, agency_id, kind, 'planning' AS state FROM public.campaign"
        )
    )
    session.execute(text("GRANT ALL ON pg_temp.campaign TO PUBLIC"))
    with pytest.raises(Exception, match="only while their campaign is being planned"):
        session.execute(
            text(
                "INSERT INTO delivery (campaign_id, agency_id, channel, address_index, language)"
                " VALUES (:campaign, :agency, 'sms', 'a', 'es')"
            ),
            {"campaign": campaign, "agency": agency.id},
        )
    with psycopg.connect(settings.owner_url.replace("+psycopg", "")) as connection:
        searched = connection.execute("SELECT DISTINCT proconfig FROM pg_proc WHERE prosecdef").fetchall()
    assert searched == [(["search_path=public, pg_temp"],)]


def test_a_strong_role_is_refused_at_the_start(settings, database):
    owner = create_engine(settings.owner_url)
    with pytest.raises(ValueError, match="owns tables"):
        refuse_strong_role(owner)
    assert inspect(owner).has_table("delivery")
    owner.dispose()
