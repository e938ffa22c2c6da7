"""Several workers at a sender's limit: no second above it, by Valkey's clock and at the carrier, and little unused."""

import argparse
import re
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import redis

from benchmarks import parts, stage
from benchmarks.stage import Carrier, Tell

_MARGIN_SECONDS = 8.0  # of messages more than needed, so that the queue is never empty
_LEAST_SECONDS = 1.5  # left out at the beginning, until all workers share the sender
_PATIENCE_SECONDS = 60.0
# What the throttle's script writes into its own log of grants: microseconds, parts, who; a grant that was not needed
# to its end is written again.
_GRANT = re.compile(r"(?P<how>RPUSH|LSET) (?P<key>\S+:grants) (?:\d+ )?(?P<at>\d+):(?P<parts>\d+):(?P<who>\S+)", re.I)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--parts-per-second", type=int, default=100)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=50.0, help="what the simulator waits before each answer")


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Send for so long and count every second, wherever it begins."""
    rate = chosen.parts_per_second
    number = int(rate * (chosen.seconds + _MARGIN_SECONDS))
    with stage.carrier() as outside, stage.installation(twilio_url=outside.url, base_url="http://127.0.0.1:9") as live:
        stage.people(live, number)
        stage.pace(live, rate)
        outside.begin(latency_ms=chosen.latency_ms)
        campaign_id = stage.start_campaign(live)
        environment, log = stage.environment(live.settings), live.settings.data / "parts.log"
        with Grants(live.settings.queue_url) as grants, parts.installed(environment, log, workers=chosen.workers):
            until = _first_grant(grants) + _LEAST_SECONDS + chosen.seconds + 1
            tell(f"sending for {chosen.seconds} s")
            time.sleep(max(0.0, until - time.time()))
        granted, arrived = grants.moments(), _arrivals(outside, campaign_id)
    if grants.failed:
        raise RuntimeError(f"the throttle could not be watched: {grants.failed}")
    begin = granted[0] + _LEAST_SECONDS
    used = sum(begin <= at < begin + chosen.seconds for at in arrived) / (rate * chosen.seconds)
    return {
        "seconds": chosen.seconds,
        "parts_per_second": rate,
        "workers": chosen.workers,
        "holders": len(grants.holders),
        "max_bucket": _fullest(granted),
        "max_arrival_bucket": _fullest(arrived),
        "max_aligned_bucket": _fullest_aligned(granted),
        "max_aligned_arrival_bucket": _fullest_aligned(arrived),
        "used": round(used, 4),
    }


class Grants:
    """Listens to what the throttle's script writes in Valkey, by Valkey's own clock, while the block lasts."""

    def __init__(self, url: str) -> None:
        self.holders: set[str] = set()
        self.failed = ""
        self._url, self._client = url, redis.Redis.from_url(url)
        self._database = str(self._client.get_connection_kwargs()["db"])
        self._parts: dict[tuple[int, str], int] = {}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._last, self._listens = secrets.token_hex(8), threading.Event()

    def __enter__(self) -> "Grants":
        self._thread.start()
        self._listens.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(redis.RedisError), redis.Redis.from_url(self._url) as beside:
            beside.echo(self._last)  # it hears this behind everything that was said before
        self._thread.join(10)
        self._client.close()

    def moments(self) -> list[float]:
        """When each part was granted, in order, without those that were given back."""
        return sorted(at / 1e6 for (at, _), number in list(self._parts.items()) for _ in range(number))

    def _listen(self) -> None:
        try:
            with self._client.monitor() as monitor:
                self._listens.set()
                for said in monitor.listen():
                    if self._last in said["command"]:
                        return
                    ours = said["client_type"] == "lua" and str(said["db"]) == self._database
                    if ours and (grant := _GRANT.match(said["command"])):
                        self._parts[int(grant["at"]), grant["who"]] = int(grant["parts"])
                        self.holders.add(grant["who"])
        except redis.RedisError as error:
            self.failed = type(error).__name__
            self._listens.set()


def _first_grant(grants: Grants) -> float:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while not (found := grants.moments()):
        if grants.failed or time.monotonic() > give_up:
            raise RuntimeError(f"the throttle grants nothing, or does not log it as expected {grants.failed}")
        time.sleep(0.1)
    return found[0]


def _arrivals(outside: Carrier, campaign_id: int) -> list[float]:
    """When each message came to the carrier, in order. Each is one part."""
    return sorted(
        datetime.fromisoformat(entry.get("began_at") or entry["accepted_at"]).timestamp()
        for entries in outside.control("ledger")["phones"].values()
        for entry in entries
        if entry["campaign"] == str(campaign_id)
    )


def _fullest(moments: Sequence[float]) -> int:
    """The most that fall into any one second, wherever it begins."""
    most = first = 0
    for last, at in enumerate(moments):
        while moments[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def _fullest_aligned(moments: Sequence[float]) -> int:
    """The most that fall into one second of the clock."""
    counts: dict[int, int] = {}
    for at in moments:
        counts[int(at)] = counts.get(int(at), 0) + 1
    return max(counts.values(), default=0)
