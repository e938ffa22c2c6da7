"""Real workers mail the news the clock finds, and one that is killed in the middle of a mail loses none."""

import os
import time

import pytest
from sqlalchemy import text

from campaigns import wakeup
from outreach import embedded
from tests.relay import FROM
from tests.workers.conftest import Programs


@pytest.fixture
def posted(tools, mailbox, tmp_path):
    """Programs of an installation that mails its staff."""
    environment = {
        **os.environ,
        **embedded.environment(tools.settings),
        "OUTREACH_BASE_URL": "http://127.0.0.1:8000",
        "OUTREACH_CLOCK_INTERVAL": "0.2",
        "OUTREACH_MAIL_URL": f"smtp://127.0.0.1:{mailbox.port}",
        "OUTREACH_MAIL_FROM": FROM,
    }
    found = Programs(environment, tmp_path / "log")
    yield found
    found.end()


def test_news_is_mailed_by_itself(running, posted, mailbox, ada):
    running(1)
    posted.clock()
    posted.worker()
    (mail,) = mailbox.wait(ada.email)
    assert mail["Subject"] == "Una campaña suya empezó"
    time.sleep(1)
    assert len(mailbox.mails) == 1
    assert ada.email not in posted.log.read_text()


def test_a_worker_killed_in_the_middle_of_a_mail_loses_and_changes_nothing(
    running, posted, mailbox, sessions, agency, valkey, ada
):
    running(1)
    mailbox.silent = True
    wakeup.nudge(valkey, wakeup.Work.NOTICES, agency.id)
    first = posted.worker()
    mailbox.wait(ada.email)  # it is there, but nobody was told so
    first.kill()
    first.wait()
    mailbox.silent = False
    with sessions(agency.id).begin() as session:
        held = text("UPDATE notice SET mail_after = now() WHERE mailed_at IS NULL AND unmailed IS NULL RETURNING id")
        assert len(session.execute(held).all()) == 1
    valkey.flushdb()
    posted.clock()
    posted.worker()
    one, again = mailbox.wait(ada.email, 2)
    assert one["Message-ID"] == again["Message-ID"]
    assert one.get_body(("plain",)).get_content() == again.get_body(("plain",)).get_content()
