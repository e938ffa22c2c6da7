"""News for those who answer for a campaign, or for the agency's staff: they read it on their start page."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from campaigns.store import notices as store
from campaigns.store.campaigns import Campaign
from campaigns.store.notices import Unseen

SHOWN: Final = 20  # at a time; the rest comes when these were seen

__all__ = ["SHOWN", "News", "Unseen", "ask", "count_unseen", "see", "tell", "unseen", "warn"]


class News(StrEnum):
    """What happened to a campaign, or what a member of staff did."""

    STARTED = "started"
    LATE = "late"  # its time passed while nothing ran: a person must start it
    VOIDED = "voided"  # it was not what had been approved any more, and is a draft again
    PAUSED = "paused"
    BRAKED = "braked"  # it paused itself
    RESUMED = "resumed"
    STOPPED = "stopped"
    FINISHED = "finished"
    TO_APPROVE = "to_approve"  # only by mail: the start page shows what waits for whom
    REVEALS_USED_UP = "reveals_used_up"  # somebody wanted to see more people in full than an hour allows


def tell(session: Session, campaign: Campaign, news: News, *, by: int | None, reason: str | None = None) -> None:
    """Tell the campaign's author and approver, but not `by`, who did it. Never commits; call it once per deed."""
    people = {campaign.author_id, campaign.approver_id} - {None, by}
    store.add(session, campaign.agency_id, campaign.id, [one for one in people if one], what=news, reason=reason)


def ask(session: Session, campaign: Campaign, staff_ids: Sequence[int]) -> None:
    """Tell these that the campaign waits for their approval. Never commits; call it once per submission."""
    store.add(session, campaign.agency_id, campaign.id, staff_ids, what=News.TO_APPROVE, reason=None, seen=True)


def warn(session: Session, agency_id: int, staff_ids: Sequence[int], news: News, *, about: int) -> None:
    """Tell these what the member of staff `about` did. Never commits; call it once per deed."""
    store.add(session, agency_id, None, staff_ids, what=news, reason=None, about_staff_id=about)


def unseen(session: Session, agency_id: int, staff_id: int, *, limit: int = SHOWN) -> Sequence[Unseen]:
    """What this person has not seen yet, each with the name of its campaign or of whom it is about, newest first."""
    return store.unseen(session, agency_id, staff_id, limit=limit)


def count_unseen(session: Session, agency_id: int, staff_id: int) -> int:
    """How much news this person has not seen yet: one look into a small index, for the menu of every page."""
    return store.count_unseen(session, agency_id, staff_id)


def see(session: Session, agency_id: int, staff_id: int, *, upto: int) -> int:
    """Call this person's news up to the notice `upto` seen; how many were not. May be called again; never commits."""
    return store.see(session, agency_id, staff_id, upto=upto)
