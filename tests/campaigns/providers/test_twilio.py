"""What each answer, or none, says about a message: taken, refused, certainly not taken, or unclear (DOMAIN 1.8)."""

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from campaigns.providers import registry
from campaigns.providers.contract import Account, NotSent, Outgoing, Refused, Unclear
from campaigns.providers.twilio import _retry_after
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from tests.cast import SIMULATOR_ACCOUNT, SIMULATOR_NUMBER, SIMULATOR_TOKEN

PHONE = "+51987654321"
ACCOUNT = Account(1, SIMULATOR_NUMBER, SIMULATOR_ACCOUNT, SIMULATOR_TOKEN)
MESSAGE = Outgoing(PHONE, "Hola", "http://127.0.0.1:9/hooks/twilio/key/status?c=1&d=2&n=3", 600)


@pytest.fixture
def twilio(settings, carrier):
    """Runs work with a connection to the simulator, or elsewhere, and closes it."""

    def run(work, *, account=ACCOUNT, **changes):
        async def main():
            provider = registry.connect("twilio", account, replace(settings, **{"twilio_url": carrier.url} | changes))
            try:
                return await work(provider)
            finally:
                await provider.close()
                await provider.close()

        return asyncio.run(main())

    return run


@pytest.fixture
def send(twilio):
    return lambda message=MESSAGE, **changes: twilio(lambda provider: provider.send(message), **changes)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_taken(send, carrier):
    ref = send()
    (entry,) = carrier.phones()[PHONE]
    assert entry["sid"] == ref
    assert (entry["campaign"], entry["delivery"], entry["attempt"]) == ("1", "2", "3")
    assert (entry["body"], entry["from"]) == ("Hola", SIMULATOR_NUMBER)


def test_a_messaging_service_sends_too(send, carrier):
    send(account=replace(ACCOUNT, address="MG" + SIMULATOR_ACCOUNT[2:]))
    assert [entry["body"] for entry in carrier.phones()[PHONE]] == ["Hola"]


@pytest.mark.parametrize(
    ("phone", "reason"),
    [
        ("+51900000010", Failure.REFUSED_BY_PERSON),
        ("+51900000011", Failure.NUMBER_INVALID),
        ("+51900000012", Failure.NO_ROUTE),
        ("+51900000014", Failure.LANDLINE),
        ("+51900000040", Failure.REGION_CLOSED),
    ],
)
def test_refused_for_good(send, phone, reason):
    with pytest.raises(Refused) as refused:
        send(replace(MESSAGE, to=phone))
    assert refused.value.reason is reason


def test_wrong_credentials_concern_the_sender(send):
    with pytest.raises(Refused) as refused:
        send(account=replace(ACCOUNT, secret="wrong"))
    assert refused.value.reason is Failure.CREDENTIALS


def test_a_wrong_address_of_the_api_concerns_the_sender(send, carrier):
    with pytest.raises(Refused) as refused:
        send(twilio_url=carrier.url + "/nowhere")
    assert refused.value.reason is Failure.CREDENTIALS


def test_too_many_keeps_what_it_was_told(send, carrier):
    carrier.faults(create=[{"kind": "too_many", "retry_after": 7}])
    with pytest.raises(NotSent) as not_sent:
        send()
    assert not_sent.value.after == 7
    assert carrier.phones() == {}


def test_too_many_without_a_time_waits_a_little(send, carrier):
    carrier.faults(create=[{"kind": "too_many_bare"}])
    with pytest.raises(NotSent) as not_sent:
        send()
    assert 0 < not_sent.value.after <= 1


def test_a_full_queue_waits_for_minutes(send, carrier):
    carrier.faults(drain_rate=0.001, queue_limit_parts=0)
    with pytest.raises(NotSent) as not_sent:
        send()
    assert not_sent.value.after >= 60


def test_the_newer_form_of_errors_is_understood(send, carrier):
    carrier.faults(create=[{"kind": "problem"}])
    with pytest.raises(Refused) as refused:
        send()
    assert refused.value.reason is Failure.OTHER


@pytest.mark.parametrize(
    "kind",
    ["error_before", "error_after", "unavailable", "reset_before", "reset_after", "bad_gateway", "bad_gateway_after"],
)
def test_unclear(send, carrier, kind):
    carrier.faults(create=[{"kind": kind}])
    with pytest.raises(Unclear):
        send()
    assert carrier.creates() == 1  # and it is never repeated


@pytest.mark.parametrize("kind", ["hang_before", "hang_after"])
def test_no_answer_in_time_is_unclear(send, carrier, kind):
    carrier.faults(create=[{"kind": kind}])
    with pytest.raises(Unclear):
        send(provider_timeout=1.0)
    assert carrier.creates() == 1


@pytest.mark.parametrize("answer", [b"<html>hello</html>", b"", b"[]", b'"text"', b"{}", b'{"sid": 5}'])
def test_an_answer_that_is_no_message_is_unclear(send, answer):
    async def main():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Unclear):
                await asyncio.to_thread(send, twilio_url=f"http://127.0.0.1:{port}")

    asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_nobody_there_is_certainly_not_sent(send, host):
    with pytest.raises(NotSent):
        send(twilio_url=f"http://{host}:{free_port()}")


def find(twilio, text="Hola", *, since=None, known=()):
    message, at = replace(MESSAGE, body=text), since or datetime.now(UTC) - timedelta(minutes=1)
    return twilio(lambda provider: provider.find(message, at, known))


def test_a_lost_message_is_found(twilio, send, carrier):
    carrier.faults(create=[{"kind": "error_after"}], status_delay_ms=3_600_000)
    with pytest.raises(Unclear):
        send()
    found = find(twilio)
    assert found.state is State.SENT
    assert found.provider_ref == carrier.phones()[PHONE][0]["sid"]


def test_it_is_found_with_what_became_of_it(twilio, send, carrier):
    carrier.faults(outcomes={PHONE: "undelivered:30005"})
    send()
    end = datetime.now(UTC) + timedelta(seconds=60)
    while (found := find(twilio)).state is State.SENT:
        assert datetime.now(UTC) < end
    assert (found.state, found.reason) == (State.FAILED, Failure.NUMBER_UNKNOWN)


def test_an_empty_list_proves_absence(twilio, send, carrier):
    carrier.faults(create=[{"kind": "error_before"}])
    with pytest.raises(Unclear):
        send()
    assert find(twilio) is None


def test_another_text_of_that_time_proves_nothing(twilio, send):
    ref = send(replace(MESSAGE, body="Otra cosa"))
    with pytest.raises(NotSent):
        find(twilio)
    assert find(twilio, known=[ref]) is None


def test_an_older_message_is_not_ours(twilio, send):
    send()
    assert find(twilio, since=datetime.now(UTC) + timedelta(seconds=2)) is None


def test_what_a_trial_account_writes_before_the_text_does_not_hide_it(twilio, send):
    send(replace(MESSAGE, body="Sent from your Twilio trial account - Hola"))
    assert find(twilio).state in {State.SENT, State.DELIVERED}


def test_a_provider_that_cannot_be_asked_proves_nothing(twilio, carrier):
    carrier.faults(reads_fail=True)
    with pytest.raises(NotSent):
        find(twilio)


def test_nothing_of_a_message_is_logged(twilio, send, caplog):
    caplog.set_level("DEBUG")
    send()
    find(twilio)
    assert PHONE.strip("+") not in caplog.text
    assert "Hola" not in caplog.text


def test_a_secret_is_not_shown():
    assert SIMULATOR_TOKEN not in repr(ACCOUNT)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("12", 12.0, 12.0),
        ("0.5", 0.5, 0.5),
        ("99999999", 3600.0, 3600.0),
        ("", 0.5, 0.5),
        ("soon", 0.5, 0.5),
        ("-3", 0.5, 0.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, 0.0),
    ],
)
def test_how_long_the_provider_asks_to_wait(asked, least, most):
    assert least <= _retry_after({"Retry-After": asked}) <= most


def test_the_provider_may_name_the_moment():
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=900), usegmt=True)
    assert 600.0 <= _retry_after({"Retry-After": moment}) <= 900.0
