"""No recipient's domain is sent faster than agreed, and what must wait is told when its turn is."""

import itertools
from dataclasses import replace

import redis

from campaigns.domain_pace import DomainPace
from campaigns.rules.channels import Channels


def boxes(number: int, domain: str = "gmail.example") -> list[str]:
    return [f"persona{n}@{domain}" for n in range(number)]


def test_without_a_limit_everything_goes(valkey, vault):
    assert DomainPace(valkey, vault, 0).waits(boxes(500)) == [0.0] * 500


def test_half_a_second_of_mails_goes_at_once_and_the_others_line_up(valkey, vault):
    waits = DomainPace(valkey, vault, 10).waits(boxes(20))
    assert waits[:5] == [0.0] * 5
    assert all(later - sooner > 0.099 for sooner, later in itertools.pairwise(waits[5:]))
    assert 0.1 <= waits[5] <= 0.11
    assert 1.5 <= waits[19] <= 1.51


def test_the_line_grows_whoever_asks(valkey, vault):
    one, two = DomainPace(valkey, vault, 10), DomainPace(valkey, vault, 10)
    first, then = one.waits(boxes(20)), two.waits(boxes(20))
    assert min(wait for wait in then if wait) >= max(first)


def test_domains_do_not_wait_for_each_other(valkey, vault):
    pace = DomainPace(valkey, vault, 10)
    pace.waits(boxes(100))
    assert pace.waits([*boxes(1), *boxes(1, "other.example"), "ROSA@Other.Example"])[1:] == [0.0, 0.0]


def test_nobody_reads_a_domain_in_valkey(valkey, vault):
    DomainPace(valkey, vault, 10).waits(boxes(3, "transportes-quispe.example"))
    keys = b" ".join(key if isinstance(key, bytes) else key.encode() for key in valkey.keys("*"))
    assert keys
    assert b"quispe" not in keys


def test_silence_means_none(vault):
    with redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2) as nobody:
        assert DomainPace(nobody, vault, 10).waits(boxes(2)) == [1.0, 1.0]


def test_a_campaign_waits_for_the_pace_of_a_domain(mail_people, start_mailing, send, states, tools):
    mail_people(40, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    send(campaign_id, using=replace(tools, settings=replace(tools.settings, mails_per_domain=20)))
    found = states(campaign_id)
    assert 10 <= found["sent"] < 40
    assert found["sent"] + found["queued"] == 40
