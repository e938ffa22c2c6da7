"""Campaigns that correct or withdraw another: whom that one was handed over to, and the plan for exactly those."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, String, and_, case, exists, func, literal, or_, select
from sqlalchemy import null as nothing
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from campaigns.rules.audience import LACKS, Share, Texts, Way, share
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import HANDED_OVER, CampaignState, Reason, State
from campaigns.store import audiences, figures
from campaigns.store.audiences import Columns, Slice
from campaigns.store.campaigns import Campaign
from campaigns.store.consents import Address, bounced, not_opted_out, reachable_by_email, reachable_by_sms
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery
from campaigns.store.former_indexes import same_address

# Not one of lifecycle.Reason: planning calls it `changed`, a page can tell the two apart.
GONE: Final = "gone"
_OVER: Final = (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.CANCELLED)


@dataclass(frozen=True)
class Reach:
    """Whom a campaign was handed over to: how many can be written to now and, by reason, how many cannot. People count
    once, also those who were sent it twice; `languages` are messages that can be sent, by channel and language.
    """

    people: int = 0
    languages: dict[tuple[str, str], int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)  # a lifecycle.Reason, or GONE

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


def languages_used(session: Session, agency_id: int, campaign_id: int) -> dict[tuple[str, str], int]:
    """(channel, language) -> how many people were handed the campaign's text there, from its figures; SMS first, and
    the most read first.
    """
    found: dict[tuple[str, str], int] = {}
    for row in figures.sums(session, agency_id, campaign_id):
        if row.state in HANDED_OVER:
            found[row.channel, row.language] = found.get((row.channel, row.language), 0) + row.number
    order = list(Channel)
    ranked = sorted(found.items(), key=lambda pair: (order.index(Channel(pair[0][0])), -pair[1], pair[0]))
    return {key: number for key, number in ranked if number > 0}


def reach(session: Session, agency_id: int, parent_id: int) -> Reach:
    """Whom the campaign was handed over to, and who of them can be written to now, in one statement."""
    channels = _channels(session, agency_id, parent_id)
    found = _people(agency_id, parent_id, channels, literal(GONE)).subquery("found")
    each = [found.c[f"{channel}_{part}"] for channel in channels for part in ("why", "language")]
    people, languages, left_out = 0, dict[tuple[str, str], int](), dict[str, int]()
    for *told, number in session.execute(select(*each, func.count()).group_by(*each)):
        ways = {channel: Way(*told[2 * at : 2 * at + 2]) for at, channel in enumerate(channels)}
        got = _share(ways)
        for channel, language in ((Channel.SMS, got.sms), (Channel.EMAIL, got.email)):
            if language is not None:
                languages[channel, language] = languages.get((channel, language), 0) + number
        if got.why is None:
            people += number
        else:
            left_out[got.why] = left_out.get(got.why, 0) + number
    return Reach(people, languages, left_out)


def _share(ways: Mapping[Channel, Way]) -> Share:
    channels = Channels.BOTH if len(ways) > 1 else Channels(next(iter(ways)))
    lacking = {channel: Way(LACKS[channel], None) for channel in Channel}
    return share(channels, **{channel.value: way for channel, way in {**lacking, **ways}.items()})


def total(session: Session, agency_id: int, parent_id: int) -> int:
    """How many people the campaign was handed over to."""
    channels = _channels(session, agency_id, parent_id)
    found = _people(agency_id, parent_id, channels, literal(GONE)).subquery("found")
    return session.scalar(select(func.count()).select_from(found)) or 0


def plan_slice(session: Session, campaign: Campaign, parent_id: int, texts: Texts, *, after: int, size: int) -> Slice:
    """Queue deliveries for everybody who was handed the parent's, among its next `size` deliveries after `after`.

    Each gets, on every channel it reached them on, the text in the language of that first message, or nothing. What
    becomes of the parent's deliveries later changes nothing any more. Never commits. A second run over the same
    deliveries adds nothing.
    """
    agency_id = campaign.agency_id
    upto = _end_of_slice(session, agency_id, parent_id, after, size)
    if upto is None:
        return Slice(None)
    channels = _channels(session, agency_id, parent_id)
    people = _people(agency_id, parent_id, channels, literal(Reason.CHANGED.value), run=(after, upto)).subquery("found")
    asked: Columns = select(people.c.id, people.c.contact_id)
    for channel in channels:
        asked = asked.add_columns(
            people.c[f"{channel}_index"], people.c[f"{channel}_why"], _written(people, channel, texts)
        )
    return audiences.queue(session, campaign, asked, upto=upto)


def _written(people: FromClause, channel: Channel, texts: Texts) -> ColumnElement[str | None]:
    """The language of the first message if there is a text in it: never another one."""
    language = people.c[f"{channel}_language"]
    has_text = language.in_(list(texts.of(channel).available))
    return case((has_text, language), else_=nothing().cast(String)).label(f"{channel}_language")


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


def _channels(session: Session, agency_id: int, parent_id: int) -> tuple[Channel, ...]:
    """The channels the campaign went out on."""
    channels = session.scalar(
        select(Campaign.channels).where(Campaign.agency_id == agency_id, Campaign.id == parent_id)
    )
    return Channels(channels or Channels.SMS).each


def _people(
    agency_id: int,
    parent_id: int,
    channels: tuple[Channel, ...],
    gone: ColumnElement[str],
    run: tuple[int, int] | None = None,
) -> Columns:
    """Whom the parent was handed over to, each once, with {channel}_index, {channel}_why (None, or the reason to write
    no more) and {channel}_language of every channel it went out on.

    On a channel that did not reach somebody the reason is that they lack it, so that rules.audience.share() holds. Who
    was reached on both stands at the `id` of the SMS. With `run` only deliveries after its first id, up to its second.
    """
    first, mail = aliased(Delivery, name="first"), aliased(Delivery, name="mail")
    is_sms = first.channel == Channel.SMS
    asked: Columns = select(first.id, first.contact_id)
    for channel in channels:
        index: Address = first.address_index
        language: ColumnElement[Any] | InstrumentedAttribute[str] = first.language
        if len(channels) > 1:
            here, other = (is_sms, None) if channel is Channel.SMS else (~is_sms, mail)
            index = case((here, index), else_=other.address_index if other else None)
            language = case((here, language), else_=other.language if other else None)
        asked = asked.add_columns(
            index.label(f"{channel}_index"),
            _why(channel, agency_id, index, gone).label(f"{channel}_why"),
            language.label(f"{channel}_language"),
        )
    asked = asked.select_from(first).where(
        *_handed_over(first, agency_id, parent_id), first.channel.in_([channel.value for channel in channels])
    )
    if run is not None:
        asked = asked.where(first.id > run[0], first.id <= run[1])
    if len(channels) > 1:
        sms = aliased(Delivery, name="sms")
        theirs = audiences.message_to(mail, Channel.EMAIL, first.contact_id)
        same = (*_handed_over(sms, agency_id, parent_id), audiences.message_to(sms, Channel.SMS, first.contact_id))
        asked = asked.outerjoin(mail, and_(is_sms, *_handed_over(mail, agency_id, parent_id), theirs))
        asked = asked.where(or_(is_sms, ~exists().where(*same)))
    return asked.outerjoin(Contact, and_(Contact.id == first.contact_id, Contact.agency_id == agency_id))


def _why(channel: Channel, agency_id: int, index: Address, gone: ColumnElement[str]) -> ColumnElement[str | None]:
    by_sms = channel is Channel.SMS
    theirs = Contact.phone_index if by_sms else Contact.email_index
    no_reason: ColumnElement[str | None] = nothing().cast(String)
    whens: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [
        (index.is_(None), literal(LACKS[channel].value)),
        (
            and_(same_address(agency_id, theirs, index), reachable_by_sms() if by_sms else reachable_by_email()),
            no_reason,
        ),
    ]
    if not by_sms:
        whens.append((bounced(agency_id, index), literal(Reason.BOUNCED.value)))
    return case(
        *whens,
        (~not_opted_out(agency_id, channel, index), literal(Reason.OPTED_OUT.value)),
        (Contact.id.is_(None), gone),
        (~same_address(agency_id, theirs, index), literal(Reason.CHANGED.value)),
        else_=audiences.why_not(channel),
    )


def _handed_over(which: type[Delivery], agency_id: int, parent_id: int) -> tuple[ColumnElement[bool], ...]:
    return (which.campaign_id == parent_id, which.agency_id == agency_id, which.state.in_(HANDED_OVER))
