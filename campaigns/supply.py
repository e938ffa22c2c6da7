"""Supplies messages to hand over: asks the throttle, opens a window, opens the vault, writes the texts.

A thread of its own beside the event loop: going back and forth between the two for every window would starve the calls.
"""

import math
import secrets
import threading
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

import structlog
from sqlalchemy.orm import Session

from campaigns import wakeup
from campaigns.domain_pace import DomainPace
from campaigns.orders import Order, Tools
from campaigns.providers.contract import Refused
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import Failure
from campaigns.store import budgets, windows
from campaigns.store.results import Result
from campaigns.store.windows import Gate, Opened
from campaigns.throttle import HEARTBEAT_SECONDS, Room, Throttle
from campaigns.vault import Unsealable
from campaigns.writers import NoText, Written

log = structlog.get_logger(__name__)

WINDOW: Final = 250  # to open a small one costs as much per window, and so more per message
_YIELD_SECONDS: Final = 3.0  # an agency's turn, shared by its campaigns, while others wait for the worker
_SHORTEST_TURN: Final = 1.0
_LOOK_SECONDS: Final = 0.5
# What waits longer goes back through the gate: a STOP must hold within a second, a halt within two (DESIGN P3, P9).
_FRESH_SECONDS: Final = 0.6
_FRESH_AFTER_OPENING: Final = 0.25  # or a slow database would let nothing start at all
_BUDGET_SECONDS: Final = 0.25
_MARGIN: Final = 1.1  # over what messages needed lately, so that few must go back
_PLACE_SECONDS: Final = 2.0


class End(StrEnum):
    """Why there is no more to hand over."""

    EMPTY = "empty"  # nothing is queued that may go, or the gate has shut
    TIME = "time"
    TOLD = "told"
    YIELDED = "yielded"
    SILENT = "silent"  # Valkey does not answer
    SHARED = "shared"  # others use up the sender's pace or places already
    OVERTAKEN = "overtaken"  # an urgent campaign uses the sender
    BUDGET = "budget"  # no part is left to spend
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


class Demand(Protocol):
    """Who takes what is supplied."""

    def appetite(self, places: int) -> int:
        """How many messages would start soon, with so many places."""
        ...

    def using(self, places: int) -> int:
        """How many calls may be open in so many places, with those that still are beyond them."""
        ...

    def deliver(self, window: Window) -> None:
        """Take a window; called from the supply's thread."""
        ...

    def stir(self) -> None:
        """The number of places changed; called from the supply's thread."""
        ...


class Supply:
    """One job's supply. run() belongs to one thread; the other methods may be called from any."""

    def __init__(self, tools: Tools, order: Order, gate: Gate, *, seconds: float) -> None:
        self._tools, self._order, self._gate = tools, order, gate
        self._sender, campaign = order.premises.sender, order.premises.campaign
        now = time.monotonic()
        turn = max(_SHORTEST_TURN, _YIELD_SECONDS / max(1, order.premises.running))
        self._over_at, self._look_at, self._kept_at = now + seconds, now + turn, now
        self._lane = wakeup.Work.URGENT if campaign.is_urgent else wakeup.Work.SEND
        self._throttle = Throttle(
            tools.valkey,
            order.pace_key,
            self._sender.parts_per_second,
            secrets.token_hex(8),
            in_flight=self._sender.in_flight,
            urgent=campaign.is_urgent,
        )
        per_domain = tools.settings.mails_per_domain
        is_mail = order.channel is Channel.EMAIL
        self._domains = DomainPace(tools.valkey, tools.vault, per_domain) if is_mail and per_domain else None
        self._budget = order.budget(datetime.now(UTC))
        self._after = 0  # the last delivery opened
        self._each = float(order.most_pace)  # what a message will probably need of the pace
        self._without_place = 0.0  # seconds since others had all places
        self._told: End | None = None
        self._wanted, self._stirred = threading.Event(), threading.Event()
        self._wanted.set()
        self.resume_at = 0.0  # when the provider takes something again
        self.places = 0  # of the sender's, how many are this job's

    def want(self) -> None:
        """Another window is wanted."""
        if not self._wanted.is_set():  # said for most messages, and saying it again is dear
            self._wanted.set()

    def end(self, why: End) -> None:
        """Open nothing more."""
        self._told = self._told or why
        self._wanted.set()
        self._stirred.set()

    def run(self, demand: Demand) -> End:
        """Deliver a window whenever one is wanted and may be opened, until there is no more. Commits each."""
        while not (end := self._must_end()):
            if not self._wanted.wait(HEARTBEAT_SECONDS):
                self.keep(demand)
                continue
            if (pause := self.resume_at - time.monotonic()) > 0:
                self._stirred.wait(min(pause, 1.0))
                self.keep(demand)
                continue
            self._wanted.clear()  # before looking, so that a wish that comes meanwhile is not lost
            if self.places and demand.appetite(self.places) < 1:
                continue
            window = self._next(demand)
            if isinstance(window, End):
                return window
            if window is None:
                self._wanted.set()
            else:
                demand.deliver(window)
        return end

    def keep(self, demand: Demand) -> None:
        """Keep the places while calls are open: whoever does not ask for long loses them. Call it every few seconds."""
        if time.monotonic() - self._kept_at >= HEARTBEAT_SECONDS:
            self._take(0, demand)

    def leave(self) -> None:
        """No call is open any more: give the places back."""
        self._throttle.leave()

    def _next(self, demand: Demand) -> Window | End | None:
        """The next window, None if there was none yet, or why there will be none."""
        size = max(1, min(WINDOW, demand.appetite(self.places or self._sender.in_flight)))
        room = self._take(size, demand)
        if not room.answered:
            return End.SILENT
        if not room.messages:
            return self._without(room)
        began_after = self._after
        messages = min(size, max(1, int(room.messages / self._each)))
        window = self._open(messages, room.messages, demand)
        if window is None or isinstance(window, End) or window.ready or window.over:
            return window
        return None if window.opened or began_after else End.EMPTY

    def _without(self, room: Room) -> End | None:
        if room.is_overtaken:
            return End.OVERTAKEN
        self._without_place = 0.0 if room.places else self._without_place + room.wait
        others_have_all = bool(room.places) or self._without_place > _PLACE_SECONDS
        if room.holders > 1 and others_have_all and self._throttle.leave_to_others():
            return End.SHARED
        self._stirred.wait(min(room.wait, 1.0))
        return None

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
            if wakeup.others_wait(self._tools.valkey, self._lane, self._gate.agency_id, self._gate.campaign_id):
                return End.YIELDED
        return None

    def _take(self, size: int, demand: Demand) -> Room:
        """Ask for as many parts as so many messages will probably need, but for no less than any one of them may."""
        self._kept_at = time.monotonic()
        using, most = demand.using(self.places), self._order.most_pace
        wanted = max(most, math.ceil(size * self._each)) if size else 0
        room = self._throttle.take(wanted, parts=1, fewest=most, using=using)
        if room.answered and room.places != self.places:
            self.places = room.places
            demand.stir()
        return room

    def _open(self, messages: int, granted: int, demand: Demand) -> Window | End | None:
        """Open a window, commit, and write its messages; None while only what is in hand may leave a part to spend."""
        began_at = time.monotonic()
        with self._tools.sessions(self._gate.agency_id).begin() as session:
            size = self._affordable(session, messages)
            if size:
                opened = windows.open_window(session, self._gate, size=size, after=self._after)
            else:
                # In this order: what came down between the two questions has left something to spend.
                may_come_back = self._is_in_hand(session) or self._affordable(session, messages) > 0
        if not size:
            self._throttle.give_back(granted, using=demand.using(self.places))
            return self._without_budget(may_come_back)
        fresh_until = max(began_at + _FRESH_SECONDS, time.monotonic() + _FRESH_AFTER_OPENING)
        # A window that is not full was the last in this direction: begin again with what came back since.
        self._after = opened[-1].id if len(opened) == size else 0
        window = Window(len(opened), [], [])
        for row in opened:
            if row.reason is None:
                self._write(window, row, began_at, fresh_until)
        return self._fitted(window, granted, demand)

    def _spread(self, window: Window) -> list[Ready]:
        """What the recipients' domains may be sent now; the rest goes back until its turn. Of SMS all."""
        if self._domains is None:
            return window.ready
        waits = self._domains.waits([one.written.address for one in window.ready])
        window.over.extend(
            Result(one.id, one.attempt, State.QUEUED, after=wait)
            for one, wait in zip(window.ready, waits, strict=True)
            if wait
        )
        return [one for one, wait in zip(window.ready, waits, strict=True) if not wait]

    def _fitted(self, window: Window, granted: int, demand: Demand) -> Window:
        """Only what the granted parts are enough for: the rest goes back, and so do parts that nobody needs."""
        ready, left = self._spread(window), granted
        if ready:
            each = sum(one.written.pace for one in ready) / len(ready)
            self._each = 0.8 * self._each + 0.2 * _MARGIN * each
        fitting = []
        for one in ready:
            if one.written.pace <= left:
                left -= one.written.pace
                fitting.append(one)
            else:
                window.over.append(Result(one.id, one.attempt, State.QUEUED))
        # At once: until then they are missing from everybody's pace.
        self._throttle.give_back(left, using=demand.using(self.places))
        return Window(window.opened, fitting, window.over)

    def _without_budget(self, may_come_back: bool) -> End | None:
        if not may_come_back:
            return End.BUDGET
        self._stirred.wait(_BUDGET_SECONDS)  # outside the transaction: it keeps the whole agency from spending
        return None

    def _is_in_hand(self, session: Session) -> bool:
        gate = self._gate
        return self._budget is not None and budgets.is_in_hand(session, gate.agency_id, gate.campaign_id, self._budget)

    def _affordable(self, session: Session, messages: int) -> int:
        """How many of so many messages the budget has room for, each at the most it can cost."""
        if self._budget is None:
            return messages
        left = budgets.parts_left(session, self._gate.agency_id, self._gate.campaign_id, self._budget)
        return min(messages, left // self._order.most_parts)

    def _write(self, window: Window, row: Opened, began_at: float, fresh_until: float) -> None:
        lease = self._gate.lease
        try:
            written = self._order.write(self._tools.vault, row)
        except NoText:
            window.over.append(Result(row.id, row.attempt, State.SKIPPED, Reason.NO_TEXT))
        except Unsealable:
            log.error("sealed data does not open", campaign=self._gate.campaign_id, delivery=row.id)
            window.over.append(Result(row.id, row.attempt, State.FAILED, Failure.UNREADABLE))
        except Refused as refused:
            window.over.append(Result(row.id, row.attempt, State.FAILED, refused.reason))
        else:
            # A call has at least half the lease, and none outlives it: the sweep must find nothing still under way.
            start_by = min(began_at + lease / 2, fresh_until)
            window.ready.append(Ready(row.id, row.attempt, written, start_by, began_at + lease))
