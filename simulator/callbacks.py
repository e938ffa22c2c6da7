"""Status callbacks: made when a message moves, posted by a fixed number of hands; creates never wait for them."""

import asyncio
import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.messages import ERRORS, Message
from simulator.webhooks import Failed, Target, Webhooks, read_target

HANDS = 64  # callbacks in flight at most
_BACKLOG = 500_000  # beyond it the oldest are lost, and counted
_RETRY_SECONDS = 0.2


@dataclass(slots=True, eq=False)
class Callback:
    """One status of one message on its way to the product."""

    sid: str
    target: Target
    form: dict[str, str]
    secret: bytes
    token: str
    tries: int


class Callbacks:
    """The way out for receipts. Start it inside the running loop, stop it before the loop ends."""

    def __init__(self, webhooks: Webhooks, clock: Clock, faults: Faults, counters: Counter[str]) -> None:
        self._webhooks, self._clock, self._faults, self._counters = webhooks, clock, faults, counters
        self._backlog: deque[Callback] = deque()
        self._news = asyncio.Event()
        self._resting: deque[asyncio.Future[None]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._watched: dict[str, tuple[int, asyncio.Future[None]]] = {}
        self.in_flight = 0

    def start(self) -> None:
        """Set the hands to work."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(HANDS)]

    async def stop(self) -> None:
        """Let go of what is still to be sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._webhooks.close()

    def clear(self) -> None:
        """Forget what waits; what is in flight ends by itself."""
        self._backlog.clear()

    def waiting(self) -> int:
        """Return how many callbacks wait for a free hand."""
        return len(self._backlog)

    def emit(self, message: Message) -> None:
        """Send the message's present status to its StatusCallback, as the faults allow. Does not wait."""
        if message.callback is None:
            return
        self._counters["callbacks_made"] += 1
        if self._faults.happens(self._faults.drop):
            self._counters["callbacks_dropped"] += 1
            return
        target = read_target(message.callback)
        callback = Callback(
            message.sid, target, form_of(message), message.account.secret(), os.urandom(16).hex(), 1 + target.retries
        )
        self._send_later(callback, self._faults.between((0.0, self._faults.shuffle)))
        if self._faults.happens(self._faults.duplicate):
            self._counters["callbacks_duplicated"] += 1
            self._send_later(callback, self._faults.between((0.0, max(self._faults.shuffle, 0.2))))

    @contextlib.asynccontextmanager
    async def answered(self, message: Message, seconds: float) -> AsyncIterator[None]:
        """On leaving, wait until the callbacks that were emitted inside for it are through, at most so long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched[message.sid] = (0, future)
        try:
            yield
            if self._watched[message.sid][0]:
                await asyncio.wait([future], timeout=seconds)
        finally:
            del self._watched[message.sid]

    def _send_later(self, callback: Callback, delay: float) -> None:
        if callback.sid in self._watched:
            pending, future = self._watched[callback.sid]
            self._watched[callback.sid] = (pending + 1, future)
        if delay > 0:
            self._clock.call_in(delay, self._put, callback)
        else:
            self._put(callback)

    def _put(self, callback: Callback) -> None:
        if len(self._backlog) >= _BACKLOG:
            self._backlog.popleft()
            self._counters["callbacks_lost"] += 1
        self._backlog.append(callback)
        while self._resting:
            rest = self._resting.pop()  # the one who rested last: few connections stay warm instead of all going stale
            if not rest.done():
                rest.set_result(None)
                break

    async def _work(self) -> None:
        while True:
            while not self._backlog:
                rest: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._resting.append(rest)
                await rest
            callback = self._backlog.popleft()
            self.in_flight += 1
            try:
                await self._post(callback)
            finally:
                self.in_flight -= 1

    async def _post(self, callback: Callback) -> None:
        callback.tries -= 1
        try:
            answer = await self._webhooks.post(callback.target, callback.form, callback.secret, callback.token)
        except Failed as failure:
            if not failure.connected and callback.tries > 0:
                self._counters["callbacks_retried"] += 1
                self._clock.call_in(_RETRY_SECONDS, self._put, callback)
                return
            self._counters["callbacks_failed"] += 1
        else:
            self._counters["callbacks_sent" if answer.status < 300 else "callbacks_refused"] += 1
        if callback.sid in self._watched:
            pending, future = self._watched[callback.sid]
            self._watched[callback.sid] = (pending - 1, future)
            if pending == 1 and not future.done():
                future.set_result(None)


def form_of(message: Message) -> dict[str, str]:
    """Return the form of a status callback. StructuredPartCount is documented nowhere: such come without notice."""
    form = {
        "AccountSid": message.account.sid,
        "ApiVersion": "2010-04-01",
        "From": message.sender or "",
        "MessageSid": message.sid,
        "MessageStatus": message.status,
        "SmsSid": message.sid,
        "SmsStatus": message.status,
        "StructuredPartCount": str(message.parts),
        "To": message.to,
    }
    if message.service is not None:
        form["MessagingServiceSid"] = message.service
    if message.error_code is not None:
        form["ErrorCode"] = str(message.error_code)
        form["ErrorMessage"] = ERRORS.get(message.error_code, "Unknown error")
    if message.status in ("delivered", "undelivered"):
        form["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime(message.updated_at))
    return form
