"""What every benchmark stands on: an installation of its own, a carrier, an agency, and as many people as wanted."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaigns import agencies, approval, authoring, planning, segments, staff
from campaigns.rules import hours
from campaigns.rules.segments import EVERYONE
from campaigns.settings import Settings
from campaigns.store.agencies import Agency, Sender
from outreach import embedded
from outreach.database import Connections, connect, migrate

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT, TOKEN, NUMBER = "AC" + "b" * 32, "benchmark-token", "+5117000001"
TEXT = "{{nombre}}, no pague ni responda a amenazas. Llame gratis al {{linea_111}}, puede ser anonimo."
# Options of a simulator that takes creates as fast as they come, and does little else (simulator/README.md).
FAST = ("--fast",)
UNLIMITED = 1_000_000
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A running installation with one agency."""

    settings: Settings
    connections: Connections
    agency: Agency
    sender: Sender


def phone(number: int) -> str:
    """One of ninety million mobiles; those that begin with +5190 play special parts in the simulator."""
    return f"+519{10_000_000 + number:08}"


@dataclass(frozen=True)
class Carrier:
    """A running simulator, with the port at which it takes mail."""

    url: str
    mail_port: int

    def control(self, path: str, given: object = None) -> dict[str, Any]:
        """One of its control calls."""
        data = None if given is None else json.dumps(given).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/control/{path}", data), timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def faults(self, **given: object) -> None:
        """Switch what goes wrong (simulator/README.md); what is not named stays."""
        self.control("faults", given)

    def inbound_at(self, url: str) -> None:
        """Where what people write is posted from now on."""
        self.control("accounts", {"sid": ACCOUNT, "token": TOKEN, "numbers": [NUMBER], "inbound_url": url})

    def begin(self, *, latency_ms: float) -> None:
        """Forget everything; from now on messages stay where they are, so that no callback takes its time."""
        self.control("reset", {})
        self.faults(status_delay_ms=3_600_000, latency_ms=latency_ms)


@contextmanager
def carrier(*more: str) -> Iterator[Carrier]:
    """A simulator of our own on a free port, started with more options if they are given."""
    ports = ["--port", "0", "--smtp-port", "0"]
    arguments = [*ports, "--account", f"{ACCOUNT}:{TOKEN}", "--numbers", NUMBER, "--opt-out", "off", *more]
    with program(["-m", "simulator", *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout
        url, mail = (process.stdout.readline().decode().split()[-1] for _ in range(2))
        yield Carrier(url, int(mail.rpartition(":")[2]))


@contextmanager
def program(
    arguments: list[str], *, environment: dict[str, str] | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program of the repository, ended when the block is."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=stdout
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def installation(**changes: object) -> Iterator[Stage]:
    """Embedded servers in a folder that is thrown away, migrated, with an agency that may write at any time."""
    with (
        tempfile.TemporaryDirectory(prefix="outreach-benchmark-") as folder,
        embedded.servers(Settings.from_env({"OUTREACH_DATA": folder})) as live,
    ):
        settings = replace(live, **changes)
        migrate(settings)
        connections = connect(settings)
        try:
            yield _agency(settings, connections)
        finally:
            connections.close()


def environment(settings: Settings) -> dict[str, str]:
    """What a worker of this installation needs in its environment."""
    return {
        **embedded.environment(settings),
        "TWILIO_URL": settings.twilio_url,
        "OUTREACH_BASE_URL": settings.base_url,
        "OUTREACH_MAILS_PER_DOMAIN": str(settings.mails_per_domain),
    }


def _agency(settings: Settings, connections: Connections) -> Stage:
    with connections.sessions(None).begin() as session:
        agency = agencies.add(session, "benchmark", "Municipalidad de Lima Norte", hours=hours.always())
    form = agencies.SenderForm(
        name="benchmark", address=NUMBER, account=ACCOUNT, token=TOKEN, parts_per_second=1000, in_flight=100
    )
    with connections.sessions(agency.id).begin() as session:
        sender = agencies.save_sender(session, connections.vault, agency.id, form, by=None)
        # Faster than any real sender may be set: the engine is measured here, not the throttle.
        session.execute(update(Sender).where(Sender.id == sender.id).values(parts_per_second=UNLIMITED))
    return Stage(settings, connections, agency, sender)


def pace(stage: Stage, parts_per_second: int, *, in_flight: int = 100) -> None:
    """Limit the sender. Before a campaign is submitted: what it is approved with is frozen."""
    with stage.connections.sessions(stage.agency.id).begin() as session:
        session.execute(
            update(Sender)
            .where(Sender.id == stage.sender.id)
            .values(parts_per_second=parts_per_second, in_flight=in_flight)
        )


def people(stage: Stage, number: int) -> None:
    """So many contacts with a mobile of their own, sealed as an import seals them."""
    vault, agency_id = stage.connections.vault, stage.agency.id
    columns = (
        "agency_id, name_sealed, business_sealed, phone_sealed, phone_index, phone_kind, language, place_code,"
        " legal_ground"
    )
    with (
        psycopg.connect(stage.settings.app_url.replace("postgresql+psycopg://", "postgresql://")) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('outreach.agency_id', %s, true)", (str(agency_id),))
        # Nobody may COPY into a table behind row-level security.
        cursor.execute(f"CREATE TEMP TABLE arrived ON COMMIT DROP AS SELECT {columns} FROM contact WITH NO DATA")
        with cursor.copy(f"COPY arrived ({columns}) FROM STDIN") as copy:
            for index in range(number):
                address = phone(index)
                sealed = (vault.seal(text, agency_id) for text in (f"Rosa {index}", f"Transportes {index}", address))
                row = (agency_id, *sealed, vault.address_index(address), "mobile", "es", "150110", "consent")
                copy.write_row(row)
        cursor.execute(f"INSERT INTO contact ({columns}) SELECT * FROM arrived")


def start_campaign(stage: Stage, *, name: str = "benchmark") -> int:
    """The id of a campaign for everybody, planned, approved and started by the verbs that staff use."""
    campaign_id = submit_campaign(stage, name=name)
    planning.plan(stage.connections.sessions, stage.agency.id, campaign_id, now=datetime.now(UTC))
    start_planned(stage, campaign_id, name=name)
    return campaign_id


def submit_campaign(stage: Stage, *, name: str = "benchmark") -> int:
    """The id of a campaign for everybody that waits to be planned."""
    now, agency_id = datetime.now(UTC), stage.agency.id
    with stage.connections.sessions(agency_id).begin() as session:
        writer = person(session, agency_id, f"writer-{name}", "writer")
        campaign_id = authoring.create(session, agency_id, name=name, by=writer).id
        segment = segments.save(session, agency_id, name=name, rule=EVERYONE, by=writer)
        draft = authoring.Draft(name=name, segment_id=segment.id, sender_id=stage.sender.id, texts={"es": TEXT})
        authoring.change(session, agency_id, campaign_id, draft, by=writer, now=now)
        authoring.submit(session, agency_id, campaign_id, by=writer, now=now)
    return campaign_id


def start_planned(stage: Stage, campaign_id: int, *, name: str = "benchmark") -> None:
    """Let a second person approve a planned campaign, and start it."""
    now, agency_id = datetime.now(UTC), stage.agency.id
    with stage.connections.sessions(agency_id).begin() as session:
        approver = person(session, agency_id, f"approver-{name}", "approver")
        approval.approve(session, agency_id, campaign_id, by=approver, now=now)
        approval.start(session, agency_id, campaign_id, by=approver, now=now)


def person(session: Session, agency_id: int, name: str, role: str) -> int:
    """The id of somebody new on the staff, who never signs in."""
    return staff.add(session, agency_id, email=f"{name}@example.com", name=name, role=role, password_hash="-").id
