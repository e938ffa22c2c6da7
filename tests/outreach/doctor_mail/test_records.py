"""Records as people publish them, and the sentence for each fault."""

import json
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from campaigns.rules import dkim_check
from tests.outreach.doctor_mail.domain import BOUNCES, DOMAIN, GOOD_KEY, KEY_AT, OURS, POINTER, RSA, rsa_record

BROKEN_SPF = [
    (None, "missing", "does not exist in DNS", f"v=spf1 ip4:{OURS} -all"),
    (["other"], "missing", "has no SPF record", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1ip4:203.0.113.7 -all"], "wrong", "meant to be SPF", f"v=spf1 ip4:{OURS} -all"),
    (["spf1 mx -all"], "wrong", "meant to be SPF", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 mx -all", "v=spf1 a ~all"], "wrong", "has 2 SPF records", f"v=spf1 ip4:{OURS} a mx ~all"),
    (["v=spf1 ipv4:203.0.113.7 -all"], "wrong", "“ipv4:203.0.113.7” is none of", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 203.0.113.7 -all"], "wrong", "“203.0.113.7” is none of", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 mx: -all"], "wrong", "“mx:” lacks a domain", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 ip4:203.0.113.777 -all"], "wrong", "holds no network", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 ip4:2001:db8::1 -all"], "wrong", "holds no network", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 ip4:203.0.113.7/33 -all"], "wrong", "holds no network", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 a/40 -all"], "wrong", "prefix over /32", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 include: -all"], "wrong", "“include:” lacks a domain", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 include:gone.example -all"], "wrong", "leads to gone.example, which has no", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 include:two.example -all"], "wrong", "leads to two.example, which has several", None),
    (["v=spf1 include:bad.example -all"], "wrong", "record of bad.example, “allow:1” is none of", None),
    (["v=spf1 redirect=a.example redirect=b.example"], "wrong", "more than one redirect=", None),
    (["v=spf1 mx:wide.example -all"], "wrong", "more than 10", None),
    (["v=spf1 ip4:198.51.100.1 ~all"], "wrong", "does not permit mail from 203.0.113.7", None),
    (["v=spf1 -ip4:203.0.113.7 +all"], "wrong", "permits mail from anybody", f"v=spf1 -ip4:{OURS} -all"),
    (["v=spf1 ip4:0.0.0.0/0 -all"], "wrong", "permits mail from anybody", None),
    (["v=spf1 all"], "wrong", "permits mail from anybody", "v=spf1 mx -all"),
    (["v=spf1 ip4:203.0.113.7 ?all"], "advice", "does not end in -all or ~all", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 ip4:203.0.113.7"], "advice", "does not end in -all or ~all", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 ip4:203.0.113.7 -all mx"], "advice", "nobody reads what stands behind “all”: mx", None),
    (["v=spf1 ip4:203.0.113.7 -all redirect=x.example"], "advice", "“all”: redirect=x.example", None),
    (["v=spf1 ip4:203.0.113.7 ptr -all"], "advice", "uses ptr", f"v=spf1 ip4:{OURS} -all"),
    (["v=spf1 include:loop.example -all"], "wrong", "needs 25+ look-ups", None),
    (["v=spf1 " + "include:ok.example " * 11 + "-all"], "wrong", "needs 11 look-ups", None),
    (["v=spf1 a:gone1.example a:gone2.example a:gone3.example -all"], "wrong", "asks for 3 names", None),
]


@pytest.mark.parametrize(("records", "level", "said", "publish"), BROKEN_SPF)
def test_broken_spf(records, level, said, publish, dns, check):
    dns.zone |= {
        "two.example": {"TXT": ["v=spf1 -all", "v=spf1 ~all"]},
        "bad.example": {"TXT": "v=spf1 allow:1"},
        "loop.example": {"TXT": "v=spf1 include:loop.example -all"},
        "ok.example": {"TXT": "v=spf1 ip4:198.51.100.9 -all"},
        "wide.example": {"MX": [f"10 m{number}.example." for number in range(11)]},
    }
    dns.zone[BOUNCES] = {"TXT": records}
    if records is None:
        del dns.zone[BOUNCES]
    found = [one for one in check("SPF") if one[0] == level and said in one[1]]
    assert found, check("SPF")
    if publish:
        assert found[0][2] == publish


@pytest.mark.parametrize(
    ("record", "count"),
    [
        ("v=spf1 a:mail.limanorte.gob.pe -all", 1),
        ("v=spf1 a:near.example/28 -all", 1),
        ("v=spf1 mx -all", 1),
        ("v=spf1 include:deep.example -all", 3),
        ("v=spf1 redirect=deep.example", 3),
        ("v=spf1 mx:null.example ip4:203.0.113.7 -all", 1),
        ("v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all", 1),
        ("v=spf1 -ip4:198.51.100.0/24 +ip4:203.0.113.7 ~all", 0),
        ("V=SPF1 IP4:203.0.113.7 -ALL", 0),
        ("v=spf1 ip4:203.0.113.7 moo=x exp=why.example -all", 0),
    ],
)
def test_spf_permits_as_receivers_read_it(record, count, dns, check):
    dns.zone |= {
        BOUNCES: {"TXT": record, "MX": "10 mail.limanorte.gob.pe."},
        "near.example": {"A": "203.0.113.1"},
        "null.example": {"MX": "0 ."},
        "deep.example": {"TXT": "v=spf1 include:deeper.example ?all"},
        "deeper.example": {"TXT": "v=spf1 a:mail.limanorte.gob.pe -all"},
        "7.113.0.203.in-addr._spf.gob.pe": {"A": "127.0.0.2"},
    }
    said = [sentence for level, sentence, _ in check("SPF") if level == "ok"]
    assert f"{BOUNCES} permits mail from {OURS}." in said
    assert f"The SPF record of {BOUNCES} needs {count} of the 10 look-ups receivers make." in said


def test_every_address_must_be_permitted(check):
    found = check("SPF", "--address", "2001:db8::7")
    assert found[0][0] == "wrong"
    assert "2001:db8::7" in found[0][1]
    assert found[0][2] == "v=spf1 ip6:2001:db8::7 ip4:203.0.113.0/28 -all"
    assert found[1][:2] == ("ok", f"{BOUNCES} permits mail from {OURS}.")


BROKEN_DKIM = [
    ([], "missing", "There is no key at"),
    ([GOOD_KEY, GOOD_KEY + ";n=x"], "wrong", "There are 2 TXT records"),
    ([GOOD_KEY.replace("v=DKIM1", "v=DKIM2")], "wrong", "it says v=DKIM2"),
    (["k=rsa; v=DKIM1; p=x"], "wrong", "must begin with v=DKIM1"),
    (["v=DKIM1; k=rsa; " + GOOD_KEY[20:60]], "wrong", "no list of tag=value"),
    (["v=DKIM1; k=rsa"], "wrong", "has no p="),
    (["v=DKIM1; k=rsa; p="], "wrong", "is revoked"),
    ([GOOD_KEY + "; s=tlsrpt"], "wrong", "is not for mail (s=tlsrpt)"),
    ([GOOD_KEY + "; h=sha1"], "wrong", "does not allow sha256"),
    ([GOOD_KEY[:-40]], "wrong", "no readable key of kind rsa"),
    (["v=DKIM1; k=rsa; p=%%%"], "wrong", "no readable key"),
    (["v=DKIM1; k=ed25519; p=AAAA"], "wrong", "no readable key of kind ed25519"),
    (["v=DKIM1; k=dsa; p=AAAA"], "wrong", "no readable key of kind dsa"),
    (["v=DKIM1; p=" + GOOD_KEY.partition("p=")[2] + "; p=x"], "wrong", "no list of tag=value"),
    ([rsa_record(1024)], "advice", "has 1024 bits; receivers recommend 2048"),
    ([GOOD_KEY + "; t=y"], "advice", "only tried out (t=y)"),
]


@pytest.mark.parametrize(("records", "level", "said"), BROKEN_DKIM)
def test_broken_dkim(records, level, said, dns, check):
    dns.zone[KEY_AT] = {"TXT": records}
    found = check("DKIM")
    assert [one for one in found if one[0] == level and said in one[1]], found


def test_a_key_too_small_for_anybody(dns, check):
    numbers = rsa.RSAPublicNumbers(65537, (1 << 511) + 187)  # no library makes such a key any more
    raw = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    dns.zone[KEY_AT] = {"TXT": f"v=DKIM1; p={b64encode(raw).decode()}"}
    assert check("DKIM")[0][:2] == (
        "wrong",
        f"The key at {KEY_AT} has 512 bits; receivers take none under 1024. Make one of 2048.",
    )


def test_a_key_that_is_not_ours(dns, check, key_file):
    dns.zone[KEY_AT] = {"TXT": rsa_record(2048)}
    ((level, said, publish),) = check("DKIM", "--key-file", key_file)
    assert (level, publish) == ("wrong", GOOD_KEY)
    assert "is not the one we sign with" in said


def test_ed25519_and_the_bare_rsa_key_are_read(dns, check, tmp_path):
    key = ed25519.Ed25519PrivateKey.generate()
    path = tmp_path / "ed.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    dns.zone[KEY_AT] = {"TXT": dkim_check.write(key.public_key())}
    found = check("DKIM", "--key-file", path)
    assert [one[0] for one in found] == ["ok", "advice"]
    bare = b64encode(RSA.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()
    dns.zone[KEY_AT] = {"TXT": f"p={bare}"}
    assert check("DKIM")[0][:2] == ("ok", f"There is a usable key at {KEY_AT} (RSA, 2048 bits).")


@pytest.mark.parametrize(
    "written", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\xff\xfe"]
)
def test_a_key_file_that_is_none(written, doctor, tmp_path):
    path = tmp_path / "bad.pem"
    path.write_bytes(written)
    done = doctor(DOMAIN, "--key-file", path)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert doctor(DOMAIN, "--key-file", tmp_path / "none.pem").output.endswith("No such file or directory\n")


BROKEN_DMARC = [
    ([], "missing", "has no DMARC record"),
    (["DMARC1; p=none"], "wrong", "does not begin with"),
    (["v=dmarc1; p=none"], "wrong", "does not begin with"),
    (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "wrong", "has 2 DMARC records"),
    (["v=DMARC1 p=none"], "wrong", "does not begin with"),
    (["v=DMARC1; reject"], "wrong", "no list of tag=value with semicolons between: “reject”"),
    (["v=DMARC1; rua=mailto:d@limanorte.gob.pe"], "wrong", "has no p="),
    (["v=DMARC1; p=block"], "wrong", "asks for “block”"),
    (["v=DMARC1; p=reject; sp=off"], "wrong", "asks for “off”"),
    (["v=DMARC1; p=reject; pct=all"], "wrong", "pct=all is no number"),
    (["v=DMARC1; p=reject; pct=101"], "wrong", "pct=101 is no number"),
    (["v=DMARC1; p=reject; aspf=relaxed"], "wrong", "aspf=relaxed is neither r nor s"),
    (["v=DMARC1; p=none; rua=mailto:d@limanorte.gob.pe"], "advice", "asks for nothing (none)"),
    (["v=DMARC1; p=reject; pct=20; rua=mailto:d@limanorte.gob.pe"], "advice", "to 20 % of forged mails only"),
    (["v=DMARC1; p=reject"], "advice", "names no mailbox for reports"),
    (["v=DMARC1; p=reject; rua=d@limanorte.gob.pe"], "wrong", "must be mailto: addresses"),
    (["v=DMARC1; p=reject; rua=mailto:x@elsewhere.example"], "advice", "elsewhere.example does not say that it takes"),
    (["v=DMARC1; p=reject; aspf=s; rua=mailto:d@limanorte.gob.pe"], "advice", "is strict for SPF"),
]


@pytest.mark.parametrize(("records", "level", "said"), BROKEN_DMARC)
def test_broken_dmarc(records, level, said, dns, check):
    dns.zone[f"_dmarc.{DOMAIN}"] = {"TXT": records}
    found = check("DMARC")
    assert [one for one in found if one[0] == level and said in one[1]], found


def test_reports_that_go_to_another_domain_which_agrees(dns, check):
    dns.zone[f"_dmarc.{DOMAIN}"] = {"TXT": "v=DMARC1; p=reject; rua=mailto:x@elsewhere.example!10m"}
    dns.zone[f"{DOMAIN}._report._dmarc.elsewhere.example"] = {"TXT": "v=DMARC1"}
    assert ("ok", f"Reports on {DOMAIN} go to x@elsewhere.example.", None) in check("DMARC")


def test_a_domain_under_an_organisation_with_a_policy_inherits_it(dns, doctor):
    dns.zone["_dmarc.gob.pe"] = {"TXT": "v=DMARC1; p=reject; psd=y"}
    dns.zone[f"_dmarc.{DOMAIN}"] = {"TXT": "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@limanorte.gob.pe"}
    done = doctor(f"avisos.{DOMAIN}", "--bounce-domain", BOUNCES, "--selector", "s1", "--dkim-domain", f"b.{DOMAIN}")
    assert f"the one of {DOMAIN} holds and asks for quarantine." in done.output
    assert f"{BOUNCES} (SPF) and avisos.{DOMAIN} (From) belong together" in done.output
    assert f"b.{DOMAIN} (DKIM) and avisos.{DOMAIN} (From) belong together" in done.output


def test_another_authority_under_the_same_registry_proves_nothing(dns, doctor):
    dns.zone["_dmarc.gob.pe"] = {"TXT": "v=DMARC1; p=reject; psd=y"}
    done = doctor(DOMAIN, "--bounce-domain", "rebotes.callao.gob.pe", "--selector", "s1")
    assert "advice  DMARC: rebotes.callao.gob.pe (SPF) cannot be told to belong together" in done.output
    done = doctor(DOMAIN, "--bounce-domain", "rebotes.callao.gob.pe")  # not signed either
    assert "wrong   DMARC: rebotes.callao.gob.pe (SPF) cannot be told to belong together" in done.output


@pytest.mark.parametrize(
    ("records", "level", "said"),
    [
        ({POINTER: None}, "missing", "has no name (PTR)"),
        ({POINTER: {"PTR": "host7.provider.example."}}, "wrong", "host7.provider.example, but no such name leads back"),
        ({f"mail.{DOMAIN}": {"A": "203.0.113.8"}}, "wrong", "no such name leads back"),
        (
            {POINTER: {"PTR": ["old.example.", f"mail.{DOMAIN}."]}},
            "ok",
            f"is called mail.{DOMAIN}, and that leads back",
        ),
    ],
)
def test_names_of_the_address(records, level, said, dns, check):
    dns.zone = {name: found for name, found in {**dns.zone, **records}.items() if found is not None}
    ((found_level, sentence, _),) = check("PTR")
    assert (found_level, said in sentence) == (level, True)


def test_inner_addresses_say_nothing(doctor):
    done = doctor(DOMAIN, "--address", "10.0.0.7")
    assert "unclear PTR: 10.0.0.7 is an address of an inner network" in done.output
    assert "unclear PTR: From which address mails leave cannot be seen from here" in doctor(DOMAIN).output


@pytest.mark.parametrize(
    ("records", "level", "said"),
    [
        ({}, "missing", "does not exist"),
        ({"TXT": "x"}, "missing", "has no mail host (MX)"),
        ({"A": "203.0.113.1"}, "advice", "only an address (203.0.113.1)"),
        ({"MX": "0 ."}, "wrong", "takes no mail (MX 0 .)"),
        ({"MX": "10 gone.example."}, "wrong", "The mail host gone.example"),
        ({"MX": ["20 gone.example.", f"10 mail.{DOMAIN}."]}, "advice", "The mail host gone.example"),
    ],
)
@pytest.mark.parametrize(("topic", "domain"), [("return path", BOUNCES), ("replies", "otra.example")])
def test_ways_back(records, level, said, topic, domain, dns, doctor):
    dns.zone[domain] = records
    if not records:
        del dns.zone[BOUNCES]
        dns.zone.pop("otra.example", None)
    done = doctor("otra.example", "--bounce-domain", BOUNCES, "--json")
    found = [(one["level"], one["sentence"]) for one in json.loads(done.output)["findings"] if one["topic"] == topic]
    assert [one for one in found if one[0] == level and said in one[1]], found
