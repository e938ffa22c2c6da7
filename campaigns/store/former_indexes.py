"""Indexes that addresses had under older keys, so that what carries one still means the same address (DESIGN 10.5)."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy import text as sql
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


_NOTE: Final = sql("""
INSERT INTO former_index (agency_id, former, address_index)
SELECT :agency, former, newest FROM unnest(CAST(:former AS bytea[]), CAST(:newest AS bytea[])) AS p (former, newest)
ON CONFLICT (agency_id, former) DO UPDATE SET address_index = excluded.address_index
""")


def note(session: Session, agency_id: int, pairs: Collection[tuple[bytes, bytes]]) -> None:
    """Remember (former, newest) of addresses, each former once. May be called again."""
    if pairs:
        former, newest = zip(*pairs, strict=True)
        session.execute(_NOTE, {"agency": agency_id, "former": list(former), "newest": list(newest)})
