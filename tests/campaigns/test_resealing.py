"""Keys change while everything runs: all is sealed anew, nobody is lost, and no refusal is forgotten."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB

from campaigns import consent, inbox, resealing
from campaigns.consent import Source
from campaigns.providers.contract import Received
from campaigns.rules.channels import Channel
from campaigns.sealing import Sealer
from campaigns.store import contacts as store
from campaigns.store import corrections, reindexing, sealed
from campaigns.store.contacts import Contact
from campaigns.store.tables import metadata
from campaigns.vault import Unsealable, Vault
from tests import drafts
from tests.amending import over
from tests.cast import SIMULATOR_NUMBER, SIMULATOR_TOKEN
from tests.crowd import person

PHONE, OTHER = "+51987000001", "+51987000002"
MAIL = "rosa@correo.example"
NEW = b"\x07" * 32


@pytest.fixture
def newer(settings) -> Vault:
    """The vault after a new sealing key was put before the old."""
    return Vault(replace(settings, seal_keys={9: NEW, **settings.seal_keys}))


@pytest.fixture
def alone(settings) -> Vault:
    """The vault after the old sealing key was thrown away."""
    return Vault(replace(settings, seal_keys={9: NEW}))


@pytest.fixture
def indexing(settings) -> Vault:
    """The vault after a new index key was put before the old."""
    return Vault(replace(settings, index_keys={9: NEW, **settings.index_keys}))


@pytest.fixture
def add(sessions, vault, agency):
    def verb(phone=PHONE, **given) -> int:
        with sessions(agency.id).begin() as session:
            one = person(session, vault, agency, phone, **given)
            store.set_words(session, one, Sealer(vault, agency.id, "es").word_indexes("Rosa Quispe", "El Sol"))
            return one.id

    return verb


@pytest.fixture
def get(sessions, agency):
    def verb(contact_id) -> Contact:
        with sessions(agency.id)() as session:
            return store.get(session, agency.id, contact_id)

    return verb


@pytest.fixture
def fill(sessions, vault, agency, sender, dora, add):
    """Seals something in every table that has anything sealed."""

    def verb() -> int:
        contact_id = add(email=MAIL)
        note = {
            "phone_sealed": sealed.write_bytea(vault.seal(PHONE, agency.id)),
            "phone_index": sealed.write_bytea(vault.address_index(PHONE)),
            "language": "qu",
        }
        values = {
            "a": agency.id,
            "d": dora.id,
            "one": vault.seal("algo", agency.id),
            "c": contact_id,
            "note": json.dumps(note),
        }
        with sessions(agency.id).begin() as session:
            inbox.receive(
                session, vault, sender, Received("SM1", PHONE, SIMULATOR_NUMBER, "Mi ruta cambió de paradero", None)
            )
            for statement in (
                "INSERT INTO import (agency_id, options, name_sealed, look_sealed) VALUES (:a, '{}', :one, :one)",
                "INSERT INTO import_chunk (agency_id, import_id, number, content_sealed) VALUES (:a, 1, 0, :one)",
                "INSERT INTO import_fault (agency_id, import_id, number, content_sealed) VALUES (:a, 1, 0, :one)",
                "INSERT INTO message (campaign_id, delivery_id, agency_id, address_sealed, body_sealed)"
                " VALUES (1, 1, :a, :one, :one), (1, 2, :a, :one, :one)",
                "UPDATE sender SET dkim_key_sealed = :one",
                "INSERT INTO reveal (agency_id, staff_id, contact_id, once, reason_sealed)"
                " VALUES (:a, :d, :c, 'x', :one)",
                "INSERT INTO contact_before (agency_id, import_id, contact_id, before)"
                " VALUES (:a, 1, :c, CAST(:note AS jsonb))",
            ):
                session.execute(text(statement), values)
        return contact_id

    return verb


def test_every_column_of_bytes_says_whether_it_is_sealed():
    plain = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and not column.name.endswith(("_sealed", "_index"))
    }
    assert plain == {"former_index.former"}


def test_what_is_sealed_inside_of_json_is_known():
    # A new one: does it hold sealed values? Then resealing.py must renew them, as it does those of contact_before.
    holding = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, JSONB)
    }
    clear = {"agency.hours", "audit.detail", "campaign.rule", "campaign.plan_left_out", "segment.rule"}
    clear |= {"import.options", "import.report", "import.failure", "import.check_report", "import_columns.columns"}
    assert holding - clear == {"contact_before.before"}


def test_the_app_may_renew_every_sealed_column(session):
    may = text("SELECT has_column_privilege(:table, :column, 'UPDATE')")
    for place in sealed.places():
        assert "agency_id" in place.table.c
        for column in place.columns:
            assert session.scalar(may, {"table": f'"{place.table.name}"', "column": column}), (place.table.name, column)


def test_all_opens_after_the_old_key_was_thrown_away(sessions, agency, vault, newer, alone, fill, get):
    contact_id = fill()
    with sessions(agency.id)() as session:
        empty = [place.table.name for place in sealed.places() if not sealed.count(session, agency.id, place)]
    assert empty == []  # else this test says nothing about that table
    told = []
    done = resealing.reseal(sessions, newer, agency.id, progress=lambda name, rows: told.append((name, rows)))
    assert (done.damaged, done.waiting, done.doubled, set(done.left)) == (0, 0, 0, {9})
    assert ("message", 2) in told
    one = get(contact_id)
    assert [alone.open(value, agency.id) for value in (one.phone_sealed, one.email_sealed)] == [PHONE, MAIL]
    with sessions(agency.id)() as session:
        assert [text_.body for text_ in inbox.waiting(session, alone, agency.id)] == ["Mi ruta cambió de paradero"]
        note = session.scalar(text("SELECT before FROM contact_before"))
        assert alone.open(sealed.read_bytea(note["phone_sealed"]), agency.id) == PHONE
        assert note["language"] == "qu"
        for table, column, told_there in (
            ("sender", "credentials_sealed", SIMULATOR_TOKEN),
            ("sender", "dkim_key_sealed", "algo"),
            ("import_chunk", "content_sealed", "algo"),
        ):
            assert alone.open(session.scalar(text(f"SELECT {column} FROM {table}")), agency.id) == told_there
    with pytest.raises(Unsealable):
        vault.open(one.phone_sealed, agency.id)  # the old one alone opens nothing any more


def test_a_second_run_changes_nothing(sessions, agency, newer, fill):
    fill()
    assert resealing.reseal(sessions, newer, agency.id).values > 0
    again = resealing.reseal(sessions, newer, agency.id)
    assert (again.values, again.addresses) == (0, 0)


def test_what_somebody_changes_meanwhile_is_theirs(sessions, agency, vault, newer, add):
    contact_id = add()
    place = next(place for place in sealed.places() if place.table.name == "contact")
    with sessions(agency.id).begin() as session:
        (held,) = sealed.under_others(session, agency.id, place, 9, after=None)
    corrected = newer.seal("Rosa Mamani", agency.id)
    with sessions(agency.id).begin() as session:
        store.get(session, agency.id, contact_id).name_sealed = corrected
    with sessions(agency.id).begin() as session:
        stale = [(held, [newer.seal("stale", agency.id) for _ in held.values])]
        assert sealed.swap(session, agency.id, place, stale) == 0
    with sessions(agency.id)() as session:
        assert store.get(session, agency.id, contact_id).name_sealed == corrected


def test_a_row_that_somebody_holds_is_not_waited_for(sessions, agency, newer, add, get):
    held, free = add(), add(OTHER)
    with sessions(agency.id)() as page:
        store.hold(page, agency.id, held)
        done = resealing.reseal(sessions, newer, agency.id)
        assert get(free).phone_sealed[0] == 9
        assert set(done.left) == {1, 9}
        page.rollback()
    assert set(resealing.reseal(sessions, newer, agency.id).left) == {9}


def test_a_damaged_value_is_counted_and_stops_nothing(sessions, agency, newer, add, get):
    damaged, whole = add(), add(OTHER)
    with sessions(agency.id).begin() as session:
        store.get(session, agency.id, damaged).name_sealed = b"\x01damaged"
    done = resealing.reseal(sessions, newer, agency.id)
    assert done.damaged == 1
    assert done.left[1] > 0
    assert get(whole).name_sealed[0] == 9


def test_another_agencys_rows_stay(sessions, agency, other_agency, vault, newer):
    with sessions(other_agency.id).begin() as session:
        stranger = person(session, vault, other_agency, PHONE).id
    resealing.reseal(sessions, newer, agency.id)
    with sessions(other_agency.id)() as session:
        assert store.get(session, other_agency.id, stranger).phone_sealed[0] == 1


def test_addresses_and_words_stand_under_the_newest_index(sessions, agency, vault, indexing, add, get):
    contact_id = add(email=MAIL)
    done = resealing.reseal(sessions, indexing, agency.id)
    one = get(contact_id)
    assert (one.phone_index, one.email_index) == (indexing.address_index(PHONE), indexing.address_index(MAIL))
    assert done.addresses == 2
    with sessions(agency.id)() as session:
        kept = set(session.scalars(text("SELECT word_index FROM contact_word")))
        assert kept == set(Sealer(indexing, agency.id, "es").word_indexes("Rosa Quispe", "Transportes El Sol"))
    assert resealing.reseal(sessions, indexing, agency.id).addresses == 0


def test_a_refusal_holds_under_the_newest_index_and_one_that_comes_late_too(
    sessions, agency, vault, indexing, add, get
):
    early, late = add(), add(OTHER)
    with sessions(agency.id).begin() as session:
        consent.stop(session, agency.id, "sms", [get(early).phone_index], source=Source.WORD, rule="ALTO")
    carried = get(late).phone_index  # as a delivery or a link in a mail still carries it
    resealing.reseal(sessions, indexing, agency.id)
    with sessions(agency.id).begin() as session:
        assert consent.is_stopped(session, agency.id, "sms", [get(early).phone_index])
        consent.stop(session, agency.id, "sms", [carried], source=Source.PROVIDER, rule="refused")
        assert consent.is_stopped(session, agency.id, "sms", [get(late).phone_index])


def test_whom_a_message_is_on_its_way_to_is_left_until_it_is_over(
    sessions, agency, indexing, ada, bruno, sender, add, get, send, settle, states
):
    contact_id = add()
    running = drafts.running(sessions, agency, ada, bruno, sender)
    before = get(contact_id).phone_index
    assert resealing.reseal(sessions, indexing, agency.id).waiting == 1
    assert get(contact_id).phone_index == before
    send(running)
    assert states(running) == {"sent": 1}
    done = resealing.reseal(sessions, indexing, agency.id)
    assert (done.waiting, done.addresses) == (0, 1)


def test_the_gate_knows_an_address_by_its_former_index(
    sessions, agency, vault, indexing, ada, bruno, sender, add, get, send, states
):
    # As if the audience had been planned between the look for messages under way and the move.
    contact_id = add()
    running = drafts.running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        pairs = {vault.address_index(PHONE): indexing.address_indexes(PHONE)}
        reindexing.move(session, agency.id, Channel.SMS, pairs)
    assert get(contact_id).phone_index == indexing.address_index(PHONE)
    send(running)
    assert states(running) == {"sent": 1}


def test_a_correction_finds_whom_the_first_was_sent_to_under_the_former_index(
    sessions, agency, indexing, ada, bruno, sender, add, send, amend
):
    add()
    running = drafts.running(sessions, agency, ada, bruno, sender)
    send(running)
    assert resealing.reseal(sessions, indexing, agency.id).addresses == 1
    over(sessions, agency, running)
    child = amend(running).campaign
    with sessions(agency.id)() as session:
        found = corrections.reach(session, agency.id, running)
    assert (child.parent_id, found.people, found.left_out) == (running, 1, {})


def test_nobodys_index_changes_while_an_audience_is_planned(sessions, agency, indexing, ada, sender, add, get):
    contact_id = add()
    with sessions(agency.id).begin() as session:
        campaign = drafts.draft(session, agency, ada, sender)
        campaign.state = "planning"
    done = resealing.reseal(sessions, indexing, agency.id)
    assert (done.waiting, done.addresses) == (1, 0)
    assert get(contact_id).phone_index != indexing.address_index(PHONE)


def test_a_mailbox_that_two_share_moves_for_both(sessions, agency, indexing, add, get):
    one, other = add(email=MAIL), add(OTHER, email=MAIL)
    resealing.reseal(sessions, indexing, agency.id)
    assert get(one).email_index == get(other).email_index == indexing.address_index(MAIL)


def test_two_entries_for_one_number_are_counted_and_left(sessions, agency, indexing, add, get):
    old = add()
    with sessions(agency.id).begin() as session:
        new = person(session, indexing, agency, PHONE).id
    done = resealing.reseal(sessions, indexing, agency.id)
    assert done.doubled == 1
    assert get(old).phone_index != get(new).phone_index
