"""Reports: figures for people, added up from the deltas that every window and receipt leaves behind."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from campaigns.errors import NotFound
from campaigns.rules import hours
from campaigns.rules.lifecycle import CampaignState, Reason, State
from campaigns.rules.local_time import month_start
from campaigns.store import campaigns as campaign_store
from campaigns.store import figures as store
from campaigns.store.agencies import Agency
from campaigns.store.campaigns import Campaign
from campaigns.store.figures import Sum

# Counted beside the deliveries' states: people who refused, and second attempts that were begun.
_OPTED_OUT = "opted_out"
_AGAIN = "again"
_BESIDE: Final = frozenset({_OPTED_OUT, _AGAIN})
PLANNED: Final = "planned"  # in rows(): everybody of a channel and language
_ORDER: Final = (PLANNED, *State, _AGAIN, _OPTED_OUT)


@dataclass(frozen=True)
class Funnel:
    """How far the deliveries are: `handed` is every one a provider has taken, however it ended; `waiting` the rest
    that may still go out. `unknown` may have been taken or not, and is being found out.
    """

    planned: int = 0
    waiting: int = 0
    handed: int = 0
    unknown: int = 0
    delivered: int = 0
    failed: int = 0
    unconfirmed: int = 0
    skipped: int = 0

    @property
    def awaited(self) -> int:
        """How many a provider has taken and nobody has said yet what became of."""
        return self.handed - self.delivered - self.unconfirmed - self.failed

    @property
    def is_settled(self) -> bool:
        """Whether nothing more can happen by our own doing."""
        return not (self.waiting or self.unknown)


@dataclass(frozen=True)
class Figures:
    """A campaign in numbers. `left_out` are people the segment picked and nothing was planned for, by reason."""

    all: Funnel
    languages: Mapping[str, Funnel] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    opted_out: int = 0  # people who refused after this campaign reached them
    waiting_again: Mapping[str, int] = field(default_factory=dict)  # for a second attempt, by why the first failed
    again: int = 0  # second attempts
    parts: int = 0  # what was charged so far

    @property
    def not_written_to(self) -> dict[str, int]:
        """Why people of the segment got nothing, found while planning or just before sending: reason -> how many."""
        return dict(Counter(self.left_out) + Counter(self.skipped))

    @property
    def picked(self) -> int:
        """How many people the segment picked."""
        return self.all.planned + sum(self.left_out.values())


@dataclass(frozen=True)
class Holding:
    """Why a running campaign sends nothing now: halted, expired, outside_hours (with `until`) or never_open."""

    code: str
    until: datetime | None = None


def figures(session: Session, agency_id: int, campaign_id: int) -> Figures:
    """The campaign's figures now, from two small reads; raises NotFound."""
    campaign = campaign_store.get(session, agency_id, campaign_id)
    if campaign is None:
        raise NotFound("campaign_unknown")
    sums = store.sums(session, agency_id, campaign_id)
    states: Counter[str] = Counter()
    by_language: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {State.FAILED: Counter(), State.SKIPPED: Counter(), State.QUEUED: Counter()}
    for row in sums:
        states[row.state] += row.number
        if row.state not in _BESIDE:
            by_language.setdefault(row.language, Counter())[row.state] += row.number
        if row.state in reasons and row.number:
            reasons[row.state][row.reason or ""] += row.number
    del reasons[State.QUEUED][""]  # their first attempt is still to come
    return Figures(
        all=_funnel(states),
        languages={language: _funnel(found) for language, found in sorted(by_language.items())},
        failed=dict(reasons[State.FAILED].most_common()),
        skipped=dict(reasons[State.SKIPPED].most_common()),
        left_out={reason: int(str(number)) for reason, number in (campaign.plan_left_out or {}).items()},
        opted_out=states[_OPTED_OUT],
        waiting_again=dict(reasons[State.QUEUED].most_common()),
        again=states[_AGAIN],
        parts=sum(row.parts for row in sums),
    )


def rows(session: Session, agency_id: int, campaign_id: int) -> list[Sum]:
    """The campaign's figures as a table: one row per channel, language, state and reason, in this order.

    The first row of each channel and language, with the state PLANNED, is the sum of its deliveries; people who refused
    and second attempts are counted beside them. Raises NotFound.
    """
    if campaign_store.get(session, agency_id, campaign_id) is None:
        raise NotFound("campaign_unknown")
    sums = store.sums(session, agency_id, campaign_id)
    people: Counter[tuple[str, str]] = Counter()
    parts: Counter[tuple[str, str]] = Counter()
    for row in sums:
        people[row.channel, row.language] += row.number if row.state not in _BESIDE else 0
        parts[row.channel, row.language] += row.parts
    whole = [
        Sum(channel, language, PLANNED, None, people[channel, language], parts[channel, language])
        for channel, language in people
    ]
    found = [*whole, *sums]
    return sorted(found, key=lambda row: (row.channel, row.language, _ORDER.index(row.state), row.reason or ""))


def missed(session: Session, agency_id: int, campaigns: Collection[int]) -> dict[int, dict[str, int]]:
    """Campaign -> reason -> how many got nothing because the budget or the time was used up; others are left out."""
    found: dict[int, dict[str, int]] = {}
    for campaign_id, reason, number in store.skipped(session, agency_id, campaigns, (Reason.BUDGET, Reason.EXPIRED)):
        found.setdefault(campaign_id, {})[reason] = number
    return found


def parts_this_month(session: Session, agency: Agency, now: datetime) -> int:
    """How many parts the agency was charged for since the month began in its own zone."""
    return store.parts_since(session, agency.id, month_start(now, agency.time_zone))


def holding(agency: Agency, campaign: Campaign, now: datetime) -> Holding | None:
    """Why nothing of a running campaign may leave now; None when it may, and for campaigns that do not run."""
    return holding_once_started(agency, campaign, now) if campaign.state == CampaignState.RUNNING else None


def holding_once_started(agency: Agency, campaign: Campaign, now: datetime) -> Holding | None:
    """Why nothing would leave now if the campaign ran."""
    if agency.halted_at is not None:
        return Holding("halted")
    if campaign.expires_at is not None and campaign.expires_at <= now:
        return Holding("expired")
    allowed = hours.parse(agency.hours)
    if hours.open_until(allowed, agency.time_zone, now) is not None:
        return None
    opens = hours.next_opening(allowed, agency.time_zone, now)
    return Holding("outside_hours", opens) if opens else Holding("never_open")


def _funnel(states: Mapping[str, int]) -> Funnel:
    number = {state: states.get(state, 0) for state in State}
    return Funnel(
        planned=sum(number.values()),
        waiting=number[State.QUEUED] + number[State.SENDING],
        handed=number[State.SENT] + number[State.DELIVERED] + number[State.UNCONFIRMED] + number[State.FAILED],
        unknown=number[State.UNKNOWN],
        delivered=number[State.DELIVERED],
        failed=number[State.FAILED],
        unconfirmed=number[State.UNCONFIRMED],
        skipped=number[State.SKIPPED],
    )
