"""One campaign as it stands: the draft's last look, its planning, its approval, and how it is going."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from flask import Blueprint, Response, current_app, g, request, url_for

from campaigns import agencies, approval, authoring, drafts, previews, reports, segments, staff
from campaigns.agencies import Sender
from campaigns.authoring import Campaign, Text
from campaigns.errors import Invalid
from campaigns.previews import Preview, Shown, Words
from campaigns.reports import Figures
from campaigns.rules import segments as rules
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import CampaignState
from outreach.admin import audience_words, campaign_words, corrections, estimates, message_words, rule_words
from outreach.admin.writing import look
from outreach.auth import requires
from outreach.pages import page, see_other, wants_fragment
from outreach.sentences import sentence

bp = Blueprint("campaign", __name__, url_prefix="/campaigns/<int:campaign_id>")

_UNDER_WAY = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPING)
_STARTED = (*_UNDER_WAY, CampaignState.FINISHED, CampaignState.STOPPED)
_TO_APPROVE = (CampaignState.SUBMITTED, CampaignState.APPROVED, CampaignState.SCHEDULED)


@dataclass(frozen=True)
class Said:
    """One text of the campaign: on which channel, in which language, and how it is read (or what is wrong with it)."""

    channel: str
    code: str
    language: str
    look: Preview | Shown | str | None


@bp.get("/")
@requires("campaign:read")
def show(campaign_id: int) -> Response:
    """Everything about the campaign on one page, as its state asks for."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    named = rule_words.language_names(g.db)
    said = _said(campaign, named)
    values: dict[str, object] = {
        "campaign": campaign,
        "words": campaign_words,
        "said": said,
        "named": named,
        "people": {person.id: person.name for person in staff.of_agency(g.db, g.agency_id)},
        "messages": message_words,
        "audience": audience_words,
        "senders": _senders(campaign),
        "lacks": [],
        "counted": None,
        "readers": [],
        "forecast": None,
        "outlook": None,
        "parts": None,
        "budget": None,
        **_audience(campaign),
        **corrections.about(campaign),
    }
    if campaign.state == CampaignState.DRAFT:
        values |= _draft(campaign, said)
    if campaign.state in (*_TO_APPROVE, *_STARTED):
        values |= _numbers(campaign, said)
    return page(_template(campaign), "content", **values)


@bp.get("/progress")
@requires("campaign:read")
def progress(campaign_id: int) -> Response:
    """How far the planning is; once it is over, the whole page again, which is also what an opened address gives."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    if not wants_fragment():
        return see_other(url_for(".show", campaign_id=campaign_id))
    response = page("admin/campaign_planning.html", "progress", campaign=campaign)
    if campaign.state != CampaignState.PLANNING:
        response.headers["HX-Refresh"] = "true"
    return response


@bp.get("/figures")
@requires("campaign:read")
def figures(campaign_id: int) -> Response:
    """The figures of the live page: nothing (204) while they are those the page shows already."""
    campaign = authoring.get(g.db, g.agency_id, campaign_id)
    if not wants_fragment():
        return see_other(url_for(".show", campaign_id=campaign_id))
    block = "details" if request.args.get("part") == "details" else "funnel"
    values = _numbers(campaign, [])
    if request.args.get("state") != values["standing"]:
        # Other buttons, other sentences: the whole page again.
        return Response(status=200, headers={"HX-Refresh": "true"})
    if request.args.get("seen") == values["seen"]:
        return Response(status=204)
    named = rule_words.language_names(g.db) if block == "details" else {}
    values |= {"campaign": campaign, "words": campaign_words, "messages": message_words, "named": named}
    response = page("admin/campaign_live.html", block, **values)
    if block == "funnel":
        response.headers["HX-Trigger"] = "figures"  # so that the details below never tell other numbers
    return response


def _template(campaign: Campaign) -> str:
    if campaign.state == CampaignState.PLANNING:
        return "admin/campaign_planning.html"
    if campaign.state in _TO_APPROVE:
        return "admin/campaign_approval.html"
    return "admin/campaign_live.html" if campaign.state in _STARTED else "admin/campaign.html"


def _said(campaign: Campaign, named: dict[str, str]) -> list[Said]:
    """The texts of the campaign's channels; those of another are kept, and go nowhere."""
    texts = [
        text
        for text in authoring.texts(g.db, g.agency_id, campaign.id)
        if text.channel in Channels(campaign.channels).each
    ]
    looks = [look(text.body, text.language) if text.channel == Channel.SMS else _mail(campaign, text) for text in texts]
    return [
        Said(text.channel, text.language, named.get(text.language, text.language), seen)
        for text, seen in zip(texts, looks, strict=True)
    ]


def _mail(campaign: Campaign, text: Text) -> Shown | str:
    """A mail as its reader gets it, or a sentence about what is wrong with it."""
    base_url = current_app.extensions["settings"].base_url
    said = Words(text.subject, text.body)
    try:
        return previews.mail(
            g.db, g.agency_id, said, text.language, base_url=base_url, is_discreet=campaign.is_discreet
        )
    except Invalid as problem:
        return sentence(problem)


def _senders(campaign: Campaign) -> dict[Channel, Sender | None]:
    """Who sends on each channel of the campaign; None where nobody was chosen yet."""
    chosen = {Channel.SMS: campaign.sender_id, Channel.EMAIL: campaign.mail_sender_id}
    return {
        channel: agencies.sender(g.db, g.agency_id, sender_id) if (sender_id := chosen[channel]) else None
        for channel in Channels(campaign.channels).each
    }


def _audience(campaign: Campaign) -> dict[str, object]:
    """The segment and its rule as a sentence: as planned, or for a draft as it is now."""
    segment = segments.get(g.db, g.agency_id, campaign.segment_id) if campaign.segment_id else None
    rule = rules.parse(campaign.rule) if campaign.rule else drafts.rule_of(g.db, g.agency_id, campaign)
    if rule is None:
        return {"segment": segment, "told": None}
    return {"segment": segment, "told": rule_words.tell(rule, rule_words.names(g.db, [rule]))}


def _draft(campaign: Campaign, said: list[Said]) -> dict[str, object]:
    """What is missing, whom the segment picks now, which text each language's readers would get, and what it costs."""
    now = datetime.now(UTC)
    lacks = drafts.lacks(g.db, g.agency_id, campaign, now=now)
    counted = estimates.audience(campaign)
    if counted is None:
        return {"lacks": lacks}
    shown = audience_words.shown(counted)
    looks = {text.code: text.look for text in said if text.channel == Channel.SMS}
    found: dict[str, object] = {"lacks": lacks, "counted": shown, "order": Channels(campaign.channels)}
    if campaign.channels == Channels.SMS:
        readers = estimates.readings(counted, list(looks), campaign.fallback_language) if said else []
        parts = estimates.parts_of_draft(readers, looks) if said else None
        found["readers"] = estimates.as_shown(readers, shown)
        hides = shown.hides
    else:
        forecast = estimates.forecast(counted, campaign, [(text.channel, text.code) for text in said])
        parts = estimates.parts_of_forecast(forecast, looks) if forecast.sms else None
        found |= {"forecast": forecast, "outlook": audience_words.outlook(counted, forecast)}
        hides = shown.hides or not audience_words.outlook(counted, forecast).by_language
    if hides:
        parts = estimates.roughly(parts)
    return {**found, "parts": parts, "budget": estimates.budget(campaign, parts, now)}


def _numbers(campaign: Campaign, said: list[Said]) -> dict[str, object]:
    """The figures, what they were when last looked at, and how long the rest may take."""
    now = datetime.now(UTC)
    found = reports.figures(g.db, g.agency_id, campaign.id)
    agency = agencies.get(g.db, g.agency_id)
    starts = campaign.starts_at if campaign.starts_at and campaign.starts_at > now else None
    holding = reports.holding(agency, campaign, now)
    heard_by = reports.heard_by(g.db, g.agency_id, campaign, found)
    parts = estimates.parts_of_plan(found, {text.code: text.look for text in said if text.channel == Channel.SMS})
    return {
        "figures": found,
        "forecast": estimates.planned(found),
        "heard_by": heard_by,
        "standing": "all_sent" if heard_by else campaign.state,
        "seen": sha256(repr((found, holding)).encode()).hexdigest()[:8],
        "hours": campaign_words.hours(agency),
        "holding": holding,
        "minutes_left": None if holding else _minutes_left(campaign, found, now),
        "fingerprint": approval.fingerprint(campaign),
        "own": approval.is_own(g.db, campaign, g.staff.id),
        "parts": parts,
        "budget": estimates.budget(campaign, parts, now) if campaign.state in _TO_APPROVE else None,
        "is_time": starts is None,
        "over": campaign.expires_at is not None and campaign.expires_at <= now,
        "closed_at_start": reports.holding_once_started(agency, campaign, starts) if starts else None,
        "polls": campaign.state in _UNDER_WAY,
        "address": url_for(".figures", campaign_id=campaign.id),
    }


def _minutes_left(campaign: Campaign, found: Figures, now: datetime) -> int | None:
    """At the pace so far, in whole minutes; None while there is no pace to speak of."""
    waiting = found.all.waiting - sum(found.waiting_again.values())  # theirs is a matter of the clock, not of the pace
    done = found.all.planned - found.all.waiting - found.all.after_sms
    if campaign.started_at is None or not done or waiting <= 0 or campaign.state != CampaignState.RUNNING:
        return None
    elapsed = max(now - campaign.started_at, timedelta(seconds=1))
    return max(1, round(elapsed / done * waiting / timedelta(minutes=1)))
