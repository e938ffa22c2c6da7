"""Hands a campaign's messages over: many calls in flight, no barrier between windows, results written in batches.

What a crash can leave open is what is in flight, and what was supplied ahead of it: as much again at most, or a tenth
of a second's worth where that is more.
"""

import asyncio
import random
import time
from collections import deque
from datetime import UTC, datetime
from typing import Final

import structlog

from campaigns.landing import Landing
from campaigns.orders import Order, Tools
from campaigns.providers.contract import NotSent, Outgoing, Provider, Refused, Unclear
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import CONCERNS_SENDER, Failure
from campaigns.store.results import Result
from campaigns.store.windows import Gate
from campaigns.supply import End, Ready, Supply, Window
from campaigns.throttle import HEARTBEAT_SECONDS

log = structlog.get_logger(__name__)

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 30.0
_JUMP_SECONDS: Final = 2.0
_AHEAD_SECONDS: Final = 0.25
_LARGE_SECONDS: Final = 0.1
_COUNT_SECONDS: Final = 0.1
_MOST_IN_ROW: Final = 2  # for each call in flight: so many messages put off without one that is taken


def ahead(per_second: float, places: int) -> int:
    """How many messages may wait in hand, at the pace at which calls come back and with so many places.

    What waits longer than a moment would have to go back through the gate. For a fast provider more wait, in larger
    windows, which cost less for each message; for others no more than there are places.
    """
    return max(1, min(int(per_second * _AHEAD_SECONDS), max(places, int(per_second * _LARGE_SECONDS))))


class Flight:
    """One job's sending through one provider connection. Use it once, inside one event loop."""

    def __init__(self, tools: Tools, order: Order, provider: Provider, gate: Gate, stop: asyncio.Event) -> None:
        self.handed = 0
        self.pause = 0.0  # seconds in which the provider takes nothing more
        self.concern: Failure | None = None  # why the provider refuses the sender
        self._tools, self._order, self._provider, self._gate, self._stop = tools, order, provider, gate, stop
        self._loop = asyncio.get_running_loop()
        campaign, sender = order.premises.campaign, order.premises.sender
        self._callback = (
            f"{tools.settings.base_url}/hooks/{sender.provider}/{sender.key}/status?c={campaign.id}&d=%d&n=%d"
        )
        ends = min(filter(None, (gate.open_until, campaign.expires_at)))
        self._worthless_at = self._loop.time() + (ends - datetime.now(UTC)).total_seconds()
        self._clocks_apart = time.time() - self._loop.time()
        # A call that starts in the first half of the lease and ends by itself in the second needs no watch of its own.
        self._is_watched = tools.settings.provider_timeout > gate.lease / 2
        self._waiting: deque[Ready] = deque()
        self._came = asyncio.Event()
        self._carriers: set[asyncio.Task[None]] = set()
        self._is_over = False
        self._setbacks = self._put_off_in_row = 0
        self._open: set[int] = set()  # places in which a call is open
        self._per_second, self._ended, self._counted_at = float(order.premises.sender.in_flight), 0, self._loop.time()

    async def run(self, seconds: float) -> End:
        """Send for up to so many seconds, then let what is in flight come down. Commits every window and batch."""
        self._supply = Supply(self._tools, self._order, self._gate, seconds=seconds)
        self._landing = Landing(self._tools, self._order)
        told = asyncio.create_task(self._listen())
        try:
            end = await asyncio.to_thread(self._supply.run, self)
        finally:
            self._supply.end(End.TOLD)
            told.cancel()
            # Behind the last window, which the supply may have announced just before it ended.
            self._loop.call_soon(self._end)
            await asyncio.sleep(0)
            while self._carriers:
                _, self._carriers = await asyncio.wait(self._carriers, timeout=HEARTBEAT_SECONDS)
                await asyncio.to_thread(self._supply.keep, self)
            await asyncio.to_thread(self._supply.leave)
            self._landing.add(*(self._unbegun(ready) for ready in self._waiting))
            await self._landing.finish()
        self.pause = max(0.0, self._supply.resume_at - self._loop.time())
        return End.SENDER if self.concern else end

    def appetite(self, places: int) -> int:
        """How many messages would start within a moment: in free places and in those coming free. From any thread."""
        return places - len(self._open) - len(self._waiting) + ahead(self._per_second, places)

    def using(self, places: int) -> int:
        """How many calls may be open in so many places, with those that still are beyond them. From any thread."""
        return places + sum(place >= places for place in tuple(self._open))

    def deliver(self, window: Window) -> None:
        """Take a window, in the supply's thread."""
        self._loop.call_soon_threadsafe(self._take, window)

    def stir(self) -> None:
        """Let those who wait for a place look again, in the supply's thread."""
        self._loop.call_soon_threadsafe(self._came.set)

    async def _listen(self) -> None:
        await self._stop.wait()
        self._supply.end(End.TOLD)

    def _take(self, window: Window) -> None:
        self._landing.add(*window.over)
        self._waiting.extend(window.ready)
        while len(self._carriers) < min(self._supply.places, len(self._waiting)):
            self._carriers.add(asyncio.create_task(self._carry(len(self._carriers))))
        self._came.set()
        self._want_more()

    def _want_more(self) -> None:
        # The next window is opened while this one waits, so that no place waits for the database.
        places = self._supply.places
        waiting = len(self._waiting)
        if waiting <= ahead(self._per_second, places) // 2 or len(self._open) + waiting < places:
            self._supply.want()

    def _note_pace(self) -> None:
        """How many calls come back per second, over the last moment."""
        self._ended += 1
        now = self._loop.time()
        if (past := now - self._counted_at) >= _COUNT_SECONDS:
            self._per_second, self._ended, self._counted_at = self._ended / past, 0, now

    def _end(self) -> None:
        self._is_over = True
        self._came.set()

    async def _carry(self, place: int) -> None:
        """One place: hand over one message after the other until all are over."""
        while True:
            while not self._waiting or place >= self._supply.places:
                if self._is_over:
                    return
                self._want_more()
                self._came.clear()
                await self._came.wait()
            ready = self._waiting.popleft()
            if self._may_start(ready):
                self._open.add(place)
                self._want_more()
                await self._hand_over(ready)
                self._open.discard(place)
                self._note_pace()
            else:
                self._landing.add(self._unbegun(ready))

    def _unbegun(self, ready: Ready) -> Result:
        """Back to the queue, never handed over."""
        return Result(ready.id, ready.attempt, State.QUEUED)

    def _may_start(self, ready: Ready) -> bool:
        if abs(time.time() - self._loop.time() - self._clocks_apart) > _JUMP_SECONDS:
            # The machine slept, or its clock was set: leases and hours are not what was worked out before.
            self._stop.set()
        if self._stop.is_set() or self.concern:
            return False
        # A window opened in the last minute of the hours may not start its messages after them (DESIGN P7).
        return self._supply.resume_at <= self._loop.time() < min(ready.start_by, self._worthless_at)

    async def _hand_over(self, ready: Ready) -> None:
        written, validity = ready.written, max(1, int(self._worthless_at - self._loop.time()))
        callback_url = self._callback % (ready.id, ready.attempt)
        outgoing = Outgoing(written.address, written.body, callback_url, validity, written.content, written.return_path)
        try:
            if self._is_watched:
                async with asyncio.timeout_at(ready.deadline):
                    ref = await self._provider.send(outgoing)
            else:
                ref = await self._provider.send(outgoing)
        except Refused as refused:
            self._refused(ready, refused.reason)
        except NotSent as not_sent:
            if not_sent.only_this:
                self._put_off(ready, not_sent)
            else:
                self._not_sent(ready, not_sent.after)
        except (Unclear, TimeoutError):
            self._unclear(ready)
        except Exception as error:
            # Whatever it was, the message may have left. Only the kind is logged: the rest could name somebody.
            log.error("hand-over failed", delivery=ready.id, error=type(error).__name__)
            self._unclear(ready)
        else:
            self._setbacks = self._put_off_in_row = 0
            self.handed += 1
            self._landing.add(Result(ready.id, ready.attempt, State.SENT, ref=ref, parts=written.parts))

    def _unclear(self, ready: Ready) -> None:
        grace = self._order.grace(self._tools.settings)
        self._landing.add(Result(ready.id, ready.attempt, State.UNKNOWN, parts=ready.written.parts, after=grace))

    def _refused(self, ready: Ready, reason: Failure) -> None:
        if reason in CONCERNS_SENDER and not self._order.premises.is_service:
            self.concern = self.concern or reason
            self._supply.end(End.SENDER)
            self._landing.add(Result(ready.id, ready.attempt, State.QUEUED))
        else:
            self._landing.add(Result(ready.id, ready.attempt, State.FAILED, reason))

    def _put_off(self, ready: Ready, not_sent: NotSent) -> None:
        """The message alone goes later; but when that is said of one after the other, it is about all of them."""
        self._put_off_in_row += 1
        if self._put_off_in_row > _MOST_IN_ROW * self._order.premises.sender.in_flight:
            self._back_off(0.0)
        after = not_sent.after * random.uniform(1.0, 1.2)
        self._landing.add(Result(ready.id, ready.attempt, State.QUEUED, not_sent.reason, after=after, is_put_off=True))

    def _not_sent(self, ready: Ready, after: float) -> None:
        after = self._back_off(after)
        self._landing.add(Result(ready.id, ready.attempt, State.QUEUED, after=after))

    def _back_off(self, after: float) -> float:
        """Nothing more for `after` seconds, or for longer when it happens again and again; how long."""
        now = self._loop.time()
        if now >= self._supply.resume_at:  # a hundred refusals at once are one setback
            self._setbacks = min(self._setbacks + 1, 9)
        backing_off = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._setbacks)
        after = max(after, backing_off * random.uniform(0.9, 1.1))
        self._supply.resume_at = max(self._supply.resume_at, now + after)
        return after
