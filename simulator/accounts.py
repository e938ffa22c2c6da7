"""Who may use the carrier: accounts with their token, senders, messaging services and opt-out handling."""

import base64
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.messages import Message

_SID = re.compile(r"AC[0-9a-f]{32}")
_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 ]{1,11}")


class OptOut(StrEnum):
    """Who answers a STOP: the carrier's English words, the words an agency added to them, or nobody but the agency."""

    DEFAULT = "default"
    ADVANCED = "advanced"
    OFF = "off"


@dataclass(eq=False)
class Sender:
    """A number, short code or name that writes to phones, and the queue of what waits to leave from it."""

    number: str
    account: "Account"
    inbound_url: str | None = None
    queue: "deque[Message]" = field(default_factory=deque)
    queued_parts: int = 0
    free_at: float = 0.0  # when the sender may let the next part go
    turn: int = 0  # a drain that was planned in an earlier turn does nothing

    @property
    def is_short_code(self) -> bool:
        """Is this a short code? The carrier handles no STOP for those."""
        return self.number.isdigit()


@dataclass(eq=False)
class Account:
    """One customer of the carrier."""

    sid: str
    token: str
    opt_out: OptOut = OptOut.DEFAULT
    inbound_url: str | None = None
    senders: dict[str, Sender] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Return where this account's resources live."""
        return f"/2010-04-01/Accounts/{self.sid}"

    def secret(self) -> bytes:
        """Return what webhooks of this account are signed with: the token, also when a key made the call."""
        return self.token.encode()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `POST /control/accounts` asks for; None leaves what an account already has."""

    sid: str
    token: str
    numbers: list[str]
    services: dict[str, list[str]]
    keys: dict[str, str]
    inbound_url: str | None = None
    opt_out: OptOut | None = None

    def check(self) -> None:
        """Raise ValueError with a sentence if a part of it cannot be."""
        if not _SID.fullmatch(self.sid):
            raise ValueError(f"sid={self.sid!r}: write AC and 32 hexadecimal digits")
        if not self.token:
            raise ValueError("token: must not be empty")
        for number in self.numbers:
            if not _NUMBER.fullmatch(number):
                raise ValueError(f"numbers: {number!r} is no +number, short code or name of up to 11 letters")
        for service in self.services:
            if not _SERVICE_SID.fullmatch(service):
                raise ValueError(f"services: {service!r} is not MG and 32 hexadecimal digits")
        if self.inbound_url and not self.inbound_url.startswith(("http://", "https://")):
            raise ValueError(f"inbound_url={self.inbound_url!r}: write an http or https address")


class Accounts:
    """All accounts, found by the Authorization header of a call, by sid, or by a sender's number."""

    def __init__(self) -> None:
        self.by_sid: dict[str, Account] = {}
        self._by_header: dict[str, Account] = {}
        self._by_number: dict[str, Sender] = {}
        self.version = 0  # another one after every change

    def register(self, wanted: Wanted) -> Account:
        """Add an account, or change an existing one: token and numbers are replaced by what is given.

        Raises ValueError with a sentence when a number belongs to another account.
        """
        wanted.check()
        account = self.by_sid.get(wanted.sid)
        for number in wanted.numbers:
            owner = self._by_number.get(number)
            if owner is not None and owner.account.sid != wanted.sid:
                raise ValueError(f"numbers: {number} belongs to another account")
        if account is None:
            account = self.by_sid[wanted.sid] = Account(wanted.sid, wanted.token)
        account.token = wanted.token
        account.opt_out = wanted.opt_out or account.opt_out
        account.inbound_url = wanted.inbound_url or account.inbound_url
        account.services |= wanted.services
        account.keys |= wanted.keys
        self._add_senders(account, wanted)
        self._index_headers()
        return account

    def _add_senders(self, account: Account, wanted: Wanted) -> None:
        pooled = {number for pool in wanted.services.values() for number in pool}
        for number in [*wanted.numbers, *sorted(pooled - set(wanted.numbers))]:
            sender = account.senders.setdefault(number, Sender(number, account))
            sender.inbound_url = wanted.inbound_url or sender.inbound_url
            self._by_number[number] = sender

    def _index_headers(self) -> None:
        self.version += 1
        self._by_header = {
            header(name, secret): account
            for account in self.by_sid.values()
            for name, secret in {account.sid: account.token, **account.keys}.items()
        }

    def authenticated(self, authorization: str) -> Account | None:
        """Return the account whose sid and token, or key and secret, the header holds."""
        found = self._by_header.get(authorization)
        if found is None and authorization[:6].lower() == "basic ":
            found = self._by_header.get("Basic " + authorization[6:].strip())
        return found

    def sender(self, number: str) -> Sender | None:
        """Return the sender with this number, whoever owns it."""
        return self._by_number.get(number)

    def senders(self) -> Iterable[Sender]:
        """Return every sender of every account."""
        return self._by_number.values()


def header(name: str, secret: str) -> str:
    """Return the Authorization header that a client makes of a name and its secret."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
