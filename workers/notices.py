"""Mails staff their news."""

from datetime import UTC, datetime

from campaigns import notifying, wakeup
from workers import context


def mail(agency_id: int, _subject: int = 0) -> None:
    """Mail what an agency's staff have not been told yet."""
    with context.job("notices", agency=agency_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.NOTICES, agency_id)
        now = datetime.now(UTC)
        context.run(lambda stop: notifying.mail(tools.sessions, tools.settings, agency_id, now=now, stop=stop))
