"""When an agency may write: hours per weekday in its own time zone, and holidays (DESIGN P7, 10.13)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import holidays

from campaigns.errors import Invalid

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT: Final = "24:00"


@dataclass(frozen=True)
class Hours:
    """`days` maps a weekday to (opens, closes) in minutes after midnight; absent means closed all day."""

    days: Mapping[str, tuple[int, int]]
    closed_on_holidays_of: str | None = None  # ISO country code


def default_hours() -> dict[str, Any]:
    """Mon-Sat 08:00-20:00, never on a national holiday of Peru (DOMAIN 3.3), in stored form."""
    return {"days": {day: ["08:00", "20:00"] for day in DAYS[:6]}, "holidays": "PE"}


def always() -> dict[str, Any]:
    """Every day, all day, in stored form: for demo, test and benchmark agencies (DESIGN 10.13)."""
    return {"days": {day: ["00:00", _MIDNIGHT] for day in DAYS}, "holidays": None}


def parse(stored: Mapping[str, Any]) -> Hours:
    """Hours from their stored form; raises Invalid("hours", ...) naming the day that is wrong."""
    days: dict[str, tuple[int, int]] = {}
    for day, span in dict(stored.get("days") or {}).items():
        if day not in DAYS or len(span) != 2:
            raise Invalid("hours", "hours_day_unknown", day=str(day))
        opens, closes = _minutes(day, span[0]), _minutes(day, span[1])
        if opens >= closes:
            raise Invalid(f"hours_{day}", "hours_end_before_start", day=day)
        days[day] = (opens, closes)
    return Hours(days, stored.get("holidays"))


def check_time_zone(name: str) -> str:
    """The zone's name, if this machine knows it; raises Invalid."""
    if name not in available_timezones():
        raise Invalid("time_zone", "time_zone_unknown", name=name)
    return name


def open_until(hours: Hours, zone: str, now: datetime) -> datetime | None:
    """When the present sending hours end, or None if it is outside them now. `now` is aware, the answer in `zone`.

    Where clocks show an hour twice, hours that begin or end within it are the shorter ones: they are open at no moment
    that is not inside them on the wall.
    """
    day = now.astimezone(ZoneInfo(zone)).date()
    today = _opening(hours, day, zone)
    if today is None or not today[0] <= now.astimezone(UTC) < today[1]:
        return None
    tomorrow = _opening(hours, day + timedelta(days=1), zone)
    closes = tomorrow[1] if tomorrow is not None and tomorrow[0] == today[1] else today[1]
    return closes.astimezone(ZoneInfo(zone))


def next_opening(hours: Hours, zone: str, now: datetime) -> datetime | None:
    """When sending hours begin again: `now` if they are open; None if they never open within a year."""
    if open_until(hours, zone, now) is not None:
        return now
    today = now.astimezone(ZoneInfo(zone)).date()
    for ahead in range(366):
        found = _opening(hours, today + timedelta(days=ahead), zone)
        if found is not None and found[0] > now.astimezone(UTC):
            return found[0].astimezone(ZoneInfo(zone))
    return None


def _minutes(day: str, text: str) -> int:
    if text == _MIDNIGHT:
        return 24 * 60
    try:
        at = time.fromisoformat(text)
    except (TypeError, ValueError):
        raise Invalid(f"hours_{day}", "hours_not_a_time", value=str(text)[:10]) from None
    return at.hour * 60 + at.minute


def _opening(hours: Hours, day: date, zone: str) -> tuple[datetime, datetime] | None:
    """The moments, in UTC, between which a day is open."""
    span = _span(hours, day)
    if span is None:
        return None
    opens, opens_again = _shown(day, span[0], zone)
    before, before_again = _shown(day, span[0] - 1, zone)
    if opens < opens_again and before < before_again:
        opens = opens_again  # in the middle of an hour that comes twice: after the first time the clocks go back
    closes, _ = _shown(day, span[1], zone)
    return (opens, closes) if opens < closes else None


def _shown(day: date, minutes: int, zone: str) -> tuple[datetime, datetime]:
    """The first and the last moment, in UTC, at which clocks show a time; if never, when they are put past it."""
    # Wall-clock arithmetic first, zone last: a day with a clock change is not 24 hours long.
    here = ZoneInfo(zone)
    wall = (datetime.combine(day, time()) + timedelta(minutes=minutes)).replace(tzinfo=here)
    first, last = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == last or first.astimezone(here).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return first, last
    while last - first > timedelta(seconds=1):  # the change is between the two
        middle = first + (last - first) // 2
        is_before = middle.astimezone(here).utcoffset() == first.astimezone(here).utcoffset()
        first, last = (middle, last) if is_before else (first, middle)
    change = last.replace(microsecond=0)
    return change, change


def _span(hours: Hours, day: date) -> tuple[int, int] | None:
    country = hours.closed_on_holidays_of
    if country and day in _holidays(country, day.year):
        return None
    return hours.days.get(DAYS[day.weekday()])


@lru_cache(maxsize=32)
def _holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        raise Invalid("holidays", "holidays_unknown", country=country) from None
