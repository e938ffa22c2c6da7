"""Windows: the deliveries a worker has in hand. One statement opens one and is the last gate before the wire."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from psycopg.rows import args_row
from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    DateTime,
    Float,
    Select,
    SmallInteger,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, psycopg
from sqlalchemy.orm import Session

from campaigns.rules.channels import Channel
from campaigns.rules.lifecycle import CampaignState, Reason, State
from campaigns.store.agencies import Agency
from campaigns.store.campaigns import Campaign
from campaigns.store.consents import bounced, not_opted_out
from campaigns.store.contacts import Contact
from campaigns.store.deliveries import Delivery, Message
from campaigns.store.figures import Figure
from campaigns.store.former_indexes import same_address
from campaigns.store.reference import Place

# Never named as a column: SQLAlchemy would set that column to it in the UPDATE.
_AGENCY: BindParameter[int] = bindparam("the_agency", type_=BigInteger)
_CAMPAIGN: BindParameter[int] = bindparam("the_campaign", type_=BigInteger)
_DIGEST: BindParameter[str] = bindparam("the_digest", type_=Text)
_MOST: BindParameter[int] = bindparam("the_most", type_=SmallInteger)


@dataclass(frozen=True)
class Gate:
    """What must still be true when a window opens: as read before, compared in the statement itself."""

    agency_id: int
    campaign_id: int
    channel: str
    hours: Mapping[str, object]
    zone: str
    open_until: datetime
    digest: str | None
    lease: float
    most_parts: int  # what one message can cost: charged until its parts are known


class Opened(NamedTuple):
    """One delivery in hand, with what is needed to write to it; `reason` is set if the gate skipped it."""

    id: int
    attempt: int
    language: str
    reason: str | None
    address_sealed: bytes | None
    name_sealed: bytes | None
    business_sealed: bytes | None
    place: str | None
    body_sealed: bytes | None


_ROWS = args_row(Opened)
# Until its table is analyzed again the planner thinks that a new campaign has hardly a row: to read and sort all of it
# would look as cheap as to walk along an index, and would be done for every window. For the same reason rows are moved
# by where they lie, not only by their keys: they are locked, so they stay there.
_ROW: ColumnElement[str] = literal_column("delivery.ctid", Text)
ALONG_THE_KEY = text("SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)")
_ADDRESS = {
    Channel.SMS.value: (Contact.phone_index, Contact.phone_sealed),
    Channel.EMAIL.value: (Contact.email_index, Contact.email_sealed),
}


def open_window(session: Session, gate: Gate, *, size: int, after: int = 0) -> Sequence[Opened]:
    """Move up to `size` queued deliveries with an id above `after` to `sending`, or to `skipped`, and return them.

    Nothing if the gate is shut. The caller commits before the first call, and sends only what has no reason.
    """
    words, constants = _compiled(gate.channel)
    values = {
        **constants,
        "the_agency": gate.agency_id,
        "the_campaign": gate.campaign_id,
        "the_digest": gate.digest,
        "the_hours": json.dumps(gate.hours),
        "the_zone": gate.zone,
        "the_end": gate.open_until,
        "the_lease": gate.lease,
        "the_most": gate.most_parts,
        "the_last": after,
        "the_size": size,
    }
    driver: Any = session.connection().connection.driver_connection
    # Binary, or every sealed value would come as digits: twice as long, to be read back.
    with driver.cursor(binary=True, row_factory=_ROWS) as cursor:
        cursor.execute(ALONG_THE_KEY.text)
        opened: list[Opened] = cursor.execute(words, values).fetchall()
    return opened


@lru_cache(maxsize=8)
def _compiled(channel: str) -> tuple[str, dict[str, Any]]:
    # To find a statement of this size in SQLAlchemy's own cache costs more than to run it.
    compiled = _opening(channel).compile(dialect=psycopg.dialect())  # type: ignore[no-untyped-call]
    return str(compiled), dict(compiled.params)


def _opening(channel: str) -> Select[Any]:
    gate = _gate()
    picked = _picked(gate, channel)
    weighed = _weighed(gate, picked, channel)
    moved = _moved(weighed)
    return (
        select(
            moved.c.id,
            moved.c.attempt,
            moved.c.language,
            moved.c.skipped_because,
            moved.c.address_sealed,
            moved.c.name_sealed,
            moved.c.business_sealed,
            moved.c.place,
            moved.c.body_sealed,
        )
        .order_by(moved.c.id)
        .add_cte(_counted(moved, channel))
    )


def _gate() -> CTE:
    """One row when sending is allowed now, with everything as it was when the premises were read."""
    as_approved = and_(Campaign.content_digest == _DIGEST, func.campaign_content_digest(Campaign.id) == _DIGEST)
    return (
        select(Campaign.id, (Campaign.kind == "service").label("is_service"))
        .join(Agency, Agency.id == Campaign.agency_id)
        .where(
            Campaign.id == _CAMPAIGN,
            Campaign.agency_id == _AGENCY,
            Campaign.state == CampaignState.RUNNING,
            or_(Campaign.expires_at.is_(None), func.now() < Campaign.expires_at),
            Agency.halted_at.is_(None),
            Agency.hours == bindparam("the_hours", type_=JSONB),
            Agency.time_zone == bindparam("the_zone"),
            func.now() < bindparam("the_end", type_=DateTime(timezone=True)),
            or_(Campaign.kind == "service", as_approved),
        )
        .cte("gate")
        .prefix_with("MATERIALIZED")
    )


def _picked(gate: CTE, channel: str) -> CTE:
    # `after` spares the walk over what this worker has just moved; those rows stay in the index until a vacuum.
    return (
        select(
            Delivery.id,
            Delivery.campaign_id,
            Delivery.contact_id,
            Delivery.address_index,
            Delivery.reason.label("was_because"),
            _ROW.label("row"),
        )
        .where(
            exists(select(gate.c.id)),
            Delivery.campaign_id == _CAMPAIGN,
            Delivery.is_queued,
            Delivery.channel == channel,
            Delivery.id > bindparam("the_last"),
            or_(Delivery.not_before.is_(None), Delivery.not_before <= func.now()),
        )
        .order_by(Delivery.id)
        .limit(bindparam("the_size"))
        .with_for_update(skip_locked=True, of=Delivery)
        .cte("picked")
        .prefix_with("MATERIALIZED")
    )


def _weighed(gate: CTE, picked: CTE, channel: str) -> CTE:
    """Each picked delivery with its person, and why it must be skipped, if so."""
    index, sealed = _ADDRESS[channel]
    refused = ~not_opted_out(_AGENCY, channel, picked.c.address_index)
    came_back = bounced(_AGENCY, picked.c.address_index) if channel == Channel.EMAIL else false()
    reason = case(
        (and_(refused, came_back), Reason.BOUNCED.value),
        (refused, Reason.OPTED_OUT.value),
        (gate.c.is_service, null()),
        (~same_address(_AGENCY, index, picked.c.address_index), Reason.CHANGED.value),
        (Contact.legal_ground.is_(None), Reason.NO_GROUND.value),
        else_=null(),
    )
    return (
        select(
            picked.c.id,
            picked.c.address_index,
            picked.c.was_because,
            picked.c.row,
            reason.label("reason"),
            func.coalesce(Message.address_sealed, sealed).label("address_sealed"),
            Contact.name_sealed,
            Contact.business_sealed,
            Place.name.label("place"),
            Message.body_sealed,
        )
        .select_from(picked)
        # Tells the planner that these are few, so that it goes from each of them straight to its row.
        .join(gate, gate.c.id == picked.c.campaign_id)
        .outerjoin(Contact, and_(Contact.id == picked.c.contact_id, Contact.agency_id == _AGENCY))
        .outerjoin(Place, Place.code == Contact.place_code)
        .outerjoin(Message, and_(Message.campaign_id == _CAMPAIGN, Message.delivery_id == picked.c.id))
        .cte("weighed")
        .prefix_with("MATERIALIZED")
    )


def _moved(weighed: CTE) -> CTE:
    goes = weighed.c.reason.is_(None)
    lease = func.make_interval(0, 0, 0, 0, 0, 0, bindparam("the_lease", type_=Float))
    return (
        update(Delivery)
        .where(Delivery.campaign_id == _CAMPAIGN, Delivery.id == weighed.c.id, weighed.c.row == _ROW)
        .values(
            state=case((goes, State.SENDING.value), else_=State.SKIPPED.value),
            # Why the first message failed stays with its second attempt, until that has come to something.
            reason=func.coalesce(weighed.c.reason, Delivery.reason),
            attempt=Delivery.attempt + case((goes, 1), else_=0),
            parts=case((goes, null()), else_=Delivery.parts),
            charged=Delivery.charged + case((goes, _MOST), else_=0),
            leased_until=case((goes, func.now() + lease)),
            handed_at=case((goes, func.now()), else_=Delivery.handed_at),
            not_before=None,
            changed_at=func.now(),
        )
        .returning(
            Delivery.id,
            Delivery.attempt,
            Delivery.language,
            Delivery.state,
            Delivery.reason,
            Delivery.charged,
            weighed.c.was_because,
            weighed.c.reason.label("skipped_because"),
            # From here, not joined again: nobody tells the planner how many rows there are, so it would compare each
            # with each.
            weighed.c.address_sealed,
            weighed.c.name_sealed,
            weighed.c.business_sealed,
            weighed.c.place,
            weighed.c.body_sealed,
        )
        .cte("moved")
    )


def _counted(moved: CTE, channel: str) -> CTE:
    # What is charged goes with the delivery from state to state.
    more = case((moved.c.state == State.SENDING, _MOST), else_=0)
    gone = select(
        moved.c.language,
        literal(State.QUEUED.value),
        moved.c.was_because.label("reason"),
        -func.count(),
        -func.sum(moved.c.charged - more),
    ).group_by(moved.c.language, moved.c.was_because)
    come = select(moved.c.language, moved.c.state, moved.c.reason, func.count(), func.sum(moved.c.charged)).group_by(
        moved.c.language, moved.c.state, moved.c.reason
    )
    changes = union_all(gone, come).subquery("changes")
    columns = ["agency_id", "campaign_id", "channel", "language", "state", "reason", "number", "parts"]
    rows = select(_AGENCY, _CAMPAIGN, literal(channel), *changes.c)
    return insert(Figure).from_select(columns, rows).cte("counted")
