"""A mail relay of our own: a real SMTP server that keeps what it takes, and answers what it is told."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP

from campaigns.settings import Settings
from tests.letters import parsed

FROM = "outreach@limanorte.example"


class Mailbox:
    """Listens on a free port. `rcpt` and `data` are answers by recipient ("*" for all)."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str, EmailMessage]] = []
        self.rcpt: dict[str, str] = {}
        self.data: dict[str, str] = {}
        self.asked = 0
        self.silent = False  # after a mail came
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        listening = self.loop.create_server(lambda: SMTP(self, loop=self.loop), "127.0.0.1", 0)
        self.server = asyncio.run_coroutine_threadsafe(listening, self.loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 -- aiosmtpd's name
        self.asked += 1
        if answer := self.rcpt.get(address) or self.rcpt.get("*"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 -- aiosmtpd's name
        self.mails.append((envelope.mail_from, envelope.rcpt_tos[0], parsed(envelope.content)))
        while self.silent:  # noqa: ASYNC110 - set from the thread of the test
            await asyncio.sleep(0.02)
        return self.data.get(envelope.rcpt_tos[0]) or "250 2.0.0 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """What this person got."""
        return [message for _, to, message in self.mails if to == address]

    def wait(self, address: str, number: int = 1) -> list[EmailMessage]:
        """Until this person got so many."""
        end = time.monotonic() + 15
        while len(self.to(address)) < number:
            assert time.monotonic() < end, "no mail came"
            time.sleep(0.02)
        return self.to(address)

    def close(self) -> None:
        async def end() -> None:
            self.server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0.01)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def with_relay(settings: Settings, port: int, **more: str) -> Settings:
    """The settings of an installation that mails its staff through this port."""
    given = Settings.from_env({"OUTREACH_MAIL_URL": f"smtp://127.0.0.1:{port}", "OUTREACH_MAIL_FROM": FROM, **more})
    return replace(settings, mail_relay=given.mail_relay)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    found = Mailbox()
    yield found
    found.close()
