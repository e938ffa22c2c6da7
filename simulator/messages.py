"""The carrier's record of messages, and the phones that hold them."""

import itertools
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from urllib.parse import parse_qsl

from simulator.accounts import Account
from simulator.faults import Outcome

FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received"})
NOT_REACHED = frozenset({"undelivered", "failed", "canceled"})
OUTBOUND, REPLY, INBOUND = "outbound-api", "outbound-reply", "inbound"
ERRORS = {
    21610: "Attempt to send to unsubscribed recipient",
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30036: "Validity Period Expired",
}
_SIDS = itertools.count(secrets.randbits(127))


def new_sid() -> str:
    """Return a message's sid, never the same twice."""
    return f"SM{next(_SIDS):032x}"


@dataclass(slots=True, eq=False)
class Message:
    """One message as the carrier keeps it. Times are seconds since 1970."""

    account: Account
    to: str
    sender: str | None
    body: str
    parts: int
    created_at: float
    direction: str = OUTBOUND
    status: str = "queued"
    service: str | None = None
    callback: str | None = None
    validity: int = 36_000
    expires_at: float = 0.0
    send_at: float | None = None
    outcome: Outcome | None = None
    sid: str = field(default_factory=new_sid)
    number: int = 0  # place in the account's list
    updated_at: float = 0.0
    sent_at: float | None = None
    error_code: int | None = None
    redacted: bool = False
    began_at: float = 0.0  # when the head of the create call had come

    @property
    def reached(self) -> bool:
        """May this message have reached the phone?"""
        return self.status not in NOT_REACHED

    def ids(self) -> dict[str, str]:
        """Return what the sender's system wrote into the query of its callback address: c, d and n, if any."""
        query = (self.callback or "").partition("#")[0].partition("?")[2]
        if "%" in query or "+" in query:
            return dict(parse_qsl(query))
        pairs = (pair.partition("=") for pair in query.split("&"))
        return {name: value for name, _, value in pairs if value}

    def resource(self) -> dict[str, object]:
        """Return the message as the API shows it (field names and types of Twilio's 2010-04-01 Message)."""
        uri = f"{self.account.path}/Messages/{self.sid}"
        picked = self.service is None or self.status not in ("accepted", "scheduled")
        price = f"-{0.0075 * self.parts:.5f}" if self.sent_at and self.direction != INBOUND else None
        return {
            "account_sid": self.account.sid,
            "api_version": "2010-04-01",
            "body": "" if self.redacted else self.body,
            "date_created": rfc2822(int(self.created_at)),
            "date_sent": rfc2822(int(self.sent_at)) if self.sent_at else None,
            "date_updated": rfc2822(int(self.updated_at or self.created_at)),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": ERRORS.get(self.error_code, "Unknown error") if self.error_code else None,
            "from": self.sender,
            "messaging_service_sid": self.service,
            "num_media": "0",
            "num_segments": str(self.parts) if picked else "0",
            "price": price,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": uri + "/Media.json"},
            "to": self.to,
            "uri": uri + ".json",
        }

    def fresh(self) -> str:
        """Return `json.dumps(resource())` in a third of the time, for a message that was accepted just now."""
        path, day = self.account.path, rfc2822(int(self.created_at))
        sender = "null" if self.sender is None else quote(self.sender)
        service = "null" if self.service is None else quote(self.service)
        picked = self.service is None or self.status not in ("accepted", "scheduled")
        return (
            f'{{"account_sid": "{self.account.sid}", "api_version": "2010-04-01", "body": {quote(self.body)},'
            f' "date_created": "{day}", "date_sent": null, "date_updated": "{day}", "direction": "{self.direction}",'
            f' "error_code": null, "error_message": null, "from": {sender},'
            f' "messaging_service_sid": {service}, "num_media": "0",'
            f' "num_segments": "{self.parts if picked else 0}", "price": null, "price_unit": "USD",'
            f' "sid": "{self.sid}", "status": "{self.status}",'
            f' "subresource_uris": {{"media": "{path}/Messages/{self.sid}/Media.json"}},'
            f' "to": "{self.to}", "uri": "{path}/Messages/{self.sid}.json"}}'
        )


@lru_cache(maxsize=4096)
def rfc2822(second: int) -> str:
    """Return a whole second since 1970 the way the API writes times."""
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(second))


class Phone:
    """A person's phone: everything it got and wrote, oldest first."""

    __slots__ = ("_repeats", "accepted_count", "messages", "number", "per_campaign", "version")

    def __init__(self, number: str) -> None:
        self.number = number
        self.messages: list[Message] = []
        self.accepted_count = 0
        self.per_campaign: Counter[str] | None = None  # most phones get one message: counted from the second on
        self.version = 0
        self._repeats = (-1, False)  # the version it was found at: an open wall asks every phone every second

    def accepted(self) -> list[Message]:
        """Return what came to the phone by a create call, in order."""
        return [message for message in self.messages if message.direction == OUTBOUND]

    def add(self, message: Message) -> bool:
        """Put a message on the phone; True if its campaign had written before."""
        self.messages.append(message)
        if message.direction != OUTBOUND:
            return False
        self.accepted_count += 1
        if self.accepted_count == 1:
            return False
        if self.per_campaign is None:
            self.per_campaign = Counter(campaign_of(each) for each in self.accepted())
        else:
            self.per_campaign[campaign_of(message)] += 1
        return self.per_campaign[campaign_of(message)] > 1

    def repeats(self) -> bool:
        """Did one campaign (or, outside campaigns, one text) come more than once without an earlier one failing?"""
        if self._repeats[0] != self.version:
            reached = Counter(campaign_of(message) for message in self.accepted() if message.reached)
            self._repeats = (self.version, any(count > 1 for count in reached.values()))
        return self._repeats[1]


def campaign_of(message: Message) -> str:
    """Return what makes two messages to one phone a repetition: the same campaign, or without one the same text."""
    return message.ids().get("c") or message.body


class Messages:
    """All messages by sid, by account and by phone. Deleting one takes it from the API, not from the phone."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Message] = {}
        self._by_account: dict[str, list[Message]] = {}
        self._count = itertools.count(1)
        self.phones: OrderedDict[str, Phone] = OrderedDict()  # the one with the latest news last
        self.maybe_repeated: dict[str, Phone] = {}
        self.version = 0
        self.accepted = 0

    def add(self, message: Message) -> None:
        """Record a message for the API and for the phone it is about."""
        message.number = next(self._count)
        self._by_sid[message.sid] = message
        self._by_account.setdefault(message.account.sid, []).append(message)
        phone = self.phone(message.sender or "" if message.direction == INBOUND else message.to)
        self.accepted += message.direction == OUTBOUND
        if phone.add(message):
            self.maybe_repeated[phone.number] = phone
        self.phones.move_to_end(phone.number)
        self.touch(phone)

    def phone(self, number: str) -> Phone:
        """Return the phone of a number, a new one if nobody wrote to it yet."""
        if number not in self.phones:
            self.phones[number] = Phone(number)
        return self.phones[number]

    def touch(self, phone: Phone) -> None:
        """Note that something on a phone changed, so that an open wall fetches it."""
        self.version += 1
        phone.version = self.version

    def move(self, message: Message, status: str, now: float, error_code: int | None = None) -> None:
        """Give a message its next status."""
        message.status, message.updated_at, message.error_code = status, now, error_code
        if status == "sent":
            message.sent_at = now
        phone = self.phones.get(message.to)
        if phone is not None:
            self.touch(phone)

    def get(self, account: Account, sid: str) -> Message | None:
        """Return an account's message, or None if it has no such message (any more)."""
        found = self._by_sid.get(sid)
        return found if found is not None and found.account is account else None

    def delete(self, message: Message) -> None:
        """Take a message out of the API."""
        del self._by_sid[message.sid]

    def newest_first(self, account: Account, *, to: str | None, before: int | None) -> Iterator[Message]:
        """Return an account's messages, newest first, those after place `before` left out.

        `to` narrows to one recipient without walking through everybody's.
        """
        kept = self._by_account.get(account.sid, [])
        if to is not None and to in self.phones:
            kept = [m for m in self.phones[to].messages if m.account is account and m.direction != INBOUND]
        for message in reversed(kept):
            if (before is None or message.number < before) and message.sid in self._by_sid:
                yield message
