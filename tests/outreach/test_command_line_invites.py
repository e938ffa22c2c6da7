"""`outreach staff add` invites by mail where mail is set up, and `outreach doctor relay` proves that letters go out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from campaigns import staff
from campaigns.store.audit import AuditRow
from outreach import embedded
from tests.letters import content
from tests.relay import FROM

OUTREACH = Path(sys.executable).parent / "outreach"
EVA = "eva@limanorte.example"


@pytest.fixture
def outreach(settings, agency, mailbox):
    """Runs a command on the test's database, with mail unless it is told otherwise."""

    def run(*arguments: str, port: int | None = mailbox.port) -> subprocess.CompletedProcess[str]:
        mail = {"OUTREACH_MAIL_URL": f"smtp://127.0.0.1:{port}", "OUTREACH_MAIL_FROM": FROM} if port else {}
        variables = {**os.environ, **embedded.environment(settings), "OUTREACH_BASE_URL": "http://127.0.0.1:8000"}
        return subprocess.run(
            [OUTREACH, *arguments], env=variables | mail, capture_output=True, text=True, timeout=60, check=False
        )

    return run


ADD = ("staff", "add", EVA, "--agency", "lima-norte", "--name", "Eva Nueva", "--role", "writer")


def test_somebody_new_is_invited_and_no_password_is_printed(outreach, mailbox, sessions):
    done = outreach(*ADD)
    assert (done.returncode, done.stdout) == (0, f"An invitation went to {EVA}; its link works for three days.\n")
    (mail,) = mailbox.to(EVA)
    assert "http://127.0.0.1:8000/invitation/" in content(mail, "plain")
    again = outreach("staff", "invite", EVA)
    assert again.returncode == 0
    assert len(mailbox.to(EVA)) == 2
    with sessions(None)() as session:
        person = staff.by_email(session, EVA)
        assert person.password is None
    with sessions(person.agency_id)() as session:
        did = session.scalars(select(AuditRow.did).order_by(AuditRow.id)).all()
    assert did[-3:] == ["staff:added", "staff:invited", "staff:invited"]


@pytest.mark.parametrize("how", [("--no-invite",), ("--password", "una clave que eligió el administrador")])
def test_a_password_is_printed_when_asked_for(outreach, mailbox, how):
    done = outreach(*ADD, *how)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{EVA} may sign in with the password: ")
    assert mailbox.mails == []
    refused = outreach("staff", "invite", EVA)
    assert refused.returncode == 1
    assert "has a password" in refused.stderr


def test_without_mail_it_is_as_it_was_and_an_invitation_says_what_is_missing(outreach):
    refused = outreach(*ADD, "--invite", port=None)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "set OUTREACH_MAIL_URL and OUTREACH_MAIL_FROM" in refused.stderr
    done = outreach(*ADD, port=None)
    assert done.stdout.startswith(f"{EVA} may sign in with the password: ")


def test_a_relay_that_is_away_is_told_and_nothing_is_lost(outreach, mailbox):
    done = outreach(*ADD, port=9)
    assert done.returncode == 1
    assert f"{EVA} was added, but no mail went out" in done.stderr
    assert "Traceback" not in done.stderr
    assert outreach("staff", "invite", EVA).returncode == 0
    assert len(mailbox.to(EVA)) == 1


def test_the_relay_can_be_tried(outreach, mailbox):
    done = outreach("doctor", "relay", EVA)
    assert done.returncode == 0
    assert "took the letter" in done.stdout
    assert mailbox.to(EVA)[0]["Subject"] == "Outreach puede enviar correos"
    mailbox.rcpt["*"] = "550 5.1.1 who is that"
    refused = outreach("doctor", "relay", EVA)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "refuses the letter (address_unknown)" in refused.stderr
    away = outreach("doctor", "relay", EVA, port=9)
    assert "took nothing" in away.stderr
    assert "Staff get no mails" in outreach("doctor", "relay", EVA, port=None).stderr
    odd = outreach("doctor", "relay", "no address")
    assert "refuses the letter (address_invalid)" in odd.stderr
