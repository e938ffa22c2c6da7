"""The queues a worker watches, the most urgent first. A job's module names its queue (campaigns/wakeup.py)."""

from typing import Final

WATCHED: Final = ("receipts", "upkeep", "schedule", "urgent", "planning", "imports", "dispatch")
