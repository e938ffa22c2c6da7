"""Batches of people against the book: whatever comes, it ends as a plain model of the book says."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import count

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from sqlalchemy import select

from campaigns import agencies
from campaigns.rules import hours
from campaigns.rules.import_options import REPLACEABLE, Mode, Options
from campaigns.rules.import_rows import Person
from campaigns.rules.roles import Role
from campaigns.rules.seen import Seen
from campaigns.store import bringing
from campaigns.store.arrivals import Became
from campaigns.store.contacts import Contact, ContactAlias
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import ContactBefore
from campaigns.vault import Vault
from tests.book_model import Book
from tests.importer import Importer, someone

NUMBERS = count(1)


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


@pytest.fixture
def importer(sessions, vault, agency) -> Importer:
    return Importer(sessions, vault, agency.id)


def _importer_of_a_new_agency(sessions: AgencySessions, vault: Vault) -> Importer:
    number = next(NUMBERS)
    with sessions(None).begin() as session:
        agency = agencies.add(session, f"m{number}", f"Municipalidad {number}", hours=hours.always())
    return Importer(sessions, vault, agency.id)


@profile(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


REPLACES_ALL = Options(mode=Mode.UPDATE, fields=frozenset(REPLACEABLE))


def test_a_no_counts_wherever_it_stands_and_whatever_the_options(importer: Importer) -> None:
    importer.bring([someone(1, ground="consent"), someone(2, ground="law"), someone(3, says_no=True)])
    rows = [someone(1, ground="consent"), someone(1, says_no=True), someone(1, says_no=True), someone(2), someone(3)]
    became, withdrawn, _ = importer.bring(rows)
    assert became == [Became.UNCHANGED, Became.REPEATED, Became.REPEATED, Became.UNCHANGED, Became.UNCHANGED]
    assert withdrawn == {1}
    assert [one.ground[0] for one in sorted(importer.book().values(), key=lambda one: one.phone)] == [None, "law", None]


def test_a_ground_asked_for_once_undoes_no_withdrawal(importer: Importer) -> None:
    importer.bring([someone(1, says_no=True)])
    became, _, _ = importer.bring([someone(1, ground="consent", owns_ground=False)], REPLACES_ALL)
    assert became == [Became.UNCHANGED]
    became, _, _ = importer.bring([someone(1, ground="consent")], REPLACES_ALL)
    assert became == [Became.UPDATED]


def test_an_accent_is_a_change_of_name(importer: Importer) -> None:
    importer.bring([someone(1, name="Ana Nunez", business="Bodega")])
    became, _, _ = importer.bring([someone(1, name="Ana Núñez", business="Taller")], Options(
        mode=Mode.UPDATE, fields=frozenset({REPLACEABLE[0]})
    ))  # fmt: skip
    assert became == [Became.UPDATED]
    assert [(one.name, one.business) for one in importer.book().values()] == [("Ana Núñez", "Bodega")]


def test_a_damaged_name_is_replaced_and_stays_otherwise(importer: Importer) -> None:
    importer.bring([someone(1, name="Ana", business="Bodega")])
    with importer.factory.begin() as session:
        session.scalars(select(Contact)).one().business_sealed = b"damaged"
    assert importer.bring([someone(1, name="Rosa")], REPLACES_ALL)[0] == [Became.UPDATED]
    with importer.factory() as session:
        assert session.scalars(select(Contact.business_sealed)).one() == b"damaged"
    assert importer.bring([someone(1, business="Taller")], REPLACES_ALL)[0] == [Became.UPDATED]
    assert [(one.name, one.business) for one in importer.book().values()] == [("Rosa", "Taller")]


def test_an_import_that_goes_on_knows_who_came_by(importer: Importer) -> None:
    importer.bring([someone(1, name="Rosa")])
    rows = [someone(1, name="Rosa"), someone(2, name="Ana"), someone(1, name="Luz"), someone(2, name="Luz")]
    arrivals = [importer.sealer.arrival(row) for row in rows]
    import_id, seen = importer.new(), Seen()
    with importer.factory.begin() as session:
        bringing.merge(
            session, importer.agency_id, arrivals[:2], import_id=import_id, options=REPLACES_ALL,
            rename=importer.sealer.rename, seen=Seen(),
        )  # fmt: skip
        bringing.recall(session, importer.agency_id, arrivals[:2], seen=seen)
        merged = bringing.merge(
            session, importer.agency_id, arrivals[2:], import_id=import_id, options=REPLACES_ALL,
            rename=importer.sealer.rename, seen=seen,
        )  # fmt: skip
    assert merged.became == [Became.REPEATED, Became.REPEATED]


def test_who_was_added_meanwhile_is_known(importer: Importer) -> None:
    """Our insert waits for the other's: whoever committed first has added them."""
    rows = [someone(1, name="Ana"), someone(2, name="Luz"), someone(1, says_no=True)]
    arrivals = [importer.sealer.arrival(row) for row in rows]
    merged, threads = [], []
    with importer.factory.begin() as rival:
        bringing.merge(
            rival, importer.agency_id, [importer.sealer.arrival(someone(1, name="Rosa", ground="consent"))],
            import_id=importer.new(), options=Options(), rename=importer.sealer.rename, seen=Seen(),
        )  # fmt: skip
        threads.append(threading.Thread(target=lambda: merged.append(importer.merge(arrivals, REPLACES_ALL))))
        threads[0].start()
        importer.wait_until_somebody_waits()
    threads[0].join()
    assert merged[0].became == [Became.UPDATED, Became.ADDED, Became.REPEATED]
    assert merged[0].withdrawn == {2}
    assert {(one.name, one.ground[0]) for one in importer.book().values()} == {("Ana", None), ("Luz", None)}


def test_two_files_with_the_same_people_at_once(importer: Importer) -> None:
    files = [
        [someone(n, name=name, ground="consent") for n in order]
        for name, order in (("Ana", range(60)), ("Rosa", reversed(range(60))), ("Luz", range(0, 60, 2)))
    ]
    became: list[list[Became]] = []

    def bring(rows: list[Person]) -> None:
        became.append(importer.bring(rows, REPLACES_ALL, size=7)[0])

    threads = [threading.Thread(target=bring, args=(rows,)) for rows in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(became) == 3  # nobody was chosen as a deadlock's victim
    assert Counter(one for each in became for one in each)[Became.ADDED] == 60
    assert len({one.phone for one in importer.book().values()}) == len(importer.book()) == 60


def test_whoever_is_kept_under_an_older_index_key_is_known(sessions, vault, agency, settings) -> None:
    old = Importer(sessions, vault, agency.id)
    old.bring([someone(1, 1, ground="consent"), someone(None, 2)])
    keys = {9: bytes(range(32)), **settings.index_keys}
    new = Importer(sessions, Vault(replace(settings, index_keys=keys)), agency.id)
    before = new.rows()
    became, _, _ = new.bring([someone(1, 1), someone(None, 2), someone(2)], REPLACES_ALL)
    assert became == [Became.UNCHANGED, Became.UNCHANGED, Became.ADDED]
    assert set(before) <= set(new.rows())
    became, _, _ = new.bring([someone(1, 0), someone(2, says_no=True)], REPLACES_ALL)
    assert became == [Became.UPDATED, Became.UNCHANGED]
