"""Mails through the whole path, against aiosmtplib alone with as many kept connections on the same played server."""

import argparse
import subprocess
import sys
import time
from typing import NamedTuple

from sqlalchemy import text

from benchmarks import mail_stage, stage
from benchmarks.memory import Peak
from benchmarks.parts import Parts
from benchmarks.stage import Carrier, Stage, Tell
from campaigns import wakeup
from campaigns.store import figures

_PATIENCE_SECONDS = 600.0


class _Leg(NamedTuple):
    seconds: float
    peak_bytes: int
    duplicates: int
    missing: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=10, help="kept at once, on either side")
    parser.add_argument(
        "--rounds", type=int, default=2, help="machines change their speed: everything in turn, so often"
    )
    parser.add_argument("--one-each", type=int, default=1000, help="mails of the way with one connection for each")
    parser.add_argument("--ordinary", action="store_true", help="without the simulator's fast mode")


def run(chosen: argparse.Namespace, tell: Tell) -> dict[str, object]:
    """Measure the bare client and the whole path in turn, then the way with one connection for each mail."""
    with stage.carrier(*(() if chosen.ordinary else stage.FAST)) as outside:
        bare = [_bare(outside, chosen, tell)]
        # No limit per domain: all of these people are at one.
        with stage.installation(base_url="http://127.0.0.1:9", mails_per_domain=0) as live:
            tell(f"making {chosen.messages} contacts")
            mail_stage.people(live, chosen.messages)
            sender = mail_stage.sender(live, outside, connections=chosen.connections)
            legs = []
            for number in range(chosen.rounds):
                legs.append(_leg(live, outside, chosen, sender, f"round-{number}"))
                tell(f"whole path: {chosen.messages / legs[-1].seconds:.0f} mails/s")
                bare.append(_bare(outside, chosen, tell))
        one_each = _program(outside, chosen.one_each, 1, "one")
        tell(f"a connection each: {chosen.one_each / one_each:.0f} mails/s")
    per_second = chosen.messages * chosen.rounds / sum(leg.seconds for leg in legs)
    bare_per_second = len(bare) * _half(chosen) / sum(bare)
    one_each_per_second = chosen.one_each / one_each
    return {
        "messages": chosen.messages,
        "rounds": chosen.rounds,
        "connections": chosen.connections,
        "per_second": round(per_second, 1),
        "bare_client_per_second": round(bare_per_second, 1),
        "ratio": round(per_second / bare_per_second, 3),
        "connection_per_message_per_second": round(one_each_per_second, 1),
        "ratio_to_connection_per_message": round(per_second / one_each_per_second, 1),
        "peak_rss_mb": round(max(leg.peak_bytes for leg in legs) / 1e6, 1),
        "duplicates": sum(leg.duplicates for leg in legs),
        "missing": sum(leg.missing for leg in legs),
    }


def _half(chosen: argparse.Namespace) -> int:
    return max(1, int(chosen.messages) // 2)


def _bare(outside: Carrier, chosen: argparse.Namespace, tell: Tell) -> float:
    outside.begin(latency_ms=0)
    seconds = _program(outside, _half(chosen), chosen.connections)
    tell(f"bare client: {_half(chosen) / seconds:.0f} mails/s")
    return seconds


def _program(outside: Carrier, mails: int, connections: int, *how: str) -> float:
    arguments = [str(outside.mail_port), str(mails), str(connections), *how]
    command = [sys.executable, "-m", "benchmarks.bare_mail", *arguments]
    done = subprocess.run(
        command, cwd=stage.ROOT, check=True, capture_output=True, text=True, timeout=_PATIENCE_SECONDS
    )
    return float(done.stdout)


def _leg(live: Stage, outside: Carrier, chosen: argparse.Namespace, sender: int, name: str) -> _Leg:
    outside.begin(latency_ms=0)
    campaign_id = mail_stage.start_campaign(live, sender, name=name)
    with Parts(stage.environment(live.settings), live.settings.data / "parts.log") as programs:
        programs.start("worker 1", "worker")
        with Peak(programs.pid("worker 1")) as peak:
            _wait_until_sent(live, campaign_id)
    words = "SELECT extract(epoch FROM max(changed_at) - min(handed_at)) FROM delivery WHERE campaign_id = :c"
    with live.connections.sessions(live.agency.id)() as session:
        seconds = float(session.execute(text(words), {"c": campaign_id}).scalar_one())
    boxes = outside.control("mails")["mailboxes"]
    duplicates = sum(len(mails) - 1 for mails in boxes.values())
    return _Leg(seconds, peak.bytes, duplicates, chosen.messages - len(boxes))


def _wait_until_sent(live: Stage, campaign_id: int) -> None:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while _unsent(live, campaign_id):
        if time.monotonic() > give_up:
            raise RuntimeError("the campaign was not sent in time")
        wakeup.nudge(live.connections.valkey, wakeup.Work.SEND, live.agency.id, campaign_id)
        time.sleep(0.25)


def _unsent(live: Stage, campaign_id: int) -> int:
    with live.connections.sessions(live.agency.id)() as session:
        found = figures.sums(session, live.agency.id, campaign_id)
    return sum(row.number for row in found if row.state in {"queued", "sending"})
