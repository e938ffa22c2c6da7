"""Sending: one job sends a campaign for up to a minute, another settles what no worker has in hand any more."""

import asyncio
from datetime import datetime
from typing import Final

import structlog

from campaigns import enquiry, landing, orders, wakeup
from campaigns.handover import Flight
from campaigns.orders import Order, Shut, Tools
from campaigns.providers import registry
from campaigns.rules.lifecycle import CampaignState, Reason
from campaigns.store import campaigns, figures, sweeps
from campaigns.store.campaigns import Campaign
from campaigns.store.windows import Gate
from campaigns.supply import End
from campaigns.vault import Unsealable
from campaigns.wakeup import Work

log = structlog.get_logger(__name__)

SECONDS: Final = 55.0
UNCONFIRMED_SECONDS: Final = 72 * 3600.0  # without news for so long, a message stays unconfirmed (DOMAIN 1.2)
_SLICE: Final = 20_000
_LONGEST_REST: Final = 60.0
_SHARED_REST: Final = 10.0
_RECEIPTS_REST: Final = 5.0
_ASKING_SECONDS: Final = 40.0


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
        await asyncio.to_thread(landing.pause, tools, agency_id, campaign_id, "credentials")
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
    )


def _when_shut(tools: Tools, order: Order, shut: Shut, now: datetime) -> None:
    if shut is Shut.EXPIRED:
        _skip_all(tools, order, Reason.EXPIRED)
    elif shut is Shut.CHANGED:
        landing.pause(tools, order.agency_id, order.campaign_id, Shut.CHANGED)
    elif shut is Shut.OUTSIDE_HOURS:
        opens_at = orders.opens_at(order, now)
        wait = (opens_at - now).total_seconds() if opens_at else _LONGEST_REST
        _rest(tools, order, Work.SEND, wait)


def _afterwards(tools: Tools, order: Order, flight: Flight, end: End) -> None:
    with tools.sessions(order.agency_id).begin() as session:
        figures.compact(session, order.agency_id, order.campaign_id)
    match end:
        case End.SENDER:
            landing.pause(tools, order.agency_id, order.campaign_id, flight.concern or "sender_refused")
        case End.PROVIDER:
            _rest(tools, order, Work.SEND, flight.pause)
        case End.SHARED:
            _rest(tools, order, Work.SEND, _SHARED_REST)
        case End.TIME | End.YIELDED | End.TOLD:
            wakeup.nudge(tools.valkey, Work.SEND, order.agency_id, order.campaign_id)
        case End.EMPTY:
            wakeup.nudge(tools.valkey, Work.SETTLE, order.agency_id, order.campaign_id)
        case End.SILENT:
            pass  # the clock looks again


def _rest(tools: Tools, order: Order, what: Work, seconds: float) -> None:
    wakeup.rest(tools.valkey, what, order.agency_id, order.campaign_id, seconds=min(seconds, _LONGEST_REST))


async def settle(tools: Tools, agency_id: int, campaign_id: int, *, now: datetime) -> CampaignState | None:
    """Settle what no worker has in hand, end the campaign if nothing is left, and return its state; None if gone.

    What lapsed becomes unknown; unknowns that are due are asked about; what had no news for 72 hours is unconfirmed;
    a stopping campaign's queue is skipped. Commits as it goes. May run any number of times at once.
    """
    await asyncio.to_thread(_lapse, tools, agency_id, campaign_id)
    order = await asyncio.to_thread(orders.read, tools, agency_id, campaign_id)
    if order is None:
        return None
    await _ask(tools, order)
    return await asyncio.to_thread(_end, tools, order, now)


async def _ask(tools: Tools, order: Order) -> None:
    try:
        account = order.account(tools.vault)
    except Unsealable:
        log.error("sealed credentials do not open", sender=order.premises.sender.id)
        return
    provider = registry.connect(order.premises.sender.provider, account, tools.settings)
    try:
        async with asyncio.timeout(_ASKING_SECONDS + 2 * tools.settings.provider_timeout):
            await enquiry.ask(tools, order, provider, seconds=_ASKING_SECONDS)
    finally:
        await provider.close()


def _lapse(tools: Tools, agency_id: int, campaign_id: int) -> None:
    grace, lapsed = tools.settings.grace, _SLICE
    while lapsed == _SLICE:
        with tools.sessions(agency_id).begin() as session:
            lapsed = sweeps.lapse(session, agency_id, campaign_id, grace=grace, size=_SLICE)
        if lapsed:
            log.warning("leases lapsed", agency=agency_id, campaign=campaign_id, deliveries=lapsed)


def _skip_all(tools: Tools, order: Order, reason: Reason) -> None:
    skipped = _SLICE
    while skipped == _SLICE:
        with tools.sessions(order.agency_id).begin() as session:
            skipped = sweeps.skip_queued(session, order.agency_id, order.campaign_id, reason, size=_SLICE)


def _age(tools: Tools, order: Order) -> None:
    aged = _SLICE
    while aged == _SLICE:
        with tools.sessions(order.agency_id).begin() as session:
            aged = sweeps.age(session, order.agency_id, order.campaign_id, seconds=UNCONFIRMED_SECONDS, size=_SLICE)


def _end(tools: Tools, order: Order, now: datetime) -> CampaignState:
    campaign = order.premises.campaign
    if campaign.started_at is None or (now - campaign.started_at).total_seconds() > UNCONFIRMED_SECONDS:
        _age(tools, order)  # before that nothing can be old enough
    if campaign.state == CampaignState.STOPPING:
        _skip_all(tools, order, Reason.STOPPED)
    with tools.sessions(order.agency_id).begin() as session:
        left = sweeps.still_open(session, order.agency_id, order.campaign_id)
        state = CampaignState(campaign.state)
        if order.premises.is_service or left.queued or left.sending or left.unknown:
            return state
        moved: Campaign | None = None
        if state is CampaignState.STOPPING:
            moved = campaigns.move(
                session, order.agency_id, order.campaign_id, CampaignState.STOPPED, ended_at=now, only=[state]
            )
        elif state is CampaignState.RUNNING and not left.sent:
            moved = campaigns.move(
                session, order.agency_id, order.campaign_id, CampaignState.FINISHED, ended_at=now, only=[state]
            )
        if moved:
            log.info("campaign ended", agency=order.agency_id, campaign=order.campaign_id, state=moved.state)
            return CampaignState(moved.state)
    _rest(tools, order, Work.SETTLE, _RECEIPTS_REST)
    return state
