"""Notices on their way to a mailbox: which go into one mail, when they may be tried, and what became of them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.store.agencies import Agency
from campaigns.store.campaigns import Campaign
from campaigns.store.notices import Notice
from campaigns.store.staff import Staff

# As in due_work(): what is older is no news, and the start page has it.
OLDEST: Final = timedelta(days=1)
MOST: Final = 50  # notices in one mail


class ToMail(NamedTuple):
    """A notice to mail, what it is about (the campaign, or else the member of staff), and who is to read it."""

    notice: Notice
    about: str
    campaign_state: str | None
    reader: Staff
    agency_name: str


def claim(session: Session, agency_id: int, *, now: datetime, until: datetime) -> Sequence[ToMail]:
    """Take the notices of one mail to one person, oldest first; nothing if none is due.

    Nobody else gets them before `until`. What was in a mail before, and may have arrived, comes in the same company
    again. Commit before mailing.
    """
    first = session.scalar(
        select(Notice).where(_due(agency_id, now)).order_by(Notice.id).limit(1).with_for_update(skip_locked=True)
    )
    if first is None:
        return []
    same = (
        Notice.mail_group.is_(None) & (Notice.staff_id == first.staff_id)
        if first.mail_group is None
        else Notice.mail_group == first.mail_group
    )
    found = select(Notice.id).where(_due(agency_id, now), same).order_by(Notice.id).limit(MOST)
    ids = session.scalars(found.with_for_update(skip_locked=True)).all()
    values = {"mail_after": until, "mail_tries": Notice.mail_tries + 1, "mail_group": first.mail_group or first.id}
    session.execute(
        update(Notice).where(Notice.id.in_(ids)).values(values).execution_options(synchronize_session=False)
    )
    about = aliased(Staff)
    rows = session.execute(
        select(Notice, func.coalesce(Campaign.name, about.name), Campaign.state, Staff, Agency.name)
        .outerjoin(Campaign, Campaign.id == Notice.campaign_id)
        .outerjoin(about, about.id == Notice.about_staff_id)
        .join(Staff, Staff.id == Notice.staff_id)
        .join(Agency, Agency.id == Notice.agency_id)
        .where(Notice.id.in_(ids))
        .order_by(Notice.id)
        .execution_options(populate_existing=True)
    )
    return [ToMail(*row) for row in rows]


def mailed(session: Session, agency_id: int, ids: Collection[int], now: datetime) -> None:
    """The relay took them. May be called again."""
    _set(session, agency_id, ids, mailed_at=now)


def never(session: Session, agency_id: int, ids: Collection[int], why: str) -> None:
    """They will not be mailed. May be called again."""
    _set(session, agency_id, ids, unmailed=why)


def later(session: Session, agency_id: int, ids: Collection[int], after: datetime) -> None:
    """They may be tried again, not before `after`."""
    _set(session, agency_id, ids, mail_after=after)


def all_later(session: Session, agency_id: int, *, now: datetime, after: datetime) -> None:
    """Nothing of the agency may be tried before `after`."""
    session.execute(update(Notice).where(_due(agency_id, now)).values(mail_after=after))


def close_old(session: Session, agency_id: int, *, now: datetime, why: str) -> None:
    """What is older than OLDEST is not mailed any more."""
    old = (Notice.agency_id == agency_id) & _open() & (Notice.made_at <= now - OLDEST)
    session.execute(update(Notice).where(old).values(unmailed=why))


def close_all(session: Session, agency_id: int, *, why: str) -> None:
    """Nothing that waits is mailed."""
    session.execute(update(Notice).where(Notice.agency_id == agency_id, _open()).values(unmailed=why))


def _set(session: Session, agency_id: int, ids: Collection[int], **values: object) -> None:
    theirs = (Notice.agency_id == agency_id) & Notice.id.in_(ids)
    session.execute(update(Notice).where(theirs, _open()).values(**values))


def _open() -> ColumnElement[bool]:
    return Notice.mailed_at.is_(None) & Notice.unmailed.is_(None)


def _due(agency_id: int, now: datetime) -> ColumnElement[bool]:
    may = or_(Notice.mail_after.is_(None), Notice.mail_after <= now)
    return and_(Notice.agency_id == agency_id, _open(), Notice.made_at > now - OLDEST, may)
