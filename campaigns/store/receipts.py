"""Receipts: what a provider says became of a delivery, kept once and never with an address."""

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.store.metadata import Id, Made, Moment, Ref, Table


class Receipt(Table):
    """One report of a provider. Kept even when we know no such delivery."""

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("sender_id", "provider_ref", "state"),
        Index("receipt_waiting", "agency_id", "id", postgresql_where=text("applied_at IS NULL")),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    sender_id: Mapped[Ref] = mapped_column(ForeignKey("sender.id"))
    provider_ref: Mapped[str]
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    delivery_id: Mapped[int | None] = mapped_column(BigInteger)
    attempt: Mapped[int | None] = mapped_column(SmallInteger)
    state: Mapped[str]
    reason: Mapped[str | None]
    received_at: Mapped[Made]
    applied_at: Mapped[Moment | None]
    matched: Mapped[bool | None]
