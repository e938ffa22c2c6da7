"""`outreach demo`: a whole small world on one machine, with a carrier and phones that are played."""

import json
import os
import secrets
import sys
from pathlib import Path

import click

from campaigns import agencies, mail_senders, staff
from campaigns.errors import NotFound
from campaigns.providers.contract import Security
from campaigns.rules import hours
from campaigns.rules.channels import Channel
from campaigns.settings import Settings
from outreach import embedded
from outreach.cli import settings
from outreach.cli_servers import run
from outreach.database import Connections, connect, migrate
from outreach.passwords import hash_password
from outreach.supervisor import Part, wait_for_port

SLUG = "lima-norte-demo"
NAME = "Municipalidad de Lima Norte (demo)"
NUMBER = "+5117000001"
RETURNS = "vuelta.limanorte.example"  # the domain of the mail sender that bounces and complaints come back to
MAIL_FROM = "outreach@limanorte.example"
PEOPLE = (("redactora@limanorte.example", "Rosa Redactora", "writer"),
          ("aprobador@limanorte.example", "Andrés Aprobador", "approver"),
          ("admin@limanorte.example", "Ada Administradora", "admin"))  # fmt: skip


@click.command("demo")
def demo_command() -> None:
    """Run everything with a demo agency and the simulator, until Ctrl-C. A second start keeps the data."""
    chosen = settings()
    if chosen.database_url:
        raise ValueError("DATABASE_URL is set: the demo runs on embedded servers only, so that nothing real is touched")
    wait_for_port("OUTREACH_PORT", chosen.host, chosen.port)
    wait_for_port("SIMULATOR_PORT", "127.0.0.1", chosen.simulator_port)
    wait_for_port("SIMULATOR_SMTP_PORT", "127.0.0.1", chosen.simulator_smtp_port)
    os.environ["TWILIO_URL"] = f"http://127.0.0.1:{chosen.simulator_port}"
    os.environ["OUTREACH_MAIL_URL"] = f"smtp://127.0.0.1:{chosen.simulator_smtp_port}"
    os.environ["OUTREACH_MAIL_FROM"] = MAIL_FROM
    with embedded.servers(settings()) as live:
        migrate(live)
        kept = _kept(live.data / "secrets" / "demo.json")
        connections = connect(live)
        try:
            key = _load(connections, kept)
            _load_mail_sender(connections, live)
        finally:
            connections.close()
        parts, logs = [_simulator(live, kept, key)], live.data / "logs"
        run(live, parts, workers=2, ready=lambda: click.echo(_welcome(live, kept)), logs=logs)


def _load(connections: Connections, kept: dict[str, str]) -> str:
    """The demo agency with its people and sender, made if they are not there; the sender's key."""
    with connections.sessions(None).begin() as session:
        try:
            agency_id = agencies.by_slug(session, SLUG).id
        except NotFound:
            agency_id = agencies.add(session, SLUG, NAME, hours=hours.always()).id
    with connections.sessions(agency_id).begin() as session:
        known = {person.email for person in staff.of_agency(session, agency_id)}
        for email, name, role in PEOPLE:
            if email not in known:
                hashed = hash_password(kept[role])
                staff.add(session, agency_id, email=email, name=name, role=role, password_hash=hashed)
        found = agencies.senders(session, agency_id, Channel.SMS)
        form = agencies.SenderForm("Línea de avisos", NUMBER, kept["account"], kept["token"], parts_per_second=100)
        sender = found[0] if found else agencies.save_sender(session, connections.vault, agency_id, form, by=None)
        return sender.key


def _load_mail_sender(connections: Connections, live: Settings) -> None:
    """The demo agency's sender of mails, made if it is not there; the played mail server may listen elsewhere now."""
    form = mail_senders.MailSenderForm(
        name="Avisos por correo",
        address="avisos@limanorte.example",
        host="127.0.0.1",
        port=live.simulator_smtp_port,
        security=Security.NONE,
        bounce_domain=RETURNS,
        reply_to="consultas@limanorte.example",
        mails_per_second=50,
    )
    with connections.sessions(None)() as session:
        agency_id = agencies.by_slug(session, SLUG).id
    with connections.sessions(agency_id).begin() as session:
        known = next((one for one in mail_senders.senders(session, agency_id) if one.address == form.address), None)
        if known is None or (known.host == form.host and known.port != form.port):
            known_id = known.id if known else None
            mail_senders.save(session, connections.vault, agency_id, form, sender_id=known_id, by=None)


def _simulator(live: Settings, kept: dict[str, str], key: str) -> Part:
    arguments = [
        *(sys.executable, "-m", "simulator", "--port", str(live.simulator_port)),
        *("--account", kept["account"], "--numbers", NUMBER, "--opt-out", "off"),
        *("--inbound-url", f"{live.base_url}/hooks/twilio/{key}/inbound"),
        *("--smtp-port", str(live.simulator_smtp_port)),
    ]
    if live.mailin_port:
        arguments += ["--mailin", f"{live.mailin_host}:{live.mailin_port}", "--complaints-to", f"fbl@{RETURNS}"]
    return Part("simulator", arguments, {"SIMULATOR_AUTH_TOKEN": kept["token"]})


def _kept(path: Path) -> dict[str, str]:
    """The demo's passwords and the played carrier's account: made once, so that a second start knows them."""
    if path.exists():
        values: dict[str, str] = json.loads(path.read_text())
        return values
    made = {role: secrets.token_urlsafe(12) for _, _, role in PEOPLE}
    made |= {"account": "AC" + secrets.token_hex(16), "token": secrets.token_hex(16)}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as text:
        json.dump(made, text)
    return made


def _welcome(live: Settings, kept: dict[str, str]) -> str:
    people = "\n".join(f"  {role:<9} {email}   password: {kept[role]}" for email, _, role in PEOPLE)
    return (
        f"\n{NAME} is ready.\n"
        f"  Admin     {live.base_url}\n"
        f"  Phones    http://127.0.0.1:{live.simulator_port}\n"
        f"  Mailboxes http://127.0.0.1:{live.simulator_port}/mail\n"
        f"{people}\n"
        "A file to import: tests/data/contacts_messy.csv\n"
        f"Logs: {live.data / 'logs'}\n"
        "Ctrl-C stops everything and keeps the data.\n"
    )


COMMANDS = (demo_command,)
