"""What is left of a person beside their contact: texts they wrote, messages without a campaign, rows of imports."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import delete, func, literal, null, or_, select, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.store.campaigns import Campaign
from campaigns.store.contacts import Contact, ContactAlias
from campaigns.store.deliveries import Delivery, Message
from campaigns.store.imports import ContactBefore, Import, ImportFault
from campaigns.store.inbound import Inbound

_NOBODY: Final = b""  # the address of a text whose writer was erased
_OVER: Final = ("done", "failed", "stopped", "undone")

# Of a second attempt that is given up, what became of the first is what remains to be said.
_SKIP: Final = sql("""
WITH picked AS MATERIALIZED (
    SELECT d.campaign_id, d.id, d.reason AS was_because FROM delivery d
    WHERE d.agency_id = :agency AND d.is_queued AND d.address_index = ANY(CAST(:indexes AS bytea[]))
        AND d.campaign_id = (SELECT c.id FROM campaign c WHERE c.agency_id = :agency AND c.kind = 'service')
    FOR UPDATE
), moved AS (
    UPDATE delivery d SET state = CASE WHEN d.again > 0 THEN 'failed' ELSE 'skipped' END,
        reason = CASE WHEN d.again > 0 THEN d.reason ELSE 'changed' END, not_before = NULL, changed_at = now()
    FROM picked p WHERE d.campaign_id = p.campaign_id AND d.id = p.id
    RETURNING d.campaign_id, d.channel, d.language, d.state, d.reason, d.charged, p.was_because
)
INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts)
SELECT :agency, campaign_id, channel, language, state, reason, sum(number), sum(charged) FROM (
    SELECT campaign_id, channel, language, state, reason, 1 AS number, charged FROM moved
    UNION ALL SELECT campaign_id, channel, language, 'queued', was_because, -1, -charged FROM moved
) AS changes GROUP BY campaign_id, channel, language, state, reason
""")


def aliases(session: Session, agency_id: int, contact_id: int) -> Sequence[bytes]:
    """Indexes of the addresses of those who were merged into this contact."""
    return session.scalars(
        select(ContactAlias.address_index).where(
            ContactAlias.agency_id == agency_id, ContactAlias.contact_id == contact_id
        )
    ).all()


def of_others(session: Session, agency_id: int, contact_id: int, indexes: Collection[bytes]) -> set[bytes]:
    """Those of the addresses that another contact of the agency has, too."""
    rows = session.execute(
        select(Contact.phone_index, Contact.email_index).where(
            Contact.agency_id == agency_id,
            Contact.id != contact_id,
            or_(Contact.phone_index.in_(list(indexes)), Contact.email_index.in_(list(indexes))),
        )
    )
    return {index for row in rows for index in row if index is not None}


def take_inbound(session: Session, agency_id: int, contact_id: int, indexes: Collection[bytes], *, by: int) -> int:
    """Take words, address and writer off what they wrote, and close what waits; how many. Kind and time stay."""
    statement = (
        update(Inbound)
        .where(
            Inbound.agency_id == agency_id,
            or_(
                Inbound.contact_id == contact_id,
                Inbound.contact_id.is_(None) & Inbound.address_index.in_(list(indexes)),
            ),
        )
        .values(
            address_sealed=null(),
            body_sealed=null(),
            address_index=_NOBODY,
            contact_id=null(),
            closed_at=func.coalesce(Inbound.closed_at, func.now()),
            closed_by=func.coalesce(Inbound.closed_by, literal(by)),
        )
        .returning(Inbound.id)
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(statement).all())


def take_messages(session: Session, agency_id: int, indexes: Collection[bytes]) -> int:
    """Skip what is queued to these addresses without a campaign, and take away all such texts; how many texts."""
    session.execute(_SKIP, {"agency": agency_id, "indexes": list(indexes)})
    service = select(Campaign.id).where(Campaign.agency_id == agency_id, Campaign.kind == "service").scalar_subquery()
    theirs = select(Delivery.id).where(
        Delivery.agency_id == agency_id, Delivery.campaign_id == service, Delivery.address_index.in_(list(indexes))
    )
    statement = (
        delete(Message)
        .where(Message.agency_id == agency_id, Message.campaign_id == service, Message.delivery_id.in_(theirs))
        .returning(Message.delivery_id)
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(statement).all())


def take_faults(session: Session, agency_id: int, contact: Contact) -> int:
    """Delete the faulty rows, and the look of the file, of finished imports that brought or changed them; how many."""
    changed_by = select(ContactBefore.import_id).where(
        ContactBefore.agency_id == agency_id, ContactBefore.contact_id == contact.id
    )
    ids = session.scalars(
        select(Import.id).where(
            Import.agency_id == agency_id,
            Import.state.in_(_OVER),
            or_(Import.id == contact.import_id, Import.id.in_(changed_by)),
        )
    ).all()
    session.execute(delete(ImportFault).where(ImportFault.agency_id == agency_id, ImportFault.import_id.in_(ids)))
    session.execute(
        update(Import)
        .where(Import.agency_id == agency_id, Import.id.in_(ids))
        .values(look_sealed=null())
        .execution_options(synchronize_session=False)
    )
    return len(ids)
