"""Mails as they came, per recipient. The bytes are kept; of them only the Message-ID is read before somebody asks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count

_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.I | re.M)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


@dataclass(slots=True)
class Act:
    """Something its reader did with a mail: unsubscribe, reply, spam or bounce; and what became of it."""

    at: float
    kind: str
    result: str


@dataclass(slots=True, eq=False)
class Mail:
    """One accepted mail. Times are seconds since 1970, of the simulator's clock."""

    id: int
    sender: str  # of the envelope; empty for the null return path
    recipients: tuple[str, ...]
    raw: bytes
    began_at: float  # when its MAIL command came
    received_at: float  # when its last byte came
    tls: bool = False
    message_id: str = ""
    outcomes: tuple[str, ...] = ()  # what becomes of it, recipient by recipient
    answer: str | None = None  # None while unanswered, and for ever when the answer was lost
    acts: list[Act] = field(default_factory=list)

    def addresses(self) -> list[str]:
        """Return the recipients as mailboxes are named."""
        return [recipient.lower() for recipient in self.recipients]

    def outcome_for(self, address: str) -> str:
        """Return what becomes of it for the recipient with this mailbox."""
        return self.outcomes[self.addresses().index(address)]

    def head(self) -> bytes:
        """Return the header section, without the empty line."""
        if self.raw.startswith(b"\r\n"):
            return b""
        end = self.raw.find(b"\r\n\r\n")
        return self.raw if end < 0 else self.raw[:end]

    def headers(self) -> list[tuple[str, str]]:
        """Return names and values in order, unfolded, otherwise as they stand."""
        lines = _FOLD.sub(b"", self.head()).split(b"\r\n")
        pairs = (line.decode("utf-8", "replace").partition(":") for line in lines)
        return [(name, value.strip()) for name, colon, value in pairs if colon]

    def header(self, name: str) -> str:
        """Return the first value of a header, unfolded and undecoded; empty when it is not there."""
        found = _pattern(name).search(self.head())
        return _FOLD.sub(b"", found[1]).strip().decode("utf-8", "replace") if found else ""


@lru_cache(maxsize=200)
def _pattern(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"^" + re.escape(name.encode()) + rb":((?:[^\r\n]|\r?\n[ \t])*)", re.I | re.M)


class Mailboxes:
    """All mailboxes, that with the latest mail last. An address is found whatever its letters' case."""

    def __init__(self) -> None:
        self.by_address: dict[str, list[Mail]] = {}
        self.by_id: dict[int, Mail] = {}
        self.repeated: dict[str, int] = {}  # mailboxes with a Message-ID more than once, and how often too often
        self.version = 0
        self._ids = count(1)
        self._seen: set[tuple[str, str]] = set()

    def next_id(self) -> int:
        """Return the number of the next mail."""
        return next(self._ids)

    def count(self, address: str) -> int:
        """Return how many mails an address has."""
        return len(self.by_address.get(address.lower(), ()))

    def add(self, mail: Mail) -> None:
        """Put a mail into the mailboxes of its recipients."""
        found = _MESSAGE_ID.search(mail.head())
        mail.message_id = found[1].decode("utf-8", "replace") if found else ""
        self.by_id[mail.id] = mail
        self.version += 1
        for recipient in mail.recipients:
            address = recipient.lower()
            box = self.by_address.pop(address, None)
            if box is None:
                box = []
            self.by_address[address] = box
            box.append(mail)
            if (address, mail.message_id) in self._seen and mail.message_id:
                self.repeated[address] = self.repeated.get(address, 0) + 1
            self._seen.add((address, mail.message_id))

    def changed(self) -> None:
        """Tell an open page that something about a mail changed."""
        self.version += 1

    def items(self, address: str | None = None) -> Iterable[tuple[str, list[Mail]]]:
        """Return mailboxes with their mails: that of one address, or all there are at this moment."""
        if address is None:
            return list(self.by_address.items())
        box = self.by_address.get(address.lower())
        return [(address.lower(), box)] if box else []
