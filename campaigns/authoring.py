"""Authoring: campaigns and their texts, from an empty draft to what is submitted for approval."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from campaigns import audit, drafts
from campaigns.drafts import Draft
from campaigns.errors import Conflict, NotFound
from campaigns.rules import names, segments
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import EDITABLE, CampaignState
from campaigns.store import agencies as agency_store
from campaigns.store import campaigns as store
from campaigns.store.campaigns import Campaign, Text

PAGE: Final = 50


def create(session: Session, agency_id: int, *, name: str, by: int) -> Campaign:
    """An empty draft from the agency's first sender of each channel; one of mails where there are only mail senders.

    Raises Invalid("name", name_length).
    """
    first: dict[str, int] = {}
    for sender in agency_store.senders(session, agency_id):
        first.setdefault(sender.channel, sender.id)
    agency = agency_store.get(session, agency_id)
    campaign = Campaign(
        agency_id=agency_id,
        name=names.read_name(name),
        channels=str(Channels.EMAIL if set(first) == {str(Channel.EMAIL)} else Channels.SMS),
        sender_id=first.get(Channel.SMS),
        mail_sender_id=first.get(Channel.EMAIL),
        fallback_language=agency.language if agency else "es",
        author_id=by,
    )
    session.add(campaign)
    session.flush()
    session.refresh(campaign)
    return _written(session, campaign, by)


def get(session: Session, agency_id: int, campaign_id: int) -> Campaign:
    """One of the agency's campaigns as it stands now; raises NotFound."""
    campaign = store.get(session, agency_id, campaign_id)
    if campaign is None:
        raise NotFound("campaign_unknown")
    return campaign


def texts(session: Session, agency_id: int, campaign_id: int) -> Sequence[Text]:
    """The campaign's texts, by language; raises NotFound."""
    return store.texts(session, get(session, agency_id, campaign_id).id)


def listed(
    session: Session, agency_id: int, states: Sequence[CampaignState], *, before: int | None = None, limit: int = PAGE
) -> Sequence[Campaign]:
    """The agency's campaigns in these states, newest first, from below id `before`."""
    return store.listed(session, agency_id, states, before=before, limit=limit)


def in_states(session: Session, agency_id: int) -> dict[str, int]:
    """State -> how many of the agency's campaigns are in it; states without one are left out."""
    return store.in_states(session, agency_id)


def stamp(campaign: Campaign) -> str:
    """Tells one version of a campaign from every other: another one after each change and each step."""
    return sha256(f"{campaign.state} {campaign.changed_at.timestamp()}".encode()).hexdigest()[:16]


def change(
    session: Session,
    agency_id: int,
    campaign_id: int,
    draft: Draft,
    *,
    by: int,
    now: datetime,
    seen: str | None = None,
) -> Campaign:
    """Make the campaign what `draft` says. One that was submitted or approved goes back to draft, its plan discarded.

    `seen` is the stamp() of what the writer began from; None takes the campaign as it is. Nothing happens where nothing
    differs. Raises NotFound, Conflict("campaign_not_editable") while it is planned and once it has started,
    Conflict("campaign_moved_on") when it is not what was seen any more, and Invalid like drafts.checked().
    """
    campaign = _editable(session, agency_id, campaign_id)
    wanted, said = drafts.checked(session, agency_id, draft, now)
    settings = {name: getattr(wanted, name) for name in drafts.SETTINGS}
    same = all(getattr(campaign, key) == value for key, value in settings.items())
    if same and store.words(session, campaign_id) == said:
        return campaign
    if seen is not None and seen != stamp(campaign):
        raise Conflict("campaign_moved_on")
    if campaign.state != CampaignState.DRAFT:
        _void(session, campaign, by=by, reason=None)
    for key, value in settings.items():
        setattr(campaign, key, value)
    campaign.author_id, campaign.changed_at = by, func.now()
    session.flush()
    store.replace_texts(session, agency_id, campaign_id, said)
    return _written(session, campaign, by)


def duplicate(session: Session, agency_id: int, campaign_id: int, *, name: str, by: int) -> Campaign:
    """A new draft with the settings and texts of another campaign, but not its times: those were the other one's.

    Raises NotFound, Invalid("name", name_length).
    """
    old = get(session, agency_id, campaign_id)
    copy = Campaign(
        agency_id=agency_id,
        name=names.read_name(name[: names.LONGEST]),
        segment_id=old.segment_id,
        excluded_ids=list(old.excluded_ids),
        channels=old.channels,
        sender_id=old.sender_id,
        mail_sender_id=old.mail_sender_id,
        is_discreet=old.is_discreet,
        fallback_language=old.fallback_language,
        is_urgent=old.is_urgent,
        parts_cap=old.parts_cap,
        author_id=by,
    )
    session.add(copy)
    session.flush()
    store.replace_texts(session, agency_id, copy.id, store.words(session, campaign_id))
    return _written(session, copy, by, copied=campaign_id)


def delete(session: Session, agency_id: int, campaign_id: int, *, by: int) -> None:
    """Delete a draft and its texts. Raises NotFound, Conflict("campaign_not_draft") for anything that was submitted."""
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise Conflict("campaign_not_draft")
    session.delete(campaign)
    session.flush()
    audit.record(session, agency_id, audit.Did.CAMPAIGN_DELETED, f"campaign:{campaign_id}", by=by)


def submit(session: Session, agency_id: int, campaign_id: int, *, by: int, now: datetime) -> Campaign:
    """Hand the draft on: its segment's rule is frozen and its audience will be planned. The caller nudges.

    Frozen is also what other segments it names say now: who changes one of those later changes no approved audience.

    Raises NotFound, the first of drafts.lacks(), or Conflict("campaign_submitted") - also the second time.
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise Conflict("campaign_submitted")
    for problem in drafts.lacks(session, agency_id, campaign, now=now):
        raise problem
    chosen = drafts.rule_of(session, agency_id, campaign)
    rule = segments.store(chosen) if chosen is not None else {}  # one that amends another chooses nobody
    submitted = store.submit(session, agency_id, campaign_id, rule=rule, author_id=by)
    if submitted is None:  # the row is locked, so its state cannot have changed since it was read
        raise Conflict("campaign_submitted")
    audit.record(session, agency_id, audit.Did.CAMPAIGN_SUBMITTED, f"campaign:{campaign_id}", by=by)
    return submitted


def take_back(session: Session, agency_id: int, campaign_id: int, *, by: int) -> Campaign:
    """Take a campaign that is being planned, or waits for approval or start, back to draft; its plan is discarded.

    Raises NotFound, Conflict("campaign_not_editable").
    """
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state != CampaignState.PLANNING and campaign.state not in EDITABLE - {CampaignState.DRAFT}:
        raise Conflict("campaign_not_editable")
    return _void(session, campaign, by=by, reason=None)


def _editable(session: Session, agency_id: int, campaign_id: int) -> Campaign:
    campaign = store.hold(session, agency_id, campaign_id)
    if campaign.state not in EDITABLE:
        raise Conflict("campaign_not_editable")
    return campaign


def _void(session: Session, campaign: Campaign, *, by: int, reason: str | None) -> Campaign:
    voided = store.back_to_draft(session, campaign.agency_id, campaign.id, reason=reason)
    if voided is None:
        raise Conflict("campaign_not_editable")
    audit.record(session, campaign.agency_id, audit.Did.CAMPAIGN_VOIDED, f"campaign:{campaign.id}", by=by)
    return voided


def _written(session: Session, campaign: Campaign, by: int, **detail: object) -> Campaign:
    audit.record(session, campaign.agency_id, audit.Did.CAMPAIGN_WRITTEN, f"campaign:{campaign.id}", by=by, **detail)
    return campaign
