"""Moments as people write them: a day and a time on the wall clock of their own zone."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from zoneinfo import ZoneInfo

from campaigns.errors import Invalid


def read_moment(wall: datetime, zone: str, field: str) -> datetime:
    """The moment at which the clocks of `zone` show `wall` (naive), in UTC; the first where they show it twice.

    Raises Invalid for `field`: time_skipped where the clocks are put forward past it, so that they never show it, and
    moment_far for a year in which no calendar has an hour to spare.
    """
    if not MINYEAR < wall.year < MAXYEAR:
        raise Invalid(field, "moment_far")
    here = ZoneInfo(zone)
    # fold=0 is the first of two, and what a clock never shows comes back from UTC as another time.
    moment = wall.replace(tzinfo=here, fold=0).astimezone(UTC)
    if moment.astimezone(here).replace(tzinfo=None, fold=0) != wall:
        after = moment.astimezone(here)
        raise Invalid(field, "time_skipped", time=f"{wall:%H:%M}", instead=f"{after:%H:%M}")
    return moment


def write_moment(moment: datetime, zone: str) -> datetime:
    """What the clocks of `zone` show at a moment: naive, as a form's field holds it."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def month_start(moment: datetime, zone: str) -> datetime:
    """When the month of `moment` began in `zone`, in UTC."""
    local = moment.astimezone(ZoneInfo(zone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
