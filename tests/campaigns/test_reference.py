"""Reference data comes from the seeds, and what an installation decided stays."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import create_engine, func, literal_column, select, update
from sqlalchemy.orm import Session

from campaigns import reference
from campaigns.rules.headings import Field
from campaigns.rules.import_rows import Person
from campaigns.settings import Settings
from campaigns.store.reference import Keyword, Language, OfficialLine, Place, StandingText
from outreach.database import Connections


@pytest.fixture
def owner(settings: Settings, connections: Connections) -> Iterator[Session]:
    """The owner's session; everything is rolled back."""
    engine = create_engine(settings.owner_url)
    with Session(engine) as session:
        yield session
        session.rollback()
    engine.dispose()


def test_places_are_the_whole_country(owner: Session) -> None:
    counted = {
        row.level: row.n for row in owner.execute(select(Place.level, func.count().label("n")).group_by(Place.level))
    }
    assert counted == {"department": 25, "province": 196, "district": 1893}
    callao = owner.get_one(Place, "0701")
    assert (callao.level, callao.name, callao.province, callao.department) == ("province", "Callao", "Callao", "Callao")


def test_loading_again_writes_nothing(owner: Session) -> None:
    # xmin names the transaction that wrote a row last.
    versions = select(literal_column("xmin::text"), Place.code).order_by(Place.code)
    before = owner.execute(versions).all()
    reference.load(owner)
    assert owner.execute(versions).all() == before


def test_a_corrected_name_comes_from_the_seeds(owner: Session) -> None:
    owner.execute(update(Place).where(Place.code == "150110").values(name="Cosmos"))
    reference.load(owner)
    assert owner.scalar(select(Place.name).where(Place.code == "150110")) == "Comas"


def test_what_the_installation_decided_stays(owner: Session) -> None:
    owner.execute(update(Keyword).where(Keyword.language == "qu").values(enabled=True, reader="Sabina"))
    owner.execute(update(Language).where(Language.code == "fr").values(enabled=False))
    owner.execute(update(StandingText).where(StandingText.language == "es").values(body="Nuestra frase."))
    owner.execute(update(OfficialLine).values(number="222", verified_on=date(2999, 1, 1)))
    reference.load(owner)
    assert set(owner.scalars(select(Keyword.reader).where(Keyword.language == "qu", Keyword.enabled))) == {"Sabina"}
    assert owner.scalar(select(Language.enabled).where(Language.code == "fr")) is False
    assert set(owner.scalars(select(StandingText.body).where(StandingText.language == "es"))) == {"Nuestra frase."}
    assert set(owner.scalars(select(OfficialLine.number))) == {"222"}


def test_a_line_verified_later_replaces_the_one_in_place(owner: Session) -> None:
    owner.execute(update(OfficialLine).values(number="222", verified_on=date(2001, 1, 1)))
    reference.load(owner)
    assert owner.scalar(select(OfficialLine.number).where(OfficialLine.code == "linea_111")) == "111"


def test_quechua_and_aymara_words_wait_for_a_reader(session: Session) -> None:
    waiting = session.scalars(select(Keyword).where(Keyword.language.in_(["qu", "ay"]))).all()
    assert len(waiting) == 12
    assert not any(word.enabled or word.reader for word in waiting)


def test_rows_are_read_against_the_tables(session: Session) -> None:
    reader = reference.row_reader(session)
    person = reader.read(
        {
            Field.PHONE: "987654321",
            Field.SECTOR: "combi",
            Field.DISTRICT: "SJL",
            Field.PROVINCE: "Lima",
            Field.LANGUAGE: "castellano",
        }
    )
    assert isinstance(person, Person)
    assert (person.sectors, person.place, person.language) == (("4921",), "150132", "es")


def test_names_and_choices_for_pages(session: Session) -> None:
    assert reference.place_names(session, ["150110", "13", "999999"]) == {"150110": "Comas", "13": "La Libertad"}
    assert len(reference.places(session, "department")) == 25
    assert [place.name for place in reference.places(session, "province", "07")] == ["Callao"]
    assert len(reference.places(session, "district", "1501")) == 43
    codes = [language.code for language in reference.languages(session)]
    assert codes[:7] == ["es", "qu", "quy", "quz", "ay", "en", "agr"]
    assert reference.sectors(session)[0].code == "4100"
