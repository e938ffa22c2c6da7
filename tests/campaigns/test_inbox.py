"""What people answer, in every spelling, and what comes of it."""

import pytest
from sqlalchemy import select, text

from campaigns import consent, inbox
from campaigns.errors import Conflict
from campaigns.providers.contract import Received
from campaigns.store.inbound import Inbound

PHONE = "+51987654321"


@pytest.fixture
def write(sessions, agency, sender, vault):
    """Somebody writes to us; the answer they get."""
    count = iter(range(1000))

    def receive(body: str, *, address: str = PHONE, ref: str | None = None, answered: str | None = None) -> str | None:
        received = Received(ref or f"SM{next(count)}", address, sender.address, body, answered)
        with sessions(agency.id).begin() as session:
            return inbox.receive(session, vault, sender, received)

    return receive


@pytest.fixture
def is_stopped(sessions, agency, vault):
    def ask(address: str = PHONE) -> bool:
        with sessions(agency.id)() as session:
            return consent.is_stopped(session, agency.id, "sms", vault.address_indexes(address))

    return ask


@pytest.mark.parametrize(
    "body", ["ALTO", "alto", " Alto. ", "BAJA", "STOP", "stop!", "No más", "PARAR", "ALTO por favor"]
)
def test_one_word_ends_it(write, is_stopped, body):
    answer = write(body)
    assert is_stopped()
    assert answer.startswith("Municipalidad de Lima Norte:")
    assert "{" not in answer


@pytest.mark.parametrize(
    "body", ["ALTA", "Alto a la extorsión", "no paren", "", "¿quién es?", "🙂", "a\x00b", "𐍈" * 2000]
)
def test_what_is_no_stop_does_not_stop(write, is_stopped, body):
    write(body.replace("\x00", ""))
    assert not is_stopped()


def test_a_stop_is_confirmed_once(write):
    assert write("ALTO")
    assert write("ALTO") is None
    assert write("STOP") is None


def test_the_same_reference_again_is_silent(write, sessions, agency):
    assert write("AYUDA", ref="SM-same")
    assert write("AYUDA", ref="SM-same") is None
    with sessions(agency.id)() as session:
        assert len(session.scalars(select(Inbound)).all()) == 1


def test_start_undoes_the_persons_own_stop_only(write, is_stopped, sessions, agency, vault):
    write("ALTO")
    assert write("ALTA")
    assert not is_stopped()
    assert write("ALTA") is None
    with sessions(agency.id).begin() as session:
        consent.stop(
            session,
            agency.id,
            "sms",
            vault.address_indexes(PHONE),
            source=consent.Source.PROVIDER,
            rule="refused",
        )
    assert write("ALTA") is None
    assert is_stopped()


def test_help_always_names_the_lines(write):
    for body in ("AYUDA", "ayuda", "HELP"):
        answer = write(body)
        assert "111" in answer
        assert "105" in answer


def test_what_the_provider_answered_is_recorded_and_not_answered_again(write, is_stopped):
    assert write("STOP", answered="stop") is None
    assert is_stopped()


def test_other_agencies_keep_writing(write, sessions, other_agency, vault):
    write("ALTO")
    with sessions(other_agency.id)() as session:
        assert not consent.is_stopped(session, other_agency.id, "sms", vault.address_indexes(PHONE))


def test_a_stop_from_a_number_nobody_knows_counts(write, is_stopped):
    assert write("ALTO", address="+51911111111")
    assert is_stopped("+51911111111")


def test_anything_else_waits_sealed_for_a_person(write, sessions, agency, vault, ada):
    write("Me están amenazando")
    with sessions(agency.id).begin() as session:
        raw = session.execute(text("SELECT address_sealed, body_sealed FROM inbound")).one()
        assert b"987654321" not in bytes(raw.address_sealed)
        assert b"amenazando" not in bytes(raw.body_sealed)
        (waiting,) = inbox.waiting(session, vault, agency.id)
        assert waiting.body == "Me están amenazando"
        assert waiting.masked == "+51 9** *** 321"
        inbox.close(session, agency.id, waiting.id, by=ada.id)
    with sessions(agency.id).begin() as session:
        assert inbox.count_waiting(session, agency.id) == 0
        with pytest.raises(Conflict):
            inbox.close(session, agency.id, waiting.id, by=ada.id)


def test_a_number_nobody_knows_is_answered_in_the_agencys_language(write):
    assert "no recibira mas mensajes" in write("STOP", address="+51922222222")


def test_a_phrase_that_clearly_refuses_stops_and_waits_for_a_person(write, is_stopped, sessions, agency, vault):
    assert write("Buenos días, por favor ya no me escriban, me revisan el celular")
    assert is_stopped()
    with sessions(agency.id)() as session:
        (waiting,) = inbox.waiting(session, vault, agency.id)
    assert waiting.body.endswith("celular")


def test_a_stop_in_words_of_danger_is_honoured_and_waits(write, is_stopped, sessions, agency, vault):
    write("ya no me escriban, me van a matar")
    assert is_stopped()
    with sessions(agency.id)() as session:
        assert len(inbox.waiting(session, vault, agency.id)) == 1


@pytest.mark.parametrize("body", ["FALSO", "VERIFICAR", "¿esto es real?", "no gracias"])
def test_what_only_speaks_of_the_message_stops_nothing_and_waits(write, is_stopped, sessions, agency, vault, body):
    assert write(body) is None
    assert not is_stopped()
    with sessions(agency.id)() as session:
        assert len(inbox.waiting(session, vault, agency.id)) == 1


def test_who_asks_for_help_in_a_sentence_gets_the_numbers_and_waits(write, sessions, agency, vault):
    assert "111" in write("Necesito ayuda por favor")
    with sessions(agency.id)() as session:
        assert len(inbox.waiting(session, vault, agency.id)) == 1
