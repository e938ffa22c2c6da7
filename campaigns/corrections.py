"""Corrections: a second campaign for exactly those who were sent the first, to put it right or to take it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from campaigns import amending, audit, starting
from campaigns.errors import Conflict
from campaigns.rules import names
from campaigns.rules.channels import Channels
from campaigns.rules.lifecycle import Amends, CampaignState
from campaigns.store import campaigns as campaign_store
from campaigns.store import corrections as store
from campaigns.store.campaigns import Campaign
from campaigns.store.corrections import Reach

__all__ = ["STARTED", "Amended", "Amends", "Reach", "amend", "amendments", "languages_used", "open_one", "reach"]

STARTED: Final = (
    CampaignState.RUNNING,
    CampaignState.PAUSED,
    CampaignState.STOPPING,
    CampaignState.STOPPED,
    CampaignState.FINISHED,
)
_MAY_STOP: Final = (CampaignState.RUNNING, CampaignState.PAUSED)
_DEED: Final = {Amends.CORRECT: audit.Did.CAMPAIGN_CORRECTED, Amends.WITHDRAW: audit.Did.CAMPAIGN_WITHDRAWN}


@dataclass(frozen=True)
class Amended:
    """The campaign that amends another. `is_new` is false where there was one already, `stopped` if this deed ended
    the first one: then, after the commit, wakeup.settle() for that.
    """

    campaign: Campaign
    is_new: bool
    stopped: bool


def amend(
    session: Session, agency_id: int, campaign_id: int, amends: Amends, *, name: str, by: int, stop: bool = False
) -> Amended:
    """A draft that corrects or withdraws a campaign that was started, or the one there is; with `stop`, end that first.

    Its audience is not chosen: whoever that campaign was handed over to by the time this one is planned, each in the
    language and on the channels they were first written to. It begins with the signed standing texts. Never commits;
    called again while one of the kind is under way, it gives that one. Raises NotFound,
    Conflict("campaign_never_sent"), Invalid("name", name_length).
    """
    parent = campaign_store.hold(session, agency_id, campaign_id)
    if parent.state not in STARTED:
        raise Conflict("campaign_never_sent")
    stopped = stop and parent.state in _MAY_STOP
    if stopped:
        starting.end(session, parent, by=by)
    # The parent is locked: two presses at once come one after the other, and the second finds what the first made.
    standing = store.open_child(session, agency_id, campaign_id, amends)
    if standing is not None:
        return Amended(standing, False, stopped)
    if parent.state not in _MAY_STOP and not stopped and _reached_nobody(session, parent):
        raise Conflict("campaign_never_sent")
    return Amended(_write(session, parent, amends, name, by), True, stopped)


def open_one(session: Session, agency_id: int, campaign_id: int, amends: Amends) -> Campaign | None:
    """The campaign that amends this one in this way and is not over yet, if there is one."""
    return store.open_child(session, agency_id, campaign_id, amends)


def amendments(session: Session, agency_id: int, campaign_id: int) -> Sequence[Campaign]:
    """Every campaign that corrects or withdraws this one, newest first."""
    return store.children(session, agency_id, campaign_id)


def reach(session: Session, agency_id: int, campaign_id: int) -> Reach:
    """Whom the campaign was handed over to so far, and who of them can be written to now."""
    return store.reach(session, agency_id, campaign_id)


def languages_used(session: Session, agency_id: int, campaign_id: int) -> dict[tuple[str, str], int]:
    """(channel, language) -> how many people the campaign was handed over to there; SMS first, the most read first."""
    return store.languages_used(session, agency_id, campaign_id)


def _reached_nobody(session: Session, parent: Campaign) -> bool:
    in_hand = store.is_in_hand(session, parent.agency_id, parent.id)
    return not in_hand and not store.languages_used(session, parent.agency_id, parent.id)


def _write(session: Session, parent: Campaign, amends: Amends, name: str, by: int) -> Campaign:
    child = Campaign(
        agency_id=parent.agency_id,
        name=names.read_name(name[: names.LONGEST]),
        channels=Channels(parent.channels).at_once,
        sender_id=parent.sender_id,
        mail_sender_id=parent.mail_sender_id,
        is_discreet=parent.is_discreet,
        fallback_language=parent.fallback_language,
        is_urgent=True,
        parent_id=parent.id,
        amends=amends,
        author_id=by,
    )
    session.add(child)
    session.flush()
    session.refresh(child)
    begun = amending.beginnings(session, parent, amends)
    campaign_store.replace_texts(session, child.agency_id, child.id, begun)
    # Who wrote a campaign may not approve it: this row is what says so, whoever changes it later.
    audit.record(session, child.agency_id, audit.Did.CAMPAIGN_WRITTEN, f"campaign:{child.id}", by=by)
    audit.record(session, parent.agency_id, _DEED[amends], f"campaign:{parent.id}", by=by, campaign=child.id)
    return child
