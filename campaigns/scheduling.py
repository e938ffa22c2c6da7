"""Control of campaigns under way: pause, resume, stop. Starting one is approval's."""

from sqlalchemy.orm import Session

from campaigns import audit
from campaigns.errors import Conflict
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.spelling import one_line
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign

_LONGEST_REASON = 200


def pause(session: Session, agency_id: int, campaign_id: int, *, by: int, reason: str = "") -> Campaign:
    """Let no further window open; what is in flight still arrives. Never commits.

    Raises NotFound, or Conflict("campaign_not_running").
    """
    store.hold(session, agency_id, campaign_id)
    told = one_line(reason, _LONGEST_REASON) or None
    moved = store.move(session, agency_id, campaign_id, CampaignState.PAUSED, pause_reason=told)
    if moved is None:
        raise Conflict("campaign_not_running")
    return _recorded(session, moved, audit.Did.CAMPAIGN_PAUSED, by)


def resume(session: Session, agency_id: int, campaign_id: int, *, by: int) -> Campaign:
    """Let a paused campaign go on, if texts, audience, sender and hours are still what was approved. Never commits.

    After the commit, wakeup.send(). Raises NotFound, Conflict("campaign_not_paused"), or
    Conflict("campaign_changed_since_approval"): then it can only be stopped, and a copy be approved.
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.PAUSED:
        raise Conflict("campaign_not_paused")
    if store.digests(session, campaign_id) != (campaign.content_digest, campaign.audience_digest):
        raise Conflict("campaign_changed_since_approval")
    only = [CampaignState.PAUSED]
    moved = store.move(session, agency_id, campaign_id, CampaignState.RUNNING, only=only, pause_reason=None)
    if moved is None:
        raise Conflict("campaign_not_paused")
    return _recorded(session, moved, audit.Did.CAMPAIGN_RESUMED, by)


def stop(session: Session, agency_id: int, campaign_id: int, *, by: int) -> Campaign:
    """End a running or paused campaign for good; who has not been written to never will be. Never commits.

    After the commit, wakeup.settle(). Raises NotFound, or Conflict("campaign_not_under_way").
    """
    store.hold(session, agency_id, campaign_id)
    moved = store.move(session, agency_id, campaign_id, CampaignState.STOPPING)
    if moved is None:
        raise Conflict("campaign_not_under_way")
    return _recorded(session, moved, audit.Did.CAMPAIGN_STOPPED, by)


def _recorded(session: Session, campaign: Campaign, did: audit.Did, by: int) -> Campaign:
    audit.record(session, campaign.agency_id, did, f"campaign:{campaign.id}", by=by)
    return campaign
