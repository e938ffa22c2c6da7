"""Who was written to lately: by this agency, and by all of them, which row-level security keeps from seeing."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, TableValuedAlias, case, column, false, func, literal, or_

from campaigns.rules.frequency import Cap, Caps
from campaigns.rules.lifecycle import Reason
from campaigns.store.campaigns import Campaign
from campaigns.store.segment_sql import Run


class Limits(NamedTuple):
    """The caps that hold, counted back from `now`."""

    caps: Caps
    now: datetime


def counted(campaign: Campaign, run: Run, limits: Limits) -> TableValuedAlias:
    """contact_id, and in how many campaigns they are or were written to since the caps began: own, everyones.

    Only those of the run that are in any. Counted are other campaigns that have them queued, once approved, and those
    that handed a message over which did not fail.
    """
    since = [_since(cap, limits.now) for cap in (limits.caps.own, limits.caps.shared)]
    asked = func.written_lately(campaign.id, run.after, run.upto, *since).table_valued(
        column("contact_id", BigInteger), column("own", BigInteger), column("everyones", BigInteger)
    )
    return asked.alias("lately")


def unless_too_often(
    why: ColumnElement[str | None], had: TableValuedAlias, limits: Limits
) -> ColumnElement[str | None]:
    """The reason there is already, else LATELY for those who had as many as a cap allows."""
    each = ((had.c.own, limits.caps.own), (had.c.everyones, limits.caps.shared))
    too_often = or_(false(), *(number >= cap.messages for number, cap in each if cap is not None))
    return case((why.is_not(None), why), (too_often, literal(Reason.LATELY.value)), else_=why)


def _since(cap: Cap | None, now: datetime) -> datetime | None:
    return now - timedelta(days=cap.days) if cap else None
