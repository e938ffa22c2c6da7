"""A campaign to its end while everything dies and the carrier misbehaves: nobody gets it twice, nobody is forgotten."""

import argparse
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from benchmarks import disturbances, ledger, mail_ledger, mail_stage, parts, stage
from benchmarks.disturbances import Killer
from benchmarks.parts import Parts
from benchmarks.stage import Carrier, Stage, Tell
from campaigns.store import agencies, figures
from campaigns.store.deliveries import Delivery

# Short, so that what a kill leaves open is settled within the run. A frozen worker wakes up after its leases.
LEASE, GRACE, AGAIN_AFTER = 4.0, 3.0, 3.0
ENVIRONMENT = {
    "OUTREACH_LEASE": str(LEASE),
    "OUTREACH_GRACE": str(GRACE),
    "OUTREACH_PROVIDER_TIMEOUT": "3",
    "OUTREACH_CLOCK_INTERVAL": "0.5",
    "OUTREACH_AGAIN_AFTER": str(AGAIN_AFTER),
    "OUTREACH_ASK_AFTER": "10",
}
_FREEZE_SECONDS = 1.5 * LEASE
_LATENCY_MS = [20, 400]
_FAULTS_AFTER_LAST_KILL = 5.0
_MAIL_CONNECTIONS, _MAIL_WINDOW = 20, 20  # what a worker has in hand is no more than so many for each connection
_CALM_SECONDS = 2 * AGAIN_AFTER + 4.0  # nothing open for so long: no second attempt is to come any more
_TICK_SECONDS, _LOOK_SECONDS = 0.05, 0.5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--channel", choices=["sms", "email"], default="sms")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pause", type=float, default=2.5, help="mean seconds between two kills")
    parser.add_argument("--patience", type=float, default=240.0, help="seconds after the last kill to settle within")
    parser.add_argument("--log", type=Path, default=None, help="a file that keeps what the parts say")


class Seen(NamedTuple):
    """How many deliveries stood where at one moment."""

    queued: int
    sending: int
    unknown: int
    to_go_again: int = 0  # failed, and certain to be queued once more

    def is_over(self, channel: str) -> bool:
        """Whether nothing is on its way; what became of a mail that is unknown nobody can be asked."""
        return not (self.queued or self.sending or self.to_go_again or (self.unknown and channel == "sms"))


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Send one campaign under the seed's kills and judge it by the carrier's ledger."""
    # A commit that an immediate shutdown can take back would be no commit: whatever makes tests faster stays out.
    os.environ["OUTREACH_POSTGRES_CONF"] = "fsync=off"
    port = parts.free_port()
    base_url = f"http://127.0.0.1:{port}"
    with (
        stage.carrier("--seed", str(chosen.seed)) as outside,
        stage.installation(twilio_url=outside.url, base_url=base_url, mails_per_domain=0) as live,
    ):
        tell(f"making {chosen.messages} contacts")
        # At this pace the sending would just outlast the kills if nothing went wrong.
        per_second = math.ceil(chosen.messages / (chosen.kills * chosen.pause))
        if chosen.channel == "email":
            mail_stage.people(live, chosen.messages)
            mail_stage.sender(live, outside, connections=_MAIL_CONNECTIONS, mails_per_second=per_second)
        else:
            stage.people(live, chosen.messages)
            stage.pace(live, per_second)
        log = chosen.log or live.settings.data / "parts.log"
        environment = {**stage.environment(live.settings), **ENVIRONMENT}
        with parts.installed(environment, log, workers=chosen.workers, port=port) as programs:
            return _Run(chosen, tell, live, outside, programs).go()


class _Run:
    """One run, from the first message to the verdict."""

    def __init__(self, chosen: argparse.Namespace, tell: Tell, live: Stage, outside: Carrier, programs: Parts) -> None:
        self._chosen, self._tell, self._live, self._outside, self._programs = chosen, tell, live, outside, programs
        self._killer = Killer(live.settings, programs, freeze=_FREEZE_SECONDS)
        self._unknown_seen = self._kills_while_sending = 0
        self._seen = Seen(chosen.messages, 0, 0)
        self._is_mail = chosen.channel == "email"
        self._look_at = 0.0

    def go(self) -> dict[str, object]:
        """Kill, calm down, wait for the end, judge."""
        campaign_id = self._campaign_id = self._begin()
        began_at = time.monotonic()
        for kill in disturbances.plan(self._chosen.seed, self._chosen.kills, pause=self._chosen.pause):
            self._pass(kill.pause)
            self._tell(f"{time.monotonic() - began_at:6.1f} s  {kill.kind:14}  {self._seen}")
            self._kills_while_sending += self._seen.queued > 0
            self._killer.do(kill)
        killed_at = time.monotonic()
        self._pass(_FAULTS_AFTER_LAST_KILL)
        self._outside.faults(**(disturbances.MAIL_CALM if self._is_mail else disturbances.CALM))
        self._killer.thaw(everybody=True)
        settled_at = self._settle(killed_at + self._chosen.patience)
        judge = mail_ledger.judge if self._is_mail else ledger.judge
        verdict = judge(self._live, self._outside, campaign_id)
        states = ledger.states(self._live, campaign_id)
        return {
            "channel": self._chosen.channel,
            "messages": self._chosen.messages,
            "kills": sum(self._killer.counts.values()),
            "seed": self._chosen.seed,
            "workers": self._chosen.workers,
            "kills_by_kind": dict(sorted(self._killer.counts.items())),
            "kills_while_sending": self._kills_while_sending,
            "ended_by_themselves": self._programs.ended_by_themselves,
            **verdict.figures(),
            "unknown_seen": self._unknown_seen,
            **(self._open_cases(states) if self._is_mail else {}),
            "states": states,
            "seconds": round(time.monotonic() - began_at, 1),
            "settled_seconds_after_last_kill": round(settled_at - killed_at, 1) if settled_at else None,
        }

    def _begin(self) -> int:
        """Let everything go wrong, and start the campaign; its id."""
        if self._is_mail:
            faults = {"events": disturbances.MAIL_FAULTS, "latency_ms": disturbances.MAIL_LATENCY_MS}
            self._outside.faults(mail=faults, seed=self._chosen.seed)
            with self._live.connections.sessions(self._live.agency.id)() as session:
                found = agencies.senders(session, self._live.agency.id)
            return mail_stage.start_campaign(self._live, next(each.id for each in found if each.channel == "email"))
        self._outside.faults(
            create=disturbances.CREATE_FAULTS,
            latency_ms=_LATENCY_MS,
            mix=disturbances.MIX,
            callbacks=disturbances.CALLBACKS,
            seed=self._chosen.seed,
        )
        return stage.start_campaign(self._live)

    def _open_cases(self, states: Mapping[str, int]) -> dict[str, object]:
        """How many mails nobody knows about, and how many there may be: what the killed had in hand."""
        window = _MAIL_CONNECTIONS * _MAIL_WINDOW
        allowed = window * sum(self._killer.counts.values())
        return {"unknown": states.get("unknown", 0), "window": window, "unknown_allowed": allowed}

    def _settle(self, give_up: float) -> float | None:
        """When nothing was open any more, and stayed so; None if that did not come in time."""
        over_since: float | None = None
        while time.monotonic() < give_up:
            self._pass(_LOOK_SECONDS)
            is_over = self._seen.is_over(self._chosen.channel)
            over_since = (over_since or time.monotonic()) if is_over else None
            if over_since and time.monotonic() - over_since > _CALM_SECONDS:
                return over_since
        self._tell(f"not settled: {self._seen}")
        return None

    def _pass(self, seconds: float) -> None:
        """Let so much time pass, keeping the parts running and an eye on the campaign."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._programs.watch()
            self._killer.thaw()
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + _LOOK_SECONDS
                self._look()
            time.sleep(_TICK_SECONDS)

    def _look(self) -> None:
        found = _outliving(lambda: _seen(self._live, self._campaign_id))
        if found:
            self._seen = found
            self._unknown_seen = max(self._unknown_seen, found.unknown)


def _seen(live: Stage, campaign_id: int) -> Seen:
    with live.connections.sessions(live.agency.id)() as session:
        found = figures.sums(session, live.agency.id, campaign_id)
        again = session.scalar(select(func.count()).where(Delivery.campaign_id == campaign_id, Delivery.may_go_again))

    def number(state: str) -> int:
        return sum(row.number for row in found if row.state == state)

    return Seen(number("queued"), number("sending"), number("unknown"), again or 0)


def _outliving(look: Callable[[], Seen]) -> Seen | None:
    try:
        return look()
    except (SQLAlchemyError, redis.RedisError):  # the server is away
        return None
