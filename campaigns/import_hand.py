"""An import in a worker's hand: every note of how far it is holds it for a while longer."""

import gc
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from campaigns import import_files
from campaigns.import_files import Source
from campaigns.store import imports as store
from campaigns.store.imports import Import
from campaigns.vault import Vault

T = TypeVar("T")

_AT_LEAST: Final = 10.0  # seconds of new work before others may go first
_COLLECTED_EVERY: Final = 16  # batches


class TakenAway(Exception):
    """Somebody moved the import meanwhile, or its lease ran out and another worker has it now."""


class PutOff(Exception):
    """The job has run for as long as it may, or its process has to end; the next one goes on."""


@dataclass
class Hand:
    """What a step works with.

    `lease` is in seconds, and so is how long one job may work at a step that the next one can go on with: `seconds`
    at most, and a few only if `others_wait`. `told` says that this process has to end.
    """

    factory: sessionmaker[Session]
    vault: Vault
    held: Import
    lease: float
    seconds: float = float("inf")
    told: Callable[[], bool] = lambda: False
    others_wait: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self._began = self._caught_up = time.monotonic()

    @property
    def agency_id(self) -> int:
        """Whose import it is."""
        return self.held.agency_id

    @property
    def kept(self) -> Source:
        """The kept file."""
        return import_files.kept(self.factory, self.vault, self.held)

    def note(self, session: Session, **values: object) -> None:
        """Keep how far the step is, in the transaction of what was done; raises TakenAway, and nothing was done."""
        if not store.hold(session, self.held, seconds=self.lease, **values):
            raise TakenAway

    def leave(self, session: Session, **values: object) -> None:
        """End the step: `values` hold the new state, if there is one; raises TakenAway."""
        if not store.let_go(session, self.held, **values):
            raise TakenAway

    def caught_up(self) -> None:
        """What earlier jobs did is remembered: what follows is new."""
        self._caught_up = time.monotonic()

    def check_told(self) -> None:
        """Raises PutOff when this process has to end."""
        if self.told():
            raise PutOff

    def check_time(self) -> None:
        """Raises PutOff when this process has to end, or the job has run for as long as it may."""
        self.check_told()
        worked = time.monotonic() - self._caught_up
        # A turn is worth what it cost to catch up, or a long file would only ever be caught up with.
        least = max(_AT_LEAST, self._caught_up - self._began)
        if worked > self.seconds or (worked > least and self.others_wait()):
            raise PutOff


def in_turn(batches: Generator[T, None, None], write: Callable[[T], None]) -> None:
    """Write batch after batch, each while the next one is being made. Raises what either does."""
    with _cycles_let_be(), ThreadPoolExecutor(1) as writer, closing(batches):
        writing: Future[None] | None = None
        for number, batch in enumerate(batches, 1):
            if writing:
                writing.result()
            writing = writer.submit(write, batch)
            if number % _COLLECTED_EVERY == 0:
                gc.collect()
        if writing:
            writing.result()


@contextmanager
def _cycles_let_be() -> Iterator[None]:
    """Rows are millions of tuples that hold no cycle: looking for one every few hundred takes a fourth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
