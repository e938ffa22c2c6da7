"""Campaigns that correct or withdraw another: whom that one was handed over to, and the plan for exactly those."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, Select, String, and_, case, exists, func, literal, select
from sqlalchemy import null as nothing
from sqlalchemy.orm import Session

from campaigns.rules.lifecycle import CampaignState, Reason, State
from campaigns.store import audiences, figures
from campaigns.store.audiences import Slice
from campaigns.store.campaigns import Campaign
from campaigns.store.consents import not_opted_out, reachable_by_sms
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery

# The phone has it, or may have it. A failed message certainly did not arrive.
HANDED_OVER: Final = (State.SENT, State.DELIVERED, State.UNCONFIRMED, State.UNKNOWN)
# Not one of lifecycle.Reason: planning calls it `changed`, a page can tell the two apart.
GONE: Final = "gone"
_OVER: Final = (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.CANCELLED)


@dataclass(frozen=True)
class Reach:
    """Whom a campaign was handed over to: by language who can be written to now, and by reason who cannot."""

    languages: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)  # a lifecycle.Reason, or GONE

    @property
    def people(self) -> int:
        """How many can be written to now."""
        return sum(self.languages.values())

    @property
    def total(self) -> int:
        """How many it was handed over to."""
        return self.people + sum(self.left_out.values())


def open_child(session: Session, agency_id: int, parent_id: int, amends: str) -> Campaign | None:
    """The campaign that amends this one in this way and is not over yet; the newest, None if there is none."""
    return session.scalar(
        select(Campaign)
        .where(
            Campaign.agency_id == agency_id,
            Campaign.parent_id == parent_id,
            Campaign.amends == amends,
            Campaign.state.not_in(_OVER),
        )
        .order_by(Campaign.id.desc())
        .limit(1)
    )


def children(session: Session, agency_id: int, parent_id: int) -> Sequence[Campaign]:
    """Every campaign that corrects or withdraws this one, newest first."""
    return session.scalars(
        select(Campaign)
        .where(Campaign.agency_id == agency_id, Campaign.parent_id == parent_id)
        .order_by(Campaign.id.desc())
    ).all()


def is_in_hand(session: Session, agency_id: int, campaign_id: int) -> bool:
    """Whether a message of the campaign is with a worker, so that nobody knows yet what becomes of it."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    Delivery.campaign_id == campaign_id,
                    Delivery.agency_id == agency_id,
                    Delivery.leased_until.is_not(None),
                    Delivery.state == State.SENDING,
                )
            )
        )
    )


def languages_used(session: Session, agency_id: int, campaign_id: int) -> dict[str, int]:
    """Language -> how many people were handed the campaign's text in it, from its figures; the most read first."""
    found: dict[str, int] = {}
    for row in figures.sums(session, agency_id, campaign_id):
        if row.channel == "sms" and row.state in HANDED_OVER:
            found[row.language] = found.get(row.language, 0) + row.number
    return {code: number for code, number in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])) if number > 0}


def reach(session: Session, agency_id: int, parent_id: int) -> Reach:
    """Whom the campaign was handed over to, and who of them can be written to now, in one statement."""
    found = _handed_over(agency_id, parent_id, literal(GONE)).subquery("found")
    rows = session.execute(
        select(found.c.why, found.c.language, func.count()).group_by(found.c.why, found.c.language)
    ).all()
    languages: dict[str, int] = {}
    left_out: dict[str, int] = {}
    for why, language, number in rows:
        if why is None:
            languages[language] = number
        else:
            left_out[why] = left_out.get(why, 0) + number
    return Reach(languages, left_out)


def total(session: Session, agency_id: int, parent_id: int) -> int:
    """How many people the campaign was handed over to."""
    return session.scalar(select(func.count()).select_from(Delivery).where(*_which(agency_id, parent_id))) or 0


def plan_slice(
    session: Session, campaign: Campaign, parent_id: int, available: Collection[str], *, after: int, size: int
) -> Slice:
    """Queue a delivery for everybody who was handed the parent's, among its next `size` deliveries after `after`.

    Each gets the text in the language of the first message, or nothing. What becomes of the parent's deliveries later
    changes nothing any more. Never commits. A second run over the same deliveries adds nothing.
    """
    upto = _end_of_slice(session, campaign.agency_id, parent_id, after, size)
    if upto is None:
        return Slice(None)
    run = (Delivery.id > after, Delivery.id <= upto)
    rows = _handed_over(campaign.agency_id, parent_id, literal(Reason.CHANGED.value)).where(*run).subquery("found")
    text: ColumnElement[str | None] = case(
        (rows.c.language.in_(list(available)), rows.c.language), else_=nothing().cast(String)
    )
    picked = (
        select(rows.c.id, rows.c.contact_id, rows.c.address_index, rows.c.why, text.label("language"))
        .cte("picked")
        .prefix_with("MATERIALIZED")
    )
    return audiences.queue(session, campaign.agency_id, campaign.id, picked, upto=upto)


def _end_of_slice(session: Session, agency_id: int, parent_id: int, after: int, size: int) -> int | None:
    # Cut by delivery whatever its state, as plans of segments are cut by contact: every slice looks at as much.
    run = (
        select(Delivery.id)
        .where(Delivery.campaign_id == parent_id, Delivery.agency_id == agency_id, Delivery.id > after)
        .order_by(Delivery.id)
        .limit(size)
    ).subquery()
    last: int | None = session.scalar(select(func.max(run.c.id)))
    return last


def _handed_over(
    agency_id: int, parent_id: int, gone: ColumnElement[str]
) -> Select[int, int | None, bytes, str, str | None]:
    """The parent's deliveries that may have reached a phone, with `why`: None, or the reason to write no more."""
    no_reason: ColumnElement[str | None] = nothing().cast(String)
    why: ColumnElement[str | None] = case(
        (and_(Contact.phone_index == Delivery.address_index, reachable_by_sms()), no_reason),
        (~not_opted_out(Delivery.agency_id, "sms", Delivery.address_index), literal(Reason.OPTED_OUT.value)),
        (Contact.id.is_(None), gone),
        (Contact.phone_index.is_distinct_from(Delivery.address_index), literal(Reason.CHANGED.value)),
        else_=audiences.why_not(),
    )
    return (
        select(Delivery.id, Delivery.contact_id, Delivery.address_index, Delivery.language, why.label("why"))
        .outerjoin(Contact, and_(Contact.id == Delivery.contact_id, Contact.agency_id == agency_id))
        .where(*_which(agency_id, parent_id))
    )


def _which(agency_id: int, parent_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Delivery.campaign_id == parent_id,
        Delivery.agency_id == agency_id,
        Delivery.channel == "sms",
        Delivery.state.in_(HANDED_OVER),
    )
