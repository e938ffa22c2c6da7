"""Audiences: counting whom a rule picks, and making their deliveries, set by set and never row by row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import CTE, ColumnElement, String, and_, case, func, literal, not_, select, union_all
from sqlalchemy import null as nothing
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.rules.languages import MACRO
from campaigns.rules.lifecycle import Reason
from campaigns.rules.segments import Rule
from campaigns.store.consents import has_sms, reachable_by_sms
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery
from campaigns.store.figures import Figure
from campaigns.store.segment_sql import Run, picks

_PLANNED = "planned"


@dataclass(frozen=True)
class Count:
    """Whom a rule picks: `total` is the sum of those we may write to by SMS and of those we may not, by reason."""

    total: int = 0
    reachable_sms: int = 0
    opted_out: int = 0
    no_ground: int = 0
    no_mobile: int = 0
    languages: dict[str, int] = field(default_factory=dict)  # of the reachable


class Languages(NamedTuple):
    """In which languages a campaign has a text, and which of them stands in for others."""

    available: Collection[str]
    fallback: str


@dataclass(frozen=True)
class Slice:
    """What became of a run of contacts or deliveries: `upto` is the last one looked at, None when none was left."""

    upto: int | None
    planned: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


def count(session: Session, agency_id: int, rule: Rule) -> Count:
    """How many contacts the rule picks now, by whether and why not they can be written to, in one statement."""
    why = why_not()
    rows = session.execute(
        select(why, Contact.language, func.count()).where(picks(rule, agency_id)).group_by(why, Contact.language)
    ).all()
    by_reason: dict[str | None, int] = {}
    for reason, _language, number in rows:
        by_reason[reason] = by_reason.get(reason, 0) + number
    return Count(
        total=sum(by_reason.values()),
        reachable_sms=by_reason.get(None, 0),
        opted_out=by_reason.get(Reason.OPTED_OUT, 0),
        no_ground=by_reason.get(Reason.NO_GROUND, 0),
        no_mobile=by_reason.get(Reason.NO_MOBILE, 0),
        languages={language: number for reason, language, number in rows if reason is None},
    )


def listed(
    session: Session, agency_id: int, rule: Rule, *, reachable: bool | None, below: int | None, limit: int
) -> Sequence[Contact]:
    """Contacts the rule picks, newest first, from below id `below`; only those (not) reachable by SMS, if asked."""
    statement = select(Contact).where(picks(rule, agency_id))
    if reachable is not None:
        statement = statement.where(reachable_by_sms() if reachable else not_(reachable_by_sms()))
    if below is not None:
        statement = statement.where(Contact.id < below)
    return session.scalars(statement.order_by(Contact.id.desc()).limit(limit)).all()


def total(session: Session, agency_id: int, rule: Rule) -> int:
    """How many contacts the rule picks now."""
    return session.scalar(select(func.count()).select_from(Contact).where(picks(rule, agency_id))) or 0


def plan_slice(
    session: Session, agency_id: int, campaign_id: int, rule: Rule, languages: Languages, *, after: int, size: int
) -> Slice:
    """Queue deliveries for those the rule picks among the next `size` contacts after the contact `after`.

    Never commits. A second run over the same contacts adds nothing.
    """
    upto = _end_of_slice(session, agency_id, after, size)
    if upto is None:
        return Slice(None)
    language = _language_to_use(languages).label("language")
    picked = (
        select(
            Contact.id,
            Contact.id.label("contact_id"),
            Contact.phone_index.label("address_index"),
            why_not().label("why"),
            language,
        )
        .where(picks(rule, agency_id, Run(after, upto)))
        .cte("picked")
        .prefix_with("MATERIALIZED")
    )
    return queue(session, agency_id, campaign_id, picked, upto=upto)


def queue(session: Session, agency_id: int, campaign_id: int, picked: CTE, *, upto: int) -> Slice:
    """Queue SMS deliveries for what was picked, in the order of its `id`, and say who was left out; never commits.

    `picked` has the columns id, contact_id, address_index, why (a reason to leave the person out, or None) and language
    (None where there is no text). Who has a delivery already gets no second one.
    """
    wanted = select(
        literal(campaign_id),
        literal(agency_id),
        picked.c.contact_id,
        literal("sms"),
        picked.c.address_index,
        picked.c.language,
    ).where(picked.c.why.is_(None), picked.c.language.is_not(None))
    columns = ["campaign_id", "agency_id", "contact_id", "channel", "address_index", "language"]
    made = (
        # In the order of what was picked: neighbours in one table stay neighbours in the other.
        insert(Delivery)
        .from_select(columns, wanted.order_by(picked.c.id))
        .on_conflict_do_nothing()
        .returning(Delivery.campaign_id)
        .cte("made")
    )
    reason = func.coalesce(picked.c.why, Reason.NO_TEXT.value)
    left_out = select(reason, func.count()).where(picked.c.why.is_not(None) | picked.c.language.is_(None))
    rows = session.execute(
        union_all(
            select(literal(_PLANNED), func.count()).select_from(made), left_out.select_from(picked).group_by(reason)
        )
    )
    found = {name: number for name, number in rows if number}
    return Slice(upto, found.pop(_PLANNED, 0), found)


def count_planned(session: Session, agency_id: int, campaign_id: int) -> int:
    """Write the campaign's first figures, its queued deliveries by channel and language; how many there are."""
    rows = (
        select(
            literal(agency_id),
            literal(campaign_id),
            Delivery.channel,
            Delivery.language,
            literal("queued"),
            func.count(),
        )
        .where(Delivery.campaign_id == campaign_id)
        .group_by(Delivery.channel, Delivery.language)
    )
    columns = ["agency_id", "campaign_id", "channel", "language", "state", "number"]
    return sum(session.scalars(insert(Figure).from_select(columns, rows).returning(Figure.number)))


def _end_of_slice(session: Session, agency_id: int, after: int, size: int) -> int | None:
    # Cut by contact, not by match: every slice looks at as much, so its time does not depend on the rule.
    run = (
        select(Contact.id).where(Contact.agency_id == agency_id, Contact.id > after).order_by(Contact.id).limit(size)
    ).subquery()
    last: int | None = session.scalar(select(func.max(run.c.id)))
    return last


def why_not() -> ColumnElement[str | None]:
    """None for those we may write to by SMS, else one reason: the first that would have to be put right."""
    no_reason: ColumnElement[str | None] = nothing().cast(String)
    return case(
        (reachable_by_sms(), no_reason),
        (~has_sms().is_(True), literal(Reason.NO_MOBILE.value)),
        (Contact.legal_ground.is_(None), literal(Reason.NO_GROUND.value)),
        else_=literal(Reason.OPTED_OUT.value),
    )


def _language_to_use(languages: Languages) -> ColumnElement[str | None]:
    """rules.languages.choose_text, in SQL; a test proves that both choose alike."""
    own = {code: code for code in languages.available}
    common = {code: macro for code, macro in MACRO.items() if macro in languages.available}
    choices = {**common, **own}
    stands_in: ColumnElement[bool] = and_(Contact.accepts_fallback, literal(languages.fallback in own))
    whens = [(Contact.language == code, literal(chosen)) for code, chosen in sorted(choices.items())]
    return case(*whens, (stands_in, literal(languages.fallback)), else_=nothing().cast(String))
