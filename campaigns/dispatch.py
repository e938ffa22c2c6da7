"""Sending: one job sends a campaign on all its channels, window after window, for up to a minute."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import structlog

from campaigns import brake, orders, wakeup
from campaigns.handover import Flight
from campaigns.orders import Order, Shut, Tools
from campaigns.providers import registry
from campaigns.rules.lifecycle import Reason
from campaigns.rules.outcomes import Failure
from campaigns.store import figures, sweeps
from campaigns.store.windows import Gate
from campaigns.supply import End
from campaigns.vault import Unsealable
from campaigns.wakeup import Work

log = structlog.get_logger(__name__)

SECONDS: Final = 55.0
_LONGEST_REST: Final = 60.0
_SHARED_REST: Final = 5.0
_OVERTAKEN_REST: Final = 1.0
# Another worker may have put the campaign to rest because this one used up the pace.
_GOES_ON: Final = frozenset({End.TIME, End.YIELDED, End.TOLD})


class _Leg(NamedTuple):
    """How the sending on one channel ended, and seconds until more can be sent there."""

    end: End
    rest: float = 0.0


async def send(
    tools: Tools,
    agency_id: int,
    campaign_id: int,
    *,
    now: datetime,
    stop: asyncio.Event,
    seconds: float = SECONDS,
) -> End | Shut | None:
    """Send what is queued of a campaign, for up to so many seconds, and say why that ended; None if it is gone.

    Its channels are sent on side by side, each at its sender's pace; of several ends it is that of whichever has most
    to do still. Commits every window before its first call. May run any number of times at once, on any number of
    machines. After `stop` nothing starts any more and what is in flight comes down. Pauses the campaign if it is not as
    approved or if a provider refuses its sender.
    """
    try:
        found = await asyncio.to_thread(orders.read, tools, agency_id, campaign_id)
    except Unsealable:
        await asyncio.to_thread(brake.pause, tools.sessions, agency_id, campaign_id, Failure.CREDENTIALS)
        return End.SENDER
    if not found:
        return None
    if shut := orders.why_shut(found[0], now):
        await asyncio.to_thread(_when_shut, tools, found[0], shut, now)
        return shut
    flying = (_fly(tools, order, now, stop, seconds) for order in found)
    # Whatever happens on one channel, what is in flight on the other comes down and is written down.
    legs = await asyncio.gather(*flying, return_exceptions=True)
    for leg in legs:
        if isinstance(leg, BaseException):
            raise leg
    ended = [leg for leg in legs if isinstance(leg, _Leg)]
    await asyncio.to_thread(_afterwards, tools, found[0], ended)
    return min(ended, key=_still_to_do).end


async def _fly(tools: Tools, order: Order, now: datetime, stop: asyncio.Event, seconds: float) -> _Leg:
    agency_id, campaign_id = order.agency_id, order.campaign_id
    try:
        provider = registry.connect(order.premises.sender.provider, order.account(tools.vault), tools.settings)
    except Unsealable:
        await asyncio.to_thread(brake.pause, tools.sessions, agency_id, campaign_id, Failure.CREDENTIALS)
        return _Leg(End.SENDER)
    try:
        # Nothing in a flight should outlast this; a job that hangs would keep its worker for ever.
        async with asyncio.timeout(seconds + 2 * tools.settings.provider_timeout + tools.settings.lease):
            flight = Flight(tools, order, provider, _gate(tools, order, now), stop)
            end = await flight.run(seconds)
    finally:
        await provider.close()
    log.info("sent", agency=agency_id, campaign=campaign_id, channel=order.channel, messages=flight.handed, end=end)
    await asyncio.to_thread(_after_flight, tools, order, flight, end)
    rests = {End.PROVIDER: flight.pause, End.SHARED: _SHARED_REST, End.OVERTAKEN: _OVERTAKEN_REST}
    return _Leg(end, rests.get(end, 0.0))


def _gate(tools: Tools, order: Order, now: datetime) -> Gate:
    premises = order.premises
    return Gate(
        agency_id=order.agency_id,
        campaign_id=order.campaign_id,
        channel=order.channel,
        hours=premises.agency.hours,
        zone=premises.agency.time_zone,
        open_until=orders.open_until(order, now) or now,
        digest=premises.digest,
        lease=tools.settings.lease,
        most_parts=order.most_parts,
    )


def _when_shut(tools: Tools, order: Order, shut: Shut, now: datetime) -> None:
    if shut is Shut.EXPIRED:
        wakeup.settle(tools.valkey, order.agency_id, order.campaign_id)
    elif shut is Shut.CHANGED:
        brake.pause(tools.sessions, order.agency_id, order.campaign_id, Shut.CHANGED)
    elif shut is Shut.OUTSIDE_HOURS:
        opens_at = orders.opens_at(order, now)
        wait = (opens_at - now).total_seconds() if opens_at else _LONGEST_REST
        _rest(tools, order, wait)


def _after_flight(tools: Tools, order: Order, flight: Flight, end: End) -> None:
    agency_id, campaign_id = order.agency_id, order.campaign_id
    if end is End.SENDER:
        brake.pause(tools.sessions, agency_id, campaign_id, flight.concern or Failure.SENDER_REFUSED)
    elif end is End.BUDGET:
        sweeps.skip_all(tools.sessions, agency_id, campaign_id, Reason.BUDGET, channel=order.channel)


def _afterwards(tools: Tools, order: Order, legs: Sequence[_Leg]) -> None:
    agency_id, campaign_id = order.agency_id, order.campaign_id
    with tools.sessions(agency_id).begin() as session:
        figures.compact(session, agency_id, campaign_id)
    first = min(legs, key=_still_to_do)
    if first.end in _GOES_ON:
        wakeup.send(tools.valkey, agency_id, campaign_id, urgent=_lane(order) is Work.URGENT)
    elif first.rest:
        _rest(tools, order, first.rest)
    # After silence the clock looks again.
    if any(leg.end in (End.EMPTY, End.BUDGET) for leg in legs):
        wakeup.nudge(tools.valkey, Work.SETTLE, agency_id, campaign_id)


def _still_to_do(leg: _Leg) -> tuple[bool, float]:
    """Sorts what goes on before what rests, the shortest rest first, and what has no more to send last."""
    return (leg.end not in _GOES_ON, leg.rest or float("inf"))


def _lane(order: Order) -> Work:
    return Work.URGENT if order.premises.campaign.is_urgent else Work.SEND


def _rest(tools: Tools, order: Order, seconds: float) -> None:
    lane = _lane(order)
    wakeup.rest(tools.valkey, lane, order.agency_id, order.campaign_id, seconds=min(seconds, _LONGEST_REST))
