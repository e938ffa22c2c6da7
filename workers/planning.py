"""Plans the audience of submitted campaigns."""

from datetime import UTC, datetime

from campaigns import planning, wakeup
from campaigns.rules.frequency import Cap
from workers import context


def plan(agency_id: int, campaign_id: int) -> None:
    """Plan a campaign's audience to its end."""
    with context.job("plan", agency=agency_id, campaign=campaign_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.PLAN, agency_id, campaign_id)
        shared = Cap(*tools.settings.shared_cap) if tools.settings.shared_cap else None
        planning.plan(tools.sessions, agency_id, campaign_id, now=datetime.now(UTC), shared=shared)
