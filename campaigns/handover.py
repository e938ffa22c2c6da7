"""Hands a campaign's messages over: windows opened as places fall free, many calls in flight, results in batches.

One event loop, no barrier between windows. What a crash can leave open is the set in flight and one window ahead.
"""

import asyncio
import random
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

import structlog

from campaigns import wakeup
from campaigns.landing import Landing
from campaigns.orders import NoText, Order, Tools, Written
from campaigns.providers.contract import NotSent, Outgoing, Provider, Refused, Unclear
from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import CONCERNS_SENDER, Failure
from campaigns.store import windows
from campaigns.store.results import Result
from campaigns.store.windows import Gate, Opened
from campaigns.throttle import Throttle
from campaigns.vault import Unsealable

log = structlog.get_logger(__name__)

WINDOW: Final = 100
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 30.0
_YIELD_SECONDS: Final = 3.0  # a job leaves its worker to other work that waits, but not sooner
_LOOK_SECONDS: Final = 1.0


class End(StrEnum):
    """Why a flight ended."""

    EMPTY = "empty"  # nothing is queued that may go, or the gate has shut
    TIME = "time"
    TOLD = "told"
    YIELDED = "yielded"
    SILENT = "silent"  # Valkey does not answer
    SHARED = "shared"  # others use up the sender's pace already
    PROVIDER = "provider"  # it takes nothing for now
    SENDER = "sender"  # it refuses the sender: everyone after would fail too


class Ready(NamedTuple):
    """One message in hand. It may start until `start_by` and must be over at `deadline` (the event loop's time)."""

    id: int
    attempt: int
    written: Written
    start_by: float
    deadline: float


@dataclass(frozen=True)
class _Window:
    opened: int
    ready: list[Ready]
    over: list[Result]


class Flight:
    """One job's sending, through one provider connection. Use it once, inside one event loop."""

    def __init__(self, tools: Tools, order: Order, provider: Provider, gate: Gate, stop: asyncio.Event) -> None:
        self.handed = 0
        self.pause = 0.0  # seconds in which the provider takes nothing more
        self.concern: Failure | None = None  # why the provider refuses the sender
        self._tools, self._order, self._provider, self._gate, self._stop = tools, order, provider, gate, stop
        self._loop = asyncio.get_running_loop()
        self._landing = Landing(tools, order)
        campaign, sender = order.premises.campaign, order.premises.sender
        self._callback = (
            f"{tools.settings.base_url}/hooks/{sender.provider}/{sender.key}/status?c={campaign.id}&d=%d&n=%d"
        )
        ends = min(filter(None, (gate.open_until, campaign.expires_at)))
        self._worthless_at = self._loop.time() + (ends - datetime.now(UTC)).total_seconds()
        self._throttle = Throttle(tools.valkey, sender.id, sender.parts_per_second, secrets.token_hex(8))
        self._places = sender.in_flight
        self._free = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._after = 0  # the last delivery opened
        self._setbacks, self._resume_at = 0, 0.0
        self._over_at, self._look_at = 0.0, 0.0

    async def run(self, seconds: float) -> End:
        """Send for up to so many seconds, then let what is in flight come down. Commits every window and batch."""
        self._over_at, self._look_at = self._loop.time() + seconds, self._loop.time() + _YIELD_SECONDS
        try:
            end = await self._feed()
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            await self._landing.finish()
            await asyncio.to_thread(self._throttle.leave)
        self.pause = max(0.0, self._resume_at - self._loop.time())
        return End.SENDER if self.concern else end

    async def _feed(self) -> End:
        ahead = asyncio.create_task(self._next_window())
        while True:
            window = await ahead
            if isinstance(window, End):
                return window
            # The next one is opened while this one leaves, so that no place waits for the database.
            ahead = asyncio.create_task(self._next_window())
            for ready in window:
                if await self._place(ready.start_by):
                    task = asyncio.create_task(self._hand_over(ready))
                    self._tasks.add(task)
                    task.add_done_callback(self._down)
                else:  # it never started: back to the queue as it was
                    self._landing.add(Result(ready.id, ready.attempt, State.QUEUED))

    def _down(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.set()

    async def _place(self, start_by: float) -> bool:
        """Wait for a free place; False if there is none in time, or nothing may start any more."""
        with suppress(TimeoutError):
            while len(self._tasks) >= self._places:
                self._free.clear()
                async with asyncio.timeout_at(start_by):
                    await self._free.wait()
        if self._stop.is_set() or self.concern or len(self._tasks) >= self._places:
            return False
        return self._resume_at <= self._loop.time() < start_by

    async def _next_window(self) -> list[Ready] | End:
        size = max(1, min(WINDOW, self._places // 2))
        while True:
            if end := await self._must_end():
                return end
            if (pause := self._resume_at - self._loop.time()) > 0:
                await self._sleep(pause)
                continue
            room = await asyncio.to_thread(self._throttle.take, size, parts=self._order.most_parts)
            if not room.answered:
                return End.SILENT
            self._places = max(1, self._order.premises.sender.in_flight // room.holders)
            if not room.messages:
                if room.holders > 1 and await asyncio.to_thread(self._throttle.leave_to_others):
                    return End.SHARED
                await self._sleep(room.wait)
                continue
            began_after = self._after
            window = await asyncio.to_thread(self._open, room.messages)
            self._landing.add(*window.over)
            if window.ready:
                return window.ready
            if not window.opened and not began_after:
                return End.EMPTY

    async def _must_end(self) -> End | None:
        now = self._loop.time()
        if self._stop.is_set():
            return End.TOLD
        if self.concern:
            return End.SENDER
        if now >= self._over_at:
            return End.TIME
        if self._resume_at >= self._over_at:
            return End.PROVIDER
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            if await asyncio.to_thread(wakeup.others_wait, self._tools.valkey, wakeup.Work.SEND):
                return End.YIELDED
        return None

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, 1.0)):
                await self._stop.wait()

    def _open(self, granted: int) -> _Window:
        """In a thread: open a window, commit, write its messages, and give back the parts nobody needed."""
        began_at = self._loop.time()
        with self._tools.sessions(self._gate.agency_id).begin() as session:
            opened = windows.open_window(session, self._gate, size=granted, after=self._after)
        # A window that is not full was the last in this direction: begin again with what came back since.
        self._after = opened[-1].id if len(opened) == granted else 0
        window = _Window(len(opened), [], [])
        for row in opened:
            if row.reason is None:
                self._write(window, row, began_at)
        needed = sum(ready.written.parts for ready in window.ready)
        self._throttle.give_back(granted * self._order.most_parts - needed)
        return window

    def _write(self, window: _Window, row: Opened, began_at: float) -> None:
        lease = self._gate.lease
        try:
            written = self._order.write(self._tools.vault, row)
        except NoText:
            window.over.append(Result(row.id, row.attempt, State.SKIPPED, Reason.NO_TEXT))
        except Unsealable:
            log.error("sealed data does not open", campaign=self._gate.campaign_id, delivery=row.id)
            window.over.append(Result(row.id, row.attempt, State.FAILED, Failure.UNREADABLE))
        else:
            # A call has at least half the lease, and none outlives it: the sweep must find nothing still under way.
            window.ready.append(Ready(row.id, row.attempt, written, began_at + lease / 2, began_at + lease))

    async def _hand_over(self, ready: Ready) -> None:
        written, validity = ready.written, max(1, int(self._worthless_at - self._loop.time()))
        outgoing = Outgoing(written.address, written.body, self._callback % (ready.id, ready.attempt), validity)
        try:
            async with asyncio.timeout_at(ready.deadline):
                ref = await self._provider.send(outgoing)
        except Refused as refused:
            self._refused(ready, refused.reason)
        except NotSent as not_sent:
            self._not_sent(ready, not_sent.after)
        except (Unclear, TimeoutError):
            self._unclear(ready)
        except Exception as error:
            # Whatever it was, the message may have left. Only the kind is logged: the rest could name somebody.
            log.error("hand-over failed", delivery=ready.id, error=type(error).__name__)
            self._unclear(ready)
        else:
            self._setbacks = 0
            self.handed += 1
            self._landing.add(Result(ready.id, ready.attempt, State.SENT, ref=ref, parts=written.parts))

    def _unclear(self, ready: Ready) -> None:
        grace = self._tools.settings.grace
        self._landing.add(Result(ready.id, ready.attempt, State.UNKNOWN, parts=ready.written.parts, after=grace))

    def _refused(self, ready: Ready, reason: Failure) -> None:
        if reason in CONCERNS_SENDER and not self._order.premises.is_service:
            self.concern = self.concern or reason
            self._landing.add(Result(ready.id, ready.attempt, State.QUEUED))
        else:
            self._landing.add(Result(ready.id, ready.attempt, State.FAILED, reason))

    def _not_sent(self, ready: Ready, after: float) -> None:
        now = self._loop.time()
        if now >= self._resume_at:  # a hundred refusals at once are one setback
            self._setbacks = min(self._setbacks + 1, 9)
        backing_off = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._setbacks)
        after = max(after, backing_off * random.uniform(0.9, 1.1))
        self._resume_at = max(self._resume_at, now + after)
        self._landing.add(Result(ready.id, ready.attempt, State.QUEUED, after=after))
