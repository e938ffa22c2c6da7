"""Settles what no worker has in hand any more."""

from datetime import UTC, datetime

from campaigns import settling, wakeup
from workers import context


def settle(agency_id: int, campaign_id: int) -> None:
    """Ask about unknowns, end what is over."""
    with context.job("settle", agency=agency_id, campaign=campaign_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.SETTLE, agency_id, campaign_id)
        now = datetime.now(UTC)
        context.run(lambda _stop: settling.settle(tools, agency_id, campaign_id, now=now))
