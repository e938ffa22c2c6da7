"""Indexes that addresses had under older keys, so that what carries one still means the same address (DESIGN 10.5)."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from campaigns.store.metadata import Index, Ref, Table


class FormerIndex(Table):
    """An address index that a delivery or a link in a mail may still carry, and the address's newest one.

    A refusal of the former becomes one of the newest by the trigger opt_out_newest.
    """

    __tablename__ = "former_index"
    agency_id: Mapped[Ref] = mapped_column(primary_key=True)
    former: Mapped[Index] = mapped_column(primary_key=True)
    address_index: Mapped[Index]


def same_address(
    agency_id: ColumnElement[int] | InstrumentedAttribute[int] | int, kept: Any, carried: Any
) -> ColumnElement[bool]:
    """True where the index a contact has is of the same address as the one a delivery carries."""
    renewed = exists().where(
        FormerIndex.agency_id == agency_id, FormerIndex.former == carried, FormerIndex.address_index == kept
    )
    return or_(kept.is_not_distinct_from(carried), renewed)


def note(session: Session, agency_id: int, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Remember (former, newest) of addresses. May be called again."""
    rows = [{"agency_id": agency_id, "former": former, "address_index": newest} for former, newest in pairs]
    if not rows:
        return
    statement = insert(FormerIndex).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["agency_id", "former"], set_={"address_index": statement.excluded.address_index}
        )
    )
