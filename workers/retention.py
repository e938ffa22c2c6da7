"""Takes away what an agency keeps no longer."""

from datetime import UTC, datetime

from campaigns import retention, wakeup
from workers import context


def run(agency_id: int, _subject: int = 0) -> None:
    """Take away what is older than the agency wants it kept; what a job does not get done is the next one's."""
    with context.job("retention", agency=agency_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.RETENTION, agency_id)
        retention.run(tools.sessions, agency_id, now=datetime.now(UTC))
