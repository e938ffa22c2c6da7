"""When an agency may write, in its own zone, over holidays and clock changes (DESIGN P7)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.errors import Invalid
from campaigns.rules import hours

LIMA = "America/Lima"
DEFAULT = hours.parse(hours.default_hours())
ALWAYS = hours.parse(hours.always())


def at(text: str, zone: str = LIMA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("2026-11-23 08:00", "2026-11-23 20:00"),  # Monday, the first minute
        ("2026-11-23 19:59", "2026-11-23 20:00"),
        ("2026-11-23 07:59", None),
        ("2026-11-23 20:00", None),
        ("2026-11-22 12:00", None),  # Sunday
        ("2026-07-28 12:00", None),  # Independence Day, a Tuesday
        ("2026-12-25 12:00", None),
    ],
)
def test_the_default_hours(when, until):
    assert hours.open_until(DEFAULT, LIMA, at(when)) == (until and at(until))


def test_always_is_always_and_the_next_midnight_is_no_end():
    assert hours.open_until(ALWAYS, LIMA, at("2026-11-22 23:59")) == at("2026-11-24 00:00")


def test_the_next_opening():
    assert hours.next_opening(DEFAULT, LIMA, at("2026-11-21 21:00")) == at("2026-11-23 08:00")
    assert hours.next_opening(DEFAULT, LIMA, at("2026-11-23 06:00")) == at("2026-11-23 08:00")
    now = at("2026-11-23 09:00")
    assert hours.next_opening(DEFAULT, LIMA, now) == now
    assert hours.next_opening(hours.parse({"days": {}}), LIMA, now) is None


def test_zones_with_a_clock_change():
    zone = "America/Santiago"  # clocks go forward at midnight on 2026-09-06
    plain = hours.parse({"days": {"sun": ["08:00", "20:00"]}})
    assert hours.open_until(plain, zone, at("2026-09-06 08:30", zone)) == at("2026-09-06 20:00", zone)
    assert hours.open_until(plain, zone, datetime(2026, 9, 6, 11, 30, tzinfo=UTC)) is not None  # 08:30 after the change


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ({"days": {"lun": ["08:00", "20:00"]}}, "hours_day_unknown"),
        ({"days": {"mon": ["20:00", "08:00"]}}, "hours_end_before_start"),
        ({"days": {"mon": ["08:00", "08:00"]}}, "hours_end_before_start"),
        ({"days": {"mon": ["8", "20:00"]}}, "hours_not_a_time"),
        ({"days": {"mon": ["08:00"]}}, "hours_day_unknown"),
    ],
)
def test_hours_that_make_no_sense(stored, code):
    with pytest.raises(Invalid) as wrong:
        hours.parse(stored)
    assert wrong.value.code == code


def test_zones_and_countries_nobody_knows():
    with pytest.raises(Invalid):
        hours.check_time_zone("America/Macondo")
    with pytest.raises(Invalid):
        hours.open_until(hours.parse({**hours.default_hours(), "holidays": "ZZ"}), LIMA, at("2026-11-23 09:00"))
