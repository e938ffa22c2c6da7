"""What goes wrong while a mail is handed over, at every stage, and what a judge may read about it."""

import asyncio
import time

import aiosmtplib
import pytest
from simulator_cast import until
from simulator_post import LUIS, RAW, ROSA, SENDER, deliver

STAGES = ["connect", "ehlo", "mail", "rcpt", "data", "end"]


@pytest.mark.parametrize("at", STAGES)
def test_a_refusal_at_every_stage_with_any_code(post, at):
    post.mail_faults(events=[{"kind": "refuse", "at": at, "code": 554, "enhanced": "5.7.1", "text": "No, thanks"}])
    with pytest.raises(aiosmtplib.SMTPException, match="No, thanks"):
        post.send()
    assert post.mails() == {}
    event = post.events()[0]
    assert (event["stage"], event["answer"]) == (at, "554 5.7.1 No, thanks")
    assert post.counters()["refused"][f"{at} 554"] >= 1
    post.mail_faults(events=[])
    assert post.send().startswith("250")


def test_a_refusal_of_starttls_and_of_a_password(post):
    post.mail_faults(events=[{"kind": "refuse", "at": "starttls", "code": 454, "enhanced": "4.7.0"}])
    with pytest.raises(aiosmtplib.SMTPException, match=r"4\.7\.0"):
        post.send(start_tls=True, validate_certs=False)
    assert post.counters()["refused"] == {"starttls 454": 1}


def test_what_a_refusal_leaves_open_is_what_servers_usually_say(post):
    post.mail_faults(events=[{"kind": "refuse", "at": "rcpt", "code": 550}])
    assert post.refusal() == (550, "5.1.1 User unknown")


def test_for_one_address_and_for_the_next_few(post):
    post.mail_faults(events=[{"kind": "refuse", "at": "rcpt", "code": 450, "to": "ROSA@empresa.example", "count": 2}])
    assert post.send(LUIS).startswith("250")
    assert [post.refusal()[0] for _ in range(2)] == [450, 450]
    assert post.send().startswith("250")
    post.mail_faults(events=[{"kind": "refuse", "at": "mail", "to": SENDER, "code": 451}])
    assert post.send(sender="other@x.example").startswith("250")
    assert post.refusal()[0] == 451


def test_the_same_seed_throws_the_same_dice(post):
    async def work(client):
        taken = []
        for _ in range(40):
            try:
                await deliver(client)
                taken.append(True)
            except aiosmtplib.SMTPResponseException:
                await client.rset()
                taken.append(False)
        return taken

    def throws(seed):
        post.faults(seed=seed, mail={"events": [{"kind": "refuse", "at": "end", "probability": 0.5}]})
        return post.run(work)

    first = throws("7")
    assert 5 < sum(first) < 35
    assert throws("7") == first
    assert throws("8") != first


def test_a_connection_dropped_before_and_after_the_mail_was_kept(post):
    for kind, kept in (("drop", 0), ("drop_after", 1)):
        post.control("reset", {})
        post.mail_faults(events=[{"kind": kind}])
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            post.send()
        assert [entry["answer"] for entry in post.mails().get(ROSA, [])] == [None] * kept


@pytest.mark.parametrize("at", STAGES)
def test_a_connection_dropped_at_every_stage(post, at):
    post.mail_faults(events=[{"kind": "drop", "at": at, "count": 1}])
    with pytest.raises((aiosmtplib.SMTPException, OSError)):
        post.send()
    assert post.mails() == {}
    assert post.send().startswith("250")
    until(lambda: post.counters()["connections_open"] == 0)


def test_no_answer_before_and_after_the_mail_was_kept(post):
    for kind, kept in (("hang", 0), ("hang_after", 1)):
        post.control("reset", {})
        post.mail_faults(events=[{"kind": kind}])
        with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
            post.send(timeout=1)
        assert [entry["answer"] for entry in post.mails().get(ROSA, [])] == [None] * kept
        until(lambda: post.counters()["connections_open"] == 0)


def test_slow_answers_keep_the_mail_whoever_leaves(post):
    post.mail_faults(latency_ms=2000)
    began = time.monotonic()
    assert post.send().startswith("250")
    assert time.monotonic() - began >= 2
    with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
        post.send(LUIS, timeout=1)
    assert post.mails()[LUIS][0]["answer"] is None
    post.mail_faults(latency_ms=0, command_latency_ms=[100, 120])
    began = time.monotonic()
    post.send()
    assert time.monotonic() - began >= 0.4  # EHLO, MAIL, RCPT, DATA


def test_greylisting_takes_the_second_try_after_the_wait(post):
    post.mail_faults(greylist_s=60)
    assert post.refusal()[1].startswith("4.7.1 Greylisted")
    assert post.refusal()[0] == 451
    post.control("clock", {"advance_s": 61})
    assert post.send().startswith("250")
    assert post.send().startswith("250")
    assert post.refusal(LUIS)[0] == 451
    assert post.refusal(sender="other@x.example")[0] == 451


def test_limits_of_connections_and_of_mails_on_each(post):
    post.mail_faults(connections_limit=2, mails_per_connection=2)

    async def work(client):
        second = aiosmtplib.SMTP(hostname="127.0.0.1", port=post.port, start_tls=False)
        await second.connect()
        third = aiosmtplib.SMTP(hostname="127.0.0.1", port=post.port, start_tls=False)
        with pytest.raises(aiosmtplib.SMTPConnectResponseError, match=r"4\.7\.0"):
            await third.connect()
        await second.quit()
        await client.ehlo()
        await deliver(client)
        await deliver(client)
        with pytest.raises(aiosmtplib.SMTPException, match=r"4\.7\.0"):
            await deliver(client)
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await deliver(client)

    post.run(work)
    assert post.counters()["refused"] == {"connect 421": 1, "mail 421": 1}
    assert len(post.mails()[ROSA]) == 2


def test_a_fault_that_comes_on_in_the_middle_of_a_mail_or_connection(post):
    async def work(client):
        await deliver(client)
        await client.mail(SENDER)
        await asyncio.to_thread(post.mail_faults, events=[{"kind": "refuse", "at": "rcpt", "code": 550, "count": 1}])
        with pytest.raises(aiosmtplib.SMTPRecipientRefused):
            await client.rcpt(ROSA)
        await client.rcpt(ROSA)
        assert (await client.data(RAW)).code == 250
        await asyncio.to_thread(post.mail_faults, events=[])
        await deliver(client)

    post.run(work)
    assert len(post.mails()[ROSA]) == 3
    counters = post.counters()
    assert (counters["connections"], counters["most_connections_open"]) == (1, 1)


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("refuse-550@x.example", (550, "5.1.1 User unknown")), ("REFUSE-452+7@x.example", (452, "4.2.2 Mailbox full")),
        ("refuse-550-5.7.1@x.example", (550, "5.7.1 Message rejected by policy")),
        ("refuse-data-554@x.example", (554, "5.7.1 Message rejected by policy")),
        ("refuse-451@x.example", (451, "4.3.0 Try again later")),
        ("refuse-499@x.example", (499, "4.0.0 Try again later")),
    ],
)  # fmt: skip
def test_addresses_that_are_refused(post, address, answer):
    assert post.refusal(address) == answer
    assert post.mails() == {}


def test_addresses_that_drop_hang_and_greylist(post):
    for address, kept in (("drop@x.example", True), ("drop-before@x.example", False)):
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            post.send(address)
        assert (address in post.mails()) is kept
    for address, kept in (("hang+1@x.example", True), ("hang-before-2@x.example", False)):
        with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
            post.send(address, timeout=1)
        assert (address in post.mails()) is kept
    assert post.refusal("greylist-9@x.example")[0] == 451
    post.control("clock", {"advance_s": 2})
    assert post.send("greylist-9@x.example").startswith("250")


def test_ordinary_addresses_are_ordinary(post):
    for address in ("fullana@x.example", "rosa.full@x.example", "refuse-2500@x.example", "drops@x.example"):
        assert post.send(address).startswith("250")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"nonsense": 1}, "'nonsense' is not known"), ({"events": {}}, "write a list"), ({"events": [{}]}, "kind=None"),
        ({"events": [{"kind": "refuse", "at": "lunch"}]}, "at='lunch'"),
        ({"events": [{"kind": "drop_after", "at": "rcpt"}]}, "is at end"),
        ({"events": [{"kind": "refuse", "code": 250}]}, "from 400 to 599"),
        ({"events": [{"kind": "refuse", "enhanced": "5.1"}]}, "enhanced='5.1'"),
        ({"events": [{"kind": "refuse", "text": "two\r\nlines"}]}, "in one line"),
        ({"events": [{"kind": "refuse", "to": 5}]}, "to=5"),
        ({"events": [{"kind": "hang", "x": 1}]}, "'x' is not known"),
        ({"mix": {"bounce": 1}}, "give its enhanced code"),
        ({"mix": {"complaint": 0.6, "vacation": 0.5}}, "more than 1"),
        ({"mix": {"party": 1}}, "write one of"), ({"outcomes": {"a@b": []}}, "at least one"), ([], "write an object"),
        ({"greylist_s": -1}, "write seconds"), ({"greylist_s": True}, "write seconds"),
        ({"connections_limit": 1.5}, "whole number"), ({"latency_ms": [5, 1]}, "[least, most]"),
        ({"outcomes": {"a@b": "bounce:4.1.1"}}, "give its enhanced code"),
    ],
)  # fmt: skip
def test_a_wrong_fault_gets_a_sentence_and_changes_nothing(post, given, says):
    before = post.control("faults")
    mail = {"latency_ms": 99, **given} if isinstance(given, dict) and "latency_ms" not in given else given
    status, answer = post.call("/control/faults", {"drain_rate": 7, "mail": mail})
    assert status == 400
    assert says in answer["error"]
    assert post.control("faults") == before
