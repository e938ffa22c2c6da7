"""Fixtures for tests of sending: a running campaign for so many people, tools, a carrier without faults."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from campaigns import dispatch, settling
from campaigns.orders import Tools
from campaigns.store import premises, recount
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
    live = replace(settings, twilio_url=carrier.url, base_url="http://127.0.0.1:9")
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
def send(tools, agency) -> Callable[..., object]:
    """Runs one sending job in this process."""

    def one_job(campaign_id: int, *, seconds: float = 20.0, now: datetime | None = None, using: Tools = tools):
        async def main():
            at = now or datetime.now(UTC)
            return await dispatch.send(using, agency.id, campaign_id, now=at, stop=asyncio.Event(), seconds=seconds)

        return asyncio.run(main())

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
