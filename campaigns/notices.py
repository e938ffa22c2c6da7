"""News for those who answer for a campaign: its author and its approver read them on their start page."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from campaigns.store import notices as store
from campaigns.store.campaigns import Campaign
from campaigns.store.notices import Unseen

SHOWN: Final = 20  # at a time; the rest comes when these were seen

__all__ = ["SHOWN", "News", "Unseen", "count_unseen", "see", "tell", "unseen"]


class News(StrEnum):
    """What happened to a campaign."""

    STARTED = "started"
    LATE = "late"  # its time passed while nothing ran: a person must start it
    VOIDED = "voided"  # it was not what had been approved any more, and is a draft again
    PAUSED = "paused"
    BRAKED = "braked"  # it paused itself
    RESUMED = "resumed"
    STOPPED = "stopped"
    FINISHED = "finished"
    TO_APPROVE = "to_approve"  # only by mail: the start page shows what waits for whom


def tell(session: Session, campaign: Campaign, news: News, *, by: int | None, reason: str | None = None) -> None:
    """Tell the campaign's author and approver, but not `by`, who did it. Never commits; call it once per deed."""
    people = {campaign.author_id, campaign.approver_id} - {None, by}
    store.add(session, campaign.agency_id, campaign.id, [one for one in people if one], what=news, reason=reason)


def ask(session: Session, campaign: Campaign, staff_ids: Sequence[int]) -> None:
    """Tell these that the campaign waits for their approval. Never commits; call it once per submission."""
    store.add(session, campaign.agency_id, campaign.id, staff_ids, what=News.TO_APPROVE, reason=None, seen=True)


def unseen(session: Session, agency_id: int, staff_id: int, *, limit: int = SHOWN) -> Sequence[Unseen]:
    """What this person has not seen yet, each with its campaign's name, newest first."""
    return store.unseen(session, agency_id, staff_id, limit=limit)


def count_unseen(session: Session, agency_id: int, staff_id: int) -> int:
    """How much news this person has not seen yet: one look into a small index, for the menu of every page."""
    return store.count_unseen(session, agency_id, staff_id)


def see(session: Session, agency_id: int, staff_id: int, *, upto: int) -> int:
    """Call this person's news up to the notice `upto` seen; how many were not. May be called again; never commits."""
    return store.see(session, agency_id, staff_id, upto=upto)
