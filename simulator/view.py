"""What a page of the wall shows: phones or tally rows, searched and cut into pages."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Generic, TypeVar

from simulator.messages import INBOUND, Message, Messages, Phone, campaign_of

PHONES_A_PAGE = 24
ROWS_A_PAGE = 50
_SHORT, _LONG = 3, 200  # messages of a phone among others, and of one that was searched for
_LIMA = timezone(timedelta(hours=-5))  # no summer time since 1994; a fixed offset needs no time-zone data
_MOBILE = re.compile(r"(?:\+?51)?(9[0-9]{8})")
_LIMA_LANDLINE = re.compile(r"\+511([0-9]{3})([0-9]{4})")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the visitor looks for."""

    q: str
    page: int

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Asked":
        """Read the query of an address; what makes no sense counts as not given."""
        page = query.get("page", "")
        q = "".join(character for character in query.get("q", "") if character.isdigit() or character == "+")[:16]
        return cls(q, max(1, int(page)) if page.isascii() and page.isdecimal() and len(page) < 7 else 1)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows."""

    rows: list[T]
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message on a phone."""

    sid: str
    text: str
    mine: bool
    sender: str
    time: str
    status: str
    error_code: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One phone on the wall, newest message first."""

    number: str
    version: int
    bubbles: list[Bubble]
    total: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the tally: a phone and a campaign (or, outside campaigns, a text)."""

    number: str
    campaign: str | None
    text: str
    times: int
    repeated: bool
    status: str
    error_code: int | None
    time: str


def phones_page(messages: Messages, asked: Asked) -> Page[Shown]:
    """Return the phones that fit, the latest news first; a whole mobile number always has its phone."""
    mobile = _MOBILE.fullmatch(asked.q)
    if mobile:
        number = "+51" + mobile[1]
        phone = messages.phones.get(number) or Phone(number)
        return Page([_shown(phone, _LONG)], 1, 1)
    fitting, count = _fitting(messages, asked.q)
    page = cut(fitting, count, asked.page, PHONES_A_PAGE)
    return Page([_shown(phone, _SHORT) for phone in page.rows], page.number, page.count)


def tally_page(messages: Messages, asked: Asked) -> Page[Row]:
    """Return the phones' rows, phones that got something twice first."""
    repeated = [phone for phone in messages.maybe_repeated.values() if asked.q in phone.number and phone.repeats()]
    chosen = {phone.number for phone in repeated}
    fitting, count = _fitting(messages, asked.q)
    others = (phone for phone in fitting if phone.number not in chosen)
    page = cut((phone for group in (repeated, others) for phone in group), count, asked.page, ROWS_A_PAGE)
    return Page([row for phone in page.rows for row in _rows(phone)], page.number, page.count)


def shown_number(number: str) -> str:
    """Return a number as people write it: +51 987 654 321."""
    mobile, landline = _MOBILE.fullmatch(number), _LIMA_LANDLINE.fullmatch(number)
    if mobile:
        return f"+51 {mobile[1][:3]} {mobile[1][3:6]} {mobile[1][6:]}"
    return f"+51 1 {landline[1]} {landline[2]}" if landline else number


def _fitting(messages: Messages, q: str) -> tuple[Iterable[Phone], int]:
    if not q:
        return reversed(messages.phones.values()), len(messages.phones)
    found = [phone for number, phone in reversed(messages.phones.items()) if q in number]
    return found, len(found)


def cut(rows: Iterable[T], count: int, number: int, size: int) -> Page[T]:
    """Return one page of rows; a number beyond the last page is the last page."""
    pages = max(1, -(-count // size))
    number = min(number, pages)
    return Page(list(islice(rows, (number - 1) * size, number * size)), number, pages)


def lima_time(seconds: float) -> str:
    """Return the time of day in Lima."""
    return datetime.fromtimestamp(seconds, _LIMA).strftime("%H:%M:%S")


def _shown(phone: Phone, limit: int) -> Shown:
    bubbles = [
        Bubble(
            message.sid,
            message.body,
            message.direction == INBOUND,
            message.sender or "",
            lima_time(message.created_at),
            message.status,
            message.error_code,
        )
        for message in phone.messages[: -limit - 1 : -1]
    ]
    return Shown(phone.number, phone.version, bubbles, len(phone.messages))


def _rows(phone: Phone) -> list[Row]:
    groups: dict[str, list[Message]] = {}
    for message in phone.accepted():
        groups.setdefault(campaign_of(message), []).append(message)
    rows = []
    for key, group in groups.items():
        last = group[-1]
        campaign = key if last.ids().get("c") else None
        reached = sum(message.reached for message in group)
        rows.append(
            Row(
                phone.number,
                campaign,
                last.body,
                len(group),
                reached > 1,
                last.status,
                last.error_code,
                lima_time(last.created_at),
            )
        )
    return sorted(rows, key=lambda row: not row.repeated)
