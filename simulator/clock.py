"""The carrier's own time: the machine's clock plus what a test has advanced it by, and one timer for everything due."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

_STEPS_AT_ONCE = 200  # so that a burst of due steps does not hold up the creates for more than a few milliseconds


class Clock:
    """Calls functions when their time has come, in order, on one event-loop timer whatever the number waiting."""

    def __init__(self) -> None:
        self.advanced = 0.0
        self._due: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def now(self) -> float:
        """Return seconds since 1970, advanced."""
        return time.time() + self.advanced

    def call_at(self, when: float, step: Callable[..., None], *values: object) -> None:
        """Call `step(*values)` at `when` (seconds since 1970, advanced), from the running event loop."""
        heapq.heappush(self._due, (when, next(self._order), step, values))
        if self._timer is None or when < self._timer_at:
            self._arm()

    def call_in(self, delay: float, step: Callable[..., None], *values: object) -> None:
        """Call `step(*values)` after `delay` seconds."""
        self.call_at(self.now() + delay, step, *values)

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what became due is called at once, in order."""
        self.advanced += seconds
        self._arm()

    def clear(self) -> None:
        """Forget everything that waits and return to the machine's time."""
        self._due.clear()
        self.advanced = 0.0
        self._disarm()

    def waiting(self) -> int:
        """Return how many steps are still to come."""
        return len(self._due)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._disarm()
        if self._due:
            self._timer_at = self._due[0][0]
            wait = max(0.0, self._timer_at - self.now())
            self._timer = asyncio.get_running_loop().call_later(wait, self._run)

    def _run(self) -> None:
        self._timer = None
        now = self.now() + 0.001  # timers have a millisecond's grain: what is due within it goes now
        for _ in range(_STEPS_AT_ONCE):
            if not self._due or self._due[0][0] > now:
                break
            _, _, step, values = heapq.heappop(self._due)
            step(*values)
        self._arm()
