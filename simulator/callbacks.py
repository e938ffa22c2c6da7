"""Status callbacks: made when a message moves, posted by a fixed number of hands; creates never wait for them."""

import asyncio
import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.messages import ERRORS, Message
from simulator.webhooks import Failed, Webhooks, read_target

HANDS = 64  # callbacks in flight at most
MOST = 200_000  # kept at most (60 MB); beyond it the oldest are lost, and counted


@dataclass(slots=True, eq=False)
class Callback:
    """One status of one message on its way to the product, as it was when the message moved."""

    message: Message
    status: str
    error_code: int | None
    moved_at: float
    address: str
    token: bytes
    left: int  # retries
    era: int


class Callbacks:
    """The way out for receipts. Start it inside the running loop, stop it before the loop ends."""

    def __init__(self, webhooks: Webhooks, clock: Clock, faults: Faults, counters: Counter[str]) -> None:
        self._webhooks, self._clock, self._faults, self._counters = webhooks, clock, faults, counters
        self._backlog: deque[Callback] = deque()
        self._resting: deque[asyncio.Future[None]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._watched: dict[str, tuple[int, asyncio.Future[None]]] = {}
        self._era = 0  # the resets there were: what was under way then goes no further
        self._held_back = 0  # for a while: late, shuffled, or to be tried again
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
        """Forget what waits, as the clock forgets it; what is in flight ends by itself and is not tried again."""
        self._era += 1
        self._backlog.clear()
        self._held_back = 0

    def waiting(self) -> int:
        """Return how many callbacks wait for a free hand or for their time."""
        return len(self._backlog) + self._held_back

    def emit(self, message: Message) -> None:
        """Send the message's present status to its StatusCallback, as the faults allow. Does not wait."""
        if message.callback is None:
            return
        faults, counters = self._faults, self._counters
        counters["callbacks_made"] += 1
        if faults.happens(faults.drop):
            counters["callbacks_dropped"] += 1
            return
        callback = Callback(
            message, message.status, message.error_code, message.updated_at, message.callback,
            os.urandom(16), read_target(message.callback).patience.retries, self._era,
        )  # fmt: skip
        delay = faults.between((0.0, faults.shuffle))
        if faults.happens(faults.late):
            counters["callbacks_late"] += 1
            delay += faults.between(faults.late_by)
        self._send_later(callback, delay)
        if faults.happens(faults.duplicate):
            counters["callbacks_duplicated"] += 1
            self._send_later(replace(callback), delay + faults.between((0.0, max(faults.shuffle, 0.2))))

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
        if callback.message.sid in self._watched:
            pending, future = self._watched[callback.message.sid]
            self._watched[callback.message.sid] = (pending + 1, future)
        self._hold_back(callback, delay)

    def _hold_back(self, callback: Callback, delay: float) -> None:
        if self.waiting() >= MOST:
            self._counters["callbacks_lost"] += 1
            if not self._backlog:
                return
            self._backlog.popleft()
        if delay > 0:
            self._held_back += 1
            self._clock.call_in(delay, self._let_go, callback)
        else:
            self._put(callback)

    def _let_go(self, callback: Callback) -> None:
        if callback.era == self._era:
            self._held_back -= 1
            self._put(callback)

    def _put(self, callback: Callback) -> None:
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
        target, counters = read_target(callback.address), self._counters
        secret, token = callback.message.account.secret(), callback.token.hex()
        try:
            answer = await self._webhooks.post(target, form_of(callback), secret, token)
            again = target.repeats(answer)
            result = "callbacks_sent" if answer.status < 300 else "callbacks_refused"
        except Failed as failure:
            again, result = target.repeats(failure), "callbacks_failed"
        if callback.era != self._era:
            return
        if again and callback.left > 0:
            callback.left -= 1
            counters["callbacks_retried"] += 1
            self._hold_back(callback, self._faults.between(self._faults.retry))
            return
        counters[result] += 1
        if callback.message.sid in self._watched:
            pending, future = self._watched[callback.message.sid]
            self._watched[callback.message.sid] = (pending - 1, future)
            if pending == 1 and not future.done():
                future.set_result(None)


def form_of(callback: Callback) -> dict[str, str]:
    """Return the form of a status callback. StructuredPartCount is documented nowhere: such come without notice."""
    message = callback.message
    form = {
        "AccountSid": message.account.sid,
        "ApiVersion": "2010-04-01",
        "From": message.sender or "",
        "MessageSid": message.sid,
        "MessageStatus": callback.status,
        "SmsSid": message.sid,
        "SmsStatus": callback.status,
        "StructuredPartCount": str(message.parts),
        "To": message.to,
    }
    if message.service is not None:
        form["MessagingServiceSid"] = message.service
    if callback.error_code is not None:
        form["ErrorCode"] = str(callback.error_code)
        form["ErrorMessage"] = ERRORS.get(callback.error_code, "Unknown error")
    if callback.status in ("delivered", "undelivered"):
        form["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime(callback.moved_at))
    return form
