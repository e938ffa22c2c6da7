"""Approval: a second person lets exactly these texts go to exactly these people, or sends the campaign back."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy.orm import Session

from campaigns import audit, starting
from campaigns.errors import Conflict, Invalid, NotAllowed
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.spelling import one_line
from campaigns.store import audit as deeds
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign

LONGEST_REASON = 500


def to_approve(session: Session, agency_id: int, staff_id: int) -> list[Campaign]:
    """The submitted campaigns this person may approve, newest first, at most a hundred."""
    waiting = store.listed(session, agency_id, [CampaignState.SUBMITTED], before=None, limit=100)
    own = _wrote(session, agency_id, waiting, staff_id)
    return [campaign for campaign in waiting if campaign.id not in own]


def is_own(session: Session, campaign: Campaign, staff_id: int) -> bool:
    """Whether this person wrote or submitted the campaign, and so may not approve it."""
    return bool(_wrote(session, campaign.agency_id, [campaign], staff_id))


def fingerprint(campaign: Campaign) -> str:
    """What a page carries for exactly these texts and people; the same campaign submitted again has another one."""
    return sha256(f"{campaign.content_digest}:{campaign.audience_digest}".encode()).hexdigest()[:16]


def check_seen(session: Session, agency_id: int, campaign_id: int, seen: str) -> None:
    """Make sure that what somebody looked at, by its fingerprint, is what stands there until this transaction ends.

    Raises NotFound, or Conflict("campaign_changed"): it was taken back and submitted again since (DESIGN P2).
    """
    if fingerprint(store.hold(session, agency_id, campaign_id)) != seen:
        raise Conflict("campaign_changed")


def approve(session: Session, agency_id: int, campaign_id: int, *, by: int, now: datetime) -> Campaign:
    """Approve what was submitted, or send it back to draft if it is no longer that; look at the state that comes back.

    In `draft` its return_reason is starting.CHANGED, and the caller commits that too. Raises NotFound,
    NotAllowed("own_campaign") for whoever wrote or submitted it, Conflict("campaign_not_submitted") - also the second
    time - or Conflict("campaign_expired").
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.SUBMITTED:
        raise Conflict("campaign_not_submitted")
    if is_own(session, campaign, by):
        raise NotAllowed("own_campaign")
    _check_expiry(campaign, now)
    if not starting.is_as_submitted(session, campaign):
        return starting.void(session, campaign, by=by)
    approved = store.move(
        session, agency_id, campaign_id, CampaignState.APPROVED, approver_id=by, approved_at=now, return_reason=None
    )
    audience = campaign.audience_digest
    return starting.recorded(session, approved, audit.Did.CAMPAIGN_APPROVED, by, audience=audience)


def start(session: Session, agency_id: int, campaign_id: int, *, by: int, now: datetime) -> Campaign:
    """Let the workers send an approved campaign, now or when its time comes; look at the state that comes back.

    It is `running`; or `scheduled`, if its starts_at is still to come; or `draft`, as with approve(). After the commit
    of a running one, wakeup.send(). Raises NotFound, Conflict("campaign_not_approved" | "campaign_expired").
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.APPROVED:
        raise Conflict("campaign_not_approved")
    _check_expiry(campaign, now)
    if campaign.starts_at is None or campaign.starts_at <= now:
        return starting.begin(session, campaign, by=by, now=now)
    if not starting.is_as_submitted(session, campaign):
        return starting.void(session, campaign, by=by)
    scheduled = store.move(session, agency_id, campaign_id, CampaignState.SCHEDULED, pause_reason=None)
    return starting.recorded(session, scheduled, audit.Did.CAMPAIGN_SCHEDULED, by)


def return_(session: Session, agency_id: int, campaign_id: int, *, reason: str, by: int) -> Campaign:
    """Send a campaign that has not started back to its author, who reads the reason; its plan is discarded.

    Raises NotFound, Invalid("reason", reason_needed | reason_too_long), Conflict("campaign_not_submitted").
    """
    if len(reason) > LONGEST_REASON:
        raise Invalid("reason", "reason_too_long", most=LONGEST_REASON)
    reason = one_line(reason, LONGEST_REASON)
    if not reason:
        raise Invalid("reason", "reason_needed")
    only = (CampaignState.SUBMITTED, CampaignState.APPROVED, CampaignState.SCHEDULED)
    store.hold(session, agency_id, campaign_id)
    returned = store.back_to_draft(session, agency_id, campaign_id, reason=reason, only=only)
    if returned is None:
        raise Conflict("campaign_not_submitted")
    return starting.recorded(session, returned, audit.Did.CAMPAIGN_RETURNED, by)


def cancel(session: Session, agency_id: int, campaign_id: int, *, by: int) -> Campaign:
    """Give up a campaign that has not started; its plan is discarded, its texts stay to be read and copied.

    Raises NotFound, Conflict("campaign_started").
    """
    store.hold(session, agency_id, campaign_id)
    cancelled = store.move(session, agency_id, campaign_id, CampaignState.CANCELLED, plan_leased_until=None)
    if cancelled is None:
        raise Conflict("campaign_started")
    store.discard_plan(session, campaign_id)
    return starting.recorded(session, cancelled, audit.Did.CAMPAIGN_CANCELLED, by)


def _wrote(session: Session, agency_id: int, campaigns: Sequence[Campaign], staff_id: int) -> set[int]:
    # Everyone who ever wrote it, not only the last: else two people could approve each other's words unread.
    subjects = {f"campaign:{campaign.id}": campaign.id for campaign in campaigns}
    found = deeds.done_to(session, agency_id, staff_id, audit.WROTE, subjects)
    return {subjects[subject] for subject in found} | {one.id for one in campaigns if one.author_id == staff_id}


def _check_expiry(campaign: Campaign, now: datetime) -> None:
    if campaign.expires_at is not None and campaign.expires_at <= now:
        raise Conflict("campaign_expired")
