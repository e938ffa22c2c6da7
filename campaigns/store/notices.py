"""Notices: what happened to a campaign, or what somebody did, for each member of staff who answers for it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index, func, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.store.campaigns import Campaign
from campaigns.store.metadata import Id, Made, Moment, Ref, Small, Table
from campaigns.store.staff import Staff


class Notice(Table):
    """One piece of news for one member of staff."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_unseen", "agency_id", "staff_id", "id", postgresql_where=text("seen_at IS NULL")),
        Index("notice_to_mail", "agency_id", "id", postgresql_where=text("mailed_at IS NULL AND unmailed IS NULL")),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    staff_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    campaign_id: Mapped[Ref | None] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    about_staff_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))  # of no campaign: who did it
    what: Mapped[str]  # a campaigns.notices.News
    reason: Mapped[str | None]
    made_at: Mapped[Made]
    seen_at: Mapped[Moment | None]
    mailed_at: Mapped[Moment | None]  # the relay took it
    unmailed: Mapped[str | None]  # why it never will be mailed
    mail_tries: Mapped[Small] = mapped_column(server_default="0")
    mail_after: Mapped[Moment | None]  # not before: somebody is at it, or the relay could not take it
    mail_group: Mapped[Ref | None]  # the first notice of the mail it was first put into, and stays in


class Unseen(NamedTuple):
    """A notice with its campaign's name, or the name of whom it is about; the other is empty."""

    notice: Notice
    campaign_name: str
    staff_name: str


def add(
    session: Session,
    agency_id: int,
    campaign_id: int | None,
    staff_ids: Collection[int],
    *,
    what: str,
    reason: str | None,
    seen: bool = False,
    about_staff_id: int | None = None,
) -> None:
    """Add a notice for each of these; never commits. `seen`: for the mail only, the page shows it in another way."""
    if staff_ids:
        about: dict[str, object] = {"agency_id": agency_id, "campaign_id": campaign_id, "what": what, "reason": reason}
        about["about_staff_id"] = about_staff_id
        seen_at = func.now() if seen else None
        session.execute(insert(Notice).values([{**about, "staff_id": one, "seen_at": seen_at} for one in staff_ids]))


def unseen(session: Session, agency_id: int, staff_id: int, *, limit: int) -> Sequence[Unseen]:
    """What this person has not seen yet, newest first."""
    rows = session.execute(
        select(Notice, func.coalesce(Campaign.name, ""), func.coalesce(Staff.name, ""))
        .outerjoin(Campaign, Campaign.id == Notice.campaign_id)
        .outerjoin(Staff, Staff.id == Notice.about_staff_id)
        .where(Notice.agency_id == agency_id, Notice.staff_id == staff_id, Notice.seen_at.is_(None))
        .order_by(Notice.id.desc())
        .limit(limit)
    )
    return [Unseen(*row) for row in rows]


def count_unseen(session: Session, agency_id: int, staff_id: int) -> int:
    """How much this person has not seen yet."""
    statement = select(func.count()).where(
        Notice.agency_id == agency_id, Notice.staff_id == staff_id, Notice.seen_at.is_(None)
    )
    return session.scalar(statement) or 0


def see(session: Session, agency_id: int, staff_id: int, *, upto: int) -> int:
    """Call this person's notices up to the id `upto` seen; how many were not yet. May be called again."""
    result = session.execute(
        update(Notice)
        .where(
            Notice.agency_id == agency_id,
            Notice.staff_id == staff_id,
            Notice.id <= upto,
            Notice.seen_at.is_(None),
        )
        .values(seen_at=func.now())
    )
    return result.rowcount  # type: ignore[attr-defined, no-any-return]
