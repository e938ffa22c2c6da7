"""The queues a worker watches, the most urgent first. A job's module names its queue (campaigns/wakeup.py)."""

from typing import Final

# What must begin at its time stands before upkeep, of which there may be much while many campaigns wait for news.
SHORT: Final = ("receipts", "schedule", "upkeep", "notices")
WATCHED: Final = (*SHORT, "urgent", "planning", "imports", "dispatch", "retention")
