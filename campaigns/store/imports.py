"""Imports: one file each, with its sealed bytes while it waits and its report afterwards."""

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.store.metadata import Id, Made, Moment, Ref, Sealed, Stored, Table


class Import(Table):
    """One file brought in. `state`: waiting, running, done or failed (then `failure` is a code with values)."""

    __tablename__ = "import"
    id: Mapped[Id]
    agency_id: Mapped[Ref] = mapped_column(ForeignKey("agency.id"), index=True)
    staff_id: Mapped[Ref | None] = mapped_column(ForeignKey("staff.id"))
    state: Mapped[str] = mapped_column(server_default="waiting")
    options: Mapped[Stored]
    size: Mapped[Ref] = mapped_column(server_default="0")  # bytes
    rows_done: Mapped[int] = mapped_column(Integer, server_default="0")
    bytes_done: Mapped[Ref] = mapped_column(server_default="0")
    report: Mapped[Stored | None]
    failure: Mapped[Stored | None]
    leased_until: Mapped[Moment | None]
    made_at: Mapped[Made]
    finished_at: Mapped[Moment | None]


class ImportChunk(Table):
    """A piece of a waiting file, sealed; deleted when the import ends. Any worker host can take it from here."""

    __tablename__ = "import_chunk"
    agency_id: Mapped[Ref]
    import_id: Mapped[Ref] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    content_sealed: Mapped[Sealed]
