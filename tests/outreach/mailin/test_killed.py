"""Whatever dies when: a mail that was answered with 250 is in the database, every other one is still the sender's."""

import os
import signal
import smtplib
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from outreach import embedded
from tests.journeys.installation import until
from tests.returning import sample

ROOT = Path(__file__).resolve().parents[3]
MAILS = 150


@pytest.fixture
def start(settings, database, tmp_path):
    """Starts the receiver as a program of its own; its port."""
    running = []
    environment = {**os.environ, **embedded.environment(settings), "OUTREACH_MAILIN_PORT": "0"}

    def begin() -> tuple[subprocess.Popen, int]:
        with open(tmp_path / "log", "ab") as log:
            command = [sys.executable, "-m", "outreach.mailin"]
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
            )
        running.append(process)
        return process, int(process.stdout.readline().rpartition(":")[2])

    begin.log = tmp_path / "log"
    yield begin
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def _give(port, waiting, taken):
    """Hands mails over on one connection until it breaks; what was answered with 250 leaves the queue."""
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            while waiting:
                mail = waiting.pop()
                raw, to = sample("postfix_user_unknown", mail)
                try:
                    client.sendmail("", [to], raw)
                except BaseException:
                    waiting.append(mail)
                    raise
                taken.append(mail.id)
    except (OSError, smtplib.SMTPException):
        return


def test_killed_in_the_middle_it_loses_nothing_it_said_it_had(start, left, sessions, agency, do):
    waiting, taken = left(MAILS), []
    kills = 0
    while waiting:
        process, port = start()
        threading.Thread(target=lambda p=process: p.stdout.read(), daemon=True).start()
        before = len(taken)
        senders = [threading.Thread(target=_give, args=(port, waiting, taken)) for _ in range(4)]
        for sender in senders:
            sender.start()
        if kills < 3:
            until(lambda: len(taken) >= min(before + 20, MAILS - 1) or not waiting, 30)  # noqa: B023
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        for sender in senders:
            sender.join()
        with sessions(agency.id)() as session:
            kept = set(session.scalars(text("SELECT delivery_id FROM receipt")))
        assert set(taken) <= kept
        assert len(set(taken)) == len(taken)
    assert kills == 3
    # What came again because its answer was lost is there once.
    assert do("SELECT count(*) FROM receipt").scalar_one() == MAILS
    assert do("SELECT count(*) FROM opt_out WHERE stopped").scalar_one() == MAILS


def test_told_to_stop_it_ends_cleanly_and_says_nothing_of_anybody(start, left):
    process, port = start()
    waiting, taken = left(3), []
    _give(port, waiting, taken)
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.docmd("BOGUS rosa@correo.example")
        client.docmd("MAIL FROM:<rosa@correo.example>")
        process.terminate()
        assert process.wait(20) == 0
        client.close()
    said = process.stdout.read() + start.log.read_text()
    assert "Traceback" not in said
    assert "correo.example" not in said
    assert len(taken) == 3
