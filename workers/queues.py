"""The queues a worker watches, the most urgent first. A job's module names its queue (campaigns/wakeup.py)."""

from typing import Final

SHORT: Final = ("receipts", "upkeep", "schedule")
WATCHED: Final = (*SHORT, "urgent", "planning", "imports", "dispatch")
