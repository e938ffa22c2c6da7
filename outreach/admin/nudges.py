"""Nudges after this request's work is stored: they may be lost, the clock finds the work anyway."""

from collections.abc import Callable
from functools import partial

import redis
from flask import current_app, g

from campaigns import wakeup
from outreach import sessions
from outreach.database import Connections


def plan(campaign_id: int) -> None:
    """Somebody should plan this campaign."""
    _after(wakeup.plan, campaign_id)


def send(campaign_id: int, *, urgent: bool) -> None:
    """Somebody should send this campaign, before others if it is urgent."""
    _after(partial(wakeup.send, urgent=urgent), campaign_id)


def settle(campaign_id: int) -> None:
    """Somebody should look at what became of this campaign."""
    _after(wakeup.settle, campaign_id)


def import_file(import_id: int) -> None:
    """Somebody should go on with this import."""
    _after(wakeup.import_file, import_id)


def _after(nudge: Callable[[redis.Redis, int, int], bool], subject: int) -> None:
    connections: Connections = current_app.extensions["connections"]
    agency_id: int = g.agency_id
    sessions.after_commit(lambda: nudge(connections.valkey, agency_id, subject))
