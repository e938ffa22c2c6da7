"""A time on the wall is one moment: the first that shows it, or none, in every zone and at every clock change."""

# ruff: noqa: DTZ001, DTZ007 - what a wall clock shows has no zone

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.errors import Invalid
from campaigns.rules.local_time import month_start, read_moment, write_moment

# The last two: a clock change on the first of a month at midnight, and a day that never was.
ZONES = (
    *("America/Lima", "America/Santiago", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe"),
    *("Africa/Casablanca", "America/Asuncion", "Pacific/Apia"),
)
some = settings(max_examples=200, deadline=None, derandomize=True, database=None)
walls = st.datetimes(datetime(2011, 1, 1), datetime(2028, 1, 1)).map(lambda wall: wall.replace(second=0, microsecond=0))
# Around the hours of the night in which clocks are changed, in the months in which they are.
nights = st.builds(
    lambda year, month, day, minutes: datetime(year, month, day) + timedelta(minutes=minutes),
    *(st.sampled_from([2011, 2026, 2027]), st.sampled_from([3, 4, 9, 10, 11, 12]), st.integers(1, 30)),
    st.integers(-70, 190),
)


def moments_showing(wall: datetime, zone: str) -> list[datetime]:
    """Every whole minute at which the clocks show it, found by looking at the clock: no rule of the product's."""
    here, found = ZoneInfo(zone), []
    for offset in {datetime(wall.year, month, 1, tzinfo=here).utcoffset() for month in range(1, 13)}:
        for about in range(-75, 76, 15):
            moment = wall.replace(tzinfo=UTC) - offset + timedelta(minutes=about)
            if moment.astimezone(here).replace(tzinfo=None, fold=0) == wall:
                found.append(moment)
    return sorted(set(found))


@some
@given(st.one_of(walls, nights), st.sampled_from(ZONES))
@example(datetime(2026, 3, 8, 2, 30), "America/New_York")
@example(datetime(2026, 11, 1, 1, 30), "America/New_York")
@example(datetime(2026, 4, 5, 1, 45), "Australia/Lord_Howe")
@example(datetime(2011, 12, 30, 12, 0), "Pacific/Apia")
def test_what_people_write_is_the_first_moment_that_shows_it_or_refused(wall, zone):
    shown = moments_showing(wall, zone)
    if not shown:
        with pytest.raises(Invalid) as wrong:
            read_moment(wall, zone, "starts_at")
        assert (wrong.value.field, wrong.value.code) == ("starts_at", "time_skipped")
        return
    moment = read_moment(wall, zone, "starts_at")
    assert moment == shown[0]
    assert moment.tzinfo is UTC
    assert write_moment(moment, zone) == wall


@some
@given(st.one_of(walls, nights), st.sampled_from(ZONES))
def test_a_time_that_is_offered_instead_does_exist(wall, zone):
    try:
        read_moment(wall, zone, "starts_at")
    except Invalid as wrong:
        instead = datetime.strptime(wrong.values["instead"], "%H:%M").time()
        day = wall + timedelta(days=1) if instead < wall.time() else wall
        assert read_moment(datetime.combine(day, instead), zone, "starts_at") > datetime(2011, 1, 1, tzinfo=UTC)


@some
@given(st.one_of(walls, nights), st.sampled_from(ZONES))
def test_a_month_begins_with_its_first_moment(wall, zone):
    moment, here = wall.replace(tzinfo=UTC), ZoneInfo(zone)
    began = month_start(moment, zone)
    local, before = began.astimezone(here), (began - timedelta(seconds=1)).astimezone(here)
    assert began <= moment
    assert (local.year, local.month, local.day) == (*moment.astimezone(here).timetuple()[:2], 1)
    assert before.month != local.month
