"""`outreach doctor mail` says what a sending domain lacks, and exactly what to publish."""

import json

from tests.outreach.doctor_mail.domain import BOUNCES, DOMAIN, GOOD_KEY, KEY_AT, OURS, POINTER


def test_a_domain_that_lacks_nothing(doctor, authority, serve, key_file):
    port = serve(authority.context("relay.limanorte.gob.pe"))
    where = ("--host", "relay.limanorte.gob.pe", "--port", port)
    done = doctor(
        DOMAIN, "--bounce-domain", BOUNCES, "--selector", "s1", "--key-file", key_file, "--address", OURS, *where
    )
    assert done.output.splitlines() == [
        f"ok      SPF: {BOUNCES} permits mail from {OURS}.",
        f"ok      SPF: The SPF record of {BOUNCES} needs 0 of the 10 look-ups receivers make.",
        f"ok      SPF: The SPF record of {BOUNCES} ends in -all: others are not permitted.",
        f"ok      DKIM: The key at {KEY_AT} (RSA, 2048 bits) belongs to our private key: signatures can be checked.",
        f"ok      DMARC: {DOMAIN} has a DMARC record with p=quarantine.",
        f"ok      DMARC: Reports on {DOMAIN} go to dmarc@{DOMAIN}.",
        f"ok      DMARC: {BOUNCES} (SPF) and {DOMAIN} (From) belong together: SPF proves mails for DMARC.",
        f"ok      DMARC: {DOMAIN} (DKIM) and {DOMAIN} (From) belong together: DKIM proves mails for DMARC.",
        f"ok      PTR: {OURS} is called mail.{DOMAIN}, and that leads back to it.",
        f"ok      TLS: The line to relay.limanorte.gob.pe:{port} is private (TLSv1.3);"
        " the certificate fits and is valid for 90 days.",
        f"ok      return path: Bounces to {BOUNCES} go to mail.{DOMAIN}.",
        f"ok      replies: Replies to {DOMAIN} go to mail.{DOMAIN}.",
        f"{DOMAIN}: nothing needed is missing.",
    ]
    assert done.exit_code == 0


def test_a_domain_without_anything(doctor, dns, key_file):
    dns.zone = {DOMAIN: {"A": "203.0.113.1"}}
    done = doctor(DOMAIN, "--bounce-domain", BOUNCES, "--selector", "s1", "--key-file", key_file, "--address", OURS)
    mark = "        publish: "
    published = [line.removeprefix(mark) for line in done.output.splitlines() if line.startswith(mark)]
    assert done.exit_code == 1
    first, second = GOOD_KEY[:255], GOOD_KEY[255:]
    assert published == [
        f'{BOUNCES}. TXT "v=spf1 ip4:{OURS} -all"',
        f'{KEY_AT}. TXT "{first}" "{second}"',
        f'_dmarc.{DOMAIN}. TXT "v=DMARC1; p=none; rua=mailto:dmarc@{DOMAIN}"',
        f"{POINTER}. PTR mail.{DOMAIN}.",
        f"{BOUNCES}. MX 10 mail.{DOMAIN}.",
        f"{DOMAIN}. MX 10 mail.{DOMAIN}.",
    ]


def test_what_is_told_to_be_published_is_in_order_once_published(doctor, dns, check, key_file):
    dns.zone = {DOMAIN: {}}
    arguments = (DOMAIN, "--bounce-domain", BOUNCES, "--selector", "s1", "--key-file", key_file, "--address", OURS)
    told = json.loads(doctor(*arguments, "--json").output)["findings"]
    for one in filter(None, (finding["publish"] for finding in told)):
        name = one["name"].rstrip(".")
        dns.zone[name] = {**dns.zone.get(name, {}), one["type"]: one["value"]}
    dns.zone[f"mail.{DOMAIN}"] = {"A": OURS}
    after = json.loads(doctor(*arguments, "--json").output)["findings"]
    assert [one["code"] for one in after if one["level"] not in ("ok", "advice")] == ["tls_no_server"]
    assert "dkim_is_ours" in {one["code"] for one in after}
