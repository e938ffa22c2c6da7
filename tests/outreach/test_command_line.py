"""The command line says what is wrong in a sentence, and never shares a port or a role that is not its own."""

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from outreach.database import connect, migrate
from outreach.supervisor import wait_for_port

OUTREACH = Path(sys.executable).parent / "outreach"


@pytest.fixture
def listener():
    """Somebody else's web application, which would share its port as Granian does."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other


def test_a_port_somebody_listens_on_is_not_shared(listener):
    port = listener.getsockname()[1]
    with pytest.raises(RuntimeError, match=f"OUTREACH_PORT: cannot listen on 127.0.0.1 port {port}"):
        wait_for_port("OUTREACH_PORT", "127.0.0.1", port, seconds=0)
    listener.close()
    wait_for_port("OUTREACH_PORT", "127.0.0.1", port, seconds=0)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OUTREACH_DATA": "/proc/no/folder"}, "/proc/no"),
        ({"DATABASE_URL": "postgresql://app@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}, "PostgreSQL"),
    ],
)
def test_what_cannot_be_reached_is_one_sentence(variables, words):
    keys = dict(line.split("=", 1) for line in _outreach({}, "keys").stdout.splitlines())
    done = _outreach(keys | variables, "agency", "add", "lima", "--name", "Lima")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_owners_role_or_a_superuser_is_refused_before_anything_is_made(settings, connections):
    for name in ("outreach_owner", "postgres"):
        strong = replace(settings, database_url=_as(settings.app_url, name))
        with pytest.raises(ValueError, match="DATABASE_URL: "):
            migrate(strong)


def test_a_role_the_tables_were_not_made_for_is_told_how_to_get_them(settings, connections):
    other = replace(settings, database_url=_as(settings.app_url, "outreach_newcomer"))
    superuser = create_engine(_as(settings.owner_url, "postgres"), isolation_level="AUTOCOMMIT")
    with superuser.connect() as connection:
        connection.execute(text("DROP ROLE IF EXISTS outreach_newcomer"))
        connection.execute(text("CREATE ROLE outreach_newcomer LOGIN"))
        try:
            with pytest.raises(ValueError, match="made for another role"):
                migrate(other)
            connection.execute(text("GRANT outreach_app TO outreach_newcomer"))
            migrate(other)
            connect(other).close()
        finally:
            connection.execute(text("DROP ROLE outreach_newcomer"))
    superuser.dispose()


def _as(url: str, name: str) -> str:
    return make_url(url).set(username=name).render_as_string(hide_password=False)


def _outreach(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OUTREACH, *arguments], env=variables, capture_output=True, text=True, timeout=60, check=False
    )
