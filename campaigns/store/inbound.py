"""Inbound: what people write to us, sealed."""

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.store.metadata import Id, Made, Moment, Ref, Sealed, Table
from campaigns.store.metadata import Index as BlindIndex


class Inbound(Table):
    """One text from a person. `kind`: stop, start, help or other; other waits for somebody to read it."""

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("sender_id", "provider_ref"),
        Index("inbound_waiting", "agency_id", "id", postgresql_where=text("closed_at IS NULL")),
    )
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"))
    sender_id: Mapped[Ref] = mapped_column(ForeignKey("sender.id"))
    provider_ref: Mapped[str]
    channel: Mapped[str]
    address_index: Mapped[BlindIndex]
    address_sealed: Mapped[Sealed]
    body_sealed: Mapped[Sealed]
    contact_id: Mapped[int | None] = mapped_column(BigInteger)  # as known when it came; the contact may go
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)  # the latest campaign that reached the person
    kind: Mapped[str]
    rule: Mapped[str | None]  # the exact word that matched
    language: Mapped[str]
    answer: Mapped[str | None]  # the code of the answer that went back
    received_at: Mapped[Made]
    closed_at: Mapped[Moment | None]
    closed_by: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
