"""What the engine asks of a provider, and errors that say what to do next."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from campaigns.rules.lifecycle import State
from campaigns.rules.outcomes import Failure


class Security(StrEnum):
    """How the line to a mail server is kept private. Without it only on this machine itself."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True)
class Server:
    """Where a sender's mails are handed over."""

    host: str
    port: int
    security: Security = Security.STARTTLS


@dataclass(frozen=True)
class Account:
    """Whom a provider sends as. `address` is what people see; `secret` is opened from the vault for this use only.

    `server` is set for mail, where `account` is the name to log in with; without one nobody logs in.
    """

    sender_id: int
    address: str
    account: str
    secret: str = field(repr=False)
    server: Server | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to hand over. `validity` is in seconds; `callback_url` carries campaign, delivery and attempt.

    A mail comes ready as `content`, headers and all, and `return_path` carries its delivery.
    """

    to: str
    body: str
    callback_url: str
    validity: int
    content: bytes = field(default=b"", repr=False)
    return_path: str = ""


@dataclass(frozen=True)
class Found:
    """A message the provider has, as found by asking: its reference and where it stands by now."""

    provider_ref: str
    state: State
    reason: Failure | None


@dataclass(frozen=True)
class Reported:
    """A provider's report on one message; `state` is None for news that moves nothing (queued, sending)."""

    provider_ref: str
    state: State | None
    reason: Failure | None


@dataclass(frozen=True)
class Received:
    """A text from a person. `answered` is stop, start or help when the provider has answered by itself already."""

    provider_ref: str
    address: str
    to: str
    body: str
    answered: str | None


class Refused(Exception):
    """Will be refused again: fail it."""

    def __init__(self, reason: Failure) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSent(Exception):
    """Certainly not taken: back to the queue, not before `after` seconds.

    `only_this`: it was about this message alone, others may go meanwhile; in the end it fails for `reason`.
    """

    def __init__(self, after: float, *, only_this: bool = False, reason: Failure = Failure.OTHER) -> None:
        super().__init__(f"not before {after} s")
        self.after, self.only_this, self.reason = after, only_this, reason


class Unclear(Exception):
    """May have been taken: park it as unknown, never send it again by ourselves."""


class Provider(Protocol):
    """A vendor's connection for one sender, living on one event loop."""

    async def send(self, message: Outgoing) -> str:
        """Hand over; returns the provider's reference within settings.provider_timeout.

        Raises Refused, NotSent or Unclear.
        """
        ...

    async def find(self, message: Outgoing, since: datetime, known: Collection[str] = ()) -> Found | None:
        """What became of a message whose answer was lost: by To, exact text and time; None proves its absence.

        `known` are references of other messages to the same address. Raises NotSent when the provider cannot be asked
        now, or when what it holds proves neither.
        """
        ...

    async def look(self, ref: str) -> Found | None:
        """Where the message with this reference stands by now; None if the provider does not know it.

        Raises NotSent when the provider cannot be asked now.
        """
        ...

    async def close(self) -> None:
        """Give the connections back. May be called twice."""
        ...


class Hooks(Protocol):
    """What a vendor posts to us: checked, then read into our own words."""

    def is_genuine(self, secret: str, url: str, form: Mapping[str, str], signature: str | None) -> bool:
        """Whether the vendor signed exactly this request."""
        ...

    def read_report(self, form: Mapping[str, str]) -> Reported | None:
        """The report, or None if the form lacks what it must have."""
        ...

    def read_text(self, form: Mapping[str, str]) -> Received | None:
        """The text, or None if the form lacks what it must have."""
        ...
