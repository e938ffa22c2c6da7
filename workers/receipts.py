"""Applies what providers reported."""

from campaigns import receipts, wakeup
from workers import context


def apply(agency_id: int, _subject: int = 0) -> None:
    """Apply all waiting receipts of an agency."""
    with context.job("receipts", agency=agency_id) as tools:
        wakeup.heard(tools.valkey, wakeup.Work.RECEIPTS, agency_id)
        receipts.apply(tools.sessions, agency_id)
