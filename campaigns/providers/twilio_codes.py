"""Twilio's words for what happened, in ours (DOMAIN 1.2 and 1.12)."""

from typing import Final

from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure

# Statuses that are absent here (queued, sending, accepted, scheduled) move nothing.
STATUS: Final = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}

CODE: Final = {
    20003: Failure.CREDENTIALS,
    20404: Failure.CREDENTIALS,
    21211: Failure.NUMBER_INVALID,
    21266: Failure.NUMBER_INVALID,
    21408: Failure.REGION_CLOSED,
    21602: Failure.TEXT_REFUSED,
    21603: Failure.SENDER_REFUSED,
    21604: Failure.NUMBER_INVALID,
    21606: Failure.SENDER_REFUSED,
    21212: Failure.SENDER_REFUSED,
    21659: Failure.SENDER_REFUSED,
    21660: Failure.SENDER_REFUSED,
    21661: Failure.SENDER_REFUSED,
    21608: Failure.TRIAL_ACCOUNT,
    21610: Failure.REFUSED_BY_PERSON,
    21611: Failure.QUEUE_FULL,
    14107: Failure.BLOCKED,
    21612: Failure.NO_ROUTE,
    21614: Failure.LANDLINE,
    21635: Failure.LANDLINE,
    21617: Failure.TEXT_REFUSED,
    21657: Failure.NO_ROUTE,
    21703: Failure.SENDER_REFUSED,
    21704: Failure.SENDER_REFUSED,
    30001: Failure.QUEUE_FULL,
    30002: Failure.ACCOUNT,
    30003: Failure.UNREACHABLE,
    30004: Failure.BLOCKED,
    30005: Failure.NUMBER_UNKNOWN,
    30006: Failure.LANDLINE,
    30007: Failure.FILTERED,
    30008: Failure.CARRIER,
    30032: Failure.SENDER_REFUSED,
    30034: Failure.SENDER_REFUSED,
    30036: Failure.TOO_LATE,
    30039: Failure.BLOCKED,
    30410: Failure.CARRIER,
    30450: Failure.BLOCKED,
    30610: Failure.BLOCKED,
    30640: Failure.BLOCKED,
    63017: Failure.QUEUE_FULL,
    63018: Failure.QUEUE_FULL,
    63038: Failure.ACCOUNT,
}

# Certainly not taken, and may be later: code -> seconds to wait.
LATER: Final = {
    21611: 600.0,  # this sender has ten hours queued
    63017: 1.0,  # over the rate of the account
    63018: 1.0,  # over the rate of the channel
}


def failure(code: int | str | None) -> Failure:
    """Our word for one of Twilio's codes; what is unknown or missing is OTHER."""
    try:
        return CODE.get(int(code or 0), Failure.OTHER)
    except ValueError:
        return Failure.OTHER
