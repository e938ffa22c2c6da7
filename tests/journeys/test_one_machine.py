"""One command runs everything on one machine, leaves nothing behind, and keeps the data, whatever ends it."""

import json
import os
import signal
import smtplib
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.journeys.installation import Installation, until

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def mine(tmp_path):
    installation = Installation(tmp_path)
    yield installation
    installation.stop()


def health(installation: Installation) -> int:
    try:
        with urllib.request.urlopen(f"{installation.url}/health", timeout=10) as answer:
            assert json.load(answer)["status"] == "ok"
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def takes_mail(installation: Installation) -> bool:
    """Whether the receiver answers, and takes mail for the demo agency's address for answers only."""
    try:
        with smtplib.SMTP("127.0.0.1", installation.mailin_port, timeout=10) as client:
            client.ehlo()
            client.mail("")
            answers = [client.rcpt(f"{name}@limanorte.example")[0] for name in ("consultas", "nobody")]
            return answers == [250, 550]
    except ConnectionError:
        return False


def test_started_stopped_killed_and_started_again(mine):
    mine.start()
    assert health(mine) == 200
    until(lambda: takes_mail(mine))
    people = {role: mine.sign_in_of(role) for role in ("writer", "approver", "admin")}
    mine.outreach("agency", "add", "trial", "--name", "Trial")
    file = str(DATA / "contacts_messy.csv")
    report = json.loads(mine.outreach("import", file, "--agency", "trial", "--json").splitlines()[-1])
    assert report == json.loads((DATA / "contacts_messy_expected.json").read_text())

    mine.stop()
    until(lambda: mine.processes() == [])

    # Both commands work by themselves while nothing runs, and what was there is there.
    again = json.loads(mine.outreach("import", file, "--agency", "trial", "--json").splitlines()[-1])
    assert (again["added"], again["duplicates"]) == (0, report["added"] + report["duplicates"])
    until(lambda: mine.processes() == [])

    mine.start()
    assert {role: mine.sign_in_of(role) for role in people} == people
    os.kill(mine.process.pid, signal.SIGKILL)
    mine.process.wait()
    # The servers stay for whoever comes next; whatever could send has ended with its supervisor.
    until(lambda: not [pid for pid in mine.processes() if b"workers." in command(pid)])

    mine.start()
    assert health(mine) == 200
    assert {role: mine.sign_in_of(role) for role in people} == people
    mine.stop()
    until(lambda: mine.processes() == [])


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
