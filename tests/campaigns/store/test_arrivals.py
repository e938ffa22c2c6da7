"""Batches of people against the book: whatever comes, it ends as a plain model of the book says."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from itertools import count

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from sqlalchemy import select, text

from campaigns import agencies
from campaigns.rules import hours
from campaigns.rules.addresses import Email, Phone, PhoneKind
from campaigns.rules.headings import Field
from campaigns.rules.import_options import REPLACEABLE, Mode, Options
from campaigns.rules.import_rows import Person
from campaigns.rules.roles import Role
from campaigns.rules.seen import Seen
from campaigns.sealing import Sealer
from campaigns.store import bringing, undoing
from campaigns.store.arrivals import Became
from campaigns.store.contacts import Contact, ContactAlias
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import ContactBefore, Import
from campaigns.vault import Vault
from tests.book_model import Book, Someone, opened

NUMBERS = count(1)


def someone(
    phone: int | None = None, email: int | None = None, *, ground: str | None = None, says_no: bool = False, **more: object
) -> Person:
    """A row; numbers stand for addresses."""
    values = {
        "name": "", "business": "", "place": None, "language": None, "sectors": (), "tags": (), "agreed_on": None,
        "warnings": (),
    }  # fmt: skip
    return Person(
        **values | more,
        phone=None if phone is None else Phone(f"+5198765432{phone}", PhoneKind.MOBILE),
        email=None if email is None else Email(f"Rosa{email}@correo.example", f"rosa{email}@correo.example"),
        ground=ground,
        says_no=says_no,
    )


@st.composite
def people(draw: Callable[..., object]) -> Person:
    phone = draw(st.none() | st.integers(0, 3))
    email = draw(st.integers(0, 2) if phone is None else st.none() | st.integers(0, 2))
    says = draw(st.sampled_from(["yes", "yes", "law", "no", "nothing", "asked"]))
    ground = {"yes": "consent", "law": "law", "asked": "consent"}.get(says)
    return someone(
        phone,
        email,
        ground=ground,
        says_no=says == "no",
        owns_ground=says in ("yes", "law"),
        agreed_on=draw(st.none() | st.just(date(2026, 1, 10))) if ground else None,
        ground_source=draw(st.sampled_from(["", "Acta 4"])) if ground else "",
        ground_text=draw(st.sampled_from(["", "v2"])) if ground else "",
        name=draw(st.sampled_from(["", "Rosa", "Ana Nunez", "Ana Núñez"])),
        business=draw(st.sampled_from(["", "Bodega", "Rosa"])),
        place=draw(st.sampled_from([None, "15", "150110"])),
        language=draw(st.sampled_from([None, "es", "qu"])),
        role=draw(st.sampled_from([None, Role.OWNER, Role.DRIVER])),
        sectors=draw(st.sampled_from([(), ("4922",), ("4922", "4711")])),
        tags=draw(st.sampled_from([(), ("norte",), ("sur", "norte")])),
    )


@st.composite
def choices(draw: Callable[..., object]) -> Options:
    return Options(
        mode=draw(st.sampled_from(list(Mode))),
        fields=draw(st.frozensets(st.sampled_from(REPLACEABLE)) | st.just(frozenset(REPLACEABLE))),
        tags=draw(st.sampled_from([(), ("gremio",), ("gremio", "sur")])),
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
        import_id, seen = self.new(), Seen()
        became, withdrawn = [], set()
        for at in range(0, len(rows), size):
            arrivals = [self.sealer.arrival(row) for row in rows[at : at + size]]
            with self.factory.begin() as session:
                merged = bringing.merge(
                    session, self.agency_id, arrivals, import_id=import_id, options=options or Options(),
                    rename=self.sealer.rename, seen=seen,
                )  # fmt: skip
            became += merged.became
            withdrawn |= {at + n for n in merged.withdrawn}
        return became, withdrawn, import_id

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
                tuple(row) for table in tables for row in session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))
            ]


@pytest.fixture
def importer(sessions, vault, agency) -> Importer:
    return Importer(sessions, vault, agency.id)


def _importer_of_a_new_agency(sessions: AgencySessions, vault: Vault) -> Importer:
    number = next(NUMBERS)
    with sessions(None).begin() as session:
        agency = agencies.add(session, f"m{number}", f"Municipalidad {number}", hours=hours.always())
    return Importer(sessions, vault, agency.id)


@profile(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.tuples(st.lists(people(), max_size=7), choices()), min_size=1, max_size=3),
    size=st.integers(1, 8),
    alias=st.booleans(),
)
def test_the_book_ends_as_the_model_says(sessions, vault, agency, files, size, alias) -> None:
    stranger = Importer(sessions, vault, agency.id)
    if not stranger.book():
        stranger.bring([someone(n, n % 3, ground="consent", name="Rosa") for n in range(4)])
    untouched = stranger.rows()
    importer, model = _importer_of_a_new_agency(sessions, vault), Book()
    if alias:  # 3 was merged into 0
        importer.bring([someone(0, ground="consent")])
        model.bring([someone(0, ground="consent")], Options())
        model.aliases = {"+51987654323": 0, "rosa2@correo.example": 0}
        with importer.factory.begin() as session:
            kept = session.scalars(select(Contact.id)).one()
            for address in model.aliases:
                index = vault.address_index(address)
                session.add(ContactAlias(agency_id=importer.agency_id, address_index=index, contact_id=kept))
    done = []
    for rows, options in files:
        before = importer.rows()
        foreseen = importer.foresee(rows, options, size=size)
        assert importer.rows() == before
        became, withdrawn, import_id = importer.bring(rows, options, size=size)
        assert (became, withdrawn) == model.bring(rows, options)
        assert foreseen[0] == became
        assert Counter(importer.book().values()) == Counter(model.people)
        done.append((import_id, before))
        after, book = importer.rows(), importer.book()
        again, withdrawn, again_id = importer.bring(rows, options, size=max(1, size // 2))
        assert Became.ADDED not in again
        assert importer.book() == book
        if withdrawn:  # somebody says yes and then no: the book is the same, though not untouched
            assert {again[n] for n in withdrawn} == {Became.REPEATED}
            done.append((again_id, after))
            continue
        assert Became.UPDATED not in again
        assert importer.rows() == after
        with importer.factory() as session:
            assert not session.scalars(select(ContactBefore).where(ContactBefore.import_id == again_id)).all()
    for import_id, before in reversed(done):
        assert importer.undo(import_id, size=size).kept == 0
        assert importer.rows() == before
    assert stranger.rows() == untouched
