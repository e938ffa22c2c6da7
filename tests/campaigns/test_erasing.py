"""A person who is erased leaves no name, word or address behind, and their refusal stays."""

import pytest
from sqlalchemy import text

from campaigns import consent, erasing, inbox, merging
from campaigns.consent import Source
from campaigns.errors import NotFound
from campaigns.providers.contract import Received
from campaigns.store import campaigns, contacts, deliveries, figures
from campaigns.store.deliveries import Sending
from tests import drafts
from tests.cast import SIMULATOR_NUMBER
from tests.crowd import person

PHONE, OTHER = "+51987000001", "+51987000002"


@pytest.fixture
def rosa(sessions, vault, agency) -> int:
    with sessions(agency.id).begin() as session:
        return person(session, vault, agency, PHONE, email="rosa@correo.example", tags=("cono norte",)).id


@pytest.fixture
def erase(sessions, vault, agency, dora):
    def verb(contact_id):
        with sessions(agency.id).begin() as session:
            return erasing.erase(session, vault, agency.id, contact_id, by=dora.id)

    return verb


@pytest.fixture
def write(sessions, vault, agency, sender):
    def verb(words, number=PHONE, ref="SM1"):
        with sessions(agency.id).begin() as session:
            inbox.receive(session, vault, sender, Received(ref, number, SIMULATOR_NUMBER, words, None))

    return verb


def answer(session, vault, agency, sender, number):
    """Somebody on the staff writes to this number, without a campaign."""
    service = campaigns.service(session, agency.id)
    service.sender_id = sender.id
    message = Sending(
        language="es",
        address_index=vault.address_index(number),
        address_sealed=vault.seal(number, agency.id),
        body_sealed=vault.seal("Le llamamos mañana.", agency.id),
    )
    queued = deliveries.queue_message(session, agency.id, service.id, message, staff_id=None)
    figures.add_queued(session, agency.id, service.id, "sms", "es")
    return service.id, queued


def test_nothing_that_names_them_is_left(sessions, agency, vault, sender, rosa, write, erase):
    write("Mi ruta cambió de paradero")
    write("La mía no", OTHER, "SM2")
    with sessions(agency.id).begin() as session:
        answer(session, vault, agency, sender, PHONE)
        answer(session, vault, agency, sender, OTHER)
    erased = erase(rosa)
    assert (erased.inbound, erased.messages, erased.imports) == (1, 1, 0)
    with sessions(agency.id)() as session:
        for table in ("contact", "contact_word", "contact_sector", "contact_tag", "contact_alias", "contact_before"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        texts = session.execute(
            text("SELECT kind, address_sealed, body_sealed, contact_id, address_index FROM inbound")
        )
        gone, stays = sorted(texts, key=lambda row: row.body_sealed is not None)
        assert tuple(gone) == ("other", None, None, None, b"")
        assert stays.body_sealed is not None
        assert session.scalar(text("SELECT count(*) FROM message")) == 1
        assert [one.masked for one in inbox.waiting(session, vault, agency.id)] == ["+51 9** *** 002"]
        told = session.execute(text("SELECT subject, detail FROM audit WHERE did = 'contact:erased'")).one()
        assert tuple(told) == (f"contact:{rosa}", {"inbound": 1, "messages": 1, "imports": 0})


def test_a_message_queued_to_them_without_a_campaign_is_skipped(sessions, agency, vault, sender, rosa, erase, states):
    with sessions(agency.id).begin() as session:
        service, _ = answer(session, vault, agency, sender, PHONE)
        answer(session, vault, agency, sender, OTHER)
    erase(rosa)
    assert states(service) == {"skipped: changed": 1, "queued": 1}


def test_what_a_campaign_has_queued_to_them_is_skipped_at_the_gate(
    sessions, agency, vault, ada, bruno, sender, rosa, erase, send, states, carrier
):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, OTHER)
    running = drafts.running(sessions, agency, ada, bruno, sender)
    erase(rosa)
    send(running)
    assert states(running).get("skipped: changed") == 1
    assert set(carrier.texts()) == {OTHER}


def test_their_refusal_stays_and_so_does_that_of_whom_they_were_merged_with(sessions, agency, vault, dora, rosa, erase):
    with sessions(agency.id).begin() as session:
        twin = person(session, vault, agency, OTHER).id
        merging.merge(session, vault, agency.id, (rosa, twin), take=(), by=dora.id)
    with sessions(agency.id).begin() as session:  # after they were merged, from the number that stayed
        index = vault.address_index(PHONE)
        consent.stop(session, agency.id, "sms", [index], source=Source.WORD, rule="ALTO")
    erase(rosa)
    with sessions(agency.id)() as session:
        for number in (PHONE, OTHER):
            assert consent.is_stopped(session, agency.id, "sms", vault.address_indexes(number))


def test_a_mailbox_that_somebody_else_has_is_theirs(sessions, agency, vault, rosa, erase, sender):
    with sessions(agency.id).begin() as session:
        shared = person(session, vault, agency, OTHER, email="rosa@correo.example")
        index = shared.email_index
        contact = contacts.get(session, agency.id, rosa)
        assert contact.email_index == index
        session.execute(
            text(
                "INSERT INTO inbound (agency_id, sender_id, provider_ref, channel, address_index, address_sealed,"
                " body_sealed, kind, language) VALUES (:a, :s, 'm1', 'email', :i, 'x', 'y', 'other', 'es')"
            ),
            {"a": agency.id, "s": sender.id, "i": index},
        )
    assert erase(rosa).inbound == 0


def test_a_stranger_cannot_be_erased_and_nobody_twice(sessions, vault, other_agency, carla, rosa, erase):
    with sessions(other_agency.id)() as session, pytest.raises(NotFound):
        erasing.erase(session, vault, other_agency.id, rosa, by=carla.id)
    erase(rosa)
    with pytest.raises(NotFound):
        erase(rosa)
