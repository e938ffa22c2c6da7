"""Starts campaigns whose time has come."""

from datetime import UTC, datetime

from campaigns import scheduling, wakeup
from workers import context


def start(agency_id: int, campaign_id: int) -> None:
    """Start a scheduled campaign, or leave it to a person if its time passed too long ago."""
    with context.job("start", agency=agency_id, campaign=campaign_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.START, agency_id, campaign_id)
        started = scheduling.start_due(tools.sessions, agency_id, campaign_id, now=datetime.now(UTC))
        if started:
            wakeup.send(tools.valkey, agency_id, campaign_id, urgent=started.is_urgent)
