"""Starting and stopping for good: exactly what was approved is let go, and nothing more of it (DESIGN P2)."""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from campaigns import audit, notices
from campaigns.errors import Conflict
from campaigns.rules.lifecycle import CampaignState
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign

CHANGED: Final = "changed_since_submitted"
_STARTABLE: Final = (CampaignState.APPROVED, CampaignState.SCHEDULED)


def begin(session: Session, campaign: Campaign, *, by: int | None, now: datetime) -> Campaign:
    """Let the workers send a campaign that store.hold() gave, or void() it if it is no longer what was approved.

    Tells those who answer for it, but not `by`; None is the clock. Never commits; after the commit, wakeup.send().
    Raises Conflict("campaign_changed") where it may not start.
    """
    if not is_as_submitted(session, campaign):
        return void(session, campaign, by=by)
    values = {"started_at": now, "pause_reason": None}
    started = store.move(session, campaign.agency_id, campaign.id, CampaignState.RUNNING, only=_STARTABLE, **values)
    started = recorded(session, started, audit.Did.CAMPAIGN_STARTED, by)
    notices.tell(session, started, notices.News.STARTED, by=by)
    return started


def end(session: Session, campaign: Campaign, *, by: int) -> Campaign:
    """End a campaign that store.hold() gave, for good: who has not been written to never will be. Never commits.

    After the commit, wakeup.settle(). Raises Conflict("campaign_not_under_way") where it is neither running nor paused.
    """
    ended = store.move(session, campaign.agency_id, campaign.id, CampaignState.STOPPING)
    if ended is None:
        raise Conflict("campaign_not_under_way")
    notices.tell(session, ended, notices.News.STOPPED, by=by)
    return recorded(session, ended, audit.Did.CAMPAIGN_STOPPED, by)


def is_as_submitted(session: Session, campaign: Campaign) -> bool:
    """Whether texts, settings and audience are still those that were planned and approved."""
    held = (campaign.content_digest, campaign.audience_digest)
    return None not in held and store.digests(session, campaign.id) == held


def void(session: Session, campaign: Campaign, *, by: int | None) -> Campaign:
    """Send a campaign that is no longer what was submitted back to draft, with the reason CHANGED. Never commits."""
    # Told before the move, which forgets who approved it. The author also finds it among the drafts that came back.
    notices.tell(session, campaign, notices.News.VOIDED, by=by, reason=CHANGED)
    voided = store.back_to_draft(session, campaign.agency_id, campaign.id, reason=CHANGED)
    return recorded(session, voided, audit.Did.CAMPAIGN_VOIDED, by, reason=CHANGED)


def recorded(session: Session, campaign: Campaign | None, did: audit.Did, by: int | None, **detail: object) -> Campaign:
    """The campaign as a move left it, with the deed's audit row; raises Conflict("campaign_changed") for None."""
    if campaign is None:
        raise Conflict("campaign_changed")
    audit.record(session, campaign.agency_id, did, f"campaign:{campaign.id}", by=by, **detail)
    return campaign
