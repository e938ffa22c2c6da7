"""Sends campaigns."""

from datetime import UTC, datetime

from campaigns import dispatch, wakeup
from workers import context


def send(agency_id: int, campaign_id: int) -> None:
    """Send what is queued of a campaign for up to a minute; on SIGTERM finish what is in flight."""
    send_in(wakeup.Work.SEND, agency_id, campaign_id)


def send_in(lane: wakeup.Work, agency_id: int, campaign_id: int) -> None:
    """The same for either lane: each has a nudge of its own to take back."""
    with context.job("send", agency=agency_id, campaign=campaign_id) as tools:
        wakeup.heard(tools.valkey, lane, agency_id, campaign_id)
        now = datetime.now(UTC)
        context.run(lambda stop: dispatch.send(tools, agency_id, campaign_id, now=now, stop=stop))
