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
from campaigns.store.campaigns import Campaign, Words

# The standing texts that such a campaign begins with; {{fecha}} is the day the first one went out.
_BEGINNINGS = {Amends.CORRECT: "correct_beginning", Amends.WITHDRAW: "withdraw_beginning"}
_DAY = "{{fecha}}"
_MAY_GO_ON = (CampaignState.RUNNING, CampaignState.PAUSED)


def beginnings(session: Session, parent: Campaign, amends: Amends) -> dict[tuple[str, str], Words]:
    """(channel, language) -> the words to begin with, wherever the parent was sent and there are signed ones.

    A mail keeps the parent's subject: mailboxes put it beside the first one.
    """
    signed = reference.signed_texts(session, _BEGINNINGS[amends])
    agency = agencies.get(session, parent.agency_id)
    if agency is None or parent.started_at is None:
        return {}
    zone = ZoneInfo(agency.time_zone)
    said = campaigns.words(session, parent.id)
    subjects = {key: words.subject for key, words in said.items()}
    return {
        (channel, code): Words(
            subjects.get((channel, code)), signed[code].replace(_DAY, _day(parent.started_at, zone, code))
        )
        for channel, code in corrections.languages_used(session, parent.agency_id, parent.id)
        if code in signed
    }


def lacks(session: Session, campaign: Campaign, words: Mapping[tuple[str, str], Words]) -> list[Invalid | Conflict]:
    """What keeps it from being submitted, beyond what keeps any campaign; nothing for one that amends no other.

    Everybody is told in the language of the first message and on its channel, so each of those needs a text. As long as
    the first one may still reach somebody new it is too early: whoever got it after the plan would never be told.
    """
    if campaign.parent_id is None or campaign.amends is None:
        return []
    parent = campaigns.get(session, campaign.agency_id, campaign.parent_id)
    if parent is None:
        return []
    found: list[Invalid | Conflict] = []
    if parent.state in _MAY_GO_ON:
        # Also with nothing queued: what failed for want of signal, or was never taken, may go out again while it runs,
        # and a mail may still take the place of an SMS.
        found.append(Conflict("parent_still_sending", name=parent.name))
    elif corrections.is_in_hand(session, parent.agency_id, parent.id):
        found.append(Conflict("parent_in_hand", name=parent.name))
    used = corrections.languages_used(session, parent.agency_id, parent.id)
    if missing := used.keys() - words.keys():
        found.append(Invalid("texts", "parent_language_missing", count=len(missing)))
    begun = beginnings(session, parent, Amends.CORRECT) if campaign.amends == Amends.CORRECT else {}
    if any(key in words and words[key].body.strip() == first.body.strip() for key, first in begun.items()):
        found.append(Invalid("texts", "correction_unfinished"))
    return found


def _day(moment: datetime, zone: ZoneInfo, language: str) -> str:
    return format_date(moment.astimezone(zone).date(), "medium", babel_locale(language))
