"""Refusals of mails: which of them a person undoes by themselves, and which outlives another."""

import itertools

import pytest
from sqlalchemy import text

from campaigns import consent
from campaigns.consent import OWN, Source
from campaigns.store import consents
from tests.crowd import person

INDEX = [b"a mailbox"]


@pytest.fixture
def stop(session, agency):
    def verb(source, channel="email", indexes=INDEX):
        return consent.stop(session, agency.id, channel, indexes, source=source, rule=str(source))

    return verb


@pytest.fixture
def start(session, agency):
    def verb(channel="email"):
        return consent.start(session, agency.id, channel, INDEX, rule="ALTA")

    return verb


def source_of(session, index=INDEX[0]):
    rows = session.execute(text("SELECT source, stopped FROM opt_out WHERE address_index = :i"), {"i": index}).all()
    return [(row.source, row.stopped) for row in rows]


@pytest.mark.parametrize("source", Source)
def test_a_start_undoes_only_what_the_person_said(session, agency, stop, start, source):
    assert stop(source)
    assert start() == (source in OWN)
    assert consent.is_stopped(session, agency.id, "email", INDEX) == (source not in OWN)


@pytest.mark.parametrize(("source", "other"), [("sms", "email"), ("email", "sms")])
def test_a_start_undoes_nothing_on_the_other_channel(session, agency, stop, start, source, other):
    stop(Source.WORD, source)
    assert not start(other)
    assert consent.is_stopped(session, agency.id, source, INDEX)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(Source, Source)))
def test_which_of_two_refusals_stays(session, agency, stop, first, second):
    assert stop(first)
    told_anew = stop(second)
    if first is Source.BOUNCE and second is not Source.BOUNCE:
        # The person refuses something that nobody had refused before.
        assert (told_anew, source_of(session)) == (True, [(second, True)])
    elif first in OWN and second is Source.COMPLAINT:
        assert (told_anew, source_of(session)) == (False, [(Source.COMPLAINT, True)])
    else:
        assert (told_anew, source_of(session)) == (False, [(first, True)])


def test_an_older_keys_refusal_goes_before_its_bounce(session, agency, stop):
    newest, older, oldest = b"newest", b"older", b"oldest"
    stop(Source.BOUNCE, indexes=[older])
    session.execute(text("UPDATE opt_out SET stopped_at = now() - interval '1 year'"))
    stop(Source.LINK, indexes=[oldest])
    consents.carry(session, agency.id, [[newest, older, oldest]])
    assert source_of(session, newest) == [("link", True)]


def test_a_card_says_why_an_address_is_not_written_to(session, vault, agency, stop):
    rosa = person(session, vault, agency, "+51987000001", email="rosa@correo.example")
    stop(Source.BOUNCE, indexes=[rosa.email_index])
    stop(Source.WORD, "sms", [rosa.phone_index])
    assert consents.refused(session, agency.id, [rosa.id]) == {(rosa.id, "email"): "bounce", (rosa.id, "sms"): "word"}
