"""Writes down what became of messages, many at a time, with all that follows from it in the same transaction."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from campaigns import audit, consent
from campaigns.orders import Order, Tools
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.outcomes import Failure
from campaigns.store import campaigns, results, sweeps
from campaigns.store.results import Result

log = structlog.get_logger(__name__)

_TOGETHER_SECONDS: Final = 0.05  # results of so long are written in one statement


def write_down(tools: Tools, order: Order, batch: Sequence[Result], *, absent: Sequence[int] = ()) -> None:
    """Write results in one transaction: who told the provider to stop is refused here too (DESIGN P3).

    `absent` are deliveries the provider was proven not to have.
    """
    agency_id, campaign_id = order.agency_id, order.campaign_id
    refusing = [result.id for result in batch if result.reason == Failure.REFUSED_BY_PERSON]
    with tools.sessions(agency_id).begin() as session:
        results.close_window(session, agency_id, campaign_id, batch)
        if absent:
            sweeps.note_absences(session, campaign_id, absent)
        if refusing:
            consent.stop(
                session,
                agency_id,
                order.premises.sender.channel,
                results.addresses(session, campaign_id, refusing),
                source=consent.Source.PROVIDER,
                rule=Failure.REFUSED_BY_PERSON,
            )


def pause(tools: Tools, agency_id: int, campaign_id: int, reason: str) -> bool:
    """Pause a running campaign because nothing of it should leave; False if it was not running any more. Commits."""
    with tools.sessions(agency_id).begin() as session:
        moved = campaigns.move(
            session,
            agency_id,
            campaign_id,
            CampaignState.PAUSED,
            only=[CampaignState.RUNNING],
            pause_reason=reason,
        )
        if moved:
            subject = f"campaign:{campaign_id}"
            audit.record(session, agency_id, audit.Did.CAMPAIGN_PAUSED, subject, by=None, reason=reason)
    return moved is not None


class Landing:
    """Collects the results of one flight and writes them down while it goes on. Used from one event loop."""

    def __init__(self, tools: Tools, order: Order) -> None:
        self._tools, self._order = tools, order
        self._results: list[Result] = []
        self._last = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def add(self, *results: Result) -> None:
        """These are over."""
        self._results.extend(results)

    async def finish(self) -> None:
        """No more will come: wait until all is written down."""
        self._last.set()
        await self._task

    async def _run(self) -> None:
        while self._results or not self._last.is_set():
            await asyncio.sleep(_TOGETHER_SECONDS)
            batch, self._results = self._results, []
            if batch:
                await self._write(batch)

    async def _write(self, batch: Sequence[Result]) -> None:
        # What cannot be written down is not lost: its lease ends, and then the provider is asked.
        loop = asyncio.get_running_loop()
        give_up, wait = loop.time() + self._tools.settings.lease, 0.1
        while True:
            try:
                await asyncio.to_thread(write_down, self._tools, self._order, batch)
            except SQLAlchemyError as error:
                log.warning("results not written", campaign=self._order.campaign_id, error=type(error).__name__)
                if loop.time() > give_up:
                    return
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2.0)
            else:
                return
