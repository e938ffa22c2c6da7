"""Each sender's queue: pace, overflow, validity."""

import time

import pytest
from simulator_cast import LUIS, NUMBER, ROSA, SERVICE, SHORT_CODE, until
from twilio.base.exceptions import TwilioRestException


def send(twilio, to=ROSA, **given):
    return twilio.messages.create(**{"to": to, "from_": NUMBER, "body": "hola", **given})


def count(twilio, status: str) -> int:
    return sum(message.status == status for message in twilio.messages.list())


def test_a_queue_leaves_at_its_parts_a_second(simulator, twilio):
    simulator.faults(drain_rate=20, status_delay_ms=0)
    begin = time.monotonic()
    for _ in range(5):
        send(twilio, body="a" * 200)  # two parts each: the tenth part leaves 0.4 to 0.5 s after the first
    until(lambda: count(twilio, "delivered") == 5)
    assert time.monotonic() - begin > 0.35


def test_one_senders_queue_does_not_hold_up_another(simulator, twilio):
    simulator.faults(drain_rate=0.01, status_delay_ms=0)
    send(twilio), send(twilio)
    other = send(twilio, from_=SHORT_CODE)
    until(lambda: other.fetch().status == "delivered")
    assert count(twilio, "queued") == 1


def test_lifting_the_pace_lets_the_queue_go(simulator, twilio):
    simulator.faults(drain_rate=0.01, status_delay_ms=0)
    for _ in range(5):
        send(twilio)
    assert simulator.control("counters")["parts_queued"] == {NUMBER: 4}
    simulator.faults(drain_rate=None)
    until(lambda: count(twilio, "delivered") == 5)
    assert simulator.control("counters")["parts_queued"] == {}


def test_an_overflowing_queue_refuses_a_plain_sender_at_once(simulator, twilio):
    simulator.faults(drain_rate=0.01, queue_limit_parts=3)
    for _ in range(4):
        send(twilio)  # the first leaves, three wait
    with pytest.raises(TwilioRestException) as caught:
        send(twilio)
    assert (caught.value.status, caught.value.code) == (400, 21611)
    assert len(simulator.texts(ROSA)) == 4


def test_an_overflowing_queue_fails_a_services_message_later(simulator, twilio):
    simulator.faults(drain_rate=0.01, queue_limit_parts=1)
    send(twilio), send(twilio)
    late = send(twilio, from_="", messaging_service_sid=SERVICE)
    assert late.status == "accepted"
    until(lambda: late.fetch().status == "failed")
    assert late.fetch().error_code == 30001


def test_what_waits_longer_than_its_validity_fails_and_costs_no_pace(simulator, twilio):
    simulator.faults(drain_rate=0.01, status_delay_ms=0)
    first, late, patient = send(twilio), send(twilio, to=LUIS, validity_period=60), send(twilio)
    until(lambda: first.fetch().status == "delivered")
    simulator.control("clock", {"advance_s": 61})
    until(lambda: late.fetch().status == "failed")
    assert late.fetch().error_code == 30036
    assert late.fetch().error_message == "Validity Period Expired"
    simulator.control("clock", {"advance_s": 45})  # one part per 100 s: the next leaves at 100, not at 200
    until(lambda: patient.fetch().status == "delivered")


def test_ten_hours_of_pace_fit_into_a_queue(simulator, twilio):
    simulator.faults(drain_rate=0.0001)  # 36,000 s are 3.6 parts
    for _ in range(4):
        send(twilio)
    with pytest.raises(TwilioRestException) as caught:
        send(twilio)
    assert caught.value.code == 21611
