"""Supplies messages to hand over: asks the throttle, opens a window, opens the vault, writes the texts.

A thread of its own beside the event loop: going back and forth between the two for every window would starve the calls.
"""

import secrets
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

import structlog

from campaigns import wakeup
from campaigns.orders import NoText, Order, Tools, Written
from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import Failure
from campaigns.store import windows
from campaigns.store.results import Result
from campaigns.store.windows import Gate, Opened
from campaigns.throttle import Room, Throttle
from campaigns.vault import Unsealable

log = structlog.get_logger(__name__)

WINDOW: Final = 100
_YIELD_SECONDS: Final = 3.0  # a job leaves its worker to other work that waits, but not sooner
_LOOK_SECONDS: Final = 1.0
_FRESH_SECONDS: Final = 5.0  # what waits longer goes back through the gate: a halt must hold within seconds (DESIGN P9)


class End(StrEnum):
    """Why there is no more to hand over."""

    EMPTY = "empty"  # nothing is queued that may go, or the gate has shut
    TIME = "time"
    TOLD = "told"
    YIELDED = "yielded"
    SILENT = "silent"  # Valkey does not answer
    SHARED = "shared"  # others use up the sender's pace already
    PROVIDER = "provider"  # it takes nothing for now
    SENDER = "sender"  # it refuses the sender: everyone after would fail too


class Ready(NamedTuple):
    """One message in hand. It may start until `start_by` and must be over at `deadline` (monotonic time)."""

    id: int
    attempt: int
    written: Written
    start_by: float
    deadline: float


class Window(NamedTuple):
    """What one statement opened: messages to hand over, and what is over without."""

    opened: int
    ready: list[Ready]
    over: list[Result]


class Supply:
    """One job's supply. run() belongs to one thread; the other methods may be called from any."""

    def __init__(self, tools: Tools, order: Order, gate: Gate, *, seconds: float) -> None:
        self._tools, self._order, self._gate = tools, order, gate
        self._over_at, self._look_at = time.monotonic() + seconds, time.monotonic() + _YIELD_SECONDS
        self._sender = order.premises.sender
        self._throttle = Throttle(tools.valkey, self._sender.id, self._sender.parts_per_second, secrets.token_hex(8))
        self._after = 0  # the last delivery opened
        self._unused = 0  # parts granted and not needed
        self._told: End | None = None
        self._wanted, self._stirred = threading.Event(), threading.Event()
        self._wanted.set()
        self.resume_at = 0.0  # when the provider takes something again
        self.places = self._sender.in_flight  # of the sender's, how many are this job's

    def want(self) -> None:
        """Another window is wanted."""
        self._wanted.set()

    def end(self, why: End) -> None:
        """Open nothing more."""
        self._told = self._told or why
        self._wanted.set()
        self._stirred.set()

    def run(self, deliver: Callable[[Window], None]) -> End:
        """Deliver a window whenever one is wanted and may be opened, until there is no more. Commits each."""
        try:
            while not (end := self._must_end()):
                self._wanted.wait()
                if (pause := self.resume_at - time.monotonic()) > 0:
                    self._stirred.wait(min(pause, 1.0))
                    continue
                window = self._next()
                if isinstance(window, End):
                    return window
                if window is not None:
                    self._wanted.clear()
                    deliver(window)
            return end
        finally:
            self._throttle.give_back(self._unused)
            self._throttle.leave()

    def _next(self) -> Window | End | None:
        """The next window, None if there was none yet, or why there will be none."""
        room = self._take(max(1, min(WINDOW, self.places)))
        if not room.answered:
            return End.SILENT
        self.places = max(1, self._sender.in_flight // room.holders)
        if not room.messages:
            if room.holders > 1 and self._throttle.leave_to_others():
                return End.SHARED
            self._stirred.wait(min(room.wait, 1.0))
            return None
        began_after = self._after
        window = self._open(room.messages)
        if window.ready or window.over:
            return window
        return None if window.opened or began_after else End.EMPTY

    def _must_end(self) -> End | None:
        now = time.monotonic()
        if self._told:
            return self._told
        if now >= self._over_at:
            return End.TIME
        if self.resume_at >= self._over_at:
            return End.PROVIDER
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            if wakeup.others_wait(self._tools.valkey, wakeup.Work.SEND):
                return End.YIELDED
        return None

    def _take(self, size: int) -> Room:
        """Ask for room by the upper bound of parts, giving back what the last window did not need."""
        unused, self._unused = self._unused, 0
        return self._throttle.take(size, parts=self._order.most_parts, unused=unused)

    def _open(self, granted: int) -> Window:
        """Open a window, commit, and write its messages."""
        began_at = time.monotonic()
        with self._tools.sessions(self._gate.agency_id).begin() as session:
            opened = windows.open_window(session, self._gate, size=granted, after=self._after)
        # A window that is not full was the last in this direction: begin again with what came back since.
        self._after = opened[-1].id if len(opened) == granted else 0
        window = Window(len(opened), [], [])
        for row in opened:
            if row.reason is None:
                self._write(window, row, began_at)
        needed = sum(ready.written.parts for ready in window.ready)
        self._unused = granted * self._order.most_parts - needed
        return window

    def _write(self, window: Window, row: Opened, began_at: float) -> None:
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
            start_by = began_at + min(lease / 2, _FRESH_SECONDS)
            window.ready.append(Ready(row.id, row.attempt, written, start_by, began_at + lease))
