"""Status callbacks: signed by the real algorithm, in any order, twice, early, or never."""

import asyncio
import socket
import threading
import time
from collections import Counter

import pytest
from simulator_cast import NUMBER, OTHER_NUMBER, OTHER_SID, OTHER_TOKEN, ROSA, SERVICE, SID, Product, until

from simulator.accounts import Account
from simulator.callbacks import MOST, Callbacks
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.messages import Message
from simulator.webhooks import Webhooks


def send(twilio, product, to=ROSA, query="?c=7&d=42&n=1", **given):
    callback = product.base + "/hooks/twilio/1/status" + query
    return twilio.messages.create(**{"to": to, "from_": NUMBER, "body": "hola", "status_callback": callback, **given})


def statuses(hooks):
    return [hook.form["MessageStatus"] for hook in hooks]


def test_every_move_is_told_signed_and_in_order(twilio, product):
    message = send(twilio, product)
    hooks = product.take(3)
    assert statuses(hooks) == ["sending", "sent", "delivered"]
    assert all(hook.signed for hook in hooks)
    assert {hook.path for hook in hooks} == {"/hooks/twilio/1/status?c=7&d=42&n=1"}
    last = hooks[-1].form
    assert (last["MessageSid"], last["SmsSid"], last["SmsStatus"]) == (message.sid, message.sid, "delivered")
    assert (last["AccountSid"], last["To"], last["From"]) == (SID, ROSA, NUMBER)
    assert len(last["RawDlrDoneDate"]) == 10
    assert "ErrorCode" not in last


def test_the_fragment_is_neither_sent_nor_signed(twilio, product):
    send(twilio, product, query="?d=%C3%A9+1#rc=3&ct=1000")
    hook = product.take(1)[0]
    assert hook.path.endswith("?d=%C3%A9+1")
    assert hook.signed


def test_a_messaging_service_tells_of_queued_and_names_itself(twilio, product):
    send(twilio, product, from_="", messaging_service_sid=SERVICE)
    hooks = product.take(4)
    assert statuses(hooks) == ["queued", "sending", "sent", "delivered"]
    assert {hook.form["MessagingServiceSid"] for hook in hooks} == {SERVICE}


@pytest.mark.parametrize(
    ("to", "status", "code"),
    [
        ("+51900000003", "undelivered", "30003"), ("+51900000005", "undelivered", "30005"),
        ("+51900000001", "failed", "30001"), ("+51900000002", "failed", "30002"),
    ],
)  # fmt: skip
def test_magic_numbers_choose_the_end(twilio, product, to, status, code):
    message = send(twilio, product, to=to)
    last = product.take(3 if status == "undelivered" else 1)[-1]
    assert (last.form["MessageStatus"], last.form["ErrorCode"], last.signed) == (status, code, True)
    assert message.fetch().error_code == int(code)


def test_33_is_unreachable_the_first_time_only(twilio, product):
    send(twilio, product, to="+51900000033")
    assert product.take(3)[-1].form["ErrorCode"] == "30003"
    send(twilio, product, to="+51900000033", query="?d=42&n=2")
    assert statuses(product.take(3))[-1] == "delivered"


def test_outcomes_are_scripted_by_recipient_and_step(simulator, twilio, product):
    simulator.faults(outcomes={ROSA: [{"status": "undelivered", "error_code": 30008}, "unconfirmed"]})
    send(twilio, product)
    assert product.take(3)[-1].form["ErrorCode"] == "30008"
    second = send(twilio, product)
    assert statuses(product.take(2)) == ["sending", "sent"]
    assert product.silence(0.2)
    assert second.fetch().status == "sent"


def test_a_mix_is_the_same_for_the_same_seed(simulator, twilio):
    def run() -> list[str]:
        simulator.control("reset", {})
        simulator.faults(seed=5, status_delay_ms=0, mix={"undelivered:30003": 0.3, "unconfirmed": 0.3})
        made = [twilio.messages.create(to=f"+5191234{n:04}", from_=NUMBER, body="x") for n in range(20)]
        until(lambda: simulator.control("counters")["steps_waiting"] == 0)
        return [message.fetch().status for message in made]

    first = run()
    assert run() == first
    assert set(first) == {"delivered", "undelivered", "sent"}


def test_receipts_can_be_lost(simulator, twilio, product):
    simulator.faults(callbacks={"drop": 1})
    message = send(twilio, product)
    until(lambda: message.fetch().status == "delivered")
    assert product.silence(0.2)


def test_receipts_can_come_twice(simulator, twilio, product):
    simulator.faults(callbacks={"duplicate": 1})
    send(twilio, product)
    assert sorted(statuses(product.take(6))) == ["delivered"] * 2 + ["sending"] * 2 + ["sent"] * 2


def test_receipts_can_come_out_of_order(simulator, twilio, product):
    simulator.faults(callbacks={"shuffle": 150}, status_delay_ms=0)
    for _ in range(8):
        send(twilio, product)
    seen: dict[str, list[str]] = {}
    for hook in product.take(24):
        seen.setdefault(hook.form["MessageSid"], []).append(hook.form["MessageStatus"])
    assert all(sorted(each) == ["delivered", "sending", "sent"] for each in seen.values())
    assert any(each != ["sending", "sent", "delivered"] for each in seen.values())


def test_receipts_can_come_before_the_answer_to_the_create(simulator, twilio, product):
    simulator.faults(callbacks={"early": 1})
    message = send(twilio, product)
    assert product.hooks.qsize() == 3  # all of them, before create returned
    assert message.status == "queued"
    assert {hook.form["MessageSid"] for hook in product.take(3)} == {message.sid}


def test_a_services_receipts_can_come_before_the_answer_too(simulator, twilio, product):
    simulator.faults(callbacks={"early": 1}, status_delay_ms=60_000)
    message = send(twilio, product, from_="", messaging_service_sid=SERVICE)
    assert product.hooks.qsize() == 4
    assert (message.status, message.num_segments, message.from_) == ("accepted", "0", None)
    assert message.fetch().status == "delivered"


def closed_port() -> int:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return closed.getsockname()[1]


@pytest.mark.parametrize(("settings", "tries"), [("", 2), ("#rc=2", 3), ("#rc=0", 1), ("#rc=9&rp=x", 2)])
def test_a_receiver_that_does_not_listen_is_tried_again_and_then_given_up(simulator, twilio, settings, tries):
    simulator.faults(callbacks={"retry_ms": 20})
    url = f"http://127.0.0.1:{closed_port()}/a{settings}"
    twilio.messages.create(to=ROSA, from_=NUMBER, body="x", status_callback=url)
    until(lambda: simulator.control("counters").get("callbacks_failed") == 3)
    counters = simulator.control("counters")
    assert counters.get("callbacks_retried", 0) == 3 * (tries - 1)
    assert counters["callbacks_waiting"] == 0


def test_a_receiver_that_comes_back_in_time_gets_the_receipt(simulator, twilio):
    simulator.faults(callbacks={"retry_ms": 500})
    product = Product()
    base = product.base
    product.close()
    twilio.messages.create(to=ROSA, from_=NUMBER, body="x", status_callback=base + "/a")
    until(lambda: simulator.control("counters").get("callbacks_retried") == 3)
    product = Product(int(base.rpartition(":")[2]))
    try:
        assert sorted(statuses(product.take(3))) == ["delivered", "sending", "sent"]
    finally:
        product.close()


def test_an_error_answer_is_tried_again_where_the_address_asks_for_it(simulator, twilio, product):
    simulator.faults(callbacks={"retry_ms": 20})
    product.answer = (503, "text/plain", "later")
    send(twilio, product, to="+51900000001", query="?d=1#rc=2&rp=ct,5xx")
    hooks = product.take(3)
    assert statuses(hooks) == ["failed"] * 3
    assert len({hook.headers["I-Twilio-Idempotency-Token"] for hook in hooks}) == 1
    until(lambda: simulator.control("counters").get("callbacks_refused") == 1)
    assert simulator.control("counters")["callbacks_retried"] == 2
    product.answer = (404, "text/plain", "no")
    send(twilio, product, to="+51900000001", query="?d=1#rc=2&rp=5xx")
    until(lambda: simulator.control("counters").get("callbacks_refused") == 2)
    assert simulator.control("counters")["callbacks_retried"] == 2


@pytest.mark.parametrize("limit", ["rt=200", "tt=200"])
def test_an_address_can_ask_for_less_patience(simulator, twilio, limit):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(100)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/x#{limit}"
        begin = time.monotonic()
        twilio.messages.create(to="+51900000001", from_=NUMBER, body="x", status_callback=url)
        until(lambda: simulator.control("counters").get("callbacks_failed") == 1)
        assert time.monotonic() - begin >= 0.2
        assert "callbacks_retried" not in simulator.control("counters")


def test_receipts_can_come_late(simulator, twilio, product):
    simulator.faults(callbacks={"late": 1, "late_ms": [300, 400]}, status_delay_ms=0)
    begin = time.monotonic()
    message = send(twilio, product)
    assert message.fetch().status == "delivered"
    assert simulator.control("counters")["callbacks_waiting"] == 3
    product.take(3)
    assert time.monotonic() - begin >= 0.3
    assert simulator.control("counters")["callbacks_late"] == 3


def test_after_a_reset_nothing_that_waited_comes_any_more(simulator, twilio, product):
    simulator.faults(callbacks={"late": 1, "late_ms": 200}, status_delay_ms=0)
    send(twilio, product)
    until(lambda: simulator.control("counters")["callbacks_waiting"] == 3)
    simulator.control("reset", {})
    assert simulator.control("counters")["callbacks_waiting"] == 0
    assert product.silence(0.4)


def test_what_waits_for_a_dead_receiver_does_not_grow_without_bound():
    async def run() -> None:
        clock, counters, faults = Clock(), Counter(), Faults()
        account = Account(SID, "x")
        faults.late, faults.late_by = 0.0, (60.0, 60.0)
        callbacks = Callbacks(Webhooks(), clock, faults, counters)  # nobody works: nothing leaves
        message = Message(account, ROSA, NUMBER, "x", 1, clock.now(), callback="http://127.0.0.1:1/s?d=1")
        for number in range(MOST + 1500):
            faults.late = 1.0 if number >= MOST - 1000 else 0.0
            callbacks.emit(message)
        assert callbacks.waiting() == MOST
        assert counters["callbacks_lost"] == 1500
        clock.clear()

    asyncio.run(run())


def test_each_callback_carries_its_own_idempotency_token(twilio, product):
    send(twilio, product)
    tokens = {hook.headers["I-Twilio-Idempotency-Token"] for hook in product.take(3)}
    assert len(tokens) == 3


def test_a_receiver_that_hangs_holds_up_neither_creates_nor_other_receivers(simulator, twilio, product):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(100)
        hung = f"http://127.0.0.1:{deaf.getsockname()[1]}/x"
        for _ in range(10):
            twilio.messages.create(to=ROSA, from_=NUMBER, body="x", status_callback=hung)
        send(twilio, product)
        assert statuses(product.take(3))[-1] == "delivered"


def test_an_error_answer_is_not_tried_again(simulator, twilio, product):
    product.answer = (500, "text/plain", "broken")
    send(twilio, product)
    assert len(product.take(3)) == 3
    assert product.silence(0.4)
    assert simulator.control("counters")["callbacks_refused"] == 3


@pytest.mark.parametrize("framing", ["chunked", "closing"])
def test_answers_in_other_framings_are_read(simulator, twilio, framing):
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
    body = "2\r\nok\r\n0\r\n\r\n" if framing == "chunked" else "ok"
    head += "Transfer-Encoding: chunked\r\n\r\n" if framing == "chunked" else "Connection: close\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_all() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall((head + body).encode())

        thread = threading.Thread(target=answer_all)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        twilio.messages.create(to=ROSA, from_=NUMBER, body="x", status_callback=url)
        until(lambda: simulator.control("counters").get("callbacks_sent") == 3)
        thread.join()


def test_two_products_of_one_carrier_are_signed_with_their_own_tokens(simulator, product):
    other = Product()
    try:
        client = simulator.client(OTHER_SID, OTHER_TOKEN)
        client.messages.create(to=ROSA, from_=OTHER_NUMBER, body="x", status_callback=other.base + "/x")
        assert all(hook.signed for hook in other.take(3))
    finally:
        other.close()
