"""Budgets: how many parts a campaign and its agency's month may still cost."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import State
from campaigns.store import figures
from campaigns.store.figures import Figure

_LOCK: Final = 7_112_028


class Budget(NamedTuple):
    """What may be spent, in parts: by the campaign, and by the agency since its month began. None is no limit."""

    campaign: int | None
    month: int | None
    month_began: datetime


def parts_left(session: Session, agency_id: int, campaign_id: int, budget: Budget) -> int:
    """Parts that may still be spent now; nobody else of the agency spends any until this transaction ends.

    What is in hand counts with the most it can cost, so that the budget is never passed.
    """
    session.execute(select(func.pg_advisory_xact_lock(_LOCK, agency_id)))
    left: list[int] = []
    if budget.campaign is not None:
        spent = session.scalar(
            select(func.sum(Figure.parts)).where(Figure.agency_id == agency_id, Figure.campaign_id == campaign_id)
        )
        left.append(budget.campaign - (spent or 0))
    if budget.month is not None:
        left.append(budget.month - figures.parts_since(session, agency_id, budget.month_began))
    return max(0, min(left))


def is_in_hand(session: Session, agency_id: int, campaign_id: int, budget: Budget) -> bool:
    """Whether messages that count for the budget are on their way, charged with the most they can cost.

    The campaign's; where the agency's month is limited, those of all its campaigns. Mails cost nothing, so none of
    them gives anything back.
    """
    statement = select(func.sum(Figure.number)).where(
        Figure.agency_id == agency_id, Figure.channel == Channel.SMS, Figure.state == State.SENDING
    )
    if budget.month is None:
        statement = statement.where(Figure.campaign_id == campaign_id)
    return bool(session.scalar(statement))
