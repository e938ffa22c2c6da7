"""The calls of the API: how many creates are open and ever were at once, and a log of the latest."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

LATEST = 10_000  # calls in the log; older ones are forgotten


@dataclass(slots=True)
class Call:
    """One call. `status` stays None while it is open, and for one that ended without an answer (hang, reset)."""

    at: float
    method: str
    path: str
    to: str = ""
    status: int | None = None
    fault: str | None = None


class Calls:
    """What came in. `open` survives a reset, because what is open will still end."""

    def __init__(self) -> None:
        self.open = 0
        self.most_open = 0
        self.log: deque[Call] = deque(maxlen=LATEST)

    @contextmanager
    def create(self, call: Call) -> Iterator[None]:
        """Log a create and count it as open until the block ends."""
        self.log.append(call)
        self.begin()
        try:
            yield
        finally:
            self.open -= 1

    def begin(self) -> None:
        """One create more is open; whoever says so takes one off `open` when it ends."""
        self.open += 1
        if self.open > self.most_open:
            self.most_open = self.open

    def latest(self, number: int) -> list[Call]:
        """Return the latest calls, newest first."""
        return list(islice(reversed(self.log), number))

    def reset(self) -> None:
        """Forget the log and the highest number; what is open now counts from here."""
        self.log.clear()
        self.most_open = self.open
