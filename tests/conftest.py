"""Real servers for every test: PostgreSQL and Valkey of our own, one database per test process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from campaigns.settings import Settings
from campaigns.store.engine import AgencySessions
from campaigns.store.tables import metadata
from campaigns.vault import Vault
from outreach import embedded
from outreach.database import Connections, connect, migrate

pytest_plugins = [
    "tests.cast",
    "tests.sending",
    "tests.hearing",
    "tests.amending",
    "tests.posting",
    "tests.relay",
    "tests.returning",
]

# Tests lose nothing that matters when the machine stops.
os.environ.setdefault("OUTREACH_POSTGRES_CONF", "fsync=off;synchronous_commit=off;full_page_writes=off")


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Settings]:
    """Settings of a migrated, empty installation; test processes share the servers, not the database."""
    top = tmp_path_factory.getbasetemp()
    data = (top if worker_id == "master" else top.parent) / "servers"
    with embedded.servers(Settings.from_env({"OUTREACH_DATA": str(data), "OUTREACH_LEASE": "2"})) as live:
        name = f"outreach_{worker_id}"
        _make_database(live.owner_url, name)
        number = 0 if worker_id == "master" else 1 + int(worker_id.removeprefix("gw"))
        yield replace(
            live,
            database_url=_renamed(live.app_url, name),
            database_owner_url=_renamed(live.owner_url, name),
            redis_url=live.queue_url.replace("db=0", f"db={number}"),
            grace=2.0,
            provider_timeout=5.0,
            mails_per_domain=0,
            base_url="http://127.0.0.1:8000",
        )


@pytest.fixture(scope="session")
def connections(settings: Settings) -> Iterator[Connections]:
    """Connections as the app's role, after the owner migrated and loaded the seeds."""
    migrate(settings)
    live = connect(settings)
    yield live
    live.close()


@pytest.fixture
def database(settings: Settings, connections: Connections) -> Connections:
    """The same connections on an empty database and an empty Valkey."""
    kept = {"place", "place_alias", "sector", "language", "keyword", "phrase", "official_line", "standing_text"}
    tables = ", ".join(f'"{name}"' for name in metadata.tables if name not in kept)
    with psycopg.connect(_plain(settings.owner_url), autocommit=True) as connection:
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    connections.valkey.flushdb()
    return connections


@pytest.fixture
def sessions(database: Connections) -> AgencySessions:
    """What makes sessions for an agency."""
    return database.sessions


@pytest.fixture
def vault(connections: Connections) -> Vault:
    return connections.vault


@pytest.fixture
def valkey(database: Connections) -> redis.Redis:
    return database.valkey


@pytest.fixture
def session(sessions: AgencySessions, agency: object) -> Iterator[Session]:
    """A session that acts for the cast's agency; rolled back unless the test commits."""
    with sessions(agency.id)() as session:  # type: ignore[attr-defined]
        yield session


@pytest.fixture(scope="session")
def simulator() -> Iterator[tuple[str, int]]:
    """The outside world in a process of its own, on free ports: its address, and the port that takes mail."""
    from tests.cast import SIMULATOR_ACCOUNT, SIMULATOR_NUMBER, SIMULATOR_TOKEN  # a plugin may not be imported before

    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulator", "--port", "0", "--smtp-port", "0", "--opt-out", "off"),
            *("--account", f"{SIMULATOR_ACCOUNT}:{SIMULATOR_TOKEN}", "--numbers", SIMULATOR_NUMBER),
        ],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    url, mail = (process.stdout.readline().strip().rpartition(" ")[2] for _ in range(2))
    yield url, int(mail.rpartition(":")[2])
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="session")
def simulator_url(simulator: tuple[str, int]) -> str:
    """Where the outside world is spoken to."""
    return simulator[0]


def _make_database(owner_url: str, name: str) -> None:
    with psycopg.connect(_plain(owner_url).replace("outreach_owner", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} OWNER outreach_owner TEMPLATE template0 LOCALE 'C.UTF-8'")


def _renamed(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")
