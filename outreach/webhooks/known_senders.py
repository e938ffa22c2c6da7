"""The senders that providers' callbacks name, kept in memory for a few seconds with their opened secrets."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from campaigns import agencies
from campaigns.agencies import Sender
from outreach.database import Connections

# A callback costs less than half without its look-up; a sender that was changed is the new one after so long at most.
SECONDS: Final = 5.0
UNKNOWN_SECONDS: Final = 1.0
# Keys of ours are shorter; there are fewer senders. Whoever makes keys up must not fill the memory.
_LONGEST_KEY: Final = 64
_MOST: Final = 2_000
Value = TypeVar("Value")


@dataclass(frozen=True)
class Known:
    """A sender and what its provider signs with. The sender belongs to no session: read it, change nothing."""

    sender: Sender
    secret: str = field(repr=False)


class KnownSenders:
    """Senders by the key in a callback's path. Safe to share between threads; nothing leaves the memory."""

    def __init__(self, connections: Connections, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections, self._clock = connections, clock
        self._lock = threading.Lock()
        self._found: dict[str, tuple[Known, float]] = {}
        self._missed: dict[str, float] = {}

    def get(self, key: str) -> Known | None:
        """The sender as it is or was less than SECONDS ago; None for a key that names none.

        Raises what the database raises, and Unsealable.
        """
        now = self._clock()
        known, until = self._found.get(key, (None, 0.0))
        if known is not None and now < until:
            return known
        if now < self._missed.get(key, 0.0):
            return None
        return self.read(key)

    def read(self, key: str) -> Known | None:
        """Like get(), as it is now: for a signature that did not fit, which another secret may have made."""
        now = self._clock()  # before the reading, or a change in between would be missed for longer
        known = self._read(key)
        with self._lock:
            self._found.pop(key, None)
            if known is not None:
                _put(self._found, key, (known, now + SECONDS))
                self._missed.pop(key, None)
            elif len(key) <= _LONGEST_KEY:
                _put(self._missed, key, now + UNKNOWN_SECONDS)
        return known

    def _read(self, key: str) -> Known | None:
        with self._connections.sessions(None)() as session:
            sender = agencies.sender_by_key(session, key)
        if sender is None:
            return None
        return Known(sender, self._connections.vault.open(sender.credentials_sealed, sender.agency_id))


def _put(kept: dict[str, Value], key: str, value: Value) -> None:
    # The oldest goes: dictionaries keep the order in which things came.
    kept.pop(key, None)
    if len(kept) >= _MOST:
        del kept[next(iter(kept))]
    kept[key] = value
