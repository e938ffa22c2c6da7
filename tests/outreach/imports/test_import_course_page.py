"""An import goes on, back, away, is stopped and taken back; whoever presses twice is told how it stands."""

import pytest
from sqlalchemy import func, select, text, update

from campaigns.store.contacts import Contact
from campaigns.store.imports import Import, ImportChunk
from tests import drafts
from tests.outreach.conftest import send
from tests.outreach.imports.conftest import FIRST, PEOPLE, choices, hand_in

COLUMNS = choices("name", "phone", "district", "province", "ground")


@pytest.fixture
def checked(as_ada, work):
    """An import that waits for somebody to say yes."""
    hand_in(as_ada, PEOPLE)
    send(as_ada, FIRST + "/columns", **COLUMNS)
    work()


@pytest.fixture
def done(as_ada, work, checked):
    """One that came in."""
    send(as_ada, FIRST + "/begin")
    work()


def people(session) -> int:
    """How many are in the book."""
    return session.scalar(select(func.count()).select_from(Contact))


def test_back_to_the_columns_keeps_what_was_chosen(as_ada, checked):
    assert send(as_ada, FIRST + "/back").headers["Location"] == FIRST
    shown = as_ada.get(FIRST).text
    assert '<option value="1:phone" selected>' in shown


def test_stopping_a_check_leads_back_to_the_columns(as_ada, work):
    hand_in(as_ada, PEOPLE)
    send(as_ada, FIRST + "/columns", **COLUMNS)
    assert f'action="{FIRST}/back"' in as_ada.get(FIRST).text
    assert send(as_ada, FIRST + "/back").headers["Location"] == FIRST
    work()
    assert "Revisar todo el archivo" in as_ada.get(FIRST).text


def test_stopping_before_anybody_came_in_says_so(as_ada, work, checked, session):
    send(as_ada, FIRST + "/begin")
    send(as_ada, FIRST + "/stop")
    work()
    shown = as_ada.get(FIRST).text
    assert "No se añadió a nadie" in shown
    assert "undo" not in shown
    assert people(session) == 0


def test_a_file_is_discarded_after_one_question(as_ada, checked, session):
    asked = as_ada.get(FIRST + "/discard").text
    assert "no se añade a nadie" in asked
    assert send(as_ada, FIRST + "/discard").headers["Location"] == "/imports/"
    assert "se descartó" in as_ada.get("/imports/").text
    assert as_ada.get(FIRST).status_code == 404
    assert session.scalar(select(func.count()).select_from(ImportChunk)) == 0


def test_many_people_are_typed_before_they_come_in(as_ada, checked, session):
    report = session.scalars(select(Import.check_report)).one() | {"added": 12_000}
    session.execute(update(Import).values(check_report=report))
    session.commit()
    assert f'href="{FIRST}/begin"' in as_ada.get(FIRST).text
    asked = as_ada.get(FIRST + "/begin").text
    assert "Escriba 12000" in asked
    assert "12,000 personas" in asked
    assert send(as_ada, FIRST + "/begin", typed="11000").status_code == 422
    assert send(as_ada, FIRST + "/begin", typed="12,000").headers["Location"] == FIRST
    assert session.scalars(select(Import.state)).one() == "waiting"


@pytest.mark.parametrize("path", ["/begin", "/back", "/stop", "/columns"])
def test_pressing_after_it_moved_on_changes_nothing_and_says_so(as_ada, done, session, path):
    assert send(as_ada, FIRST + path, **COLUMNS).headers["Location"] == FIRST
    assert "avanzó entretanto" in as_ada.get(FIRST).text
    assert session.scalars(select(Import.state)).one() == "done"
    assert people(session) == 2


def test_what_came_in_is_not_discarded(as_ada, done, session):
    send(as_ada, FIRST + "/discard")
    assert "avanzó entretanto" in as_ada.get(FIRST).text
    assert people(session) == 2


def test_an_import_is_taken_back_after_saying_how_many_go(as_ada, done, work, session):
    assert f'href="{FIRST}/undo"' in as_ada.get(FIRST).text
    asked = as_ada.get(FIRST + "/undo").text
    assert "Se borra a 2 personas" in asked
    assert send(as_ada, FIRST + "/undo").headers["Location"] == FIRST
    undoing = as_ada.get(FIRST).text
    assert "hx-get" in undoing.partition("<main")[2]
    assert "/stop" not in undoing
    work()
    undone = as_ada.get(FIRST).text
    assert "se deshizo" in undone
    assert "/undo" not in undone
    assert people(session) == 0
    assert "Deshecha" in as_ada.get("/imports/").text
    send(as_ada, FIRST + "/undo")
    assert people(session) == 0


def test_nothing_is_taken_back_after_a_message_went_out(as_ada, done, session, sessions, agency, ada, bruno, sender):
    drafts.running(sessions, agency, ada, bruno, sender)
    session.execute(text("UPDATE delivery SET state = 'sent', handed_at = now()"))
    session.commit()
    for press in (as_ada.get, lambda path: send(as_ada, path)):
        assert press(FIRST + "/undo").headers["Location"] == FIRST
        assert "Ya no se puede deshacer" in as_ada.get(FIRST).text
    assert people(session) == 2


@pytest.mark.parametrize(
    ("state", "sentence"),
    [("stopped", "se detuvo antes de terminar"), ("failed", "Lo que entró antes se queda")],
)
def test_what_came_in_before_an_early_end_is_told_and_can_be_taken_back(as_ada, done, work, session, state, sentence):
    failure = {"field": "file", "code": "quote_not_closed", "values": {"line": 3}} if state == "failed" else None
    session.execute(update(Import).values(state=state, failure=failure))
    session.commit()
    shown = as_ada.get(FIRST).text
    assert sentence in shown
    assert "Se añadió a 2 personas." in shown
    assert ("línea 3" in shown) == (state == "failed")
    send(as_ada, FIRST + "/undo")
    work()
    assert people(session) == 0


def test_a_second_import_that_changes_people_gives_their_values_back(as_ada, done, work, session):
    moved = PEOPLE.replace("Rosa Quispe,987654321,Comas", "Rosa Quispe,987654321,Los Olivos")
    second = hand_in(as_ada, moved).headers["Location"]
    send(as_ada, second + "/columns", **COLUMNS | {"mode": "update", "fields": ["district"]})
    work(2)
    assert "Importar: actualizar a 1 persona" in as_ada.get(second).text
    send(as_ada, second + "/begin")
    work(2)
    assert "Se actualizó a 1 persona" in as_ada.get(second).text
    assert "150117" in session.scalars(select(Contact.place_code)).all()
    session.commit()
    assert "1 persona actualizada recupera sus datos" in as_ada.get(second + "/undo").text
    send(as_ada, second + "/undo")
    work(2)
    assert "150110" in session.scalars(select(Contact.place_code)).all()
    assert people(session) == 2
