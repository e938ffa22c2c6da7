"""Brings people in without a file: rows by number, a few at a time, and what there is of contacts afterwards."""

import time
from collections.abc import Sequence

from sqlalchemy import text

from campaigns.rules.addresses import Email, Phone, PhoneKind
from campaigns.rules.import_options import Options
from campaigns.rules.import_rows import Person
from campaigns.rules.seen import Seen
from campaigns.sealing import Sealer
from campaigns.store import bringing, undoing
from campaigns.store.arrivals import Arrival, Became, Merged
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import Import
from campaigns.vault import Vault
from tests.book_model import Someone, opened


def someone(
    phone: int | None = None,
    email: int | None = None,
    *,
    ground: str | None = None,
    says_no: bool = False,
    **more: object,
) -> Person:
    """A row; numbers stand for addresses."""
    values = {
        "name": "", "business": "", "place": None, "language": None, "sectors": (), "tags": (), "agreed_on": None,
        "warnings": (),
    }  # fmt: skip
    return Person(
        **values | more,
        phone=None if phone is None else Phone(f"+51987654{320 + phone}", PhoneKind.MOBILE),
        email=None if email is None else Email(f"Rosa{email}@correo.example", f"rosa{email}@correo.example"),
        ground=ground,
        says_no=says_no,
    )


class Importer:
    """Brings people in for one agency, a few rows at a time, as an import does."""

    def __init__(self, sessions: AgencySessions, vault: Vault, agency_id: int) -> None:
        self.factory, self.vault, self.agency_id = sessions(agency_id), vault, agency_id
        self.sealer = Sealer(vault, agency_id, "es")

    def new(self) -> int:
        with self.factory.begin() as session:
            made = Import(agency_id=self.agency_id, options={})
            session.add(made)
            session.flush()
            return made.id

    def bring(
        self, rows: Sequence[Person], options: Options | None = None, *, size: int = 100
    ) -> tuple[list[Became], set[int], int]:
        import_id = self.new()
        return *self.go_on(import_id, rows, options or Options(), Seen(), size=size), import_id

    def go_on(
        self, import_id: int, rows: Sequence[Person], options: Options, seen: Seen, *, size: int = 100
    ) -> tuple[list[Became], set[int]]:
        """More rows of an import that has begun."""
        became, withdrawn = [], set()
        for at in range(0, len(rows), size):
            arrivals = [self.sealer.arrival(row) for row in rows[at : at + size]]
            with self.factory.begin() as session:
                merged = bringing.merge(
                    session, self.agency_id, arrivals, import_id=import_id, options=options,
                    rename=self.sealer.rename, seen=seen,
                )  # fmt: skip
            became += merged.became
            withdrawn |= {at + n for n in merged.withdrawn}
        return became, withdrawn

    def merge(self, arrivals: Sequence[Arrival], options: Options) -> Merged:
        """One batch of an import of its own."""
        import_id = self.new()
        with self.factory.begin() as session:
            return bringing.merge(
                session, self.agency_id, arrivals, import_id=import_id, options=options, rename=self.sealer.rename,
                seen=Seen(),
            )  # fmt: skip

    def wait_until_somebody_waits(self) -> None:
        """Until one transaction stands behind another's lock."""
        with self.factory() as session:
            while not session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                time.sleep(0.01)

    def foresee(self, rows: Sequence[Person], options: Options, *, size: int) -> tuple[list[Became], set[int]]:
        seen = Seen()
        became, withdrawn = [], set()
        for at in range(0, len(rows), size):
            arrivals = [self.sealer.arrival(row) for row in rows[at : at + size]]
            with self.factory.begin() as session:
                merged = bringing.foresee(
                    session, self.agency_id, arrivals, options=options, rename=self.sealer.rename, seen=seen
                )
            became += merged.became
            withdrawn |= {at + n for n in merged.withdrawn}
        return became, withdrawn

    def undo(self, import_id: int, *, size: int = 100) -> undoing.Undone:
        total = undoing.Undone()
        while True:
            with self.factory.begin() as session:
                done = undoing.undo(session, self.agency_id, import_id, size=size)
            if done == undoing.Undone():
                return total
            total = undoing.Undone(*(a + b for a, b in zip(total, done, strict=True)))

    def book(self) -> dict[int, Someone]:
        with self.factory() as session:
            return opened(session, self.vault, self.agency_id)

    def rows(self) -> list[tuple[object, ...]]:
        """Everything there is about contacts, byte by byte."""
        tables = ("contact", "contact_word", "contact_sector", "contact_tag", "contact_alias", "opt_out")
        with self.factory() as session:
            return [
                tuple(row)
                for table in tables
                for row in session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))
            ]
