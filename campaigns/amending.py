"""What a campaign that corrects or withdraws another owes to it: first words, every language, the right moment."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from sqlalchemy.orm import Session

from campaigns.errors import Conflict, Invalid
from campaigns.rules.languages import babel_locale
from campaigns.rules.lifecycle import Amends, CampaignState
from campaigns.store import agencies, campaigns, corrections, reference
from campaigns.store.campaigns import Campaign

# The standing texts that such a campaign begins with; {{fecha}} is the day the first one went out.
_BEGINNINGS = {Amends.CORRECT: "correct_beginning", Amends.WITHDRAW: "withdraw_beginning"}
_DAY = "{{fecha}}"
_MAY_GO_ON = (CampaignState.RUNNING, CampaignState.PAUSED)


def beginnings(session: Session, parent: Campaign, amends: Amends) -> dict[str, str]:
    """Language -> the words to begin with, for every language the parent was sent in that has signed ones."""
    signed = reference.signed_texts(session, _BEGINNINGS[amends])
    agency = agencies.get(session, parent.agency_id)
    if agency is None or parent.started_at is None:
        return {}
    zone = ZoneInfo(agency.time_zone)
    return {
        code: signed[code].replace(_DAY, _day(parent.started_at, zone, code))
        for code in corrections.languages_used(session, parent.agency_id, parent.id)
        if code in signed
    }


def lacks(session: Session, campaign: Campaign, bodies: Mapping[str, str]) -> list[Invalid | Conflict]:
    """What keeps it from being submitted, beyond what keeps any campaign; nothing for one that amends no other.

    Everybody is told in the language of the first message, so each of those needs a text. As long as the first one may
    still reach somebody new it is too early: whoever got it after the plan would never be told.
    """
    if campaign.parent_id is None or campaign.amends is None:
        return []
    parent = campaigns.get(session, campaign.agency_id, campaign.parent_id)
    if parent is None:
        return []
    found: list[Invalid | Conflict] = []
    if parent.state in _MAY_GO_ON:
        # Also with nothing queued: what failed for want of signal, or was never taken, may go out again while it runs.
        found.append(Conflict("parent_still_sending", name=parent.name))
    elif corrections.is_in_hand(session, parent.agency_id, parent.id):
        found.append(Conflict("parent_in_hand", name=parent.name))
    used = corrections.languages_used(session, parent.agency_id, parent.id)
    if missing := used.keys() - bodies.keys():
        found.append(Invalid("texts", "parent_language_missing", count=len(missing)))
    begun = beginnings(session, parent, Amends.CORRECT) if campaign.amends == Amends.CORRECT else {}
    if any(bodies.get(code, "").strip() == beginning.strip() for code, beginning in begun.items()):
        found.append(Invalid("texts", "correction_unfinished"))
    return found


def _day(moment: datetime, zone: ZoneInfo, language: str) -> str:
    return format_date(moment.astimezone(zone).date(), "medium", babel_locale(language))
