"""Sending: one job sends a campaign, window after window, for up to a minute."""

import asyncio
from datetime import datetime
from typing import Final

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

    Commits every window before its first call. May run any number of times at once, on any number of machines. After
    `stop` nothing starts any more and what is in flight comes down. Pauses the campaign if it is not as approved or if
    the provider refuses its sender.
    """
    order = await asyncio.to_thread(orders.read, tools, agency_id, campaign_id)
    if order is None:
        return None
    if shut := orders.why_shut(order, now):
        await asyncio.to_thread(_when_shut, tools, order, shut, now)
        return shut
    try:
        provider = registry.connect(order.premises.sender.provider, order.account(tools.vault), tools.settings)
    except Unsealable:
        await asyncio.to_thread(brake.pause, tools.sessions, agency_id, campaign_id, Failure.CREDENTIALS)
        return End.SENDER
    try:
        # Nothing in a flight should outlast this; a job that hangs would keep its worker for ever.
        async with asyncio.timeout(seconds + 2 * tools.settings.provider_timeout + tools.settings.lease):
            flight = Flight(tools, order, provider, _gate(tools, order, now), stop)
            end = await flight.run(seconds)
    finally:
        await provider.close()
    await asyncio.to_thread(_afterwards, tools, order, flight, end)
    log.info("sent", agency=agency_id, campaign=campaign_id, messages=flight.handed, end=end)
    return end


def _gate(tools: Tools, order: Order, now: datetime) -> Gate:
    premises = order.premises
    return Gate(
        agency_id=order.agency_id,
        campaign_id=order.campaign_id,
        channel=premises.sender.channel,
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
        _rest(tools, order, _lane(order), wait)


def _afterwards(tools: Tools, order: Order, flight: Flight, end: End) -> None:
    with tools.sessions(order.agency_id).begin() as session:
        figures.compact(session, order.agency_id, order.campaign_id)
    match end:
        case End.SENDER:
            brake.pause(tools.sessions, order.agency_id, order.campaign_id, flight.concern or Failure.SENDER_REFUSED)
        case End.PROVIDER:
            _rest(tools, order, _lane(order), flight.pause)
        case End.SHARED:
            _rest(tools, order, _lane(order), _SHARED_REST)
        case End.OVERTAKEN:
            _rest(tools, order, _lane(order), _OVERTAKEN_REST)
        case End.BUDGET:
            sweeps.skip_all(tools.sessions, order.agency_id, order.campaign_id, Reason.BUDGET)
            wakeup.nudge(tools.valkey, Work.SETTLE, order.agency_id, order.campaign_id)
        case End.TIME | End.YIELDED | End.TOLD:
            # Another worker may have put the campaign to rest because this one used up the pace.
            wakeup.send(tools.valkey, order.agency_id, order.campaign_id, urgent=_lane(order) is Work.URGENT)
        case End.EMPTY:
            wakeup.nudge(tools.valkey, Work.SETTLE, order.agency_id, order.campaign_id)
        case End.SILENT:
            pass  # the clock looks again


def _lane(order: Order) -> Work:
    return Work.URGENT if order.premises.campaign.is_urgent else Work.SEND


def _rest(tools: Tools, order: Order, what: Work, seconds: float) -> None:
    wakeup.rest(tools.valkey, what, order.agency_id, order.campaign_id, seconds=min(seconds, _LONGEST_REST))
