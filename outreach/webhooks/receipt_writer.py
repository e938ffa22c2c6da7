"""Stores receipts in groups: requests bring one each and wait until it is committed, together with the others'."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final

import structlog

from campaigns import receipts, wakeup
from campaigns.receipts import Keeper, NewReceipt
from outreach.database import Connections
from outreach.errors import trace

log = structlog.get_logger(__name__)

# Providers give up after 15 seconds; whoever is told 503 in time comes again or gives us a failure we can see.
PATIENCE_SECONDS: Final = 10.0
# More requests than any web process has threads. What would wait longer than that is refused at once.
MOST_WAITING: Final = 1_000
_MOST_AT_ONCE: Final = 500
_NUDGE_SECONDS: Final = 0.1
# After so long without a receipt the thread gives its connection back: others may need it, and it may die unseen.
_QUIET_SECONDS: Final = 0.1


class NotKept(Exception):
    """The receipt may not be stored: the database does not answer, refuses it, or too many wait already."""


@dataclass(slots=True)
class _Waiting:
    """A receipt and the request that waits for it, on a lock that the writer opens."""

    receipt: NewReceipt
    settled: threading.Lock = field(default_factory=threading.Lock)
    is_kept: bool = False


class ReceiptWriter:
    """One thread of the process that commits what its request threads bring; it starts with the first receipt."""

    def __init__(self, connections: Connections, *, patience: float = PATIENCE_SECONDS) -> None:
        self._connections, self._patience = connections, patience
        self._waiting: SimpleQueue[_Waiting] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def keep(self, receipt: NewReceipt) -> None:
        """Returns when the receipt is committed, or was there already; may be called again. Raises NotKept."""
        if self._waiting.qsize() >= MOST_WAITING:
            raise NotKept("too many wait")
        one = _Waiting(receipt)
        one.settled.acquire()
        self._waiting.put(one)
        # After a fork no thread but the one that forked goes on, whatever the parent had started.
        if self._thread is None or not self._thread.is_alive():
            self._start()
        if not one.settled.acquire(timeout=self._patience):
            raise NotKept("no answer in time")
        if not one.is_kept:
            raise NotKept("refused")

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                # Ends with the process: whoever still waits then is not answered, and the provider knows.
                self._thread = threading.Thread(target=self._write, name="receipts", daemon=True)
                self._thread.start()

    def _write(self) -> None:
        keeper = receipts.Keeper(self._connections.sessions)
        due, next_at = set[int](), 0.0
        while True:
            by_agency = defaultdict[int, list[_Waiting]](list)
            for one in self._take(keeper):
                by_agency[one.receipt.agency_id].append(one)
            for agency_id, ones in by_agency.items():
                if self._store(keeper, agency_id, ones):
                    due.add(agency_id)
            # Said at most so often: a worker that looks takes all there is, and each trip keeps requests waiting.
            if self._waiting.empty() or time.monotonic() >= next_at:
                self._nudge(due)
                due, next_at = set(), time.monotonic() + _NUDGE_SECONDS

    def _take(self, keeper: Keeper) -> list[_Waiting]:
        try:
            taken = [self._waiting.get(timeout=_QUIET_SECONDS)]
        except Empty:
            keeper.rest()
            taken = [self._waiting.get()]
        try:
            while len(taken) < _MOST_AT_ONCE:
                taken.append(self._waiting.get_nowait())
        except Empty:
            pass
        return taken

    def _store(self, keeper: Keeper, agency_id: int, ones: list[_Waiting]) -> int:
        """Store, let the requests go on, and return how many receipts were new."""
        try:
            kept = keeper.keep(agency_id, [one.receipt for one in ones])
            for one, is_kept in zip(ones, kept.safe, strict=True):
                one.is_kept = is_kept
            return kept.new
        except Exception as error:  # whatever it is: these requests are told so, the next ones are tried again
            log.error("receipts not kept", agency=agency_id, number=len(ones), **trace(error))
            return 0
        finally:
            for one in ones:
                one.settled.release()

    def _nudge(self, agency_ids: set[int]) -> None:
        for agency_id in agency_ids:
            try:
                wakeup.receipts(self._connections.valkey, agency_id)
            except Exception as error:  # the thread goes on; the clock will find the receipts
                log.error("nudge lost", agency=agency_id, **trace(error))
