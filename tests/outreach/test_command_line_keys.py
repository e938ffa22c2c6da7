"""`outreach keys`: a new key is put first, everything is sealed anew, and the old one can be thrown away."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.settings import parse_keys
from campaigns.store import contacts as store
from campaigns.vault import Vault
from outreach import secrets_file
from tests.crowd import person

OUTREACH = Path(sys.executable).parent / "outreach"
PHONE = "+51987000001"


@pytest.fixture
def outreach(settings, database):
    """Runs a command on the test's own database with these sealing keys."""

    def run(*words, seal_keys=None):
        chosen = replace(settings, seal_keys=seal_keys or settings.seal_keys)
        given = {
            "DATABASE_URL": settings.app_url,
            "DATABASE_OWNER_URL": settings.owner_url,
            "REDIS_URL": settings.queue_url,
            **secrets_file.environment(chosen),
        }
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("OUTREACH_", "DATABASE_"))}
        return subprocess.run(
            [OUTREACH, *words], check=False, env=plain | given, capture_output=True, text=True, timeout=60
        )

    return run


def test_without_a_command_it_prints_a_new_set(outreach):
    made = dict(line.split("=", 1) for line in outreach("keys").stdout.splitlines())
    assert list(parse_keys("x", made["OUTREACH_SEAL_KEYS"])) == [1]
    assert set(made) == {*secrets_file._NAMES}


def test_a_key_is_put_first_and_the_old_one_thrown_away(outreach, settings, sessions, agency, vault):
    with sessions(agency.id).begin() as session:
        contact_id = person(session, vault, agency, PHONE).id
    line = outreach("keys", "next").stdout.strip()
    (number, key) = next(iter(parse_keys("x", line).items()))
    assert number == 2
    both = {number: key, **settings.seal_keys}
    before = outreach("keys", "show", seal_keys=both).stdout.splitlines()
    assert before == ["Key 1: 3 values; still needed: run outreach keys reseal.", "Key 2: 0 values; this one seals."]
    done = outreach("keys", "reseal", seal_keys=both)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Rows sealed anew: 1. Addresses indexed anew: 0.",
        "Key 1: 0 values; may be taken away.",
        "Key 2: 3 values; this one seals.",
    ]
    with sessions(agency.id)() as session:
        sealed = store.get(session, agency.id, contact_id).phone_sealed
    assert Vault(replace(settings, seal_keys={number: key})).open(sealed, agency.id) == PHONE


def test_no_key_is_ever_shown(outreach, settings, sessions, agency, vault):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, PHONE)
    shown = outreach("keys", "show")
    written = secrets_file.environment(settings)["OUTREACH_SEAL_KEYS"].partition(":")[2]
    assert written not in shown.stdout + shown.stderr


def test_the_embedded_servers_keys_are_known_to_next(tmp_path):
    run = {"env": {"PATH": os.environ["PATH"], "OUTREACH_DATA": str(tmp_path)}, "capture_output": True, "text": True}
    done = subprocess.run([OUTREACH, "keys", "next"], check=False, timeout=60, **run)
    assert done.returncode == 1
    assert "no installation has its keys here" in done.stderr
