"""Judges a campaign by the carrier's ledger: who got it twice, who was forgotten, what the database tells wrongly."""

import base64
import json
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from benchmarks.stage import ACCOUNT, TOKEN, Carrier, Stage
from campaigns.store import figures, premises

OPEN = frozenset({"queued", "sending", "unknown"})
_AGAIN = ("undelivered", 30003)  # a second attempt is allowed after it, once
_ENDED_BY_REASON = frozenset({"failed", "skipped"})
_EXAMPLES = 5
Entry = Mapping[str, Any]


class Row(NamedTuple):
    """What the database says of one delivery."""

    id: int
    state: str
    reason: str | None
    attempt: int
    absences: int
    again: int


@dataclass
class Verdict:
    """What went wrong, as (what, delivery) pairs that name no phone; counted by kind."""

    planned: int
    handed_over: int
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, what: str) -> None:
        """One more of this kind."""
        self.found[kind].append(what)

    def figures(self) -> dict[str, object]:
        """The verdict as figures, with the first few examples of each kind."""
        kinds = ("duplicates", "lost", "unsettled", "third_attempts", "contradictions", "figures_differ")
        counts = {kind: len(self.found[kind]) for kind in kinds}
        examples = {kind: found[:_EXAMPLES] for kind, found in self.found.items() if found}
        return {
            "planned": self.planned,
            "handed_over": self.handed_over,
            **counts,
            **({"examples": examples} if examples else {}),
        }


def judge(stage: Stage, carrier: Carrier, campaign_id: int) -> Verdict:
    """Compare what the carrier took with what the database says, for one campaign that should be over."""
    rows, told, counted = _rows(stage, campaign_id)
    by_delivery: dict[int, list[Entry]] = defaultdict(list)
    for entries in carrier.control("ledger")["phones"].values():
        ours = [entry for entry in entries if entry["campaign"] == str(campaign_id)]
        for entry in ours:
            by_delivery[int(entry["delivery"])].append(entry)
    verdict = Verdict(len(rows), len(by_delivery))
    for delivery, entries in by_delivery.items():
        for why in _repetitions(carrier, sorted(entries, key=_accepted_at)):
            verdict.add("duplicates", f"delivery {delivery}: {why}")
        if len(entries) > 2:  # the first, and one more after a handset that could not be reached
            verdict.add("third_attempts", f"delivery {delivery}: {[_short(entry) for entry in entries]}")
    for row in rows:
        _judge_row(verdict, row, by_delivery.get(row.id, []))
    for state in told.keys() | counted.keys():
        if told.get(state, 0) != counted.get(state, 0):
            verdict.add("figures_differ", f"{state}: {told.get(state, 0)} told, {counted.get(state, 0)} counted")
    return verdict


def states(stage: Stage, campaign_id: int) -> dict[str, int]:
    """State -> how many deliveries, counted; `again` is how many second attempts there were."""
    counted = _rows(stage, campaign_id)[2]
    return {state: number for state, number in sorted(counted.items()) if number}


def _rows(stage: Stage, campaign_id: int) -> tuple[Sequence[Row], dict[str, int], dict[str, int]]:
    told: dict[str, int] = defaultdict(int)
    counted: dict[str, int] = defaultdict(int)
    columns = ", ".join(Row._fields)
    with stage.connections.sessions(stage.agency.id)() as session:
        premises.begin_consistent(session)
        found = session.execute(
            text(f"SELECT {columns} FROM delivery WHERE campaign_id = :c ORDER BY id"), {"c": campaign_id}
        )
        rows = [Row(*row) for row in found]
        for figure in figures.sums(session, stage.agency.id, campaign_id):
            told[figure.state] += figure.number
    for row in rows:
        counted[row.state] += 1
        counted["again"] += row.again
    told.pop("opted_out", None)  # counts people, not deliveries
    return rows, dict(told), dict(counted)


def _judge_row(verdict: Verdict, row: Row, entries: Sequence[Entry]) -> None:
    what = f"delivery {row.id}: {row.state} {row.reason or ''} attempt {row.attempt} absences {row.absences}"
    what += f" again {row.again} ledger {[_short(entry) for entry in entries]}"
    if row.state in OPEN:
        verdict.add("unsettled", what)
    if not entries and not (row.state in _ENDED_BY_REASON and row.reason):
        verdict.add("lost", what)
    arrived = any(entry["status"] == "delivered" for entry in entries)
    # `sent` and `unconfirmed` claim no more than that it was handed over.
    if (row.state == "delivered" and not arrived) or (row.state in _ENDED_BY_REASON and arrived):
        verdict.add("contradictions", what)


def _repetitions(carrier: Carrier, entries: Sequence[Entry]) -> Iterator[str]:
    """Why an accepted create must not have happened: an earlier one could have reached the phone at that moment."""
    for index, later in enumerate(entries):
        for earlier in entries[:index]:
            ended = earlier["status"] == "failed" or (earlier["status"], earlier["error_code"]) == _AGAIN
            if not ended or _ended_at(carrier, earlier) > _accepted_at(later):
                yield f"{_short(earlier)} before {_short(later)}"
                break


def _ended_at(carrier: Carrier, entry: Entry) -> datetime:
    # Whole seconds, cut off: what ends within the second of the next create is given the benefit of the doubt.
    url = f"{carrier.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/{entry['sid']}.json"
    key = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return parsedate_to_datetime(json.loads(answer.read())["date_updated"])


def _accepted_at(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry["accepted_at"])


def _short(entry: Entry) -> str:
    code = f":{entry['error_code']}" if entry["error_code"] else ""
    return f"n={entry['attempt']} {entry['accepted_at'][11:23]} {entry['status']}{code} {entry['sid'][:8]}"
