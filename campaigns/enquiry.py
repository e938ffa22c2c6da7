"""Asks the provider what became of messages nobody knows about. Never sends anything.

Found: it is what the provider says. Proven absent: back to the queue. Neither: it stays unknown, and people see it.
"""

import asyncio
from datetime import timedelta
from typing import Final, NamedTuple

import structlog

from campaigns import landing, wakeup
from campaigns.orders import Order, Tools
from campaigns.providers.contract import Found, NotSent, Outgoing, Provider
from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from campaigns.store import receipts, sweeps
from campaigns.store.results import Result
from campaigns.store.sweeps import Doubtful, Silent
from campaigns.throttle import Throttle
from campaigns.vault import Unsealable
from campaigns.writers import NoText

log = structlog.get_logger(__name__)

# A proof of absence lets a message go again; this many times, because a worker may die again while it has it in hand.
MOST_ABSENCES: Final = 3
_BATCH: Final = 50
_RUN: Final = 20_000
_AT_ONCE: Final = 10  # asking takes places at the provider that sending may need
_SKEW: Final = timedelta(seconds=60)  # between the provider's clock and ours
_ASKS_PER_SECOND: Final = 20
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


async def follow_up(tools: Tools, order: Order, provider: Provider, *, seconds: float) -> int:
    """Ask about messages nothing was heard of, from where the last call ended, for up to so many seconds.

    Returns the last delivery asked about, or 0 when there was none left. What the provider says is kept like a receipt,
    so that it moves a delivery forward only. Commits every batch; at a pace of its own, which all workers share.
    """
    loop = asyncio.get_running_loop()
    until, upto = loop.time() + seconds, order.premises.campaign.asked_upto
    pace = Throttle(
        tools.valkey, f"{order.premises.sender.id}:asks", _ASKS_PER_SECOND, "all", in_flight=_AT_ONCE, urgent=False
    )
    while loop.time() < until:
        last, silent = await asyncio.to_thread(_silent, tools, order, upto)
        if last is None:
            return 0
        for start in range(0, len(silent), _AT_ONCE):
            some = silent[start : start + _AT_ONCE]
            await _wait_for(pace, len(some))
            found = await asyncio.gather(*(_look(provider, one) for one in some))
            await asyncio.to_thread(_keep, tools, order, [one for one in found if one is not None])
            upto = some[-1].id
            if loop.time() >= until:
                return upto
        upto = last
    return upto


async def _wait_for(pace: Throttle, number: int) -> None:
    while number > 0:
        room = await asyncio.to_thread(pace.take, number, parts=1)
        number -= room.messages
        if number > 0:
            await asyncio.sleep(max(room.wait, 0.01))


async def _look(provider: Provider, silent: Silent) -> tuple[Silent, Found] | None:
    try:
        found = await provider.look(silent.provider_ref)
    except NotSent:
        return None
    return (silent, found) if found is not None and found.state is not State.SENT else None


def _silent(tools: Tools, order: Order, after: int) -> tuple[int | None, list[Silent]]:
    seconds = tools.settings.ask_after
    with tools.sessions(order.agency_id)() as session:
        return sweeps.silent(
            session, order.agency_id, order.campaign_id, order.channel, after=after, seconds=seconds, size=_RUN
        )


def _keep(tools: Tools, order: Order, answers: list[tuple[Silent, Found]]) -> None:
    rows = [
        {
            "agency_id": order.agency_id,
            "sender_id": order.premises.sender.id,
            "provider_ref": found.provider_ref,
            "state": found.state,
            "reason": found.reason,
            "campaign_id": order.campaign_id,
            "delivery_id": silent.id,
            "attempt": silent.attempt,
        }
        for silent, found in answers
    ]
    with tools.sessions(order.agency_id).begin() as session:
        receipts.keep_all(session, rows)
    if rows:
        wakeup.receipts(tools.valkey, order.agency_id)


def _take(tools: Tools, order: Order) -> list[Doubtful]:
    hold = 2 * tools.settings.provider_timeout + tools.settings.grace
    with tools.sessions(order.agency_id).begin() as session:
        taken = sweeps.take_doubtful(session, order.agency_id, order.campaign_id, order.channel, size=_BATCH, hold=hold)
        return list(taken)


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
