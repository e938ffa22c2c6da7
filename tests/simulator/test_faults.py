"""What goes wrong with a create call, and what the ledger holds afterwards."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from simulator_cast import LUIS, NUMBER, ROSA, until
from twilio.base.exceptions import TwilioRestException, TwilioServiceException


def send(twilio, to=ROSA, body="hola"):
    return twilio.messages.create(to=to, from_=NUMBER, body=body)


@pytest.mark.parametrize(
    ("kind", "status", "code", "accepted"),
    [
        ("too_many", 429, 20429, 0), ("too_many_bare", 429, 20429, 0), ("error_before", 500, 20500, 0),
        ("error_after", 500, 20500, 1), ("unavailable", 503, 20503, 0), ("bad_gateway", 502, 502, 0),
        ("bad_gateway_after", 502, 502, 1),
    ],
)  # fmt: skip
def test_error_answers(simulator, twilio, kind, status, code, accepted):
    simulator.faults(create=[{"kind": kind, "count": 1}])
    with pytest.raises(TwilioRestException) as caught:
        send(twilio)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(simulator.texts(ROSA)) == accepted
    assert simulator.control("counters")["fault_" + kind] == 1
    send(twilio)
    assert len(simulator.texts(ROSA)) == accepted + 1


@pytest.mark.parametrize(("kind", "expected"), [("too_many", "7"), ("too_many_bare", None)])
def test_only_one_kind_of_429_says_when_to_come_back(simulator, twilio, kind, expected):
    simulator.faults(create=[{"kind": kind, "count": 1, "retry_after": 7}])
    path = f"https://api.twilio.com/2010-04-01/Accounts/{twilio.username}/Messages.json"
    response = twilio.request("POST", path, data={"To": ROSA, "From": NUMBER, "Body": "x"})
    assert response.status_code == 429
    assert response.headers.get("Retry-After") == expected


def test_a_problem_body_raises_the_librarys_other_class(simulator, twilio):
    simulator.faults(create=[{"kind": "problem", "count": 1}])
    with pytest.raises(TwilioServiceException) as caught:
        send(twilio)
    assert (caught.value.status, caught.value.code) == (400, 20001)
    assert simulator.texts(ROSA) == []


@pytest.mark.parametrize(("kind", "accepted"), [("reset_before", 0), ("reset_after", 1)])
def test_resets(simulator, twilio, kind, accepted):
    simulator.faults(create=[{"kind": kind, "count": 1}])
    with pytest.raises(requests.exceptions.ConnectionError):
        send(twilio)
    assert len(simulator.texts(ROSA)) == accepted


@pytest.mark.parametrize(("kind", "accepted"), [("hang_before", 0), ("hang_after", 1)])
def test_hangs_run_into_the_callers_time_out(simulator, kind, accepted):
    simulator.faults(create=[{"kind": kind, "count": 1}])
    with pytest.raises(requests.exceptions.ReadTimeout):
        send(simulator.client(timeout=0.3))
    until(lambda: len(simulator.control("calls")["calls"]) == 1)  # however late it is read
    until(lambda: len(simulator.texts(ROSA)) == accepted)


@pytest.mark.parametrize(("code", "status"), [(21606, 400), (20003, 401), (30002, 403)])
def test_any_refusal_can_be_played(simulator, twilio, code, status):
    simulator.faults(create=[{"kind": "refused", "code": code, "status": status}])
    with pytest.raises(TwilioRestException) as caught:
        send(twilio)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert simulator.texts(ROSA) == []


def test_a_call_that_hangs_is_open_until_the_caller_goes(simulator):
    simulator.faults(create=[{"kind": "hang_before", "count": 1}])
    with pytest.raises(requests.exceptions.ReadTimeout):
        send(simulator.client(timeout=0.2))
    until(lambda: simulator.control("counters")["creates_in_flight"] == 0)
    assert simulator.control("counters")["most_creates_open"] == 1


def test_the_most_creates_ever_open_at_once_are_counted(simulator):
    simulator.faults(latency_ms=200)
    clients = [simulator.client() for _ in range(5)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(send, clients))
    assert simulator.control("counters")["most_creates_open"] == 5
    simulator.control("reset", {})
    assert simulator.control("counters")["most_creates_open"] == 0


def test_a_reset_while_a_call_is_open_does_not_lose_count(simulator):
    simulator.faults(create=[{"kind": "hang_before", "count": 1}])
    with ThreadPoolExecutor() as pool:
        hung = pool.submit(send, simulator.client(timeout=0.4))
        until(lambda: simulator.control("counters")["creates_in_flight"] == 1)
        simulator.control("reset", {})
        assert simulator.control("counters")["most_creates_open"] == 1
        assert isinstance(hung.exception(), requests.exceptions.ReadTimeout)
    until(lambda: simulator.control("counters")["creates_in_flight"] == 0)


def test_a_fault_can_be_meant_for_one_number(simulator, twilio):
    simulator.faults(create=[{"kind": "error_after", "to": ROSA}])
    send(twilio, to=LUIS)
    with pytest.raises(TwilioRestException):
        send(twilio)


def test_a_fault_can_come_by_chance(simulator, twilio):
    simulator.faults(seed=3, create=[{"kind": "error_before", "probability": 0.5}])
    failed = 0
    for _ in range(40):
        try:
            send(twilio)
        except TwilioRestException:
            failed += 1
    assert 8 < failed < 32
    assert len(simulator.texts(ROSA)) == 40 - failed


def test_what_is_wrong_with_a_call_is_told_before_a_fault_after_creating(simulator, twilio):
    simulator.faults(create=[{"kind": "error_after"}])
    with pytest.raises(TwilioRestException) as caught:
        send(twilio, to="+5114444444")
    assert caught.value.code == 21614


def test_latency_is_kept(simulator, twilio):
    simulator.faults(latency_ms=150)
    begin = time.monotonic()
    send(twilio)
    assert time.monotonic() - begin >= 0.15


def test_more_calls_at_once_than_the_limit_get_429(simulator, twilio):
    simulator.faults(concurrency_limit=0)
    with pytest.raises(TwilioRestException) as caught:
        send(twilio)
    assert caught.value.code == 20429
    simulator.faults(concurrency_limit=1)
    assert send(twilio).sid


def test_reading_can_fail_too(simulator, twilio):
    message = send(twilio)
    simulator.faults(reads_fail=True)
    with pytest.raises(TwilioRestException) as caught:
        message.fetch()
    assert caught.value.status == 503


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"latency": 5}, "'latency' is not known"), ({"latency_ms": -1}, "milliseconds"),
        ({"latency_ms": [5, 1]}, "milliseconds"), ({"create": {"kind": "x"}}, "list"),
        ({"create": [{"kind": "explode"}]}, "explode"), ({"create": [{"kind": "problem", "when": 1}]}, "when"),
        ({"create": [{"kind": "refused"}]}, "code"),
        ({"create": [{"kind": "refused", "code": 20003, "status": 200}]}, "status"),
        ({"create": [{"kind": "problem", "probability": 2}]}, "share"), ({"drain_rate": 0}, "parts per second"),
        ({"callbacks": {"slow": 1}}, "slow"), ({"callbacks": 5}, "object"),
        ({"callbacks": {"retry_ms": -1}}, "milliseconds"), ({"outcomes": {ROSA: "lost"}}, "lost"),
        ({"outcomes": {ROSA: []}}, "at least one"), ({"outcomes": {ROSA: "undelivered"}}, "code"),
        ({"mix": {"sent": 0.8, "failed:30008": 0.8}}, "more than 1"), ({"reads_fail": 1}, "true or false"),
        (b"{", "JSON"), (b"[]", "object"), (b'{"seed": "\\ud800"}', "JSON"),
    ],
)  # fmt: skip
def test_a_wrong_switch_gets_a_sentence_and_changes_nothing(simulator, given, says):
    before = simulator.control("faults")
    if isinstance(given, dict):
        given = {"latency_ms": 99, **given} if "latency_ms" not in given else given
    status, answer = simulator.call("/control/faults", given)
    assert status == 400
    assert says in answer["error"]
    assert simulator.control("faults") == before


def test_faults_are_shown_as_they_are_given(simulator):
    given = {
        "create": [
            {"kind": "too_many", "probability": 0.5, "count": 3, "to": ROSA, "retry_after": 2, "code": None,
             "status": 400},
            {"kind": "refused", "probability": 1.0, "count": None, "to": None, "retry_after": 1, "code": 20003,
             "status": 401},
        ],
        "latency_ms": [5, 10], "status_delay_ms": [0, 50], "drain_rate": 100.0, "queue_limit_parts": 500,
        "concurrency_limit": 100, "reads_fail": True, "outcomes": {ROSA: ["undelivered:30003", "delivered"]},
        "mix": {"undelivered:30005": 0.1}, "callbacks": {"duplicate": 0.1, "early": 0.2, "drop": 0.3, "shuffle": 250,
                                                    "late": 0.4, "late_ms": [500, 900], "retry_ms": [20, 30]},
        "mail": {
            "events": [
                {"kind": "refuse", "at": "rcpt", "code": 550, "enhanced": "5.1.1", "text": "User unknown",
                 "probability": 0.5, "count": 3, "to": "rosa@empresa.example"},
                {"kind": "hang_after", "at": "end", "code": 451, "enhanced": "4.3.0", "text": "x", "probability": 1.0,
                 "count": None, "to": None},
            ],
            "latency_ms": [5, 10], "command_latency_ms": [0, 3], "greylist_s": 2.5, "connections_limit": 4,
            "mails_per_connection": 9, "outcomes": {"rosa@empresa.example": ["bounce:5.1.1", "delivered"]},
            "mix": {"complaint": 0.25, "gives_up:5.4.7": 0.5}, "notice_delay_ms": [10, 20],
        },
        "seed": "7",
    }  # fmt: skip
    assert simulator.faults(**given) == given
