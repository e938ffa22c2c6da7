"""Fast mode: the same answers and the same record as ever, whichever way a create goes."""

import asyncio
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from simulator_cast import (
    LUIS,
    NUMBER,
    OTHER_SID,
    OTHER_TOKEN,
    ROSA,
    SERVICE,
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

DELAYED = {"accepted_at", "began_at", "sid"}


@pytest.fixture(scope="module")
def fast_base() -> Iterator[str]:
    process, base = start("--fast", "--account", f"{SID}:{TOKEN}", "--account", f"{OTHER_SID}:{OTHER_TOKEN}")
    yield base
    process.terminate()
    assert process.wait(timeout=10) == 0
    process.stdout.close()


@pytest.fixture
def fast(fast_base) -> Iterator[Simulator]:
    simulator = Simulator(fast_base)
    simulator.control("reset", {})
    simulator.faults(status_delay_ms=5)
    yield simulator
    simulator.close()


class Wire:
    """A connection written to by hand."""

    def __init__(self, simulator: Simulator) -> None:
        self.socket = socket.create_connection(("127.0.0.1", int(simulator.base.rpartition(":")[2])), timeout=10)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_error) -> None:
        self.file.close()
        self.socket.close()

    def read(self) -> tuple[int, dict[str, str], dict]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, json.loads(self.file.read(int(headers["content-length"])))

    def ask(self, raw: bytes) -> tuple[int, dict[str, str], dict]:
        self.socket.sendall(raw)
        return self.read()


def create(body: str | bytes, more: str = "", token: str = TOKEN) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    return create_head(len(raw), more, token) + raw


def form(**given: object) -> str:
    return urlencode({"To": ROSA, "From": NUMBER, "Body": "hola", **given})


@pytest.mark.parametrize(
    "body",
    [
        form(Body="Ñandú 🚨 = & + % \\ ^ \n\r\t\x00 fin", StatusCallback="http://127.0.0.1:1/s?c=7&d=%C3%A9%20x&n=2"),
        form(Body="€" * 81), form(From="", MessagingServiceSid=SERVICE), form(ValidityPeriod="60"),
        "To=%2B51987654321&From=%2b5117000001&Body=100%&Body=again", "To=+51987654321&From=29111&Body=a=b&&x",
        form(To=""), form(From=""), form(Body=""), form(Body="x" * 1601), form(To="+5114444444"), form(To="hola é"),
        form(From="POLICIA"), form(ValidityPeriod="0"), form(StatusCallback="http://mi_web.pe/"),
        form(ScheduleType="fixed"), "", "&", "Body=%ff&To=%2B51987654321&From=29111", b"\xff\xfe", "a=1&" * 300,
    ],
)  # fmt: skip
def test_both_ways_answer_the_same_to_the_letter(fast, simulator, body):
    for each in (fast, simulator):
        each.faults(status_delay_ms=3_600_000)

    def answer(target: Simulator) -> tuple[int, str, dict]:
        with Wire(target) as wire:
            status, headers, given = wire.ask(create(body))
        sid = given.pop("sid", "")
        text = json.dumps(given).replace(sid, "SM") if sid else json.dumps(given)
        now = json.loads(text)
        for name in ("date_created", "date_updated"):
            now.pop(name, None)
        return status, headers["content-type"], now

    def kept(target: Simulator) -> list[dict]:
        entries = target.control("ledger")["phones"].get(ROSA, [])
        return [{name: value for name, value in entry.items() if name not in DELAYED} for entry in entries]

    assert answer(fast) == answer(simulator)
    assert kept(fast) == kept(simulator)


def test_what_the_answer_shows_is_what_a_fetch_shows(fast):
    fast.faults(status_delay_ms=3_600_000)
    for more in ({}, {"From": "", "MessagingServiceSid": SERVICE}):
        with Wire(fast) as wire:
            made = wire.ask(create(form(**more)))[2]
        assert fast.client().request("GET", "https://api.twilio.com" + made["uri"]).text == json.dumps(made)


def test_twilios_clients_send_list_and_get_receipts(fast, product):
    async def send() -> list[str]:
        async with AsyncRewritten(fast.base) as http:
            client = Client(SID, TOKEN, http_client=http)
            numbers = [f"+519{n:08}" for n in range(1001, 1101)]
            made = [client.messages.create_async(to=to, from_=NUMBER, body="é") for to in numbers]
            return [message.sid for message in await asyncio.gather(*made)]

    sids = asyncio.run(send())
    phones = fast.control("ledger")["phones"]
    assert sorted(entries[0]["sid"] for entries in phones.values()) == sorted(sids)
    twilio = fast.client()
    message = twilio.messages.create(to=ROSA, from_=NUMBER, body="hola", status_callback=product.base + "/s?d=1")
    assert [hook.form["MessageStatus"] for hook in product.take(3)] == ["sending", "sent", "delivered"]
    assert [m.sid for m in twilio.messages.list(to=ROSA)] == [message.sid]
    assert message.fetch().status == "delivered"
    counters = fast.control("counters")
    assert (counters["creates"], counters["creates_accepted"], counters["creates_in_flight"]) == (101, 101, 0)


def test_creates_stay_on_their_connection_and_other_calls_end_it(fast):
    with Wire(fast) as wire:
        for _ in range(3):
            assert wire.ask(create(form()))[1].get("connection") is None
        status, headers, _ = wire.ask(b"GET /control/counters HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (status, headers["connection"]) == (200, "close")
        assert wire.file.read() == b""


def test_requests_in_pieces_and_several_at_once(fast):
    with Wire(fast) as wire:
        raw = create(form(Body="uno"))
        for start_ in range(0, len(raw), 40):
            wire.socket.sendall(raw[start_ : start_ + 40])
        assert wire.read()[2]["body"] == "uno"
        fast.faults(latency_ms=30)
        wire.socket.sendall(b"".join(create(form(Body=text)) for text in ("dos", "tres", "cuatro")))
        assert [wire.read()[2]["body"] for _ in range(3)] == ["dos", "tres", "cuatro"]
    assert fast.texts(ROSA) == ["uno", "dos", "tres", "cuatro"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (create(form(), token="wrong"), 401), (create(form(), "Content-Type: text/plain\r\n"), 400),
        (create(form()).replace(b"Host: 127.0.0.1\r\n", b""), None), (b"NONSENSE\r\n\r\n", 400),
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
        (create(form()).replace(SID.encode(), OTHER_SID.encode()), 404), (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (create_head(5_000_000), None), (b"P" * 20_000 + b"\r\n\r\n", 400),
        (create(form(), "Transfer-Encoding: chunked\r\n"), 400),
    ],
)  # fmt: skip
def test_what_is_no_plain_create_is_left_to_the_ordinary_application(fast, raw, status):
    with Wire(fast) as wire:
        wire.socket.sendall(raw)
        if status is not None:
            assert int(wire.file.readline().split()[1]) == status
    assert fast.client().messages.create(to=LUIS, from_=NUMBER, body="x").sid


def test_faults_of_creates_work_and_the_way_is_fast_again_after_them(fast):
    twilio = fast.client()
    fast.faults(create=[{"kind": "error_after", "count": 1}])
    with pytest.raises(TwilioRestException):
        twilio.messages.create(to=ROSA, from_=NUMBER, body="uno")
    fast.faults(create=[])
    twilio.messages.create(to=ROSA, from_=NUMBER, body="dos")
    fast.faults(concurrency_limit=0)
    with pytest.raises(TwilioRestException):
        twilio.messages.create(to=ROSA, from_=NUMBER, body="tres")
    assert fast.texts(ROSA) == ["uno", "dos"]


def test_latency_keeps_creates_open_and_who_leaves_is_not_counted(fast):
    fast.faults(latency_ms=400)
    wires = [Wire(fast) for _ in range(4)]
    for wire in wires:
        wire.socket.sendall(create(form()))
    until(lambda: fast.control("counters")["creates_in_flight"] == 4)
    wires[0].file.close(), wires[0].socket.close()
    until(lambda: fast.control("counters")["creates_in_flight"] == 3, 0.3)
    for wire in wires[1:]:
        assert wire.read()[0] == 201
        wire.file.close(), wire.socket.close()
    counters = fast.control("counters")
    assert (counters["most_creates_open"], counters["creates_in_flight"], len(fast.texts(ROSA))) == (4, 0, 4)


def test_a_replaced_token_is_seen_at_once(fast):
    with Wire(fast) as wire:
        assert wire.ask(create(form()))[0] == 201
        fast.control("accounts", {"sid": SID, "token": "another"})
        assert wire.ask(create(form()))[0] == 401
    fast.control("accounts", {"sid": SID, "token": TOKEN})


def test_when_a_create_began_is_told(fast):
    before = datetime.now(UTC)
    fast.client().messages.create(to=ROSA, from_=NUMBER, body="x")
    entry = fast.control("ledger")["phones"][ROSA][0]
    began_at, accepted_at = (datetime.fromisoformat(entry[name]) for name in ("began_at", "accepted_at"))
    assert before - timedelta(milliseconds=1) < began_at <= accepted_at <= datetime.now(UTC)
