"""Sends urgent campaigns: the same job as any other campaign's, in a queue that is looked at first."""

from campaigns.wakeup import Work
from workers import dispatch


def send(agency_id: int, campaign_id: int) -> None:
    """Send what is queued of an urgent campaign."""
    dispatch.send_in(Work.URGENT, agency_id, campaign_id)
