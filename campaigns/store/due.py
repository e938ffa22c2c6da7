"""What is due, in all agencies: ids only, through functions that look past row-level security (DESIGN 10.2)."""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Due(NamedTuple):
    """Something to look at; `what` is a wakeup.Work."""

    what: str
    agency_id: int
    subject: int


def work(session: Session) -> list[Due]:
    """All that is due now."""
    return [Due(*row) for row in session.execute(text("SELECT what, agency_id, id FROM due_work()"))]


def make_partitions(session: Session) -> int:
    """Make the partitions that campaigns will soon need, and return how many were new. May be called again."""
    return int(session.execute(text("SELECT make_delivery_partitions()")).scalar_one())
