"""What people write on their own wall clock is one moment, also where the clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.errors import Invalid
from campaigns.rules.local_time import month_start, read_moment, write_moment

ZONES = ["America/Lima", "America/Santiago", "Europe/Madrid", "Australia/Lord_Howe", "Africa/Casablanca"]


@pytest.mark.parametrize(
    ("wall", "zone", "moment"),
    [
        ("2026-11-24T09:00", "America/Lima", "2026-11-24T14:00"),
        ("2026-07-01T09:00", "Europe/Madrid", "2026-07-01T07:00"),
        ("2026-12-01T09:00", "Europe/Madrid", "2026-12-01T08:00"),
        # Put back: shown twice, the first counts.
        ("2026-10-25T02:30", "Europe/Madrid", "2026-10-25T00:30"),
        ("2027-04-03T23:30", "America/Santiago", "2027-04-04T02:30"),
        ("2027-04-04T01:45", "Australia/Lord_Howe", "2027-04-03T14:45"),
    ],
)
def test_one_moment_in_the_agencys_zone(wall, zone, moment):
    assert read_moment(datetime.fromisoformat(wall), zone, "starts_at") == datetime.fromisoformat(moment).replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("wall", "zone", "instead"),
    [
        ("2027-03-28T02:30", "Europe/Madrid", "03:30"),
        ("2026-09-06T00:00", "America/Santiago", "01:00"),
        ("2026-10-04T02:10", "Australia/Lord_Howe", "02:40"),
    ],
)
def test_a_time_that_the_clocks_never_show_is_refused_with_one_they_do(wall, zone, instead):
    with pytest.raises(Invalid, match="time_skipped") as refused:
        read_moment(datetime.fromisoformat(wall), zone, "starts_at")
    assert (refused.value.field, refused.value.values["instead"]) == ("starts_at", instead)


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("zone", ZONES)
def test_the_edges_of_the_calendar_are_refused(year, zone):
    with pytest.raises(Invalid, match="moment_far"):
        read_moment(datetime.fromisoformat(f"{year:04}-01-01T00:00"), zone, "expires_at")


@given(
    some.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2037-01-01")),
    some.sampled_from(ZONES),
)
def test_what_was_written_is_shown_again(wall, zone):
    try:
        moment = read_moment(wall, zone, "starts_at")
    except Invalid:
        # Then no moment of that day is shown so.
        around = (wall.replace(tzinfo=UTC) + timedelta(minutes=m) for m in range(-16 * 60, 16 * 60, 30))
        assert wall not in {write_moment(one, zone) for one in around}
        return
    assert write_moment(moment, zone) == wall
    assert moment.tzinfo is UTC
    # No earlier moment is shown the same way.
    assert all(write_moment(moment - timedelta(minutes=m), ZoneInfo(zone).key) != wall for m in (30, 60, 90, 120))


@pytest.mark.parametrize(
    ("moment", "zone", "began"),
    [
        ("2026-12-01T04:59", "America/Lima", "2026-11-01T05:00"),
        ("2026-12-01T05:00", "America/Lima", "2026-12-01T05:00"),
        ("2026-04-15T12:00", "Europe/Madrid", "2026-03-31T22:00"),
        ("2026-03-31T12:00", "Europe/Madrid", "2026-02-28T23:00"),
    ],
)
def test_a_month_begins_in_its_own_zone(moment, zone, began):
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert month_start(at, zone) == datetime.fromisoformat(began).replace(tzinfo=UTC)
