"""The states of campaigns and deliveries, and every move that is allowed between them (DESIGN section 4)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class CampaignState(StrEnum):
    """Where a campaign stands. Stored as written here."""

    DRAFT = "draft"
    PLANNING = "planning"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class State(StrEnum):
    """Where a delivery stands. Stored as written here."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    SKIPPED = "skipped"


class Reason(StrEnum):
    """Why a delivery was skipped. Reasons of failure come from the provider contract."""

    OPTED_OUT = "opted_out"
    NO_TEXT = "no_text"
    CHANGED = "changed"
    EXPIRED = "expired"
    STOPPED = "stopped"
    NO_GROUND = "no_ground"
    NO_MOBILE = "no_mobile"
    NO_EMAIL = "no_email"
    BOUNCED = "bounced"  # mails to this address came back for good
    SHARED = "shared"  # another contact has the same address, and gets it
    AFTER_SMS = "after_sms"  # of a queued mail: it goes only if the SMS fails for good
    NOT_NEEDED = "not_needed"  # the SMS arrived, or may have
    LATELY = "lately"  # they were written to as often as the agency, or all of them, may
    BUDGET = "budget"  # the parts that the campaign or the agency's month may cost are used up


class Amends(StrEnum):
    """What a campaign does to the one it follows."""

    CORRECT = "correct"
    WITHDRAW = "withdraw"


CAMPAIGN_MOVES: Final[dict[CampaignState, frozenset[CampaignState]]] = {
    CampaignState.DRAFT: frozenset({CampaignState.PLANNING, CampaignState.CANCELLED}),
    CampaignState.PLANNING: frozenset({CampaignState.SUBMITTED, CampaignState.DRAFT, CampaignState.CANCELLED}),
    CampaignState.SUBMITTED: frozenset({CampaignState.APPROVED, CampaignState.DRAFT, CampaignState.CANCELLED}),
    CampaignState.APPROVED: frozenset(
        {CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.DRAFT, CampaignState.CANCELLED}
    ),
    # Back to approved: its time passed while nothing ran, and a person must say whether it still makes sense.
    CampaignState.SCHEDULED: frozenset(
        {CampaignState.RUNNING, CampaignState.APPROVED, CampaignState.DRAFT, CampaignState.CANCELLED}
    ),
    CampaignState.RUNNING: frozenset({CampaignState.PAUSED, CampaignState.STOPPING, CampaignState.FINISHED}),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.STOPPING, CampaignState.FINISHED}),
    CampaignState.STOPPING: frozenset({CampaignState.STOPPED}),
    CampaignState.FINISHED: frozenset(),
    CampaignState.STOPPED: frozenset(),
    CampaignState.CANCELLED: frozenset(),
}

# Also: sending -> queued is "certainly not taken", unknown -> queued "proven absent", failed -> queued "a counted new
# attempt", queued -> failed "that attempt is given up", unconfirmed -> delivered | failed "a late receipt".
MOVES: Final[dict[State, frozenset[State]]] = {
    # queued -> sent | delivered: a receipt shows that an attempt we held for lost had reached the provider after all.
    State.QUEUED: frozenset({State.SENDING, State.SKIPPED, State.SENT, State.DELIVERED, State.FAILED}),
    State.SENDING: frozenset({State.QUEUED, State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN, State.SKIPPED}),
    # unknown -> skipped: a worker wrote late that there was nothing to hand over.
    State.UNKNOWN: frozenset(
        {State.QUEUED, State.SENT, State.DELIVERED, State.FAILED, State.UNCONFIRMED, State.SKIPPED}
    ),
    State.SENT: frozenset({State.DELIVERED, State.FAILED, State.UNCONFIRMED}),
    State.FAILED: frozenset({State.QUEUED}),
    State.UNCONFIRMED: frozenset({State.DELIVERED, State.FAILED}),
    State.DELIVERED: frozenset(),
    State.SKIPPED: frozenset(),
}

# The phone or the mailbox has it, or may have it. A failed message certainly did not arrive.
HANDED_OVER: Final = (State.SENT, State.DELIVERED, State.UNCONFIRMED, State.UNKNOWN)
FINAL: Final = frozenset({State.DELIVERED, State.FAILED, State.UNCONFIRMED, State.SKIPPED})
EDITABLE: Final = frozenset(
    {CampaignState.SUBMITTED, CampaignState.APPROVED, CampaignState.SCHEDULED, CampaignState.DRAFT}
)


def came_from(new: State) -> list[State]:
    """The states from which a delivery may move to `new`."""
    return [old for old, allowed in MOVES.items() if new in allowed]


def receipt_may_move(old: State, new: State) -> bool:
    """Whether a receipt may move a delivery: only forward, never back into the queue.

    A failure told once more must not take back the new attempt it led to.
    """
    return new is not State.QUEUED and (old, new) != (State.QUEUED, State.FAILED) and new in MOVES[old]


def further(states: Iterable[State]) -> State:
    """The furthest of the states a provider reported for one attempt: a final one beats `sent`."""
    rank = {State.SENT: 1, State.FAILED: 2, State.DELIVERED: 3}
    return max(states, key=lambda state: rank.get(state, 0))
