"""Status callbacks: signed by the real algorithm, in any order, twice, early, or never."""

import socket
import threading

import pytest
from simulator_cast import NUMBER, OTHER_NUMBER, OTHER_SID, OTHER_TOKEN, ROSA, SERVICE, SID, Product, until


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


def test_a_receiver_that_does_not_listen_yet_is_tried_again_with_the_same_token(simulator, twilio):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}"
    twilio.messages.create(to=ROSA, from_=NUMBER, body="x", status_callback=base + "/a#rc=2")
    until(lambda: simulator.control("counters").get("callbacks_failed") == 3)
    assert simulator.control("counters")["callbacks_retried"] == 6


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
