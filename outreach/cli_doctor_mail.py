"""`outreach doctor mail`: what a sending domain lacks, in sentences, with the records to publish."""

import asyncio
import ipaddress
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from campaigns import agencies, mail_domain
from campaigns.mail_domain import Finding, Record, Security, Sending, Server
from campaigns.rules.lookups import is_name, read_domain
from campaigns.settings import Settings
from outreach import secrets_file
from outreach.cli import installation, settings
from outreach.mail_domain_sentences import sentence

_TXT_PIECE: Final = 255  # octets in one string of a TXT record
_TLS_PORT, _SUBMISSION_PORT = 465, 587
_TYPED: Final = ("domain", "bounce_domain", "dkim_domain", "selector", "key_file", "host", "port", "security")


class _Domain(click.ParamType[str]):
    name = "domain"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        domain = read_domain(str(value))
        return domain or self.fail(f"{value!r}: write a domain such as avisos.muni.gob.pe", param, ctx)


class _Host(_Domain):
    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        try:
            return str(ipaddress.ip_address(text.strip("[]")))
        except ValueError:
            return text if text == "localhost" else super().convert(text, param, ctx)


class _Address(click.ParamType[str]):
    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(ipaddress.ip_address(str(value).strip()))
        except ValueError:
            self.fail(f"{value!r}: write an address such as 203.0.113.7", param, ctx)


class _Selector(click.ParamType[str]):
    name = "selector"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        selector = str(value).strip().lower()
        return selector if is_name(selector) else self.fail(f"{value!r}: write a selector such as outreach", param, ctx)


@click.command("mail")
@click.argument("domain", type=_Domain(), required=False)
@click.option("--agency", "slug", help="Look at what a mail sender of this agency is set to, instead of DOMAIN.")
@click.option("--sender", type=int, help="Its number, where the agency has several.")
@click.option("--bounce-domain", type=_Domain(), help="Of the return path; if not given, DOMAIN.")
@click.option("--dkim-domain", type=_Domain(), help="That signatures name (d=); if not given, DOMAIN.")
@click.option("--selector", type=_Selector(), help="Under which the public key stands: SELECTOR._domainkey.DOMAIN.")
@click.option(
    "--key-file", type=click.Path(path_type=Path), help="The private key, PEM: is the published one its half?"
)
@click.option("--host", type=_Host(), help="The server that takes our mails.")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port (587, or 465 with --security tls).")
@click.option(
    "--security",
    type=click.Choice([one.value for one in Security]),
    help="starttls (if not given), tls (port 465), or none.",
)
@click.option(
    "--address", "addresses", type=_Address(), multiple=True, help="Mails are seen to come from it; repeatable."
)
@click.option("--probe", is_flag=True, help="Ask the receiver of bounces whom it takes mail for; nothing is sent.")
@click.option("--probe-port", type=click.IntRange(1, 65535), default=25, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
def mail_command(*, slug: str | None, sender: int | None, as_json: bool, **given: Any) -> None:
    """Say what DOMAIN, the one people see in From, lacks to send mails that arrive, are believed and come back.

    Asks DNS (OUTREACH_RESOLVER, or this machine's) and the servers; sends no mail. Exit code 1 if something needed is
    missing, wrong or could not be found out. What to publish: docs/mail-domain.md.
    """
    if slug:
        chosen, sending = _kept(slug, sender, given)
    elif given["domain"]:
        chosen, sending = settings(), _typed(given)
        if given["probe"] and not chosen.secret_key:
            chosen = secrets_file.kept(chosen)
    else:
        raise click.UsageError("Write a DOMAIN, or --agency.")
    receiver = urlsplit(chosen.base_url).hostname or ""
    sending = replace(
        sending,
        addresses=given["addresses"],
        receiver=receiver if read_domain(receiver) else "",
        probe_port=given["probe_port"] if given["probe"] else None,
    )
    findings = asyncio.run(mail_domain.check(sending, chosen, datetime.now(UTC)))
    click.echo(_as_json(sending.domain, findings) if as_json else _as_lines(sending.domain, findings))
    sys.exit(1 if any(finding.is_harmful for finding in findings) else 0)


def _kept(slug: str, sender: int | None, given: dict[str, Any]) -> tuple[Settings, Sending]:
    """The settings with their keys, and how a sender of the agency sends."""
    if any(given[name] for name in _TYPED):
        raise click.UsageError("With --agency all of this comes from the sender: leave DOMAIN and its options out.")
    with installation() as (live, connections):
        with connections.sessions(None)() as session:
            agency_id = agencies.by_slug(session, slug).id
        with connections.sessions(agency_id)() as session:
            known = mail_domain.of_senders(session, connections.vault, agency_id)
    if sender is None and len(known) == 1:
        return live, next(iter(known.values()))
    if sender not in known:
        listed = ", ".join(f"{number} ({sending.domain})" for number, sending in known.items())
        raise click.UsageError(f"Choose one with --sender: {listed}." if known else f"{slug} has no mail sender.")
    return live, known[sender]


def _typed(given: dict[str, Any]) -> Sending:
    domain, security = given["domain"], Security(given["security"]) if given["security"] else None
    if security is None:
        security = Security.TLS if given["port"] == _TLS_PORT else Security.STARTTLS
    port = given["port"] or (_TLS_PORT if security is Security.TLS else _SUBMISSION_PORT)
    return Sending(
        domain=domain,
        bounce_domain=given["bounce_domain"] or domain,
        dkim_domain=given["dkim_domain"] or domain,
        selector=given["selector"] or "",
        private_key=_key(given["key_file"]),
        server=Server(given["host"], port, security) if given["host"] else None,
    )


def _key(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        text = path.read_text("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise ValueError(f"{path}: not a private key in PEM")
    return text


def _as_lines(domain: str, findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<8}{finding.topic}: {sentence(finding)}")
        if finding.publish:
            lines.append(f"        publish: {_published(finding.publish)}")
    harmful = sum(finding.is_harmful for finding in findings)
    lines.append(f"{domain}: nothing needed is missing." if not harmful else f"{domain}: {harmful} to put right.")
    return "\n".join(lines)


def _published(record: Record) -> str:
    """As a zone file has it: strings of a TXT record are at most 255 octets long."""
    if record.kind != "TXT":
        return f"{record.name}. {record.kind} {record.value}"
    pieces = [record.value[at : at + _TXT_PIECE] for at in range(0, len(record.value), _TXT_PIECE)]
    quoted = " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
    return f"{record.name}. {record.kind} {quoted}"


def _as_json(domain: str, findings: Sequence[Finding]) -> str:
    told = [
        {
            "topic": finding.topic,
            "level": finding.level,
            "code": finding.code,
            "sentence": sentence(finding),
            "publish": {"name": one.name, "type": one.kind, "value": one.value} if (one := finding.publish) else None,
        }
        for finding in findings
    ]
    return json.dumps({"domain": domain, "findings": told}, ensure_ascii=False)
