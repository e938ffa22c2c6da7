"""The control calls, who may use them, and starting and stopping the program."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import requests
from simulator_cast import (
    NUMBER,
    OTHER_NUMBER,
    OTHER_SID,
    ROSA,
    SID,
    TOKEN,
    AsyncRewritten,
    Simulator,
    create_head,
    start,
    until,
)
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

MILLISECOND = timedelta(milliseconds=1)  # times are told in these, and cut


def test_the_ledger_says_what_came_when_and_for_which_delivery(simulator, twilio):
    callback = "http://127.0.0.1:1/hooks/1/status?c=7&d=42&n=2#rc=0"
    before = datetime.now(UTC)
    message = twilio.messages.create(to=ROSA, from_=NUMBER, body="hola", status_callback=callback)
    after = datetime.now(UTC)
    entry = simulator.control("ledger")["phones"][ROSA][0]
    began_at, accepted_at = (datetime.fromisoformat(entry.pop(name)) for name in ("began_at", "accepted_at"))
    assert before - MILLISECOND < began_at <= accepted_at <= after
    entry.pop("status")
    assert entry == {
        "sid": message.sid, "body": "hola", "from": NUMBER, "delivery": "42", "campaign": "7", "attempt": "2",
        "error_code": None, "direction": "outbound-api",
    }  # fmt: skip


def test_the_ledger_holds_what_the_caller_never_heard_of(simulator, twilio):
    simulator.faults(create=[{"kind": "error_after"}])
    with pytest.raises(TwilioRestException):
        twilio.messages.create(to=ROSA, from_=NUMBER, body="hola")
    entry = simulator.control("ledger")["phones"][ROSA][0]
    assert (entry["body"], entry["delivery"]) == ("hola", None)
    assert [m.sid for m in twilio.messages.list(to=ROSA)] == [entry["sid"]]


def test_the_ledger_of_one_phone(simulator, twilio):
    for n in range(3):
        twilio.messages.create(to=f"+5191111111{n}", from_=NUMBER, body="hola")
    assert list(simulator.control("ledger?to=%2B51911111111")["phones"]) == ["+51911111111"]
    assert simulator.control("ledger?to=nobody") == {"phones": {}}


def test_the_ledger_tells_when_a_create_began_not_when_its_form_had_come(simulator):
    form = urlencode({"To": ROSA, "From": NUMBER, "Body": "hola"})
    with socket.create_connection(("127.0.0.1", int(simulator.base.rpartition(":")[2]))) as wire:
        before = datetime.now(UTC)
        wire.sendall(create_head(len(form)))
        until(lambda: simulator.control("counters")["creates_in_flight"] == 1)
        between = datetime.now(UTC)
        time.sleep(0.1)
        wire.sendall(form.encode())
        assert wire.recv(100).startswith(b"HTTP/1.1 201")
    entry = simulator.control("ledger")["phones"][ROSA][0]
    began_at, accepted_at = (datetime.fromisoformat(entry[name]) for name in ("began_at", "accepted_at"))
    assert before - MILLISECOND < began_at <= between < accepted_at


def test_the_latest_calls_are_logged_with_what_became_of_them(simulator, twilio):
    simulator.faults(create=[{"kind": "error_before", "count": 1, "to": ROSA}, {"kind": "hang_after", "to": ROSA}])
    for client in (twilio, simulator.client(timeout=0.2)):
        with pytest.raises((TwilioRestException, requests.exceptions.ReadTimeout)):
            client.messages.create(to=ROSA, from_=NUMBER, body="hola")
    until(lambda: simulator.control("counters")["creates_in_flight"] == 0)
    twilio.messages.list(to=ROSA)
    calls = simulator.control("calls")["calls"]
    assert [(call["method"], call["to"], call["status"], call["fault"]) for call in calls] == [
        ("GET", ROSA, 200, None), ("POST", ROSA, None, "hang_after"), ("POST", ROSA, 500, "error_before"),
    ]  # fmt: skip
    assert len(simulator.control("calls?last=1")["calls"]) == 1
    assert simulator.call("/control/calls?last=x")[0] == 400


def test_reset_forgets_everything_but_accounts(simulator, twilio):
    simulator.faults(latency_ms=5, create=[{"kind": "error_after", "count": 1}])
    with pytest.raises(TwilioRestException):
        twilio.messages.create(to=ROSA, from_=NUMBER, body="hola")
    simulator.call("/control/inbound", {"from": ROSA, "to": NUMBER, "body": "STOP"})
    assert simulator.control("counters")["opt_outs"] > 0
    simulator.control("clock", {"advance_s": 3600})
    simulator.control("reset", {})
    assert simulator.control("ledger") == {"phones": {}}
    assert simulator.control("faults")["create"] == []
    assert simulator.control("counters")["opt_outs"] == 0
    assert twilio.messages.list() == []
    before = datetime.now(UTC).replace(microsecond=0)
    message = twilio.messages.create(to=ROSA, from_=NUMBER, body="hola")
    assert before <= message.date_created <= datetime.now(UTC)


def test_counters_add_up(simulator, twilio):
    for to in (ROSA, ROSA, "+5114444444"):
        try:
            twilio.messages.create(to=to, from_=NUMBER, body="hola")
        except TwilioRestException:
            assert to == "+5114444444"
    counters = simulator.control("counters")
    assert (counters["creates"], counters["creates_accepted"], counters["refused_21614"]) == (3, 2, 1)
    assert counters["creates_in_flight"] == 0


def test_a_new_account_can_be_registered_and_a_token_replaced(simulator):
    sid = "AC" + "0c" * 16
    numbers, service = ["+5117000077", "72345", "MUNI LIMA"], "MG" + "c" * 32
    given = {"sid": sid, "token": "one", "numbers": numbers, "services": {service: []}}
    made = simulator.control("accounts", given)
    assert made["numbers"] == numbers
    assert simulator.client(sid, "one").messages.create(to=ROSA, from_="MUNI LIMA", body="x").sid
    with pytest.raises(TwilioRestException) as caught:
        simulator.client(sid, "one").messages.create(to=ROSA, messaging_service_sid=service, body="x")
    assert caught.value.code == 21703
    simulator.control("accounts", {"sid": sid, "token": "two"})
    with pytest.raises(TwilioRestException) as caught:
        simulator.client(sid, "one").api.accounts(sid).fetch()
    assert caught.value.status == 401
    assert simulator.client(sid, "two").messages.list()


@pytest.mark.parametrize(
    "given",
    [
        {}, {"sid": "AC1", "token": "x"}, {"sid": OTHER_SID, "token": ""}, {"sid": SID, "token": TOKEN, "number": []},
        {"sid": SID, "token": TOKEN, "numbers": "x"}, {"sid": SID, "token": TOKEN, "numbers": ["¡!"]},
        {"sid": SID, "token": TOKEN, "numbers": [OTHER_NUMBER]}, {"sid": SID, "token": TOKEN, "opt_out": "maybe"},
        {"sid": SID, "token": TOKEN, "inbound_url": "nowhere"}, {"sid": SID, "token": TOKEN, "services": {"MG1": []}},
    ],
)  # fmt: skip
def test_a_wrong_account_gets_a_sentence(simulator, given):
    status, answer = simulator.call("/control/accounts", given)
    assert status == 400
    assert answer["error"]


@pytest.mark.parametrize("given", [{}, {"advance_s": -1}, {"advance_s": "1"}, {"advance_s": True}, b"{"])
def test_a_wrong_time_gets_a_sentence(simulator, given):
    assert simulator.call("/control/clock", given)[0] == 400


def test_pages_of_other_sites_cannot_steer_it(simulator):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
        assert simulator.call("/control/reset", {}, headers=headers)[0] == 403
    assert simulator.call("/control/reset", {}, headers={"Origin": simulator.base})[0] == 200


def run(*options: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "simulator", *options],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--port", "99999"], "port"), (["--account", "AC1"], "AC and 32"), (["--opt-out", "maybe"], "maybe"),
        (["--inbound-url", "nowhere"], "http"), (["--numbers", "¡!"], "numbers"), (["--port", "eight"], "eight"),
    ],
)  # fmt: skip
def test_a_wrong_option_stops_the_start_with_a_sentence(options, says):
    ended = run(*options)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_environment_stops_the_start_with_a_sentence():
    ended = run(SIMULATOR_FAST="perhaps")
    assert ended.returncode == 2
    assert "SIMULATOR_FAST='perhaps': write yes or no" in ended.stderr


def test_a_taken_port_stops_the_start_with_a_sentence(running):
    ended = run("--port", running.rpartition(":")[2])
    assert ended.returncode == 1
    assert "cannot listen" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_takes_its_settings_from_the_environment_and_stops_cleanly(number, monkeypatch):
    monkeypatch.setenv("SIMULATOR_ACCOUNT_SID", "AC" + "0d" * 16)
    monkeypatch.setenv("SIMULATOR_AUTH_TOKEN", "from-the-environment")
    monkeypatch.setenv("SIMULATOR_NUMBERS", "+5117000055")
    process, base = start()
    simulator = Simulator(base)
    try:
        client = simulator.client("AC" + "0d" * 16, "from-the-environment")
        assert client.messages.create(to=ROSA, from_="+5117000055", body="x").sid
        status, _ = simulator.call("/control/counters")
        assert status == 200
    finally:
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        process.stdout.close()
        simulator.close()


def test_open_to_a_network_it_has_no_control_calls():
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--host", "0.0.0.0", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        simulator = Simulator("http://127.0.0.1:" + process.stdout.readline().strip().rpartition(":")[2])
        for path in ("/control/ledger", "/"):
            with pytest.raises(HTTPError) as caught:
                urlopen(simulator.base + path, timeout=10)
            assert caught.value.code == 404
            caught.value.close()
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def test_thousands_of_phones_are_counted_once_each(simulator):
    async def send() -> None:
        numbers = iter(range(1000, 3000))
        async with AsyncRewritten(simulator.base) as http:
            client = Client(SID, TOKEN, http_client=http)

            async def some() -> None:
                for n in numbers:
                    await client.messages.create_async(to=f"+519{n:08}", from_=NUMBER, body="hola")

            await asyncio.gather(*(some() for _ in range(20)))

    asyncio.run(send())
    phones = simulator.control("ledger")["phones"]
    assert len(phones) == 2000
    assert {len(entries) for entries in phones.values()} == {1}
