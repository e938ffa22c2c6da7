"""Settling: what no worker has in hand any more comes to its end, and with the last of it the campaign does."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from campaigns import enquiry, notices, orders, wakeup
from campaigns.notices import News
from campaigns.orders import UNCONFIRMED_SECONDS, Order, Tools
from campaigns.providers import registry
from campaigns.providers.contract import Provider
from campaigns.rules.channels import Channels
from campaigns.rules.lifecycle import CampaignState, Reason
from campaigns.store import campaigns, figures, receipts, sweeps, waiting
from campaigns.vault import Unsealable
from campaigns.wakeup import Work

log = structlog.get_logger(__name__)

_SLICE: Final = 20_000
_REST: Final = 5.0
_LONGEST_REST: Final = 300.0
_ASKING_SECONDS: Final = 10.0  # a job of its own goes on: others wait for the worker
_HELD: Final = 15.0
_BETWEEN_PASSES: Final = 12  # times ask_after, from one pass over the silent to the next
_GOING: Final = (CampaignState.RUNNING, CampaignState.PAUSED)


async def settle(tools: Tools, agency_id: int, campaign_id: int, *, now: datetime) -> CampaignState | None:
    """Settle what no worker has in hand, end the campaign if nothing is left, and return its state; None if gone.

    What lapsed becomes unknown; unknowns that are due are asked about; certain failures that may pass go once more;
    the queue of what has expired or is stopping is skipped; mails that waited for an SMS go, or need not; of messages
    that nothing was heard of, the provider is asked, and what had no news for 72 hours is unconfirmed. Commits as it
    goes. May run any number of times at once.
    """
    # One at a time is enough; a stop or a receipt breaks this rest.
    wakeup.rest(tools.valkey, Work.SETTLE, agency_id, campaign_id, seconds=_HELD)
    await asyncio.to_thread(_lapse, tools, agency_id, campaign_id)
    found = await asyncio.to_thread(orders.read, tools, agency_id, campaign_id, to_send=False)
    if not found:
        return None
    order = found[0]  # all channels are of the same campaign; the first is the one that can be asked, if any can
    await _ask(tools, order, now)
    await asyncio.to_thread(_requeue, tools, order, now)
    await asyncio.to_thread(_decide, tools, order)
    return await asyncio.to_thread(_end, tools, order, now)


def _lapse(tools: Tools, agency_id: int, campaign_id: int) -> None:
    grace, lapsed = tools.settings.grace, _SLICE
    while lapsed == _SLICE:
        with tools.sessions(agency_id).begin() as session:
            lapsed = sweeps.lapse(
                session, agency_id, campaign_id, grace=grace, mail_grace=UNCONFIRMED_SECONDS, size=_SLICE
            )
        if lapsed:
            log.warning("leases lapsed", agency=agency_id, campaign=campaign_id, deliveries=lapsed)


def _may_repeat(order: Order, now: datetime) -> bool:
    campaign = order.premises.campaign
    is_over = campaign.expires_at is not None and campaign.expires_at <= now
    return campaign.state in _GOING and not is_over and not order.premises.is_service


def _requeue(tools: Tools, order: Order, now: datetime) -> None:
    campaign = order.premises.campaign
    if campaign.state == CampaignState.STOPPING:
        sweeps.skip_all(tools.sessions, order.agency_id, order.campaign_id, Reason.STOPPED)
    elif campaign.state in _GOING and campaign.expires_at is not None and campaign.expires_at <= now:
        sweeps.skip_all(tools.sessions, order.agency_id, order.campaign_id, Reason.EXPIRED)
    elif _may_repeat(order, now):
        again = _SLICE
        while again == _SLICE:
            with tools.sessions(order.agency_id).begin() as session:
                wait = tools.settings.again_after
                again = sweeps.try_again(session, order.agency_id, order.campaign_id, wait=wait, size=_SLICE)


def _decide(tools: Tools, order: Order) -> None:
    """Let SMS that are at their end decide about the mails that wait for them."""
    if order.premises.campaign.channels != Channels.SMS_THEN_EMAIL:
        return
    looked_at, freed = _SLICE, 0
    while looked_at == _SLICE:
        with tools.sessions(order.agency_id).begin() as session:
            decided = waiting.decide(session, order.agency_id, order.campaign_id, size=_SLICE)
        looked_at, freed = decided.looked_at, freed + decided.freed
    with tools.sessions(order.agency_id).begin() as session:
        freed += waiting.free(session, order.agency_id, order.campaign_id)
    if freed:
        campaign = order.premises.campaign
        wakeup.send(tools.valkey, order.agency_id, order.campaign_id, urgent=campaign.is_urgent)


async def _ask(tools: Tools, order: Order, now: datetime) -> None:
    if not order.can_be_asked:
        await _age_or_follow_up(tools, order, None, now)
        return
    try:
        account = order.account(tools.vault)
    except Unsealable:
        log.error("sealed credentials do not open", sender=order.premises.sender.id)
        return
    provider = registry.connect(order.premises.sender.provider, account, tools.settings)
    try:
        async with asyncio.timeout(2 * _ASKING_SECONDS + 2 * tools.settings.provider_timeout):
            await enquiry.ask(tools, order, provider, seconds=_ASKING_SECONDS)
            await _age_or_follow_up(tools, order, provider, now)
    finally:
        await provider.close()


async def _age_or_follow_up(tools: Tools, order: Order, provider: Provider | None, now: datetime) -> None:
    if order.premises.is_service:
        await asyncio.to_thread(_age, tools, order)
    else:
        await _follow_up(tools, order, provider, now)


async def _follow_up(tools: Tools, order: Order, provider: Provider | None, now: datetime) -> None:
    """From time to time, ask about messages that were handed over and never heard of again; in the end, let them be."""
    campaign, ask_after = order.premises.campaign, timedelta(seconds=tools.settings.ask_after)
    let_be = (campaign.started_at or now) + timedelta(seconds=UNCONFIRMED_SECONDS)
    if campaign.ask_at is None and now < let_be:
        await asyncio.to_thread(_note_asked, tools, order, 0, now + ask_after)
    elif (campaign.ask_at or now) <= now and await asyncio.to_thread(_claim, tools, order, now):
        await asyncio.to_thread(_rematch, tools, order)
        upto = await enquiry.follow_up(tools, order, provider, seconds=_ASKING_SECONDS) if provider else 0
        if not upto and let_be <= now:
            await asyncio.to_thread(_age, tools, order)
        later = now + _BETWEEN_PASSES * ask_after
        again = now if upto else min(later, let_be) if now < let_be else later
        await asyncio.to_thread(_note_asked, tools, order, upto, again)


def _claim(tools: Tools, order: Order, now: datetime) -> bool:
    """Whether the asking is this job's: nobody else asks about the same messages meanwhile, or soon after it died."""
    until = now + timedelta(seconds=4 * _ASKING_SECONDS)
    with tools.sessions(order.agency_id).begin() as session:
        return campaigns.claim_asking(session, order.premises.campaign, until=until)


def _note_asked(tools: Tools, order: Order, upto: int, ask_at: datetime) -> None:
    with tools.sessions(order.agency_id).begin() as session:
        campaigns.note_asked(session, order.agency_id, order.campaign_id, upto=upto, ask_at=ask_at)


def _rematch(tools: Tools, order: Order) -> None:
    with tools.sessions(order.agency_id).begin() as session:
        matched = receipts.rematch(session, order.agency_id, order.campaign_id)
    if matched:
        wakeup.receipts(tools.valkey, order.agency_id)


def _age(tools: Tools, order: Order) -> None:
    aged = _SLICE
    while aged == _SLICE:
        with tools.sessions(order.agency_id).begin() as session:
            aged = sweeps.age(session, order.agency_id, order.campaign_id, seconds=UNCONFIRMED_SECONDS, size=_SLICE)


def _end(tools: Tools, order: Order, now: datetime) -> CampaignState:
    campaign = order.premises.campaign
    state = CampaignState(campaign.state)
    ended: CampaignState | None = None
    with tools.sessions(order.agency_id).begin() as session:
        left = sweeps.still_open(session, order.agency_id, order.campaign_id)
        # What failed since _requeue() looked has its second attempt before it.
        waits = left.queued or left.in_hand or (left.again and _may_repeat(order, now))
        news = left.sent or left.doubtful
        if not (order.premises.is_service or waits):
            ended = _moved(session, order, state, news, now)
            if not news:
                figures.compact(session, order.agency_id, order.campaign_id, keep=0)
    if ended is None:
        rest = _REST if waits or order.premises.is_service else _waiting_for_receipts(order, now)
        wakeup.rest(tools.valkey, Work.SETTLE, order.agency_id, order.campaign_id, seconds=rest)
    return ended or state


def _waiting_for_receipts(order: Order, now: datetime) -> float:
    """Seconds until it is worth another look: the longer a campaign has waited, the more patience."""
    started_at = order.premises.campaign.started_at
    waited = (now - started_at).total_seconds() if started_at else 0.0
    return min(_LONGEST_REST, max(_REST, waited / 20))


def _moved(session: Session, order: Order, state: CampaignState, waits: bool, now: datetime) -> CampaignState | None:
    """The state the campaign ends in, if it does: a stopped one still waits for news, but people need not."""
    if state in _GOING and not waits:
        to = CampaignState.FINISHED
    elif state is CampaignState.STOPPING:
        to = CampaignState.STOPPED
    else:
        if state is CampaignState.STOPPED and not waits:
            campaigns.note_settled(session, order.agency_id, order.campaign_id, now)
        return None
    settled_at = None if waits else now
    moved = campaigns.move(
        session, order.agency_id, order.campaign_id, to, only=[state], ended_at=now, settled_at=settled_at, ask_at=None
    )
    if moved is None:
        return None
    if to is CampaignState.FINISHED:
        notices.tell(session, moved, News.FINISHED, by=None)
    log.info("campaign ended", agency=order.agency_id, campaign=order.campaign_id, state=to)
    return to
