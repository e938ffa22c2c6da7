"""What `outreach doctor mail` says when DNS does not: dead, slow, broken and hostile resolvers, and odd input."""

import ast
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import mail_domain
from outreach.mail_domain_sentences import SENTENCES
from tests import mail_hosts
from tests.outreach.doctor_mail.domain import BOUNCES, DOMAIN, GOOD_KEY, KEY_AT, OURS, POINTER

ROOT = Path(__file__).resolve().parents[3]
TOPICS = {"SPF", "DKIM", "DMARC", "PTR", "return path", "replies"}


@pytest.fixture
def found(doctor):
    """Findings of a usual run."""

    def run():
        done = doctor(DOMAIN, "--bounce-domain", BOUNCES, "--selector", "s1", "--address", OURS, "--json")
        return [one for one in json.loads(done.output)["findings"] if one["topic"] != "TLS"]

    return run


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("silent", "dns_silent", "did not answer when asked for"),
        ("servfail", "dns_failed", "(SERVFAIL)"),
        ("refused", "dns_refused", "refuses to answer this machine"),
        ("garbled", "dns_garbled", "answered with something unreadable"),
    ],
)
def test_a_resolver_that_says_nothing_is_told_once_a_topic_within_seconds(fault, code, said, dns, found):
    dns.everything = fault
    began = time.monotonic()
    told = found()
    assert time.monotonic() - began < 8
    assert {(one["topic"], one["code"], one["level"]) for one in told} == {(topic, code, "unclear") for topic in TOPICS}
    assert all(said in one["sentence"] and "127.0.0.1" in one["sentence"] for one in told)


def test_nobody_at_the_resolvers_port(found, monkeypatch):
    monkeypatch.setenv("OUTREACH_RESOLVER", f"127.0.0.1:{mail_hosts.closed_port()}")
    assert {one["code"] for one in found()} == {"dns_silent"}


def test_a_slow_resolver_is_waited_for_and_a_very_slow_one_given_up(dns, found, monkeypatch):
    dns.everything = 0.2
    assert {one["level"] for one in found()} == {"ok", "advice"}
    monkeypatch.setattr(mail_domain, "_TOPIC_SECONDS", 0.5)
    dns.everything = 0.4
    codes = {one["topic"]: one["code"] for one in found()}
    assert codes["DMARC"] == "dns_slow"


def test_one_broken_name_leaves_the_other_topics_alone(dns, found):
    dns.faults[f"_dmarc.{DOMAIN}"] = "servfail"
    told = found()
    assert {one["topic"] for one in told if one["level"] == "unclear"} == {"DMARC"}
    assert {one["level"] for one in told if one["topic"] == "SPF"} == {"ok"}


def test_a_mail_server_nobody_can_look_up_is_not_called_missing(dns, check):
    dns.faults["relay.limanorte.gob.pe"] = "servfail"
    ((level, said, _),) = check("TLS", "--host", "relay.limanorte.gob.pe")
    assert (level, "(SERVFAIL)" in said) == ("unclear", True)


def test_an_include_that_cannot_be_looked_up_is_not_called_missing(dns, found):
    dns.zone[BOUNCES] = {"TXT": "v=spf1 include:dead.example -all", "MX": "10 mail.limanorte.gob.pe."}
    dns.faults["dead.example"] = "servfail"
    (told,) = [one for one in found() if one["topic"] == "SPF"]
    assert (told["code"], "dead.example" in told["sentence"]) == ("dns_failed", True)


def test_a_long_answer_is_fetched_over_tcp(dns, found):
    dns.faults[KEY_AT] = "truncated"
    assert "dkim_found" in {one["code"] for one in found()}
    assert (KEY_AT, "TXT", "tcp") in dns.asked
    assert (POINTER, "PTR", "tcp") not in dns.asked


def test_nothing_is_asked_twice(dns, found):
    found()
    assert len(dns.asked) == len(set(dns.asked))


def test_what_strangers_write_into_dns_cannot_steer_the_terminal(dns, doctor):
    dns.zone[f"_dmarc.{DOMAIN}"] = {"TXT": "v=DMARC1; p=\x1b[2J\x07\u202eeviL" + "x" * 500}
    output = doctor(DOMAIN).output
    assert "asks for “?[2j??evil" in output.replace("?[2J", "?[2j").lower() or "asks for “?" in output
    assert all(line.isprintable() for line in output.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("",),
        ("localhost",),
        ("not a domain",),
        ("a@b.example",),
        ("https://x.example",),
        ("x" * 64 + ".example",),
        ("1.2.3.4",),
        ("..",),
        ("\ud800.example",),
        (DOMAIN, "--bounce-domain", "-"),
        (DOMAIN, "--selector", "a b"),
        (DOMAIN, "--address", "mail.example"),
        (DOMAIN, "--host", "one two"),
        (DOMAIN, "--host", "mail.example", "--port", "0"),
        (DOMAIN, "--security", "ssl"),
    ],
)
def test_odd_input_is_told_in_a_sentence(arguments, doctor):
    done = doctor(*arguments)
    assert done.exit_code == 2
    assert "Error: " in done.output


def test_a_domain_with_other_letters_is_asked_for_as_dns_knows_it(doctor, dns):
    doctor("AVISOS.Peñón.Example.")
    assert any(name.startswith("avisos.xn--pe") for name, _, _ in dns.asked)


def test_a_resolver_that_is_no_address_is_told(doctor, monkeypatch):
    monkeypatch.setenv("OUTREACH_RESOLVER", "dns.example")
    done = doctor(DOMAIN)
    assert (done.exit_code, "OUTREACH_RESOLVER='dns.example': write an address" in done.output) == (1, True)


WORDS = st.sampled_from(
    ["v=spf1", "include:", "a", "mx", "redirect=", "%{", "%{d}", "/", "//", "all", "-", "ip4:", "1.2.3.4", "x.example"]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spf=st.lists(WORDS | st.text(max_size=6), max_size=6),
    dkim=st.text(max_size=30) | st.just(GOOD_KEY),
    dmarc=st.lists(st.sampled_from(["p=none", "p", "=", ";", "rua=mailto:", "pct=-1", "sp=x"]) | st.text(max_size=5)),
)
def test_no_record_brings_it_down(spf, dkim, dmarc, dns, doctor):
    dns.zone[BOUNCES] = {"TXT": "v=spf1 " + " ".join(spf)}
    dns.zone[KEY_AT] = {"TXT": "v=DKIM1; p=" + dkim}
    dns.zone[f"_dmarc.{DOMAIN}"] = {"TXT": "v=DMARC1; " + ";".join(dmarc)}
    done = doctor(DOMAIN, "--bounce-domain", BOUNCES, "--selector", "s1", "--address", OURS)
    assert done.output.endswith(("to put right.\n", "nothing needed is missing.\n"))


def test_every_code_has_a_sentence_with_its_values():
    told = set()
    for path in [*(ROOT / "campaigns" / "rules").glob("*.py"), ROOT / "campaigns" / "mail_domain.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and re.fullmatch(
                r"(dns|domain|spf|dkim|dmarc|ptr|tls|probe|bounces|replies)_[a-z0-9_]+", str(node.value)
            ):
                told.add(node.value)
    computed = {f"{about}_{what}" for about in ("bounces", "replies") for what in ("none", "no_mx", "refused", "found")}
    computed |= {"bounces_host_unknown", "replies_host_unknown"}
    computed |= {f"dns_{why}" for why in ("silent", "failed", "refused", "garbled", "no_name")}
    faults = {"no_address", "refused", "silent", "no_smtp", "not_now"}
    computed |= {f"tls_{why}" for why in faults | {"no_tls", "handshake"}} | {f"probe_{why}" for why in faults}
    computed |= {f"tls_{doubt}" for doubt in ("expired", "not_yet", "other_name", "self_signed", "untrusted")}
    names = {"bounce_domain", "dkim_domain", "tls_check", "dkim_check", "dmarc_check", "spf_check"}
    assert (told | computed) - names == set(SENTENCES)
