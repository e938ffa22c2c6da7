"""What dies when: a seeded plan of kills, and the faults that a carrier can show."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from benchmarks import servers
from benchmarks.parts import Parts
from campaigns.settings import Settings

# A tenth each, and at least one of them; the rest is dealt out among the product's own processes by weight.
_SERVERS = ("postgres", "valkey", "valkey_emptied", "worker_frozen")
_PROCESSES = {"worker": 6, "job": 4, "web": 2, "web_server": 1, "clock": 2, "upkeep": 2}

# Every way a create can go wrong. Those that make the whole sender wait are rare, or nothing else would happen.
CREATE_FAULTS = [
    {"kind": "too_many", "probability": 0.0005, "retry_after": 1},
    {"kind": "too_many_bare", "probability": 0.001},
    *(
        {"kind": kind, "probability": 0.004}
        for kind in (
            *("error_before", "error_after", "unavailable", "bad_gateway", "bad_gateway_after"),
            *("reset_before", "reset_after"),
        )
    ),
    {"kind": "hang_before", "probability": 0.001},
    {"kind": "hang_after", "probability": 0.001},
    {"kind": "problem", "probability": 0.002},
]
# Far below what makes a campaign pause itself (20 % failed, 2 % filtered), and nothing that concerns the sender.
MIX = {
    "undelivered:30003": 0.04,
    "undelivered:30005": 0.01,
    "undelivered:30006": 0.01,
    "undelivered:30007": 0.002,
    "undelivered:30008": 0.01,
    "failed:30001": 0.005,
    "failed:30036": 0.005,
    "unconfirmed": 0.01,
}
CALLBACKS = {"duplicate": 0.1, "early": 0.1, "drop": 0.05, "shuffle": 300}
# Every way a mail can go wrong between the first command and the last answer, and after it.
_LATER = {"enhanced": "4.7.1", "text": "Greylisted, try again in 2 seconds"}
MAIL_FAULTS = [
    {"kind": "refuse", "at": "connect", "code": 421, "probability": 0.002},
    {"kind": "drop", "at": "ehlo", "probability": 0.002},
    {"kind": "refuse", "at": "mail", "code": 451, "probability": 0.001},
    {"kind": "refuse", "at": "rcpt", "code": 451, **_LATER, "probability": 0.01},
    {"kind": "refuse", "at": "rcpt", "code": 550, "enhanced": "5.1.1", "probability": 0.01},
    {"kind": "refuse", "at": "data", "code": 451, **_LATER, "probability": 0.002},
    {"kind": "refuse", "at": "end", "code": 452, "enhanced": "4.3.1", "probability": 0.001},
    {"kind": "refuse", "at": "end", "code": 451, **_LATER, "probability": 0.005},
    {"kind": "refuse", "at": "end", "code": 554, "enhanced": "5.7.1", "probability": 0.005},
    {"kind": "drop", "at": "rcpt", "probability": 0.002},
    {"kind": "drop", "at": "end", "probability": 0.003},
    {"kind": "drop_after", "at": "end", "probability": 0.003},
    {"kind": "hang", "at": "rcpt", "probability": 0.0005},
    {"kind": "hang", "at": "end", "probability": 0.0005},
    {"kind": "hang_after", "at": "end", "probability": 0.0005},
]
MAIL_LATENCY_MS = [2, 40]
MAIL_CALM = {"mail": {"events": [], "latency_ms": [1, 5]}}
CALM = {"create": [], "callbacks": {"duplicate": 0, "early": 0, "drop": 0, "shuffle": 0}, "latency_ms": [5, 20]}


class Kill(NamedTuple):
    """One disturbance: so many seconds after the one before; `share` chooses among several victims."""

    kind: str
    pause: float
    away: float
    share: float


def plan(seed: int, kills: int, *, pause: float) -> list[Kill]:
    """So many kills in a random order, about `pause` seconds apart; the same for the same seed."""
    dice = random.Random(seed)
    kinds = [kind for kind in _SERVERS for _ in range(max(1, kills // 10))][:kills]
    kinds += dice.choices(list(_PROCESSES), weights=list(_PROCESSES.values()), k=kills - len(kinds))
    dice.shuffle(kinds)
    return [Kill(kind, pause * dice.uniform(0.3, 1.7), dice.uniform(0.0, 1.0), dice.random()) for kind in kinds]


class Killer:
    """Does what the plan says, and counts it."""

    def __init__(self, settings: Settings, parts: Parts, *, freeze: float) -> None:
        """A frozen worker wakes up after `freeze` seconds, by when its leases are over."""
        self.counts: Counter[str] = Counter()
        self._settings, self._parts, self._freeze = settings, parts, freeze
        self._thaws: list[tuple[float, int]] = []

    def do(self, kill: Kill) -> None:
        """Kill now; only the servers are started again here, parts by their keeper."""
        acts: dict[str, Callable[[], object]] = {
            "postgres": lambda: servers.kill_postgres(self._settings, away=kill.away),
            "valkey": lambda: servers.kill_valkey(self._settings, away=kill.away),
            "valkey_emptied": lambda: servers.empty_valkey(self._settings),
            "worker": lambda: self._parts.kill(self._one_of("worker", kill)),
            "worker_frozen": lambda: self._stop(self._one_of("worker", kill)),
            "job": lambda: self._parts.kill_child(self._one_of("worker", kill)),
            "web": lambda: self._parts.kill("web"),
            "web_server": lambda: self._parts.kill_child("web"),
            "clock": lambda: self._parts.kill("clock"),
            "upkeep": lambda: self._parts.kill("upkeep"),
        }
        acts[kill.kind]()
        self.counts[kill.kind] += 1

    def thaw(self, *, everybody: bool = False) -> None:
        """Let frozen workers go on whose time has come."""
        due = [each for each in self._thaws if everybody or each[0] <= time.monotonic()]
        self._thaws = [each for each in self._thaws if each not in due]
        for _, group in due:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

    def _one_of(self, kind: str, kill: Kill) -> str:
        names = self._parts.names(kind)
        return names[int(kill.share * len(names))]

    def _stop(self, name: str) -> None:
        group = self._parts.pid(name)
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGSTOP)
        self._thaws.append((time.monotonic() + self._freeze, group))
