"""The judge itself: what counts as written to twice, as lost, and as told wrongly."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks import ledger
from benchmarks.ledger import Row, Verdict

BEGAN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def entry(seconds: float, status: str, code: int | None = None, ended: float | None = None) -> dict:
    at = BEGAN + timedelta(seconds=seconds)
    ended_at = BEGAN + timedelta(seconds=seconds if ended is None else ended)
    return {
        "sid": "SM" + "1" * 32,
        "attempt": "1",
        "accepted_at": at.isoformat(),
        "status": status,
        "error_code": code,
        "ended_at": ended_at,
    }


@pytest.fixture(autouse=True)
def _ends(monkeypatch):
    # The carrier is asked over HTTP when a message ended; here each entry says it.
    monkeypatch.setattr(ledger, "_ended_at", lambda _carrier, entry: entry["ended_at"])


@pytest.mark.parametrize(
    "first",
    [
        entry(0, "delivered"),
        entry(0, "sent"),
        entry(0, "queued"),
        entry(0, "undelivered", 30008),  # the phone may have it
        entry(0, "undelivered", 30003, ended=11),  # it was still on its way when the second one came
    ],
)
def test_a_second_create_is_a_duplicate_unless_the_first_is_certainly_undelivered(first):
    assert len(list(ledger._repetitions(None, [first, entry(10, "delivered")]))) == 1


@pytest.mark.parametrize("first", [entry(0, "failed", 30001, ended=1), entry(0, "undelivered", 30003, ended=1)])
def test_a_second_create_after_a_certain_failure_is_none(first):
    assert list(ledger._repetitions(None, [first, entry(10, "delivered")])) == []


def test_a_third_create_is_measured_against_both_before():
    entries = [entry(0, "undelivered", 30003, ended=1), entry(10, "delivered"), entry(20, "delivered")]
    assert len(list(ledger._repetitions(None, entries))) == 1


@pytest.mark.parametrize(
    ("state", "reason", "entries", "kinds"),
    [
        ("delivered", None, [entry(0, "delivered")], set()),
        ("sent", None, [entry(0, "delivered")], set()),  # its receipt was lost
        ("failed", "unreachable", [entry(0, "undelivered", 30003)], set()),
        ("skipped", "opted_out", [], set()),
        ("failed", "never_taken", [], set()),
        ("sent", None, [], {"lost"}),
        ("failed", None, [], {"lost"}),
        ("queued", None, [], {"lost", "unsettled"}),
        ("unknown", None, [entry(0, "delivered")], {"unsettled"}),
        ("failed", "never_taken", [entry(0, "delivered")], {"contradictions"}),
        ("delivered", None, [entry(0, "undelivered", 30005)], {"contradictions"}),
    ],
)
def test_a_delivery_is_judged_by_what_the_carrier_has(state, reason, entries, kinds):
    verdict = Verdict(1, len(entries))
    ledger._judge_row(verdict, Row(1, state, reason, 1, 0, 0), entries)
    assert {kind for kind, found in verdict.found.items() if found} == kinds
