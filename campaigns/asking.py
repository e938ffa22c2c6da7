"""Asks those who may approve a campaign to look at it, by mail; the start page shows it to them by itself."""

from sqlalchemy.orm import Session

from campaigns import audit, notices
from campaigns.rules import policy
from campaigns.store import audit as deeds
from campaigns.store import staff
from campaigns.store.campaigns import Campaign


def ask(session: Session, campaign: Campaign) -> None:
    """Tell everyone who may approve this submitted campaign and did not write it. Never commits; call it once."""
    people = [
        person.id
        for person in staff.of_agency(session, campaign.agency_id)
        if person.active and policy.may(person.role, "campaign:approve") and not _wrote(session, campaign, person.id)
    ]
    notices.ask(session, campaign, people)


def _wrote(session: Session, campaign: Campaign, staff_id: int) -> bool:
    subject = [f"campaign:{campaign.id}"]
    did = deeds.done_to(session, campaign.agency_id, staff_id, audit.WROTE, subject)
    return campaign.author_id == staff_id or bool(did)
