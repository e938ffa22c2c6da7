"""What happened to and about one contact: refusals of their addresses, what they wrote, who changed them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from campaigns.store.audit import AuditRow
from campaigns.store.consents import OptOut
from campaigns.store.contacts import Contact
from campaigns.store.imports import ContactBefore, Import
from campaigns.store.inbound import Inbound
from campaigns.store.staff import Staff


class Refused(NamedTuple):
    """A refusal of one of the contact's addresses; not `stopped` any more when they started again."""

    channel: str
    stopped: bool
    source: str
    rule: str
    stopped_at: datetime
    changed_at: datetime


class Wrote(NamedTuple):
    """A text of theirs; its body is gone when it was not to be kept longer."""

    id: int
    channel: str
    kind: str
    body_sealed: bytes | None
    received_at: datetime


class Deed(NamedTuple):
    """An audit row about the contact; without a name it was the command line or the system."""

    did: str
    detail: dict[str, object] | None
    made_at: datetime
    staff_name: str | None


class Brought(NamedTuple):
    """An import that changed the contact, and when."""

    import_id: int
    at: datetime


def refusals(session: Session, agency_id: int, contact_id: int) -> Sequence[Refused]:
    """Every refusal of their addresses, taken back or not, newest first."""
    # Each channel's address by itself, or every refusal there is would be looked at.
    own = or_(
        and_(OptOut.channel == "sms", OptOut.address_index == Contact.phone_index),
        and_(OptOut.channel == "email", OptOut.address_index == Contact.email_index),
    )
    rows = session.execute(
        select(OptOut.channel, OptOut.stopped, OptOut.source, OptOut.rule, OptOut.stopped_at, OptOut.changed_at)
        .join(Contact, own)
        .where(Contact.agency_id == agency_id, Contact.id == contact_id, OptOut.agency_id == agency_id)
        .order_by(OptOut.changed_at.desc(), OptOut.channel)
    )
    return [Refused(*row) for row in rows]


def wrote(session: Session, agency_id: int, contact_id: int, *, limit: int) -> Sequence[Wrote]:
    """Their latest texts, newest first."""
    rows = session.execute(
        select(Inbound.id, Inbound.channel, Inbound.kind, Inbound.body_sealed, Inbound.received_at)
        .where(Inbound.agency_id == agency_id, Inbound.contact_id == contact_id)
        .order_by(Inbound.id.desc())
        .limit(limit)
    )
    return [Wrote(*row) for row in rows]


def deeds(session: Session, agency_id: int, contact_id: int, *, limit: int) -> Sequence[Deed]:
    """What staff did with the contact, newest first."""
    rows = session.execute(
        select(AuditRow.did, AuditRow.detail, AuditRow.made_at, Staff.name)
        .outerjoin(Staff, Staff.id == AuditRow.staff_id)
        .where(AuditRow.agency_id == agency_id, AuditRow.subject == f"contact:{contact_id}")
        .order_by(AuditRow.id.desc())
        .limit(limit)
    )
    return [Deed(*row) for row in rows]


def imports(session: Session, agency_id: int, contact_id: int) -> Sequence[Brought]:
    """The imports that changed the contact, newest first."""
    rows = session.execute(
        select(Import.id, func.coalesce(Import.begun_at, Import.made_at))
        .join(ContactBefore, ContactBefore.import_id == Import.id)
        .where(
            ContactBefore.agency_id == agency_id,
            ContactBefore.contact_id == contact_id,
            Import.agency_id == agency_id,
        )
        .order_by(Import.id.desc())
        .limit(50)
    )
    return [Brought(*row) for row in rows]
