"""Fixtures for tests of what comes back by mail: a receiver on a free port, mails that left, samples about them."""

import asyncio
import re
import smtplib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from campaigns.links import Refusal, Sent, Signer
from campaigns.mail_inbound import Mailroom
from campaigns.rules.channels import Channels
from campaigns.store.engine import AgencySessions
from outreach.mailin.desk import Desk
from outreach.mailin.server import MailServer
from tests.posting import BOUNCE_DOMAIN, address

SAMPLES = Path(__file__).resolve().parent / "data" / "mails"
REPLIES = "consultas@limanorte.example"
COMPLAINTS = f"fbl@{BOUNCE_DOMAIN}"
# Where the samples are addressed to; a token instead of these comes from the sample itself.
_BOXES = {"quejas@comas.example": COMPLAINTS, "rebotes@comas.example": f"postmaster@{BOUNCE_DOMAIN}"}


class Left(NamedTuple):
    """A mail that left us, and the words that travel with it."""

    id: int
    index: bytes
    address: str
    verp: str
    message_id: str
    unsubscribe: str


class Receiver:
    """The real server, on a thread of its own."""

    def __init__(self, desk: Desk, tls=None) -> None:
        self.loop = asyncio.new_event_loop()
        self.server = MailServer(desk, name="mx.limanorte.example", tls=tls)
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.port = self.call(self.server.listen("127.0.0.1", 0))

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, timeout=30)

    def give(self, raw: bytes, *to: str, sender: str = "") -> int:
        """Hand a mail over as a mail server does; the code of the last answer."""
        with self.client() as client:
            try:
                client.sendmail(sender, to, raw, ["SMTPUTF8"] if not "".join(to).isascii() else [])
            except smtplib.SMTPRecipientsRefused as refused:
                return next(iter(refused.recipients.values()))[0]
            except smtplib.SMTPResponseException as refused:
                return refused.smtp_code
        return 250

    def close(self) -> None:
        self.call(self.server.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def signer(settings) -> Signer:
    return Signer(settings.secret_key)


@pytest.fixture
def room(database, signer) -> Mailroom:
    return Mailroom(database.sessions, database.vault, database.valkey, signer)


@pytest.fixture
def receiver(room) -> Iterator[Receiver]:
    started = Receiver(Desk(room))
    yield started
    started.close()


@pytest.fixture
def left(mail_people, start_mailing, do, signer, agency) -> Callable[..., list[Left]]:
    """A campaign's mails to so many people, all taken by the mail server."""

    def send(people: int) -> list[Left]:
        mail_people(people, mobile=False)
        campaign_id = start_mailing(Channels.EMAIL)
        do(
            "UPDATE delivery SET state = 'sent', attempt = 1, handed_at = now(), provider_ref = 'q' || id"
            " WHERE campaign_id = :c",
            c=campaign_id,
        )
        do(
            "INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)"
            " SELECT agency_id, campaign_id, channel, language, state, sum(number) FROM ("
            "  SELECT agency_id, campaign_id, channel, language, 'queued' AS state, -count(*) AS number FROM delivery"
            "  GROUP BY 1, 2, 3, 4 UNION ALL"
            "  SELECT agency_id, campaign_id, channel, language, 'sent', count(*) FROM delivery GROUP BY 1, 2, 3, 4"
            " ) AS moved WHERE campaign_id = :c GROUP BY 1, 2, 3, 4, 5",
            c=campaign_id,
        )
        rows = do("SELECT id, address_index FROM delivery WHERE campaign_id = :c ORDER BY contact_id", c=campaign_id)
        return [_left(signer, agency.id, campaign_id, number, *row) for number, row in enumerate(rows)]

    return send


def _left(signer: Signer, agency_id: int, campaign_id: int, number: int, delivery_id: int, index: bytes) -> Left:
    sent, refusal = Sent(agency_id, campaign_id, delivery_id, 1), Refusal(agency_id, "email", index)
    words = signer.make_return_path(sent), signer.make_message_id(sent), signer.make_unsubscribe(refusal)
    return Left(delivery_id, index, address(number), *words)


def sample(name: str, mail: Left) -> tuple[bytes, str]:
    """A sample about this mail, and the recipient it is for."""
    text = (SAMPLES / f"{name}.eml").read_text("utf-8")
    for mark, word in (("VERP", mail.verp), ("MESSAGE_ID", mail.message_id), ("UNSUBSCRIBE", mail.unsubscribe)):
        text = text.replace(mark, word)
    found = re.search(r"^To: <?([^\s<>]+@[^\s<>]+)", text, re.MULTILINE)
    to = found[1] if found else REPLIES
    return text.replace("\n", "\r\n").encode(), to if to[:2] in ("b-", "u-") else _BOXES.get(to, REPLIES)


def snapshot(sessions: AgencySessions, agency_id: int) -> dict[str, list[tuple[object, ...]]]:
    """Everything a mail that came back could have changed."""
    from sqlalchemy import text

    with sessions(agency_id)() as session:
        return {
            table: [tuple(row) for row in session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))]
            for table in ("delivery", "receipt", "opt_out", "figure", "inbound")
        }
