"""Counting whom a rule picks: the one look at a whole book that somebody waits for."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    String,
    and_,
    case,
    cast,
    false,
    func,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy import null as nothing
from sqlalchemy.orm import Session, aliased

from campaigns.rules.audience import LACKS, Count, Group
from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import Reason
from campaigns.rules.segments import Rule
from campaigns.store.consents import BOUNCED, OptOut, has_email, has_sms
from campaigns.store.contacts import Contact
from campaigns.store.segment_sql import picks_of_all
from campaigns.store.segments import written_out

# Sets of half a million people stay in memory; a compiler would take longer than it saves.
_FOR_A_WHOLE_BOOK: Final = text("SELECT set_config('work_mem', '256MB', true), set_config('jit', 'off', true)")


def count(session: Session, agency_id: int, rule: Rule) -> Count:
    """How many contacts the rule picks now, by whether and why not they can be written to, in one statement."""
    session.execute(_FOR_A_WHOLE_BOOK)
    beside: FromClause = inspect(Contact).local_table
    sms, mail = aliased(OptOut), aliased(OptOut)
    for stop, channel, index in ((sms, Channel.SMS, Contact.phone_index), (mail, Channel.EMAIL, Contact.email_index)):
        own = and_(stop.agency_id == agency_id, stop.channel == channel.value, stop.stopped)
        beside = beside.outerjoin(stop, and_(own, stop.address_index == index))
    # By yes and no first: of those PostgreSQL knows that there are few, and adds them up while it reads.
    answers = (
        has_sms().label("has_sms"),
        has_email().label("has_email"),
        Contact.legal_ground.is_(None).label("no_ground"),
        sms.stopped.is_not(None).label("refused_sms"),
        mail.stopped.is_not(None).label("refused_email"),
        (mail.source == BOUNCED).label("came_back"),
        Contact.language.label("language"),
        Contact.accepts_fallback.label("accepts_fallback"),
    )
    picked = picks_of_all(written_out(session, agency_id, rule), agency_id)
    each = (
        select(*answers, func.count().label("people")).select_from(beside).where(picked).group_by(*answers).subquery()
    )
    sms_why = _why(Channel.SMS, each.c.has_sms, each.c.no_ground, each.c.refused_sms, false())
    mail_why = _why(Channel.EMAIL, each.c.has_email, each.c.no_ground, each.c.refused_email, each.c.came_back)
    by = (sms_why, mail_why, each.c.language, each.c.accepts_fallback)
    rows = session.execute(select(*by, cast(func.sum(each.c.people), BigInteger)).group_by(*by)).all()
    return Count(tuple(Group(*row) for row in rows))


def _why(
    channel: Channel,
    has_it: ColumnElement[bool],
    no_ground: ColumnElement[bool],
    refused: ColumnElement[bool],
    came_back: ColumnElement[bool],
) -> ColumnElement[str | None]:
    """audiences.why_not(), from what was found out before; a test proves that both say the same."""
    return case(
        (~has_it.is_(True), literal(LACKS[channel].value)),
        (no_ground, literal(Reason.NO_GROUND.value)),
        (came_back, literal(Reason.BOUNCED.value)),
        (refused, literal(Reason.OPTED_OUT.value)),
        else_=nothing().cast(String),
    )
