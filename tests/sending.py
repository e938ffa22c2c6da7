"""Fixtures for tests of sending: a running campaign for so many people, tools, a carrier without faults."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from campaigns import dispatch, settling
from campaigns.orders import Tools
from campaigns.store import premises, recount
from campaigns.supply import End
from tests import crowd, drafts
from tests.carrier import Carrier, phone


@pytest.fixture
def carrier(simulator_url) -> Carrier:
    found = Carrier(simulator_url)
    found.reset()
    found.faults(status_delay_ms=0)
    return found


@pytest.fixture
def tools(settings, database, carrier) -> Tools:
    # Callbacks go nowhere: the discard port answers nobody.
    # A lease that outlives a machine's pause, and is short enough for calls to be watched.
    live = replace(settings, twilio_url=carrier.url, base_url="http://127.0.0.1:9", lease=9.0)
    return Tools(database.sessions, database.valkey, database.vault, live)


@pytest.fixture
def running(sessions, vault, agency, ada, bruno, sender) -> Callable[..., int]:
    """Starts a campaign for so many people and returns its id."""

    def start(people: int, *, texts: dict[str, str] | None = None, language: str = "es") -> int:
        with sessions(agency.id).begin() as session:
            for number in range(people):
                crowd.person(session, vault, agency, phone(number), language=language, name=f"Rosa {number}")
        return drafts.running(sessions, agency, ada, bruno, sender, texts=texts)

    return start


@pytest.fixture
def send(tools, sessions, agency) -> Callable[..., object]:
    """Runs one sending job in this process; where the machine paused meanwhile, another for what went back for that."""

    async def longest_pause(found: list[float]) -> None:
        while True:
            began_at = time.monotonic()
            await asyncio.sleep(0.05)
            found[0] = max(found[0], time.monotonic() - began_at - 0.05)

    def is_left(campaign_id: int) -> bool:
        left = (
            "SELECT EXISTS (SELECT FROM delivery WHERE campaign_id = :c AND state = 'queued'"
            " AND (not_before IS NULL OR not_before <= now()))"
        )
        with sessions(agency.id)() as session:
            return bool(session.scalar(text(left), {"c": campaign_id}))

    def one_job(campaign_id: int, *, seconds: float = 20.0, now: datetime | None = None, using: Tools = tools):
        async def main():
            at, paused = now or datetime.now(UTC), [0.0]
            watching = asyncio.create_task(longest_pause(paused))
            try:
                job = dispatch.send(using, agency.id, campaign_id, now=at, stop=asyncio.Event(), seconds=seconds)
                return await job, paused[0]
            finally:
                watching.cancel()

        for _ in range(30):
            end, paused = asyncio.run(main())
            if end is not End.EMPTY or paused < 0.2 or not is_left(campaign_id):
                break
        return end

    return one_job


@pytest.fixture
def settle(tools, agency) -> Callable[..., object]:
    """Runs one settling job in this process."""

    def one_job(campaign_id: int, *, now: datetime | None = None):
        return asyncio.run(settling.settle(tools, agency.id, campaign_id, now=now or datetime.now(UTC)))

    return one_job


@pytest.fixture
def states(sessions, agency) -> Callable[[int], dict[str, int]]:
    """State (with reason) -> how many, counted; fails if the figures say something else."""

    def count(campaign_id: int) -> dict[str, int]:
        with sessions(agency.id)() as session:
            premises.begin_consistent(session)
            assert recount.differences(session, agency.id, campaign_id) == []
            rows = session.execute(
                text("SELECT state, reason, count(*) FROM delivery WHERE campaign_id = :c GROUP BY 1, 2"),
                {"c": campaign_id},
            ).all()
        return {f"{state}: {reason}" if reason else state: number for state, reason, number in rows}

    return count
