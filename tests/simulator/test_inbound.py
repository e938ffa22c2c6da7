"""What people write, what the product answers, and the carrier's own stop words."""

import pytest
from simulator_cast import LUIS, NUMBER, ROSA, SERVICE, SHORT_CODE, SID, TOKEN, until
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.messaging_response import MessagingResponse


@pytest.fixture
def inbox(simulator, product):
    """The product listens for what people write to the first account."""
    given = {"sid": SID, "token": TOKEN, "inbound_url": product.base + "/hooks/twilio/1/inbound"}
    simulator.control("accounts", given)
    product.answer = (200, "text/xml", "<Response></Response>")
    return product


def write(simulator, body, phone=ROSA, to=NUMBER, **given):
    return simulator.control("inbound", {"from": phone, "to": to, "body": body, **given})


def phone_of(simulator, number=ROSA):
    """What came to a phone in answer to what it wrote."""
    entries = simulator.control("ledger?all=1&to=%2B" + number[1:])["phones"].get(number, [])
    return [entry for entry in entries if entry["direction"] == "outbound-reply"]


def twiml(*texts: str) -> str:
    response = MessagingResponse()
    for text in texts:
        response.message(text)
    return str(response)


def test_a_message_is_posted_signed_with_twilios_fields(simulator, inbox, twilio):
    text = "ÑANDÚ 🚨 = & + % \x00 fin"
    answer = write(simulator, text)
    hook = inbox.take(1)[0]
    assert hook.signed
    assert hook.path == "/hooks/twilio/1/inbound"
    form = hook.form
    assert (form["From"], form["To"], form["Body"]) == (ROSA, NUMBER, text)
    assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"] == answer["sid"]
    assert (form["SmsStatus"], form["NumMedia"], form["FromCountry"]) == ("received", "0", "PE")
    assert "OptOutType" not in form
    assert "MessageStatus" not in form
    kept = twilio.messages(answer["sid"]).fetch()
    assert (kept.direction, kept.status, kept.from_) == ("inbound", "received", ROSA)


def test_the_twiml_answer_reaches_the_phone_as_a_reply(simulator, inbox, twilio):
    inbox.answer = (200, "text/xml; charset=utf-8", twiml("Llame al 111 o al 105 <gratis> & ya", "Dos: á"))
    answer = write(simulator, "AYUDA por favor")
    assert answer["status"] == 200
    assert answer["reply"] == ["Llame al 111 o al 105 <gratis> & ya", "Dos: á"]
    entries = phone_of(simulator)
    assert [entry["direction"] for entry in entries] == ["outbound-reply", "outbound-reply"]
    until(lambda: twilio.messages(entries[0]["sid"]).fetch().status == "delivered")
    assert simulator.texts(ROSA) == []  # a reply is no accepted create


@pytest.mark.parametrize(
    ("kind", "text", "reply"),
    [
        ("text/xml", "<Response/>", []), ("text/xml", "", []), ("text/plain", "Hola", ["Hola"]),
        ("application/xml", '<?xml version="1.0"?><Response><Message><Body>Sí</Body></Message></Response>', ["Sí"]),
        ("text/xml", "<Response><Message> </Message></Response>", []),
    ],
)  # fmt: skip
def test_other_answers(simulator, inbox, kind, text, reply):
    inbox.answer = (200, kind, text)
    assert write(simulator, "hola")["reply"] == reply


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><Response><Message>&a;</Message></Response>', "document type"),
        ("<Response><Message>", "not XML"), ("<html>Error</html>", "root"), (twiml(*"12345678901"), "at most 10"),
        ("x" * 70_000, "64 kB"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_twiml_reaches_nobody(simulator, inbox, text, says):
    inbox.answer = (200, "text/xml", text)
    answer = write(simulator, "hola")
    assert says in answer["error"]
    assert answer["reply"] == []
    assert phone_of(simulator) == []


def test_a_product_that_answers_500_or_not_at_all_is_told_of(simulator, inbox):
    inbox.answer = (500, "text/html", "<h1>Error</h1>")
    assert write(simulator, "hola") | {"sid": ""} == {"status": 500, "reply": [], "sid": ""}
    simulator.control("accounts", {"sid": SID, "token": TOKEN, "inbound_url": "http://127.0.0.1:1/x"})
    status, answer = simulator.call("/control/inbound", {"from": ROSA, "to": NUMBER, "body": "hola"})
    assert (status, answer["status"], answer["error"]) == (502, None, "cannot connect")


def test_the_same_sid_is_posted_again_without_a_second_message(simulator, inbox, twilio):
    sid = write(simulator, "hola")["sid"]
    assert write(simulator, "hola", sid=sid)["sid"] == sid
    assert [hook.form["MessageSid"] for hook in inbox.take(2)] == [sid, sid]
    assert len(twilio.messages.list(to=NUMBER)) == 1


def test_a_stop_that_is_posted_again_is_not_acted_on_again(simulator, inbox, twilio):
    simulator.control("accounts", {"sid": SID, "token": TOKEN, "opt_out": "advanced"})
    sid = write(simulator, "STOP")["sid"]
    write(simulator, "START")
    write(simulator, "STOP", sid=sid)
    assert [hook.form.get("OptOutType") for hook in inbox.take(3)] == ["STOP", "START", "STOP"]
    assert len(phone_of(simulator)) == 2
    assert twilio.messages.create(to=ROSA, from_=NUMBER, body="x").sid


def test_an_inbound_address_may_ask_for_retries_after_errors(simulator, inbox):
    url = inbox.base + "/hooks/twilio/1/inbound#rc=1&rp=5xx"
    simulator.control("accounts", {"sid": SID, "token": TOKEN, "inbound_url": url})
    inbox.answer = (500, "text/plain", "broken")
    assert write(simulator, "hola")["status"] == 500
    assert len({hook.headers["I-Twilio-Idempotency-Token"] for hook in inbox.take(2)}) == 1
    assert inbox.silence(0.1)


def test_without_a_receiver_name_the_last_sender_is_answered(simulator, inbox, twilio):
    twilio.messages.create(to=ROSA, from_=SHORT_CODE, body="hola")
    simulator.control("inbound", {"from": ROSA, "body": "gracias"})
    assert inbox.take(1)[0].form["To"] == SHORT_CODE


@pytest.mark.parametrize(
    "given",
    [{}, {"from": ROSA, "to": NUMBER}, {"from": "rosa", "to": NUMBER, "body": "x"},
     {"from": ROSA, "to": "+1", "body": "x"},
     {"from": ROSA, "to": NUMBER, "body": 5}, {"from": ROSA, "to": NUMBER, "body": "x" * 1601},
     {"from": ROSA, "to": NUMBER, "body": "x", "sid": "?"}],
)  # fmt: skip
def test_a_wrong_call_gets_a_sentence(simulator, given):
    status, answer = simulator.call("/control/inbound", given)
    assert status == 400
    assert answer["error"]


def refused(twilio, **given):
    with pytest.raises(TwilioRestException) as caught:
        twilio.messages.create(**{"to": ROSA, "from_": NUMBER, "body": "hola", **given})
    return caught.value.code


def test_stop_blocks_the_pair_answers_by_itself_and_is_still_passed_on(simulator, inbox, twilio):
    write(simulator, " stop ")
    hook = inbox.take(1)[0]
    assert hook.form["Body"] == " stop "
    assert "OptOutType" not in hook.form
    assert "unsubscribed" in phone_of(simulator)[0]["body"]
    assert refused(twilio) == 21610
    assert twilio.messages.create(to=LUIS, from_=NUMBER, body="x").sid
    assert twilio.messages.create(to=ROSA, from_=SHORT_CODE, body="x").sid


def test_after_stop_a_service_takes_the_message_and_fails_it_later(simulator, inbox, twilio):
    write(simulator, "STOP")
    message = twilio.messages.create(to=ROSA, messaging_service_sid=SERVICE, body="x")
    until(lambda: message.fetch().status == "failed")
    assert message.fetch().error_code == 21610


def test_after_stop_the_products_own_answer_does_not_arrive(simulator, inbox):
    inbox.answer = (200, "text/xml", twiml("No le escribiremos más."))
    assert write(simulator, "STOP")["reply"] == []
    assert len(phone_of(simulator)) == 1


@pytest.mark.parametrize("word", ["START", "unstop", "Yes"])
def test_start_lifts_the_block(simulator, inbox, twilio, word):
    write(simulator, "QUIT")
    assert refused(twilio) == 21610
    write(simulator, word)
    assert twilio.messages.create(to=ROSA, from_=NUMBER, body="x").sid
    assert "re-subscribed" in phone_of(simulator)[1]["body"]


@pytest.mark.parametrize("text", ["STOP PLEASE", "ALTO", "no stop", ""])
def test_by_default_only_single_english_words_count(simulator, inbox, twilio, text):
    write(simulator, text)
    assert phone_of(simulator) == []
    assert twilio.messages.create(to=ROSA, from_=NUMBER, body="x").sid


def test_help_is_answered(simulator, inbox):
    write(simulator, "help")
    assert phone_of(simulator)[0]["body"].startswith("Reply STOP")


def test_short_codes_are_left_to_the_product(simulator, inbox, twilio):
    write(simulator, "STOP", to=SHORT_CODE)
    assert phone_of(simulator) == []
    assert twilio.messages.create(to=ROSA, from_=SHORT_CODE, body="x").sid


def test_advanced_handling_knows_more_words_and_says_what_it_did(simulator, inbox, twilio):
    simulator.control("accounts", {"sid": SID, "token": TOKEN, "opt_out": "advanced"})
    for word, act in (("AYUDA", "HELP"), ("Alto", "STOP"), ("AYUDA", "HELP"), ("ALTA", "START")):
        write(simulator, word)
        assert inbox.take(1)[0].form["OptOutType"] == act
        if act == "STOP":
            assert refused(twilio) == 21610
    assert len(phone_of(simulator)) == 3  # HELP is not answered to someone who opted out
    write(simulator, "gracias")
    assert "OptOutType" not in inbox.take(1)[0].form


def test_with_handling_off_everything_is_left_to_the_product(simulator, inbox, twilio):
    simulator.control("accounts", {"sid": SID, "token": TOKEN, "opt_out": "off"})
    inbox.answer = (200, "text/xml", twiml("Listo."))
    assert write(simulator, "STOP")["reply"] == ["Listo."]
    assert twilio.messages.create(to=ROSA, from_=NUMBER, body="x").sid
