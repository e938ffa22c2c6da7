"""Writes down what became of messages, many at a time, with all that follows from it in the same transaction."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from campaigns import brake, consent
from campaigns.orders import Order, Tools
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import NO_MAILBOX, Failure
from campaigns.store import contacts, results, sweeps
from campaigns.store.results import Result

log = structlog.get_logger(__name__)

_TOGETHER_SECONDS: Final = 0.05  # results of so long are written in one statement


def write_down(tools: Tools, order: Order, batch: Sequence[Result], *, absent: Sequence[int] = ()) -> None:
    """Write results in one transaction: who told the provider to stop is refused here too (DESIGN P3).

    A number that the provider refused to take because it is a landline is marked, and a mail address that no server
    knows gets no more mails. `absent` are deliveries the provider was proven not to have.
    """
    agency_id, campaign_id = order.agency_id, order.campaign_id
    refusing = [result.id for result in batch if result.reason == Failure.REFUSED_BY_PERSON]
    landlines = [result.id for result in batch if result.reason == Failure.LANDLINE and result.ref is None]
    dead = [result for result in batch if order.channel is Channel.EMAIL and result.reason in NO_MAILBOX]
    with tools.sessions(agency_id).begin() as session:
        results.close_window(session, agency_id, campaign_id, batch, most=order.most_parts)
        if landlines:
            contacts.mark_landlines(session, agency_id, results.addresses(session, campaign_id, landlines))
        if absent:
            sweeps.note_absences(session, campaign_id, absent)
        if refusing:
            consent.stop(
                session,
                agency_id,
                order.channel,
                results.addresses(session, campaign_id, refusing),
                source=consent.Source.PROVIDER,
                rule=Failure.REFUSED_BY_PERSON,
            )
        for reason in {str(result.reason) for result in dead}:
            ids = [result.id for result in dead if result.reason == reason]
            addresses = results.addresses(session, campaign_id, ids)
            consent.stop(session, agency_id, order.channel, addresses, source=consent.Source.BOUNCE, rule=reason)


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
                await asyncio.to_thread(self._write_down, batch)
            except Exception as error:  # whatever it is: with nobody to write, all that follows would be unknown
                log.warning("results not written", campaign=self._order.campaign_id, error=type(error).__name__)
                if loop.time() > give_up:
                    return
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2.0)
            else:
                return

    def _write_down(self, batch: Sequence[Result]) -> None:
        write_down(self._tools, self._order, batch)
        # Who concerns the sender is the flight's own business: it ends.
        if any(result.state == State.FAILED for result in batch) and not self._order.premises.is_service:
            brake.check(self._tools.sessions, self._order.agency_id, self._order.campaign_id, ())
