"""Asks the provider what became of messages nobody knows about. Never sends anything.

Found: it is what the provider says. Proven absent: back to the queue. Neither: it stays unknown, and people see it.
"""

import asyncio
from datetime import timedelta
from typing import Final, NamedTuple

import structlog

from campaigns import landing
from campaigns.orders import NoText, Order, Tools
from campaigns.providers.contract import NotSent, Outgoing, Provider
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from campaigns.store import sweeps
from campaigns.store.results import Result
from campaigns.store.sweeps import Doubtful
from campaigns.vault import Unsealable

log = structlog.get_logger(__name__)

# A proof of absence lets a message go again; this many times, because a worker may die again while it has it in hand.
MOST_ABSENCES: Final = 3
_BATCH: Final = 50
_AT_ONCE: Final = 10  # asking takes places at the provider that sending may need
_SKEW: Final = timedelta(seconds=60)  # between the provider's clock and ours
_ASK_AGAIN_SECONDS: Final = 3600.0  # where the answer cannot change soon


class _Answer(NamedTuple):
    result: Result
    absent: bool = False


async def ask(tools: Tools, order: Order, provider: Provider, *, seconds: float) -> int:
    """Ask about all that is due, for up to so many seconds; how many were asked about. Commits every batch."""
    loop = asyncio.get_running_loop()
    until, asked = loop.time() + seconds, 0
    turns = asyncio.Semaphore(min(_AT_ONCE, order.premises.sender.in_flight))
    while loop.time() < until:
        doubtful = await asyncio.to_thread(_take, tools, order)
        if not doubtful:
            break
        answers = await asyncio.gather(*(_settle(tools, order, provider, turns, one) for one in doubtful))
        absent = [answer.result.id for answer in answers if answer.absent]
        await asyncio.to_thread(landing.write_down, tools, order, [answer.result for answer in answers], absent=absent)
        asked += len(doubtful)
    return asked


def _take(tools: Tools, order: Order) -> list[Doubtful]:
    hold = 2 * tools.settings.provider_timeout + tools.settings.grace
    with tools.sessions(order.agency_id).begin() as session:
        channel = order.premises.sender.channel
        return list(sweeps.take_doubtful(session, order.agency_id, order.campaign_id, channel, size=_BATCH, hold=hold))


async def _settle(
    tools: Tools, order: Order, provider: Provider, turns: asyncio.Semaphore, doubtful: Doubtful
) -> _Answer:
    ours = (doubtful.id, doubtful.attempt)
    try:
        if not doubtful.same or not order.premises.as_approved:
            # The text that left can no longer be written, so its absence cannot be proven.
            raise NotSent(_ASK_AGAIN_SECONDS)
        written = order.write(tools.vault, doubtful)
        async with turns:
            outgoing = Outgoing(written.address, written.body, callback_url="", validity=0)
            found = await provider.find(outgoing, doubtful.handed_at - _SKEW, doubtful.known)
    except (NoText, Unsealable):
        return _Answer(Result(*ours, State.UNKNOWN, after=_ASK_AGAIN_SECONDS))
    except NotSent as not_now:
        return _Answer(Result(*ours, State.UNKNOWN, after=max(not_now.after, tools.settings.grace)))
    if found is not None:
        return _Answer(Result(*ours, found.state, found.reason, found.provider_ref, written.parts))
    # A send without a campaign is not repeated: its writer sees that it failed.
    if order.premises.is_service or doubtful.absences >= MOST_ABSENCES:
        return _Answer(Result(*ours, State.FAILED, Failure.NEVER_TAKEN), absent=True)
    log.info("proven absent", campaign=order.campaign_id, delivery=doubtful.id, attempt=doubtful.attempt)
    return _Answer(Result(*ours, State.QUEUED), absent=True)
