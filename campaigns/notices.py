"""News for those who answer for a campaign: its author and its approver read them on their start page."""

from enum import StrEnum

from sqlalchemy.orm import Session

from campaigns.store import notices as store
from campaigns.store.campaigns import Campaign


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


def tell(session: Session, campaign: Campaign, news: News, *, by: int | None, reason: str | None = None) -> None:
    """Tell the campaign's author and approver, but not `by`, who did it. Never commits; call it once per deed."""
    people = {campaign.author_id, campaign.approver_id} - {None, by}
    store.add(session, campaign.agency_id, campaign.id, [one for one in people if one], what=news, reason=reason)
