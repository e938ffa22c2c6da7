"""Creating messages with Twilio's own clients."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
from simulator_cast import LUIS, NUMBER, OTHER_NUMBER, ROSA, SERVICE, SHORT_CODE, SID, AsyncRewritten, until
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client


def refusal(twilio, **given) -> TwilioRestException:
    with pytest.raises(TwilioRestException) as caught:
        twilio.messages.create(**{"to": ROSA, "from_": NUMBER, "body": "hola", **given})
    return caught.value


def test_the_answer_has_the_types_that_twilio_gives(twilio):
    before = datetime.now(UTC).replace(microsecond=0)
    message = twilio.messages.create(to=ROSA, from_=NUMBER, body="Si le piden cupo, llame al 111")
    assert message.sid.startswith("SM")
    assert len(message.sid) == 34
    assert message.account_sid == SID
    assert (message.status, message.direction, message.num_segments) == ("queued", "outbound-api", "1")
    assert (message.to, message.from_, message.body) == (ROSA, NUMBER, "Si le piden cupo, llame al 111")
    assert (message.price, message.error_code, message.messaging_service_sid) == (None, None, None)
    assert message.date_sent is None
    assert before <= message.date_created <= datetime.now(UTC)


def test_the_async_client_creates_many_at_once(simulator):
    async def send() -> set[str]:
        async with AsyncRewritten(simulator.base) as http:
            client = Client(SID, "token-of-the-first-account", http_client=http)
            made = await asyncio.gather(
                *(
                    client.messages.create_async(to=f"+519{n:08}", from_=NUMBER, body=f"n {n}")
                    for n in range(1001, 1101)
                )
            )
            return {message.sid for message in made}

    assert len(asyncio.run(send())) == 100
    assert len(simulator.control("ledger")["phones"]) == 100


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("a" * 152 + "€" + "b" * 152, 3), ("á" * 70, 1), ("á" * 71, 2), ("á" * 134, 2), ("á" * 135, 3),
        ("😀" * 35, 1), ("😀" * 36, 2), ("á" * 66 + "😀" + "á" * 66, 3), ("ñandu Ñ ü é", 1),
    ],
)  # fmt: skip
def test_parts_are_counted_by_walking(twilio, text, parts):
    assert twilio.messages.create(to=ROSA, from_=NUMBER, body=text).num_segments == str(parts)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"to": ""}, 21604), ({"from_": ""}, 21603), ({"body": ""}, 21602), ({"body": "x" * 1601}, 21617),
        ({"to": "hola"}, 21211), ({"to": "+519876543"}, 21211), ({"to": "+5114444444"}, 21614),
        ({"to": "+51044444444"}, 21211), ({"to": OTHER_NUMBER, "from_": NUMBER}, 21614),
        ({"from_": "+5117000002"}, 21659), ({"from_": OTHER_NUMBER}, 21660), ({"from_": "POLICIA"}, 21657),
        ({"from_": "¡!"}, 21212), ({"status_callback": "http://mi_web.pe/x"}, 21609),
        ({"status_callback": "ftp://web.pe/x"}, 21609), ({"status_callback": "http://web.pe/ñ"}, 21609),
        ({"validity_period": 0}, 21623), ({"validity_period": 36001}, 21623),
        ({"messaging_service_sid": "MG" + "9" * 32, "from_": ""}, 21701),
        ({"to": "+51900000010"}, 21610), ({"to": "+51900000012"}, 21612), ({"to": "+51900000014"}, 21614),
        ({"to": "+51900000011"}, 21211), ({"to": "+51900000040"}, 21408),
        ({"schedule_type": "fixed"}, 35118), ({"send_at": datetime(2030, 1, 1, tzinfo=UTC)}, 35110),
        ({"to": "+5117000001", "from_": NUMBER}, 21614),
    ],
)  # fmt: skip
def test_each_wrong_field_has_its_code(simulator, twilio, given, code):
    refused = refusal(twilio, **given)
    assert (refused.status, refused.code) == (400, code)
    assert simulator.control("ledger")["phones"] == {}


def test_the_same_number_cannot_write_to_itself(simulator, twilio):
    simulator.control("accounts", {"sid": SID, "token": "token-of-the-first-account", "numbers": [ROSA]})
    assert refusal(twilio, from_=ROSA).code == 21266


def test_a_wrong_token_is_refused_before_anything_is_read(simulator):
    refused = refusal(simulator.client(token="wrong"))
    assert (refused.status, refused.code) == (401, 20003)


def test_another_accounts_address_is_not_found(simulator, twilio):
    with pytest.raises(TwilioRestException) as caught:
        twilio.api.accounts("AC" + "0b" * 16).messages.create(to=ROSA, from_=NUMBER, body="x")
    assert (caught.value.status, caught.value.code) == (404, 20404)


def test_an_api_key_may_send_for_its_account(simulator):
    key = "SK" + "c" * 32
    simulator.control("accounts", {"sid": SID, "token": "token-of-the-first-account", "keys": {key: "secret"}})
    http = simulator.client().http_client
    assert Client(key, "secret", SID, http_client=http).messages.create(to=ROSA, from_=NUMBER, body="x").sid


def test_clutter_in_a_number_is_taken_out(twilio):
    assert twilio.messages.create(to="+51 987-654-321", from_=SHORT_CODE, body="x").to == ROSA
    assert twilio.messages.create(to="51987654321", from_=SHORT_CODE, body="x").to == ROSA


def test_a_messaging_service_picks_the_sender_later(twilio):
    message = twilio.messages.create(to=ROSA, messaging_service_sid=SERVICE, body="hola")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    done = until(lambda: (m := message.fetch()).status == "delivered" and m)
    assert (done.from_, done.num_segments) == (NUMBER, "1")


def test_a_scheduled_message_waits_for_its_time_and_can_be_cancelled(simulator, twilio):
    when = datetime.now(UTC) + timedelta(minutes=10)
    plan = {"messaging_service_sid": SERVICE, "schedule_type": "fixed", "send_at": when, "body": "luego"}
    kept, cancelled = twilio.messages.create(to=ROSA, **plan), twilio.messages.create(to=LUIS, **plan)
    assert kept.status == "scheduled"
    assert cancelled.update(status="canceled").status == "canceled"
    simulator.control("clock", {"advance_s": 601})
    until(lambda: kept.fetch().status == "delivered")
    assert cancelled.fetch().status == "canceled"
    with pytest.raises(TwilioRestException) as caught:
        kept.update(status="canceled")
    assert caught.value.code == 30409


@pytest.mark.parametrize("seconds", [200, 36 * 86_400])
def test_a_message_is_scheduled_five_minutes_to_35_days_ahead(twilio, seconds):
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    plan = {"messaging_service_sid": SERVICE, "schedule_type": "fixed", "send_at": when}
    assert refusal(twilio, from_="", **plan).code == 35114


def test_a_body_that_is_no_form_gets_a_sentence(simulator):
    authorization = "Basic " + base64.b64encode(f"{SID}:token-of-the-first-account".encode()).decode()
    path = f"/2010-04-01/Accounts/{SID}/Messages.json"
    for body in (b"\xff\xfe=%ff", b"Body=%ff&To=1", b"a=1&" * 300):
        status, answer = simulator.call(path, body, headers={"Authorization": authorization})
        assert status == 400
        assert answer["code"] in (20001, 21604)
