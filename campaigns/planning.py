"""Planning: freezes a submitted campaign's audience into queued deliveries, in slices that survive a dead worker.

The audience is whom the rule picks; of a campaign that corrects another, whom that one was handed over to. Who gets
what on which channel is rules/audience.py; the progress and who is left out are counted in people, the figures in
deliveries.
"""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session, sessionmaker

from campaigns import asking, audit
from campaigns.rules import segments
from campaigns.rules.audience import Texts
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.frequency import Cap, Caps
from campaigns.rules.lifecycle import CampaignState
from campaigns.store import agencies, audiences, corrections
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import AgencySessions
from campaigns.store.lately import Limits

SLICE: Final = 20_000
NOBODY_LEFT: Final = "nobody_left"


def plan(
    sessions: AgencySessions,
    agency_id: int,
    campaign_id: int,
    *,
    now: datetime,
    lease: float = 60.0,
    slice_size: int = SLICE,
    shared: Cap | None = None,
) -> bool:
    """Plan the audience to its end; True if this call ended it, False if there was nothing to do or it was taken away.

    Commits after every slice of contacts (or of the corrected campaign's deliveries), with the campaign's progress in
    the same transaction, so whoever comes next goes on where a dead planner stopped. A lease of `lease` seconds keeps
    other planners away; may be called again at any time. `shared` is how often all agencies together may write to
    somebody: it and the agency's own cap hold for all campaigns but urgent ones and corrections. Ends in `submitted`
    with both digests, or back in `draft` with the reason `nobody_left`.
    """
    factory = sessions(agency_id)
    with factory.begin() as session:
        held = store.take_lease(session, agency_id, campaign_id, seconds=lease)
    if held is None:
        return False
    if held.plan_total is None:
        _count(factory, held)
    while True:
        with factory.begin() as session:
            mine = store.keep_lease(session, held, seconds=lease)
            if mine is None:
                return False
            if not _slice(session, mine, slice_size, now, shared):
                _finish(session, mine, now)
                return True
        held = mine


def _count(factory: sessionmaker[Session], campaign: Campaign) -> None:
    """How many there will be to look at, for the progress that people see; the slices do not depend on it."""
    with factory.begin() as session:
        if campaign.parent_id is None:
            found = audiences.total(session, campaign.agency_id, segments.parse(campaign.rule))
        else:
            found = corrections.total(session, campaign.agency_id, campaign.parent_id)
        store.note_total(session, campaign, found)


def _slice(session: Session, campaign: Campaign, size: int, now: datetime, shared: Cap | None) -> bool:
    """Plan the next slice and note the progress; False when nobody was left to look at."""
    texts = _texts(session, campaign)
    if campaign.parent_id is None:
        rule = segments.parse(campaign.rule)
        caps = _caps(session, campaign, shared)
        limits = Limits(caps, now) if any(caps) else None
        done = audiences.plan_slice(session, campaign, rule, texts, after=campaign.plan_after, size=size, limits=limits)
    else:
        done = corrections.plan_slice(
            session, campaign, campaign.parent_id, texts, after=campaign.plan_after, size=size
        )
    if done.upto is None:
        return False
    left_out: dict[str, object] = dict(campaign.plan_left_out or {})
    for reason, number in done.left_out.items():
        left_out[reason] = int(str(left_out.get(reason, 0))) + number
    campaign.plan_after = done.upto
    campaign.plan_done += done.planned + sum(done.left_out.values())
    campaign.plan_left_out = left_out
    return True


def _caps(session: Session, campaign: Campaign, shared: Cap | None) -> Caps:
    agency = agencies.get(session, campaign.agency_id)
    if campaign.is_urgent or agency is None:
        return Caps()
    own = Cap(agency.cap_messages, agency.cap_days) if agency.cap_messages and agency.cap_days else None
    return Caps(own, shared)


def _texts(session: Session, campaign: Campaign) -> Texts:
    available: dict[Channel, list[str]] = {}
    for channel, language in store.words(session, campaign.id):
        available.setdefault(Channel(channel), []).append(language)
    return Texts(available, campaign.fallback_language)


def _finish(session: Session, campaign: Campaign, now: datetime) -> None:
    audiences.analyze(session, campaign)
    if campaign.channels == Channels.SMS_THEN_EMAIL:
        audiences.pair(session, campaign)
    planned = audiences.count_planned(session, campaign)
    subject = f"campaign:{campaign.id}"
    if not planned:
        store.back_to_draft(
            session, campaign.agency_id, campaign.id, reason=NOBODY_LEFT, left_out=campaign.plan_left_out
        )
        audit.record(session, campaign.agency_id, audit.Did.CAMPAIGN_RETURNED, subject, by=None, reason=NOBODY_LEFT)
        return
    digests = store.digests(session, campaign.id)
    submitted = store.move(
        session,
        campaign.agency_id,
        campaign.id,
        CampaignState.SUBMITTED,
        content_digest=digests.content,
        audience_digest=digests.audience,
        submitted_at=now,
        plan_total=campaign.plan_done,
        plan_leased_until=None,
    )
    if submitted is not None:
        asking.ask(session, submitted)
