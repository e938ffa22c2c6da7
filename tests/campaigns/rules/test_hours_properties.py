"""Whatever the hours, the zone and its clock changes: what is open is inside the hours on the wall and no holiday."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.rules import hours
from campaigns.rules.hours import DAYS

ZONES = (
    "America/Lima",
    "America/Santiago",  # changes at midnight: a day begins at one
    "America/Havana",  # and there an evening's last hour comes twice
    "America/New_York",
    "Europe/Madrid",
    "Australia/Lord_Howe",  # by half an hour
    "Africa/Casablanca",  # backwards for Ramadan
    "Pacific/Apia",  # left out a whole day in 2011
    "UTC",
)
COUNTRIES = (None, "PE", "ES", "US")
MINUTE = timedelta(minutes=1)
some = settings(max_examples=100, deadline=None, derandomize=True, database=None)


@lru_cache
def changes(zone: str) -> list[datetime]:
    """The moments at which this zone's clocks are changed, to the minute."""
    here, found = ZoneInfo(zone), []
    for year in (2011, 2026, 2027):
        day = datetime(year, 1, 1, tzinfo=UTC)
        while day.year == year:
            low, high = day, day + timedelta(days=1)
            if low.astimezone(here).utcoffset() != high.astimezone(here).utcoffset():
                while high - low > MINUTE:
                    middle = low + (high - low) // 2 // MINUTE * MINUTE
                    same = middle.astimezone(here).utcoffset() == low.astimezone(here).utcoffset()
                    low, high = (middle, high) if same else (low, middle)
                found.append(high)
            day += timedelta(days=1)
    return found


@st.composite
def situations(draw):
    """Hours as stored, a zone, and a moment, mostly near a clock change."""
    zone = draw(st.sampled_from(ZONES))
    # Ends at and around the hours at which clocks are changed, as often as any others.
    minutes = st.one_of(st.sampled_from([0, 30, 60, 90, 120, 150, 180, 1410, 1440]), st.integers(0, 1440))
    days = {}
    for day in draw(st.sets(st.sampled_from(DAYS))):
        ends = sorted(draw(st.sets(minutes, min_size=2, max_size=2)))
        days[day] = [f"{one // 60:02}:{one % 60:02}" for one in ends]
    stored = {"days": days, "holidays": draw(st.sampled_from(COUNTRIES))}
    usual = st.integers(0, 2 * 366 * 1440).map(lambda ahead: datetime(2026, 1, 1, tzinfo=UTC) + ahead * MINUTE)
    if near := changes(zone):
        off = draw(st.one_of(st.integers(-90, 90), st.integers(-1500, 1500))) * MINUTE
        moment = draw(st.one_of(st.sampled_from(near).map(lambda change: change + off), usual))
    else:
        moment = draw(usual)
    return stored, zone, moment


@lru_cache
def days_off(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


def on_the_wall(stored, zone: str, moment: datetime) -> bool:
    """Whether clock and calendar on the wall show a time inside the hours: nothing here is taken from the product."""
    wall = moment.astimezone(ZoneInfo(zone))
    country = stored["holidays"]
    span = stored["days"].get(DAYS[wall.weekday()])
    if span is None or (country and wall.date() in days_off(country, wall.year)):
        return False
    return span[0] <= f"{wall:%H:%M}" < span[1]


def comes_twice(zone: str, moment: datetime) -> bool:
    wall = moment.astimezone(ZoneInfo(zone))
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()


def apart(start: datetime, end: datetime, number: int = 15) -> list[datetime]:
    """Moments from the first to just before the last, its last minute among them."""
    step = max(MINUTE, (end - start) / number)
    inside = [start + n * step for n in range(number) if start + n * step < end]
    return [*inside, max(start, end - MINUTE), max(start, end - timedelta(seconds=1))]


@some
@given(situations())
@example(
    (
        {"days": {"sun": ["00:00", "02:30"]}, "holidays": None},
        "America/New_York",
        datetime(2026, 3, 8, 7, 15, tzinfo=UTC),
    )
)
@example(
    (
        {"days": {"sun": ["01:30", "03:00"]}, "holidays": None},
        "America/New_York",
        datetime(2026, 11, 1, 6, 15, tzinfo=UTC),
    )
)
def test_what_is_open_is_inside_the_hours_until_they_end(situation):
    stored, zone, moment = situation
    allowed = hours.parse(stored)
    end = hours.open_until(allowed, zone, moment)
    if end is None:
        assert not on_the_wall(stored, zone, moment) or comes_twice(zone, moment)
        return
    assert end > moment
    for one in apart(moment, end):
        assert on_the_wall(stored, zone, one), one.astimezone(ZoneInfo(zone))
        until = hours.open_until(allowed, zone, one)
        assert until is not None
        assert until >= end
    # It ends there indeed, but where the day after begins at its midnight and ends at its midnight again.
    wall = end.astimezone(ZoneInfo(zone))
    assert hours.open_until(allowed, zone, end) is None or (wall.hour, wall.minute) in {(0, 0), (1, 0)}


@some
@given(situations())
def test_the_next_opening_is_the_first_open_moment(situation):
    stored, zone, moment = situation
    allowed = hours.parse(stored)
    opens = hours.next_opening(allowed, zone, moment)
    if opens is None:
        assert not any(on_the_wall(stored, zone, moment + timedelta(hours=ahead)) for ahead in range(24 * 14))
        return
    assert opens >= moment
    assert (opens == moment) == (hours.open_until(allowed, zone, moment) is not None)
    assert hours.open_until(allowed, zone, opens) is not None
    assert on_the_wall(stored, zone, opens)
    if opens > moment:
        assert not any(
            on_the_wall(stored, zone, one) and not comes_twice(zone, one) for one in apart(moment, opens, 60)
        )


@some
@given(situations(), st.sampled_from(ZONES))
def test_the_zone_a_moment_is_written_in_makes_no_difference(situation, other):
    stored, zone, moment = situation
    allowed = hours.parse(stored)
    for written in (moment.astimezone(ZoneInfo(zone)), moment.astimezone(ZoneInfo(other))):
        # By the second they mean: of an hour that comes twice, two zones are never equal in Python.
        for told in (hours.open_until, hours.next_opening):
            assert _seconds(told(allowed, zone, written)) == _seconds(told(allowed, zone, moment))


@some
@given(situations())
def test_always_is_always(situation):
    _, zone, moment = situation
    assert hours.open_until(hours.parse(hours.always()), zone, moment) > moment


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
