"""What the delivery state machine knows: the world it acts on, and what worker and provider remember of one example."""

from dataclasses import dataclass, field

from sqlalchemy import Engine, text

from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure
from campaigns.store.agencies import Agency, Sender
from campaigns.store.engine import AgencySessions
from campaigns.store.results import Result
from campaigns.store.windows import Gate


@dataclass
class Message:
    """What the provider has taken."""

    delivery: int
    attempt: int
    ref: str
    state: State = State.SENT  # what the provider says when it is asked
    reason: Failure | None = None
    is_over: bool = False


@dataclass
class Hand:
    """A delivery in a worker's hand."""

    delivery: int
    attempt: int


@dataclass
class Told:
    """A receipt on its way; one that is lost is never posted, one without ids has to be matched."""

    message: Message
    state: State
    reason: Failure | None
    has_ids: bool
    is_lost: bool


@dataclass
class Row:
    """A delivery as it stands."""

    state: State
    reason: str | None
    attempt: int
    charged: int
    again: int
    ref: str | None


@dataclass
class World:
    """What the machine acts on; set by the test."""

    sessions: AgencySessions
    owner: Engine
    agency: Agency
    sender: Sender
    campaign_id: int
    gate: Gate
    examples: int = 0

    def begin_anew(self) -> None:
        """An example sees nothing of the one before, also when that one failed."""
        self.examples += 1
        with self.owner.begin() as connection:
            connection.execute(
                text("DELETE FROM delivery; DELETE FROM figure; DELETE FROM receipt; DELETE FROM opt_out")
            )


WORLD: list[World] = []


@dataclass
class Model:
    """What worker and provider know in one example."""

    ids: list[int] = field(default_factory=list)
    parts: dict[int, int] = field(default_factory=dict)
    indexes: dict[int, bytes] = field(default_factory=dict)
    hands: list[Hand] = field(default_factory=list)
    landing: list[tuple[Result, bool]] = field(default_factory=list)  # result, whether it is a proof of absence
    landed: list[Result] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    aged: set[int] = field(default_factory=set)
