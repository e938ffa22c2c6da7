"""What is older than an agency keeps it: counted, and taken away in slices. Nothing that is still open goes."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from campaigns.store.agencies import Agency
from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery, Message
from campaigns.store.imports import ContactBefore, Import, ImportChunk, ImportFault
from campaigns.store.inbound import Inbound

Taken = tuple[int, int | None]  # how many went, and the id to go on after; None at the end
# Waiting for staff, who left it lying: the sealed file is all there is of it.
_LEFT_LYING: Final = ("columns", "checked")
_OVER: Final = ("done", "failed", "stopped", "undone")


def set_due(session: Session, agency_id: int, at: datetime) -> None:
    """The agency's next look for what is too old."""
    session.execute(update(Agency).where(Agency.id == agency_id).values(retention_due_at=at))


def _old_messages(agency_id: int, before: datetime) -> ColumnElement[bool]:
    # A message without a campaign that is queued or in hand still needs its words.
    return and_(
        Message.agency_id == agency_id,
        ~exists().where(
            Delivery.campaign_id == Message.campaign_id,
            Delivery.id == Message.delivery_id,
            or_(
                Delivery.changed_at >= before,
                Delivery.is_queued,
                Delivery.leased_until.is_not(None),
                Delivery.may_go_again,
            ),
        ),
    )


def _old_inbound(agency_id: int, before: datetime) -> ColumnElement[bool]:
    return and_(
        Inbound.agency_id == agency_id,
        Inbound.body_sealed.is_not(None),
        Inbound.received_at < before,
        or_(Inbound.kind != "other", Inbound.closed_at < before),
    )


def _old_groundless(agency_id: int, before: datetime) -> ColumnElement[bool]:
    """Kept without a legal ground and untouched for long; not whom a message or an unread text is still about."""
    unread = exists().where(
        Inbound.agency_id == agency_id,
        Inbound.contact_id == Contact.id,
        Inbound.kind == "other",
        Inbound.closed_at.is_(None),
    )
    under_way = exists().where(
        Delivery.agency_id == agency_id,
        Delivery.contact_id == Contact.id,
        or_(Delivery.is_queued, Delivery.leased_until.is_not(None), Delivery.may_go_again),
    )
    return and_(
        Contact.agency_id == agency_id,
        Contact.legal_ground.is_(None),
        Contact.changed_at < before,
        ~unread,
        ~under_way,
    )


def _old_imports(agency_id: int, before: datetime) -> ColumnElement[bool]:
    return and_(
        Import.agency_id == agency_id,
        Import.cleared_at.is_(None),
        or_(
            and_(Import.state.in_(_OVER), Import.finished_at < before),
            and_(Import.state.in_(_LEFT_LYING), Import.made_at < before, Import.leased_until.is_(None)),
        ),
    )


def count_messages(session: Session, agency_id: int, before: datetime) -> int:
    """How many texts of messages without a campaign would go."""
    return _count(session, select(func.count()).select_from(Message).where(_old_messages(agency_id, before)))


def count_inbound(session: Session, agency_id: int, before: datetime) -> int:
    """How many texts from people would go."""
    return _count(session, select(func.count()).select_from(Inbound).where(_old_inbound(agency_id, before)))


def count_groundless(session: Session, agency_id: int, before: datetime) -> int:
    """How many contacts would go."""
    return _count(session, select(func.count()).select_from(Contact).where(_old_groundless(agency_id, before)))


def count_imports(session: Session, agency_id: int, before: datetime) -> int:
    """How many imports would lose their file, faulty rows, and what undoing them needs."""
    return _count(session, select(func.count()).select_from(Import).where(_old_imports(agency_id, before)))


def _count(session: Session, statement: Select[Any]) -> int:
    return session.scalar(statement) or 0


def take_messages(session: Session, agency_id: int, before: datetime, *, after: int, size: int) -> Taken:
    """Take away texts and addresses of the next `size` messages without a campaign; their deliveries stay."""
    service = select(Campaign.id).where(Campaign.agency_id == agency_id, Campaign.kind == "service").scalar_subquery()
    run = (
        select(Message.delivery_id)
        .where(Message.agency_id == agency_id, Message.campaign_id == service, Message.delivery_id > after)
        .order_by(Message.delivery_id)
        .limit(size)
        .subquery()
    )
    upto = session.scalar(select(func.max(run.c.delivery_id)))
    if upto is None:
        return 0, None
    gone = session.scalars(
        delete(Message)
        .where(
            Message.campaign_id == service,
            Message.delivery_id.between(after + 1, upto),
            _old_messages(agency_id, before),
        )
        .returning(Message.delivery_id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(gone), upto


def take_inbound(session: Session, agency_id: int, before: datetime, *, after: int, size: int) -> Taken:
    """Take away words and address of up to `size` texts from people; that they wrote, when and what kind stays."""
    picked = (
        select(Inbound.id)
        .where(_old_inbound(agency_id, before), Inbound.id > after)
        .order_by(Inbound.id)
        .limit(size)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    return _end(
        session.scalars(
            update(Inbound)
            .where(Inbound.id.in_(select(picked.c.id)))
            .values(address_sealed=null(), body_sealed=null())
            .returning(Inbound.id)
            .execution_options(synchronize_session=False)
        ).all()
    )


def take_groundless(session: Session, agency_id: int, before: datetime, *, after: int, size: int) -> Taken:
    """Delete up to `size` contacts nothing says that we may write to; their refusals stay."""
    picked = (
        select(Contact.id)
        .where(_old_groundless(agency_id, before), Contact.id > after)
        .order_by(Contact.id)
        .limit(size)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    return _end(
        session.scalars(
            delete(Contact)
            .where(Contact.id.in_(select(picked.c.id)))
            .returning(Contact.id)
            .execution_options(synchronize_session=False)
        ).all()
    )


def take_imports(session: Session, agency_id: int, before: datetime, *, after: int, size: int) -> Taken:
    """Clear up to `size` imports: file, its name and look, faulty rows, and what undoing needs. The figures stay.

    One that still waits for staff goes as a whole: nothing came of it.
    """
    statement = (
        select(Import)
        .where(_old_imports(agency_id, before), Import.id > after)
        .order_by(Import.id)
        .limit(size)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = session.scalars(statement).all()
    for one in found:
        if one.state in _LEFT_LYING:
            session.delete(one)
        else:
            _clear(session, one)
    return _end([one.id for one in found])


def _clear(session: Session, one: Import) -> None:
    for table in (ImportChunk, ImportFault, ContactBefore):
        session.execute(delete(table).where(table.agency_id == one.agency_id, table.import_id == one.id))
    one.name_sealed = one.look_sealed = None
    one.cleared_at = func.now()


def _end(ids: Any) -> Taken:
    return len(ids), max(ids) if ids else None
