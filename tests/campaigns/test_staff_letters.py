"""Every letter to staff is a whole mail in both languages, and reaches a server that wants encryption and a login."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns import staff_letters, staff_mail
from campaigns.notices import News
from campaigns.providers.contract import NotSent, Refused
from campaigns.settings import MailRelay, Settings
from campaigns.staff_letters import Words
from tests.carrier import Carrier
from tests.letters import Page, content, parsed
from tests.relay import with_relay

ADA = "ada@limanorte.example"
LINK = "https://avisos.example/new-password/W10.x-y_z"
PAGE = "https://avisos.example/campaigns/7"
AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
SETTINGS = with_relay(Settings(), 25)


def letters(language: str) -> list[staff_mail.StaffLetter]:
    words = Words(language)
    return [
        *(staff_letters.news(words, ADA, "Comas", [(what, "Ñañas", PAGE)], name="notice-1") for what in News),
        staff_letters.reset(words, ADA, LINK),
        staff_letters.changed(words, ADA),
        staff_letters.invitation(words, ADA, "Comas", LINK),
        staff_letters.trial(words, ADA),
    ]


@pytest.mark.parametrize("number", range(len(letters("es"))))
def test_every_letter_is_a_whole_mail_in_both_languages(number):
    subjects = set()
    for language in ("es", "en"):
        letter = letters(language)[number]
        mail = parsed(staff_mail.compose(SETTINGS, letter, at=AT).content)
        assert mail["To"] == ADA
        assert mail["Content-Language"] == language
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"].endswith("@limanorte.example>")
        assert mail["Date"].datetime == AT
        html = Page(content(mail, "html"))
        assert html.attributes("html") == [{"lang": language}]
        shown = "".join(html.words.split())
        for paragraph in content(mail, "plain").replace("* ", "").split("\n"):
            assert "".join(paragraph.split()) in shown
        for link in html.attributes("a"):
            assert link["href"] in content(mail, "plain")
        subjects.add(str(mail["Subject"]))
    assert len(subjects) == 2


@pytest.mark.parametrize("what", list(News))
def test_no_subject_names_a_campaign(what):
    letter = staff_letters.news(Words("es"), ADA, "Comas", [(what, "Aviso secreto", PAGE)], name="notice-1")
    assert "secreto" not in letter.subject


def test_a_letter_that_opens_an_account_is_not_shown():
    letter = staff_letters.reset(Words("es"), ADA, LINK)
    ready = staff_mail.compose(SETTINGS, letter, at=AT)
    assert not {LINK, ADA} & {word.strip("',()") for word in repr((letter, ready)).split()}
    assert "new-password" not in repr((letter, ready))


def test_two_letters_have_names_of_their_own():
    names = {
        staff_mail.compose(SETTINGS, letters("es")[-1], at=AT).content.partition(b"Message-ID")[2][:40] for _ in "ab"
    }
    assert len(names) == 2


@pytest.mark.parametrize("address", ["a@b\r\nBcc: c@d.pe", "a b@c.pe", "ñandú@c.pe", ""])
def test_no_address_can_change_the_mail(address):
    with pytest.raises(Refused):
        staff_mail.compose(SETTINGS, replace(letters("es")[-1], to=address), at=AT)


@pytest.fixture
def guarded():
    """The simulator's mail server, which wants STARTTLS and a login; its control calls and its port."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulator", "--port", "0", "--smtp-port", "0", "--smtp-tls", "required"),
            *("--smtp-user", "outreach", "--smtp-password", "s3cret"),
        ],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    url, mail = (process.stdout.readline().strip().rpartition(" ")[2] for _ in range(2))
    yield Carrier(url), int(mail.rpartition(":")[2])
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_a_server_that_wants_encryption_and_a_login_gets_both(guarded):
    carrier, port = guarded
    relay = MailRelay("127.0.0.1", port, "starttls", "outreach", "s3cret", "outreach@limanorte.example")
    letter = letters("es")[-1]
    staff_mail.send_now(Settings(mail_relay=relay), letter, seconds=10)
    (mail,) = carrier.control("mails")["mailboxes"][ADA]
    assert mail["tls"] is True
    with pytest.raises(Refused):
        staff_mail.send_now(Settings(mail_relay=replace(relay, password="wrong")), letter, seconds=10)
    with pytest.raises((Refused, NotSent)):
        staff_mail.send_now(Settings(mail_relay=replace(relay, security="none")), letter, seconds=10)
    assert len(carrier.control("mails")["mailboxes"][ADA]) == 1


def test_a_server_without_encryption_gets_nothing(mailbox):
    relay = MailRelay("127.0.0.1", mailbox.port, "starttls", "", "", "outreach@limanorte.example")
    with pytest.raises(Refused, match="no_privacy"):
        staff_mail.send_now(Settings(mail_relay=relay), letters("es")[-1], seconds=5)
    assert mailbox.mails == []
