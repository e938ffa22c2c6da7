"""Every code of the vendor that can come has its handling, and something a person can read (DOMAIN 1.12)."""

import asyncio
from dataclasses import replace

import pytest
from flask import Flask

from campaigns.providers import registry
from campaigns.providers.contract import Account, NotSent, Outgoing, Refused, Unclear
from campaigns.providers.twilio_codes import failure
from campaigns.rules.outcomes import CONCERNS_SENDER, Failure
from outreach.admin import campaign_words, message_words
from tests.cast import SIMULATOR_ACCOUNT, SIMULATOR_NUMBER, SIMULATOR_TOKEN

# Code, status of the answer, and what it comes to when a message is handed over.
CREATING = [
    (20003, 401, Failure.CREDENTIALS),
    (20404, 404, Failure.CREDENTIALS),
    (20429, 429, NotSent),
    (20500, 500, Unclear),
    (21211, 400, Failure.NUMBER_INVALID),
    (21212, 400, Failure.SENDER_REFUSED),
    (21266, 400, Failure.NUMBER_INVALID),
    (21408, 403, Failure.REGION_CLOSED),
    (21602, 400, Failure.TEXT_REFUSED),
    (21603, 400, Failure.SENDER_REFUSED),
    (21604, 400, Failure.NUMBER_INVALID),
    (21606, 400, Failure.SENDER_REFUSED),
    (21608, 400, Failure.TRIAL_ACCOUNT),
    (21610, 400, Failure.REFUSED_BY_PERSON),
    (21611, 429, NotSent),
    (21611, 400, NotSent),
    (21612, 400, Failure.NO_ROUTE),
    (21614, 400, Failure.LANDLINE),
    (21617, 400, Failure.TEXT_REFUSED),
    (21635, 400, Failure.LANDLINE),
    (21657, 400, Failure.NO_ROUTE),
    (21659, 400, Failure.SENDER_REFUSED),
    (21660, 400, Failure.SENDER_REFUSED),
    (21661, 400, Failure.SENDER_REFUSED),
    (21703, 400, Failure.SENDER_REFUSED),
    (21704, 400, Failure.SENDER_REFUSED),
    (30002, 400, Failure.ACCOUNT),
    (63017, 429, NotSent),
    (63018, 400, NotSent),
    (63038, 400, Failure.ACCOUNT),
    (12345, 400, Failure.OTHER),  # one that nobody knows yet
    (12345, 403, Failure.CREDENTIALS),
]
# What a receipt's code comes to.
TOLD = {
    14107: Failure.BLOCKED,
    21610: Failure.REFUSED_BY_PERSON,
    30001: Failure.QUEUE_FULL,
    30002: Failure.ACCOUNT,
    30003: Failure.UNREACHABLE,
    30004: Failure.BLOCKED,
    30005: Failure.NUMBER_UNKNOWN,
    30006: Failure.LANDLINE,
    30007: Failure.FILTERED,
    30008: Failure.CARRIER,
    30032: Failure.SENDER_REFUSED,
    30034: Failure.SENDER_REFUSED,
    30036: Failure.TOO_LATE,
    30039: Failure.BLOCKED,
    30410: Failure.CARRIER,
    30450: Failure.BLOCKED,
    30610: Failure.BLOCKED,
    30640: Failure.BLOCKED,
    63017: Failure.QUEUE_FULL,
    63018: Failure.QUEUE_FULL,
    63038: Failure.ACCOUNT,
    12345: Failure.OTHER,
}


@pytest.mark.parametrize(("code", "status", "expected"), CREATING)
def test_what_a_code_comes_to_when_a_message_is_handed_over(code, status, expected, settings, carrier):
    carrier.faults(create=[{"kind": "refused", "code": code, "status": status}])
    account = Account(1, SIMULATOR_NUMBER, SIMULATOR_ACCOUNT, SIMULATOR_TOKEN)

    async def main():
        provider = registry.connect("twilio", account, replace(settings, twilio_url=carrier.url))
        try:
            await provider.send(Outgoing("+51987654321", "Hola", "", 60))
        finally:
            await provider.close()

    if isinstance(expected, Failure):
        with pytest.raises(Refused) as refused:
            asyncio.run(main())
        assert refused.value.reason is expected
    else:
        with pytest.raises(expected):
            asyncio.run(main())


@pytest.mark.parametrize("code", TOLD)
def test_what_a_receipts_code_comes_to(code):
    assert failure(str(code)) is TOLD[code]


def test_what_pauses_a_campaign_says_nothing_about_a_person():
    concerning = {code for code, reason in TOLD.items() if reason in CONCERNS_SENDER}
    assert concerning == {30002, 30032, 30034, 63038}


def test_every_failure_has_a_sentence_and_advice():
    app = Flask(__name__)
    from flask_babel import Babel

    Babel(app)
    with app.test_request_context():
        for reason in Failure:
            sentence, advice = message_words.failure(reason)
            assert sentence.strip(), reason
            assert advice.strip() or reason is Failure.OTHER, reason
        for reason in CONCERNS_SENDER:
            assert len(campaign_words.paused(reason)) > 20
