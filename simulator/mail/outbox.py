"""Mail to the product: notices in the background with a few tries, and what a visitor sends at once."""

import asyncio
from collections import Counter, deque

import aiosmtplib

from simulator.clock import Clock
from simulator.mail.notices import Outgoing

_WORKERS = 4
_RETRIES = (1.0, 5.0, 15.0)  # seconds of the simulator's clock
_PATIENCE_SECONDS = 10.0
_MOST_WAITING = 100_000


class Unanswered(Exception):
    """The product's receiver cannot be reached, or did not answer."""


class Outbox:
    """Sends to one SMTP receiver, `mailin`; without one nothing leaves, and it is counted."""

    def __init__(self, clock: Clock, counters: Counter[str]) -> None:
        self.mailin: tuple[str, int] | None = None
        self.complaints_to: str | None = None
        self._clock, self._counters = clock, counters
        self._waiting: deque[tuple[Outgoing, int]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self.in_flight = 0

    def waiting(self) -> int:
        """Return how many notices are to be sent as soon as it is their turn."""
        return len(self._waiting) + self.in_flight

    def clear(self) -> None:
        """Forget what was not sent yet."""
        self._waiting.clear()

    async def stop(self) -> None:
        """End what is being sent."""
        self.clear()
        for task in list(self._workers):
            task.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def post(self, outgoing: Outgoing, tried: int = 0) -> None:
        """Send a notice in the background, from the running event loop."""
        if self.mailin is None or len(self._waiting) >= _MOST_WAITING:
            self._counters["notices_unsent"] += 1
            return
        self._waiting.append((outgoing, tried))
        if len(self._workers) < _WORKERS:
            task = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    async def send(self, outgoing: Outgoing) -> str:
        """Send now and return the receiver's answer, also a refusal. Raises Unanswered with a sentence."""
        client = await self._connect()
        try:
            return await _deliver(client, outgoing)
        finally:
            client.close()

    async def _connect(self) -> aiosmtplib.SMTP:
        if self.mailin is None:
            raise Unanswered("no receiver is given: start with --mailin HOST:PORT or POST /control/mailin")
        host, port = self.mailin
        client = aiosmtplib.SMTP(hostname=host, port=port, timeout=_PATIENCE_SECONDS, validate_certs=False)
        try:
            await client.connect()
        except (OSError, aiosmtplib.SMTPException) as error:
            raise Unanswered(f"{host}:{port} does not answer: {error}") from error
        return client

    async def _work(self) -> None:
        client: aiosmtplib.SMTP | None = None
        try:
            while self._waiting:
                outgoing, tried = self._waiting.popleft()
                self.in_flight += 1
                try:
                    if client is None or not client.is_connected:
                        client = await self._connect()
                    answer = await _deliver(client, outgoing)
                except Unanswered:
                    answer = "4"
                finally:
                    self.in_flight -= 1
                self._settle(outgoing, tried, answer)
        finally:
            if client is not None:
                client.close()

    def _settle(self, outgoing: Outgoing, tried: int, answer: str) -> None:
        if answer.startswith("2"):
            self._counters["notices_sent"] += 1
        elif answer.startswith("4") and tried < len(_RETRIES):
            self._clock.call_in(_RETRIES[tried], self.post, outgoing, tried + 1)
        else:
            self._counters["notices_refused" if answer.startswith("5") else "notices_failed"] += 1


async def _deliver(client: aiosmtplib.SMTP, outgoing: Outgoing) -> str:
    options = [] if outgoing.raw.isascii() else ["BODY=8BITMIME"]
    encoding = "ascii"
    if not (outgoing.sender + outgoing.to).isascii():
        options.append("SMTPUTF8")
        encoding = "utf-8"
    try:
        await client.mail(outgoing.sender, options=options, encoding=encoding)
        await client.rcpt(outgoing.to, encoding=encoding)
        answer = await client.data(outgoing.raw)
    except aiosmtplib.SMTPResponseException as refused:
        if client.is_connected:
            await _forget(client)
        return f"{refused.code} {refused.message}"
    except (OSError, aiosmtplib.SMTPException, ValueError) as error:
        client.close()
        raise Unanswered(f"no answer: {error}") from error
    return f"{answer.code} {answer.message}"


async def _forget(client: aiosmtplib.SMTP) -> None:
    """Begin anew on this connection, or give it up."""
    try:
        await client.rset()
    except (OSError, aiosmtplib.SMTPException):
        client.close()
