"""Everything about one person, in clear, and nothing about anybody else."""

import json

import pytest
from sqlalchemy import text

from campaigns import consent, contacts, inbox, merging, person_export
from campaigns.consent import Source
from campaigns.errors import NotFound
from campaigns.providers.contract import Received
from campaigns.store import campaigns, deliveries
from campaigns.store import contacts as store
from campaigns.store.deliveries import Sending
from tests import drafts
from tests.cast import SIMULATOR_NUMBER
from tests.crowd import person
from tests.drafts import NOW

PHONE, OTHER, TWIN = "+51987000001", "+51987000002", "+51987000003"


@pytest.fixture
def rosa(sessions, vault, agency) -> int:
    with sessions(agency.id).begin() as session:
        return person(session, vault, agency, PHONE, email="Rosa@correo.example", language="qu", tags=("norte",)).id


@pytest.fixture
def export(sessions, vault, agency, dora):
    def verb(contact_id) -> person_export.Person:
        with sessions(agency.id).begin() as session:
            return person_export.export(session, vault, agency.id, contact_id, by=dora.id, now=NOW)

    return verb


@pytest.fixture
def write(sessions, vault, sender):
    def verb(words, number=PHONE, ref="SM1"):
        with sessions(sender.agency_id).begin() as session:
            inbox.receive(session, vault, sender, Received(ref, number, SIMULATOR_NUMBER, words, None))

    return verb


def test_fields_ground_and_marks(sessions, vault, agency, dora, rosa, export):
    form = contacts.Form(ground="consent", ground_source="Acta 12", ground_text="v3", role="driver")
    with sessions(agency.id).begin() as session:
        seen = contacts.get(session, vault, agency.id, rosa).stamp
        contacts.change(session, vault, agency.id, rosa, form, by=dora.id, seen=seen)
    told = export(rosa)
    assert (told.name, told.business, told.phone, told.email) == (
        "Rosa Quispe",
        "Transportes El Sol",
        PHONE,
        "Rosa@correo.example",
    )
    assert (told.agency, told.language, told.role, told.place, told.tags) == (
        agency.name,
        "qu",
        "driver",
        "Comas",
        ["norte"],
    )
    assert (told.ground.ground, told.ground.source, told.ground.text) == ("consent", "Acta 12", "v3")
    assert told.sectors == {"4921": "Transporte urbano y suburbano de pasajeros"}
    assert [(one.did, sorted(one.fields)) for one in told.changes] == [
        ("contact:changed", ["ground_source", "ground_text", "role"])
    ]


def test_messages_in_their_language_as_far_as_they_left_and_are_kept(
    sessions, vault, agency, ada, bruno, sender, rosa, export
):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, OTHER)
    _, queued = (drafts.running(sessions, agency, ada, bruno, sender) for _ in range(2))
    with sessions(agency.id).begin() as session:
        service = campaigns.service(session, agency.id)
        for number, words in ((PHONE, "Le llamamos mañana."), (OTHER, "A usted no.")):
            message = Sending(
                "es", vault.address_index(number), vault.seal(number, agency.id), vault.seal(words, agency.id)
            )
            deliveries.queue_message(session, agency.id, service.id, message, staff_id=None)
        states = "UPDATE delivery SET state = 'delivered', handed_at = now() WHERE campaign_id <> :queued"
        session.execute(text(states), {"queued": queued})
    told = export(rosa)
    waits, alert, alone = told.messages
    assert (waits.campaign, waits.state, waits.text) == ("Aviso a transportistas", "queued", None)
    assert (alert.state, alert.language) == ("delivered", "qu")
    assert alert.text.startswith("Municipalidad de Lima Norte: Ama qullqita quychu. Waqyay 111.\n")
    assert (alone.campaign, alone.text) == ("", "Le llamamos mañana.")


def test_what_they_wrote_and_refused_and_who_looked(sessions, vault, agency, dora, rosa, write, export):
    write("Mi ruta cambió de paradero")
    write("ALTO", ref="SM2")
    write("Yo soy otra", OTHER, "SM3")
    told = export(rosa)
    assert [(one.kind, one.text) for one in told.wrote] == [("stop", "ALTO"), ("other", "Mi ruta cambió de paradero")]
    assert [(one.channel, one.stopped, one.source, one.word) for one in told.refusals] == [
        ("sms", True, "word", "ALTO")
    ]
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE inbound SET address_sealed = NULL, body_sealed = NULL"))
    assert [one.text for one in export(rosa).wrote] == [None, None]


def test_what_was_refused_where_they_can_no_longer_be_reached_is_told_too(sessions, vault, agency, dora, rosa, export):
    with sessions(agency.id).begin() as session:
        twin = person(session, vault, agency, TWIN)
        consent.stop(session, agency.id, "sms", [twin.phone_index], source=Source.STAFF, rule="by telephone")
        merging.merge(session, vault, agency.id, (rosa, twin.id), take=(), by=dora.id)
    told = export(rosa)
    assert told.former_addresses == 1
    assert {(one.source, one.word) for one in told.refusals} == {("staff", "by telephone")}
    assert TWIN not in json.dumps(told.as_json())


def test_it_is_written_down_without_a_word_of_theirs(sessions, agency, dora, rosa, export):
    export(rosa)
    with sessions(agency.id)() as session:
        row = session.execute(text("SELECT staff_id, subject, detail FROM audit WHERE did = 'contact:exported'")).one()
    assert tuple(row) == (dora.id, f"contact:{rosa}", None)


def test_plain_values_for_a_program(rosa, export):
    told = export(rosa).as_json()
    assert json.loads(json.dumps(told)) == told
    assert told["made_at"] == NOW.isoformat()


def test_a_damaged_value_hides_nothing_else(sessions, agency, rosa, export):
    with sessions(agency.id).begin() as session:
        store.get(session, agency.id, rosa).name_sealed = b"\x01damaged"
    told = export(rosa)
    assert (told.name, told.phone) == ("", PHONE)


def test_a_stranger_gets_nothing(sessions, vault, other_agency, carla, rosa):
    with sessions(other_agency.id)() as session, pytest.raises(NotFound):
        person_export.export(session, vault, other_agency.id, rosa, by=carla.id, now=NOW)


def test_no_repr_shows_anybody(rosa, export):
    shown = repr(export(rosa))
    for word in ("Rosa", PHONE, "correo", "El Sol"):
        assert word not in shown
