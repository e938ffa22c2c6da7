"""Audiences: whom a rule picks, and making their deliveries, set by set and never row by row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Row,
    Select,
    String,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import null as nothing
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from campaigns.rules.audience import LACKS, Languages, Texts
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.languages import MACRO
from campaigns.rules.lifecycle import Reason
from campaigns.rules.segments import Rule
from campaigns.store.campaigns import Campaign
from campaigns.store.consents import bounced, has_email, has_sms, reachable_by_email, reachable_by_sms
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery
from campaigns.store.figures import Figure
from campaigns.store.lately import Limits, counted, unless_too_often
from campaigns.store.segment_sql import Run, picks
from campaigns.store.segments import written_out

Columns = Select[*tuple[Any, ...]]  # a SELECT whose columns its maker tells

_WANTED: Final = "wanted"
_FOREVER: Final = "infinity"  # when a mail is sent that waits for what becomes of an SMS
_COLUMNS: Final = ["campaign_id", "agency_id", "contact_id", "channel", "address_index", "language"]
_INDEX: Final = {Channel.SMS: Contact.phone_index, Channel.EMAIL: Contact.email_index}


@dataclass(frozen=True)
class Slice:
    """What became of a run of contacts or deliveries: `upto` is the last one looked at, None when none was left."""

    upto: int | None
    planned: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


def total(session: Session, agency_id: int, rule: Rule) -> int:
    """How many contacts the rule picks now."""
    return session.scalar(select(func.count()).select_from(Contact).where(_picked(session, agency_id, rule))) or 0


def _picked(session: Session, agency_id: int, rule: Rule, run: Run | None = None) -> ColumnElement[bool]:
    """Whom the rule picks, with the segments it names as they are now; the rule of a campaign names none any more."""
    return picks(written_out(session, agency_id, rule), agency_id, run)


def plan_slice(
    session: Session,
    campaign: Campaign,
    rule: Rule,
    texts: Texts,
    *,
    after: int,
    size: int,
    limits: Limits | None = None,
) -> Slice:
    """Queue deliveries for those the rule picks among the next `size` contacts after the contact `after`.

    Who gets what on which of the campaign's channels is rules.audience.share(); who was written to as often as the
    limits allow is left out. Never commits. A second run over the same contacts adds nothing.
    """
    upto = _end_of_slice(session, campaign.agency_id, after, size)
    if upto is None:
        return Slice(None)
    run = Run(after, upto)
    asked: Columns = select(Contact.id, Contact.id.label("contact_id"))
    had = counted(campaign, run, limits) if limits else None
    if had is not None:
        asked = asked.select_from(Contact).outerjoin(had, had.c.contact_id == Contact.id)
    for channel in Channels(campaign.channels).each:
        why = why_not(channel)
        asked = asked.add_columns(
            _INDEX[channel].label(f"{channel}_index"),
            (why if limits is None or had is None else unless_too_often(why, had, limits)).label(f"{channel}_why"),
            _language_to_use(texts.of(channel)).label(f"{channel}_language"),
        )
    picked = _picked(session, campaign.agency_id, rule, run)
    return queue(session, campaign, asked.where(picked), upto=upto)


def queue(session: Session, campaign: Campaign, asked: Columns, *, upto: int) -> Slice:
    """Queue the deliveries of those asked for, in the order of `id`, and say who gets none; never commits.

    `asked` has the columns id and contact_id and, for each of the campaign's channels, {channel}_index, {channel}_why
    (a reason not to write to the person there, or None) and {channel}_language (None where there is no text). People
    count once, whatever they get. Who has a delivery already gets no second one, nor an address that several share.
    """
    channels = Channels(campaign.channels)
    found = asked.cte("asked").prefix_with("MATERIALIZED")
    if len(channels.each) == 1:
        whoever: FromClause = _one_channel(campaign, found, channels.each[0])
        why = _obstacle(found, channels.each[0])
    else:
        found = _shares(found, channels).cte("shares").prefix_with("MATERIALIZED")
        whoever = _whoever(found, _sms(campaign, found), _mails(campaign, found, channels))
        why = found.c.why
    planned = select(literal(None).cast(String), func.count()).select_from(whoever)
    others = select(func.coalesce(why, _WANTED), func.count()).select_from(found).group_by(why)
    rows: Sequence[Row[*tuple[Any, ...]]] = session.execute(union_all(planned, others)).all()
    numbers: dict[str | None, int] = {row[0]: row[1] for row in rows}
    got_some, wanted = numbers.pop(None), numbers.pop(_WANTED, 0)
    left_out = {str(reason): number for reason, number in numbers.items()}
    if wanted > got_some:
        left_out[Reason.SHARED] = wanted - got_some
    return Slice(upto, got_some, left_out)


def _whoever(found: CTE, sms: CTE, mails: CTE) -> FromClause:
    """Who of those looked at gets anything: a mail that now goes at once may be that of somebody counted before.

    Grouped, not joined: the planner takes the rows just made for few, and would look at each with each.
    """
    each = union_all(
        select(found.c.contact_id, literal(True).label("is_here"), literal(False).label("gets_it")),
        select(sms.c.contact_id, literal(False), literal(True)),
        select(mails.c.contact_id, literal(False), literal(True)),
    ).subquery("each_row")
    here, gets = func.bool_or(each.c.is_here), func.bool_or(each.c.gets_it)
    return select(each.c.contact_id).group_by(each.c.contact_id).having(and_(here, gets)).subquery("whoever")


def count_planned(session: Session, campaign: Campaign) -> int:
    """Write the campaign's first figures, its queued deliveries by channel, language and reason; how many there are."""
    rows = (
        select(
            literal(campaign.agency_id),
            literal(campaign.id),
            Delivery.channel,
            Delivery.language,
            literal("queued"),
            Delivery.reason,
            func.count(),
        )
        .where(Delivery.campaign_id == campaign.id)
        .group_by(Delivery.channel, Delivery.language, Delivery.reason)
    )
    columns = ["agency_id", "campaign_id", "channel", "language", "state", "reason", "number"]
    return sum(session.scalars(insert(Figure).from_select(columns, rows).returning(Figure.number)))


def analyze(session: Session, campaign: Campaign) -> None:
    """Let the database know how many deliveries the campaign has; until then it takes the slowest way to each.

    Keeps others from doing the same until the transaction ends.
    """
    session.execute(select(func.analyze_deliveries(campaign.id)))


def pair(session: Session, campaign: Campaign) -> None:
    """Let only those SMS decide about a mail whose person has one waiting, be it one that others of the same mailbox
    wait for too.

    For the end of a plan of SMS_THEN_EMAIL. Never commits; may be called again.
    """
    mail = aliased(Delivery)
    waits = (mail.campaign_id == campaign.id, mail.agency_id == campaign.agency_id, mail.reason == Reason.AFTER_SMS)
    own = exists().where(*waits, message_to(mail, Channel.EMAIL, Delivery.contact_id))
    address = select(Contact.email_index).where(Contact.id == Delivery.contact_id).correlate(Delivery).scalar_subquery()
    shared = exists().where(*waits, mail.channel == Channel.EMAIL, mail.address_index == address, mail.occasion == 0)
    session.execute(
        update(Delivery)
        .where(
            Delivery.campaign_id == campaign.id,
            Delivery.agency_id == campaign.agency_id,
            Delivery.mail_waits,
            ~own,
            ~shared,
        )
        .values(mail_waits=False)
        .execution_options(synchronize_session=False)
    )


def message_to(
    which: type[Delivery], channel: Channel, contact_id: InstrumentedAttribute[int | None]
) -> ColumnElement[bool]:
    """True for the message on this channel to this contact, so that it is looked up by contact.

    Of a campaign that is younger than the table's statistics the planner expects one row or none. To read all of its
    mails, once for each person, then looks as cheap: the channel must not look like the key of an index.
    """
    return and_(which.contact_id == contact_id, which.channel.concat("") == channel.value)


def _end_of_slice(session: Session, agency_id: int, after: int, size: int) -> int | None:
    # Cut by contact, not by match: every slice looks at as much, so its time does not depend on the rule.
    run = (
        select(Contact.id).where(Contact.agency_id == agency_id, Contact.id > after).order_by(Contact.id).limit(size)
    ).subquery()
    last: int | None = session.scalar(select(func.max(run.c.id)))
    return last


def why_not(channel: Channel = Channel.SMS) -> ColumnElement[str | None]:
    """None for those we may write to on this channel, else one reason: the first that would have to be put right."""
    no_reason: ColumnElement[str | None] = nothing().cast(String)
    has_it = has_sms() if channel is Channel.SMS else has_email()
    whens: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [
        (reachable_by_sms() if channel is Channel.SMS else reachable_by_email(), no_reason),
        (~has_it.is_(True), literal(LACKS[channel].value)),
        (Contact.legal_ground.is_(None), literal(Reason.NO_GROUND.value)),
    ]
    if channel is Channel.EMAIL:
        whens.append((bounced(Contact.agency_id, Contact.email_index), literal(Reason.BOUNCED.value)))
    return case(*whens, else_=literal(Reason.OPTED_OUT.value))


def _shares(asked: CTE, channels: Channels) -> Columns:
    """rules.audience.share(), in SQL, for the two channels of a campaign; a test proves that both decide alike."""
    columns = asked.c
    by_sms = and_(columns.sms_why.is_(None), columns.sms_language.is_not(None))
    by_mail = and_(columns.email_why.is_(None), columns.email_language.is_not(None))
    waits: ColumnElement[bool] = false()
    if channels is Channels.SMS_THEN_EMAIL:
        by_mail = and_(by_mail, or_(by_sms, columns.sms_why.is_not_distinct_from(Reason.NO_MOBILE)))
        waits = and_(by_sms, by_mail)
    tells_by_mail = and_(
        columns.sms_why.is_not_distinct_from(Reason.NO_MOBILE), columns.email_why.is_distinct_from(Reason.NO_EMAIL)
    )
    none: ColumnElement[str | None] = nothing().cast(String)
    why = case(
        (or_(by_sms, by_mail), none),
        (tells_by_mail, _obstacle(asked, Channel.EMAIL)),
        else_=_obstacle(asked, Channel.SMS),
    )
    return select(
        columns.id,
        columns.contact_id,
        columns.sms_index,
        case((by_sms, columns.sms_language), else_=none).label("sms_language"),
        columns.email_index,
        case((by_mail, columns.email_language), else_=none).label("email_language"),
        waits.label("waits"),
        why.label("why"),
    )


def _obstacle(asked: CTE, channel: Channel) -> ColumnElement[str | None]:
    """Why somebody gets nothing on this channel; None if they do."""
    no_text = case((asked.c[f"{channel}_language"].is_(None), literal(Reason.NO_TEXT.value)))
    return func.coalesce(asked.c[f"{channel}_why"], no_text)


def _message(campaign: Campaign, found: CTE, channel: Channel) -> Columns:
    """A delivery for everybody with a text on this channel, but for its order."""
    return select(
        literal(campaign.id),
        literal(campaign.agency_id),
        found.c.contact_id,
        literal(channel.value),
        found.c[f"{channel}_index"],
        found.c[f"{channel}_language"],
    ).where(found.c[f"{channel}_language"].is_not(None))


def _one_channel(campaign: Campaign, asked: CTE, channel: Channel) -> CTE:
    wanted = _message(campaign, asked, channel).where(asked.c[f"{channel}_why"].is_(None))
    # In the order of what was picked: neighbours in one table stay neighbours in the other.
    return _made(insert(Delivery).from_select(_COLUMNS, wanted.order_by(asked.c.id)).on_conflict_do_nothing(), "made")


def _sms(campaign: Campaign, found: CTE) -> CTE:
    wanted = _message(campaign, found, Channel.SMS).add_columns(found.c.waits).order_by(found.c.id)
    return _made(insert(Delivery).from_select([*_COLUMNS, "mail_waits"], wanted).on_conflict_do_nothing(), "made_sms")


def _mails(campaign: Campaign, found: CTE, channels: Channels) -> CTE:
    """The mails: at once, or those that wait for an SMS. For an address that several share, at once comes first."""
    wanted = _message(campaign, found, Channel.EMAIL)
    if channels is not Channels.SMS_THEN_EMAIL:
        return _made(
            insert(Delivery).from_select(_COLUMNS, wanted.order_by(found.c.id)).on_conflict_do_nothing(), "made_mails"
        )
    each = (
        wanted.add_columns(
            case((found.c.waits, literal(_FOREVER).cast(Delivery.not_before.type))).label("not_before"),
            case((found.c.waits, literal(Reason.AFTER_SMS.value))).label("reason"),
            found.c.id.label("place"),
        )
        .ext(distinct_on(found.c.email_index))
        .order_by(found.c.email_index, found.c.waits, found.c.id)
        .subquery("each_address")
    )
    columns = [*_COLUMNS, "not_before", "reason"]
    ordered = select(*list(each.c)[:-1]).order_by(each.c.place)
    statement = insert(Delivery).from_select(columns, ordered)
    # Somebody without a mobile shares the address of one whose mail waits: the one mail goes at once.
    statement = statement.on_conflict_do_update(
        index_elements=["campaign_id", "channel", "address_index", "occasion"],
        set_={"not_before": None, "reason": None},
        where=and_(Delivery.reason == Reason.AFTER_SMS, statement.excluded.reason.is_(None)),
    )
    return _made(statement, "made_mails")


def _made(statement: Insert, name: str) -> CTE:
    return statement.returning(Delivery.contact_id).cte(name)


def _language_to_use(languages: Languages) -> ColumnElement[str | None]:
    """rules.languages.choose_text, in SQL; a test proves that both choose alike."""
    own = {code: code for code in languages.available}
    common = {code: macro for code, macro in MACRO.items() if macro in languages.available}
    choices = {**common, **own}
    stands_in: ColumnElement[bool] = and_(Contact.accepts_fallback, literal(languages.fallback in own))
    whens = [(Contact.language == code, literal(chosen)) for code, chosen in sorted(choices.items())]
    return case(*whens, (stands_in, literal(languages.fallback)), else_=nothing().cast(String))
