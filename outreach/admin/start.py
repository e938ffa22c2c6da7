"""The start page: what needs me now, news of my campaigns, what is being sent, and a new agency's first steps."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _

from campaigns import agencies, approval, authoring, contacts, inbox, notices, reports, segments
from campaigns.authoring import Campaign
from campaigns.reports import Figures
from campaigns.rules.lifecycle import CampaignState
from outreach import ids
from outreach.admin import campaign_words, message_words, news_words
from outreach.auth import may, requires
from outreach.pages import page, see_other

bp = Blueprint("start", __name__)

_UNDER_WAY: Final = (
    CampaignState.PLANNING,
    CampaignState.SCHEDULED,
    CampaignState.RUNNING,
    CampaignState.STOPPING,
)
_SHOWN: Final = 10  # campaigns of a kind: who has more goes to their list


@dataclass(frozen=True)
class Step:
    """One of the first steps: what it is, whether it is done, and where to do it (empty: somebody else does)."""

    words: str
    hint: str
    done: bool
    address: str


@dataclass(frozen=True)
class UnderWay:
    """A campaign that is being planned or sent, and how far it is."""

    campaign: Campaign
    done: int
    total: int
    figures: Figures
    is_sent: bool  # only news of its messages is waited for
    says: str  # that, or why it stands still


@bp.get("/")
@requires("start:see")
def start() -> Response:
    """The first page after sign-in."""
    counts = authoring.in_states(g.db, g.agency_id)
    news = notices.unseen(g.db, g.agency_id, g.staff.id)
    return page(
        "admin/start.html",
        "content",
        to_approve=approval.to_approve(g.db, g.agency_id, g.staff.id) if may("campaign:approve") else [],
        submitted=counts.get(CampaignState.SUBMITTED, 0),
        waiting=inbox.count_waiting(g.db, g.agency_id),
        returned=_returned(),
        paused=_in(CampaignState.PAUSED),
        unstarted=_in(CampaignState.APPROVED),
        news=news,
        missed=reports.missed(g.db, g.agency_id, {one.notice.campaign_id for one in news if one.notice.campaign_id}),
        news_words=news_words,
        under_way=_under_way(),
        steps=_steps(counts),
        words=campaign_words,
        messages=message_words,
    )


@bp.post("/news/seen")
@requires("start:see")
def seen() -> Response:
    """The news that stood on the page, and what is older, was seen; what came since then stays."""
    upto = ids.read(request.form.get("upto"))
    if upto is not None:
        notices.see(g.db, g.agency_id, g.staff.id, upto=upto)
    return see_other(url_for(".start"))


@bp.get("/under-way")
@requires("start:see")
def under_way() -> Response:
    """How far the campaigns under way are: what the start page asks for every few seconds."""
    return page(
        "admin/under_way.html", "under_way", under_way=_under_way(), words=campaign_words, messages=message_words
    )


def _returned() -> list[Campaign]:
    """Drafts of this person that came back with a reason."""
    drafts = authoring.listed(g.db, g.agency_id, [CampaignState.DRAFT])
    return [draft for draft in drafts if draft.return_reason and draft.author_id == g.staff.id][:_SHOWN]


def _in(state: CampaignState) -> list[Campaign]:
    return list(authoring.listed(g.db, g.agency_id, [state], limit=_SHOWN))


def _under_way() -> list[UnderWay]:
    agency, now = agencies.get(g.db, g.agency_id), datetime.now(UTC)
    found = []
    for campaign in authoring.listed(g.db, g.agency_id, _UNDER_WAY, limit=_SHOWN):
        figures = reports.figures(g.db, g.agency_id, campaign.id)
        so_far = figures.all
        if campaign.state == CampaignState.PLANNING:
            done, total = campaign.plan_done, campaign.plan_total or 0
        else:
            done, total = so_far.planned - so_far.waiting - so_far.after_sms, so_far.planned
        heard_by, held = reports.heard_by(g.db, g.agency_id, campaign, figures), reports.holding(agency, campaign, now)
        says = campaign_words.heard_by(heard_by, figures) if heard_by else campaign_words.holding(held) if held else ""
        found.append(UnderWay(campaign, done, total, figures, heard_by is not None, says))
    return found


def _steps(counts: dict[str, int]) -> list[Step]:
    """The first steps, until all are done: then none."""
    steps = [
        _step(
            _("Set up a sender"),
            _("The number your messages come from. An administrator does this under Settings."),
            bool(agencies.senders(g.db, g.agency_id)),
            ("sender:manage", "settings.add_sender"),
        ),
        _step(
            _("Bring in your people"),
            _("Import the list your agency has, or add people one by one."),
            contacts.are_there(g.db, g.agency_id),
            ("contact:import", "imports.new"),
        ),
        _step(
            _("Make a segment"),
            _("A rule that says who gets a campaign, for example by place or line of business."),
            bool(segments.listed(g.db, g.agency_id)),
            ("segment:write", "segments.new"),
        ),
        _step(
            _("Write a first campaign"),
            _("Somebody else approves it before it is sent."),
            bool(counts),
            ("campaign:write", "campaigns.new"),
        ),
    ]
    return [] if all(step.done for step in steps) else steps


def _step(words: str, hint: str, done: bool, where: tuple[str, str]) -> Step:
    right, endpoint = where
    return Step(words, hint, done, url_for(endpoint) if may(right) and not done else "")
