"""Control of campaigns under way: start those whose time has come, pause, resume, stop. Approving is approval's."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from campaigns import audit, notices, starting
from campaigns.errors import Conflict
from campaigns.notices import News
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.spelling import one_line
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import AgencySessions

# Why a campaign that was scheduled waits for a person instead, as its pause_reason.
LATE: Final = "late"
EXPIRED: Final = "expired"
# Past this the world may be another one than the approver had in mind, so a person decides again.
LATE_SECONDS: Final = 3600
_LONGEST_REASON = 200
_SCHEDULED: Final = (CampaignState.SCHEDULED,)


def start_due(sessions: AgencySessions, agency_id: int, campaign_id: int, *, now: datetime) -> Campaign | None:
    """Start a scheduled campaign whose time has come, and return it; None if nothing was started. Commits.

    One more than LATE_SECONDS late, or over already, goes back to `approved` with LATE or EXPIRED as its pause_reason
    and waits for a person; one that is no longer what was approved goes back to draft. May be called again, and by two
    workers at once. After a start, wakeup.send(). Raises NotFound.
    """
    with sessions(agency_id).begin() as session:
        campaign = store.hold(session, agency_id, campaign_id)
        if campaign.state != CampaignState.SCHEDULED or campaign.starts_at is None or campaign.starts_at > now:
            return None
        over = campaign.expires_at is not None and campaign.expires_at <= now
        if over or now - campaign.starts_at > timedelta(seconds=LATE_SECONDS):
            _leave_to_a_person(session, campaign, EXPIRED if over else LATE)
            return None
        begun = starting.begin(session, campaign, by=None, now=now)
        return begun if begun.state == CampaignState.RUNNING else None


def pause(session: Session, agency_id: int, campaign_id: int, *, by: int, reason: str = "") -> Campaign:
    """Let no further window open; what is in flight still arrives. Never commits.

    Raises NotFound, or Conflict("campaign_not_running").
    """
    store.hold(session, agency_id, campaign_id)
    told = one_line(reason, _LONGEST_REASON) or None
    moved = store.move(session, agency_id, campaign_id, CampaignState.PAUSED, pause_reason=told)
    if moved is None:
        raise Conflict("campaign_not_running")
    notices.tell(session, moved, News.PAUSED, by=by, reason=told)
    return starting.recorded(session, moved, audit.Did.CAMPAIGN_PAUSED, by)


def resume(session: Session, agency_id: int, campaign_id: int, *, by: int) -> Campaign:
    """Let a paused campaign go on, if texts, audience, sender and hours are still what was approved. Never commits.

    The brake judges anew what is sent from here on. After the commit, wakeup.send(). Raises NotFound,
    Conflict("campaign_not_paused"), or Conflict("campaign_changed_since_approval"): then it can only be stopped, and a
    copy be approved.
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.PAUSED:
        raise Conflict("campaign_not_paused")
    if not starting.is_as_submitted(session, campaign):
        raise Conflict("campaign_changed_since_approval")
    values = {"pause_reason": None, "resumed_at": func.now()}
    moved = store.move(session, agency_id, campaign_id, CampaignState.RUNNING, only=[CampaignState.PAUSED], **values)
    if moved is None:
        raise Conflict("campaign_not_paused")
    notices.tell(session, moved, News.RESUMED, by=by)
    return starting.recorded(session, moved, audit.Did.CAMPAIGN_RESUMED, by)


def stop(session: Session, agency_id: int, campaign_id: int, *, by: int) -> Campaign:
    """End a running or paused campaign for good; who has not been written to never will be. Never commits.

    After the commit, wakeup.settle(). Raises NotFound, or Conflict("campaign_not_under_way").
    """
    return starting.end(session, store.hold(session, agency_id, campaign_id), by=by)


def _leave_to_a_person(session: Session, campaign: Campaign, why: str) -> None:
    """What nobody may start by itself any more: approved as before, until somebody looks at it."""
    values = {"pause_reason": why}
    held = store.move(session, campaign.agency_id, campaign.id, CampaignState.APPROVED, only=_SCHEDULED, **values)
    held = starting.recorded(session, held, audit.Did.CAMPAIGN_LATE, None, reason=why)
    notices.tell(session, held, News.LATE, by=None, reason=why)
