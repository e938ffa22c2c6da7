"""What stops a campaign by itself: trouble with the sender, and too many failures among its latest messages.

A person resumes it. The limits are the agency's; without enough outcomes there is no judgement.
"""

from collections.abc import Collection
from typing import Final

import structlog

from campaigns import audit, notices
from campaigns.notices import News
from campaigns.rules.channels import Channels
from campaigns.rules.lifecycle import CampaignState, State
from campaigns.rules.outcomes import CONCERNS_SENDER, Failure
from campaigns.store import agencies, campaigns, figures
from campaigns.store.agencies import Agency
from campaigns.store.engine import AgencySessions

log = structlog.get_logger(__name__)

OUTCOMES: Final = 500  # so many of the latest are judged
FEWEST: Final = 100  # and at least so many: two wrong numbers among ten are no pattern
FAILED, FILTERED = "brake_failed", "brake_filtered"


def pause(sessions: AgencySessions, agency_id: int, campaign_id: int, reason: str) -> bool:
    """Pause a running campaign because nothing of it should leave; False if it was not running any more. Commits."""
    with sessions(agency_id).begin() as session:
        moved = campaigns.move(
            session,
            agency_id,
            campaign_id,
            CampaignState.PAUSED,
            only=[CampaignState.RUNNING],
            pause_reason=reason,
        )
        if moved:
            subject = f"campaign:{campaign_id}"
            audit.record(session, agency_id, audit.Did.CAMPAIGN_PAUSED, subject, by=None, reason=reason)
            news = News.BRAKED if reason in (FAILED, FILTERED) else News.PAUSED
            notices.tell(session, moved, news, by=None, reason=reason)
    if moved:
        log.warning("campaign paused itself", agency=agency_id, campaign=campaign_id, reason=reason)
    return moved is not None


def check(sessions: AgencySessions, agency_id: int, campaign_id: int, failures: Collection[str]) -> str | None:
    """Pause a running campaign if its latest messages, or the reasons they just failed for, say so; the reason why.

    Commits. May be called again at any time: outcomes from before the campaign was last resumed do not count.
    """
    reason = next((failure for failure in failures if failure in CONCERNS_SENDER), None)
    reason = reason or _too_many(sessions, agency_id, campaign_id)
    if reason is None or not pause(sessions, agency_id, campaign_id, reason):
        return None
    return reason


def _too_many(sessions: AgencySessions, agency_id: int, campaign_id: int) -> str | None:
    with sessions(agency_id)() as session:
        campaign, agency = campaigns.get(session, agency_id, campaign_id), agencies.get(session, agency_id)
        if campaign is None or agency is None or campaign.state != CampaignState.RUNNING:
            return None
        since = campaign.resumed_at
        outcomes = [
            figures.latest_outcomes(session, agency_id, campaign_id, channel, since=since, number=OUTCOMES)
            for channel in Channels(campaign.channels).each
        ]
    verdicts = (_verdict(agency, found) for found in outcomes)
    return next((verdict for verdict in verdicts if verdict), None)


def _verdict(agency: Agency, found: dict[tuple[str, str | None], int]) -> str | None:
    """What the latest outcomes on one channel say: on another a thousand may go well meanwhile."""
    handed = found.pop((State.SENT, None), 0)
    total = sum(found.values())
    failed = sum(number for (state, _), number in found.items() if state == State.FAILED)
    filtered = found.get((State.FAILED, Failure.FILTERED), 0)
    if total < FEWEST:
        return None
    # A refusal comes at once, word of a delivery after a while: until then the others count by their number.
    total = max(total, handed)
    if filtered * 100 > agency.brake_filtered * total:
        return FILTERED
    return FAILED if failed * 100 > agency.brake_failed * total else None
