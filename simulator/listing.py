"""Lists as the API gives them: filters, pages and their addresses."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from urllib.parse import urlencode

from simulator.accounts import Account
from simulator.messages import Message, Messages

_TOKEN = re.compile(r"PA([0-9a-f]{32})")
_FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")
_BIGGEST_PAGE = 1000


def page(messages: Messages, account: Account, query: Mapping[str, str]) -> dict[str, object]:
    """Return one page of an account's messages in the API's envelope. Raises ValueError for a wrong filter."""
    size = _read_number(query.get("PageSize"), 50, "PageSize", lowest=1, highest=_BIGGEST_PAGE)
    place = _read_number(query.get("Page"), 0, "Page", lowest=0, highest=10**9)
    token = query.get("PageToken")
    match = _TOKEN.fullmatch(token) if token else None
    if token and match is None:
        raise ValueError("PageToken is not one that this API gave")
    before = int(match[1], 16) if match else None
    fits = _matcher(query)
    found = (m for m in messages.newest_first(account, to=_number(query.get("To")), before=before) if fits(m))
    rows = list(islice(found, size + 1))
    more, rows = len(rows) > size, rows[:size]
    kept = {name: query[name] for name in _FILTERS if name in query} | {"PageSize": str(size)}
    next_token = {"Page": str(place + 1), "PageToken": f"PA{rows[-1].number:032x}"} if more else None
    return _envelope(account.path + "/Messages.json", "messages", [m.resource() for m in rows], kept, place, next_token)


def _envelope(
    path: str,
    key: str,
    rows: list[dict[str, object]],
    kept: dict[str, str],
    place: int,
    following: dict[str, str] | None,
) -> dict[str, object]:
    size = int(kept["PageSize"])
    here = path + "?" + urlencode(kept | {"Page": str(place)})
    return {
        key: rows,
        "end": place * size + max(len(rows) - 1, 0),
        "first_page_uri": path + "?" + urlencode(kept | {"Page": "0"}),
        "next_page_uri": path + "?" + urlencode(kept | following) if following else None,
        "page": place,
        "page_size": size,
        "previous_page_uri": None if place == 0 else path + "?" + urlencode(kept | {"Page": str(place - 1)}),
        "start": place * size,
        "uri": here,
    }


def numbers(owner: Account, query: Mapping[str, str]) -> dict[str, object]:
    """Return the account's numbers, those that contain `PhoneNumber` if it is given."""
    wanted = query.get("PhoneNumber", "")
    rows: list[dict[str, object]] = [
        {
            "account_sid": owner.sid,
            "sid": "PN" + number.strip("+").zfill(32),
            "phone_number": number,
            "friendly_name": number,
            "capabilities": {"voice": False, "sms": True, "mms": False, "fax": False},
            "sms_url": sender.inbound_url or owner.inbound_url,
            "sms_method": "POST",
        }
        for number, sender in owner.senders.items()
        if wanted in number
    ]
    return _envelope(
        owner.path + "/IncomingPhoneNumbers.json", "incoming_phone_numbers", rows, {"PageSize": "50"}, 0, None
    )


def account(owner: Account) -> dict[str, object]:
    """Return the account itself."""
    return {
        "sid": owner.sid,
        "friendly_name": "Simulator",
        "status": "active",
        "type": "Full",
        "owner_account_sid": owner.sid,
        "uri": owner.path + ".json",
    }


def _matcher(query: Mapping[str, str]):
    to, sender = _number(query.get("To")), _number(query.get("From"))
    on, until, since = (_read_day(query, name) for name in ("DateSent", "DateSent<", "DateSent>"))

    def fits(message: Message) -> bool:
        if (to and message.to != to) or (sender and message.sender != sender):
            return False
        if on is None and until is None and since is None:
            return True
        if message.sent_at is None:
            return False
        sent = datetime.fromtimestamp(message.sent_at, UTC)
        return (
            (on is None or sent.date() == on.date())
            and (until is None or sent <= until)
            and (since is None or sent >= since)
        )

    return fits


def _number(given: str | None) -> str | None:
    # A plus in an address that nobody encoded arrives as a blank.
    return "+" + given[1:] if given and given[0] == " " else given


def _read_day(query: Mapping[str, str], name: str) -> datetime | None:
    """Read a day or a time; "until" a day includes all of it, as the API does."""
    given = query.get(name)
    if not given:
        return None
    try:
        if len(given) == 10:
            day = datetime.combine(date.fromisoformat(given), datetime.min.time(), UTC)
            return day + timedelta(days=1, microseconds=-1) if name == "DateSent<" else day
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(f"{name} is not a date: write YYYY-MM-DD") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_number(given: str | None, default: int, name: str, *, lowest: int, highest: int) -> int:
    if not given:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise ValueError(f"{name} must be a number")
    return min(max(int(given), lowest), highest)
