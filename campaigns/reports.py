"""Reports: figures for people, added up from the deltas that every window and receipt leaves behind."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from campaigns.errors import NotFound
from campaigns.orders import UNCONFIRMED_SECONDS
from campaigns.rules import hours
from campaigns.rules.channels import Channel, Channels
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
_USED_UP: Final = (Reason.BUDGET, Reason.EXPIRED)
PLANNED: Final = "planned"  # in rows(): everybody of a channel and language
_ORDER: Final = (PLANNED, *State, _AGAIN, _OPTED_OUT)


@dataclass(frozen=True)
class Funnel:
    """How far the deliveries are: `handed` is every one a provider has taken, however it ended; `waiting` the rest
    that may still go out, but for `after_sms`: mails that go only if the SMS to the same person fails. `unknown` may
    have been taken or not.
    """

    planned: int = 0
    waiting: int = 0
    after_sms: int = 0
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
        return not (self.waiting or self.after_sms or self.unknown)


@dataclass(frozen=True)
class Course:
    """How deliveries go, in numbers. `failed` and `skipped` are by reason."""

    all: Funnel = field(default_factory=Funnel)
    languages: Mapping[str, Funnel] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    opted_out: int = 0  # people who refused after this campaign reached them
    waiting_again: Mapping[str, int] = field(default_factory=dict)  # for a second attempt, by why the first failed
    again: int = 0  # second attempts
    parts: int = 0  # what was charged so far


class Missed(NamedTuple):
    """So many messages of a channel were not sent; where it is the campaign's only one, so many people got nothing."""

    channel: str
    reason: str
    number: int
    is_only: bool


@dataclass(frozen=True)
class Figures(Course):
    """A campaign in numbers: all its deliveries together, and those of each of its channels by themselves.

    `people` is how many get anything, each on one channel or on two. `left_out` are people the segment picked and
    nothing was planned for, by reason.
    """

    order: Channels = Channels.SMS
    channels: Mapping[Channel, Course] = field(default_factory=dict)
    people: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def not_written_to(self) -> dict[str, int]:
        """Why nothing went to people of the segment, found while planning or just before sending: reason -> how many.

        On two channels those of the second kind are messages: who got none by SMS may have got a mail.
        """
        return dict(Counter(self.left_out) + Counter(self.skipped))

    @property
    def picked(self) -> int:
        """How many people the segment picked."""
        return self.people + sum(self.left_out.values())

    @property
    def unreached(self) -> int | None:
        """Of the people, how many neither an SMS nor the mail in its place went through to; None while more may come.

        Nobody has both: the mail goes only after the SMS failed. Where each goes by itself, figures cannot tell.
        """
        if self.order is not Channels.SMS_THEN_EMAIL or not self.people or not self.all.is_settled:
            return None
        return max(0, self.people - sum(one.all.handed - one.all.failed for one in self.channels.values()))

    @property
    def missed(self) -> list[Missed]:
        """What was not sent because the budget or the time was used up."""
        is_only = len(self.channels) == 1
        return [
            Missed(channel, reason, course.skipped[reason], is_only)
            for channel, course in self.channels.items()
            for reason in _USED_UP
            if reason in course.skipped
        ]


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
    order = Channels(campaign.channels)
    whole = _course(sums)
    return Figures(
        **vars(whole),
        order=order,
        channels={channel: _course([row for row in sums if row.channel == channel]) for channel in order.each},
        people=whole.all.planned if len(order.each) == 1 else campaign.planned or 0,
        left_out={reason: int(str(number)) for reason, number in (campaign.plan_left_out or {}).items()},
    )


def heard_by(session: Session, agency_id: int, campaign: Campaign, found: Figures) -> datetime | None:
    """Until when news of a running campaign's messages may come, once all of them are sent; None before.

    What nothing was heard of by then ends as unconfirmed.
    """
    whole = found.all
    mails = found.channels.get(Channel.EMAIL, Course()).all
    is_sent = not (whole.waiting or whole.after_sms) and (whole.awaited or mails.unknown)
    if campaign.state != CampaignState.RUNNING or campaign.started_at is None or not is_sent:
        return None
    latest = store.latest_hand_over(session, agency_id, campaign.id) or campaign.started_at
    return max(latest, campaign.started_at) + timedelta(seconds=UNCONFIRMED_SECONDS)


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


def missed(session: Session, agency_id: int, campaigns: Collection[int]) -> dict[int, list[Missed]]:
    """Campaign -> what was not sent because the budget or the time was used up; campaigns without are left out."""
    found: dict[int, list[Missed]] = {}
    for campaign_id, channels, channel, reason, number in store.skipped(session, agency_id, campaigns, _USED_UP):
        found.setdefault(campaign_id, []).append(Missed(channel, reason, number, len(Channels(channels).each) == 1))
    return {campaign_id: sorted(rows, reverse=True) for campaign_id, rows in found.items()}


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


def _course(sums: Sequence[Sum]) -> Course:
    states: Counter[str] = Counter()
    by_language: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {State.FAILED: Counter(), State.SKIPPED: Counter(), State.QUEUED: Counter()}
    for row in sums:
        state = Reason.AFTER_SMS if (row.state, row.reason) == (State.QUEUED, Reason.AFTER_SMS) else row.state
        states[state] += row.number
        if state not in _BESIDE:
            by_language.setdefault(row.language, Counter())[state] += row.number
        if state in reasons and row.number:
            reasons[state][row.reason or ""] += row.number
    del reasons[State.QUEUED][""]  # their first attempt is still to come
    return Course(
        all=_funnel(states),
        languages={language: _funnel(found) for language, found in sorted(by_language.items())},
        failed=dict(reasons[State.FAILED].most_common()),
        skipped=dict(reasons[State.SKIPPED].most_common()),
        opted_out=states[_OPTED_OUT],
        waiting_again=dict(reasons[State.QUEUED].most_common()),
        again=states[_AGAIN],
        parts=sum(row.parts for row in sums),
    )


def _funnel(states: Mapping[str, int]) -> Funnel:
    number = {state: states.get(state, 0) for state in (*State, Reason.AFTER_SMS)}
    return Funnel(
        planned=sum(number.values()),
        waiting=number[State.QUEUED] + number[State.SENDING],
        after_sms=number[Reason.AFTER_SMS],
        handed=number[State.SENT] + number[State.DELIVERED] + number[State.UNCONFIRMED] + number[State.FAILED],
        unknown=number[State.UNKNOWN],
        delivered=number[State.DELIVERED],
        failed=number[State.FAILED],
        unconfirmed=number[State.UNCONFIRMED],
        skipped=number[State.SKIPPED],
    )
