"""When an agency may write: hours per weekday in its own time zone, and holidays (DESIGN P7, 10.13)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
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
    """When the present sending hours end, or None if it is outside them now. `now` is aware."""
    local = now.astimezone(ZoneInfo(zone))
    span = _span(hours, local.date())
    if span is None:
        return None
    opens, closes = _at(local.date(), span[0], zone), _at(local.date(), span[1], zone)
    if not opens <= now < closes:
        return None
    following = _span(hours, local.date() + timedelta(days=1))
    if span[1] == 24 * 60 and following is not None and following[0] == 0:
        return _at(local.date() + timedelta(days=1), following[1], zone)
    return closes


def next_opening(hours: Hours, zone: str, now: datetime) -> datetime | None:
    """When sending hours begin again: `now` if they are open; None if they never open within a year."""
    if open_until(hours, zone, now) is not None:
        return now
    today = now.astimezone(ZoneInfo(zone)).date()
    for ahead in range(366):
        span = _span(hours, today + timedelta(days=ahead))
        if span is not None:
            opens = _at(today + timedelta(days=ahead), span[0], zone)
            if opens > now:
                return opens
    return None


def _minutes(day: str, text: str) -> int:
    if text == _MIDNIGHT:
        return 24 * 60
    try:
        at = time.fromisoformat(text)
    except (TypeError, ValueError):
        raise Invalid(f"hours_{day}", "hours_not_a_time", value=str(text)[:10]) from None
    return at.hour * 60 + at.minute


def _at(day: date, minutes: int, zone: str) -> datetime:
    # Wall-clock arithmetic first, zone last: a day with a clock change is not 24 hours long.
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return wall.replace(tzinfo=ZoneInfo(zone))


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
