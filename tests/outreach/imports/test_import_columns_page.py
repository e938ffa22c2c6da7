"""The columns and options of a file: matched, shown as they will become, corrected, and refused with a sentence."""

import pytest
from sqlalchemy import select

from campaigns.rules.import_options import Options
from campaigns.store.contacts import Contact
from campaigns.store.imports import Import
from tests import sheets
from tests.outreach.conftest import send
from tests.outreach.imports.conftest import FIRST, PEOPLE, choices, hand_in

ODD = "contacto,dato,x\nRosa Quispe Mamani,987654321,Los Olivos\nAna Flores,987654322,Los Olivos\n,nada,Comas\n"


def preview(client, **fields):
    """What htmx asks when a select changes."""
    return client.post(FIRST + "/preview", data=fields, headers={"HX-Request": "true"} | csrf(client))


def csrf(client):
    """As the page's own header sends it."""
    return {"X-CSRFToken": client.get(FIRST).text.partition('name="csrf_token" value="')[2].partition('"')[0]}


def options(session) -> Options:
    """What was kept of the form."""
    return Options.from_json(session.scalars(select(Import.options)).one())


def test_columns_and_first_rows_are_shown_masked(as_ada):
    hand_in(as_ada, PEOPLE)
    shown = as_ada.get(FIRST).text
    assert '<option value="1:phone" selected>' in shown
    assert "+51 9** *** 321" in shown
    assert "R. Q." in shown
    assert "987654321" not in shown
    assert "Quispe" not in shown
    assert "No: no se le envía nada" in shown


def test_a_spreadsheet_is_read_first_and_sheets_left_out_are_named(as_ada, work):
    table = [["Nombre", "Celular"], ["Rosa Quispe", "987654321"], ["Ana Flores", 987654322]]
    book = sheets.xlsx({"Padrón": sheets.sheet(sheets.rows(table)), "Otros": sheets.sheet(sheets.rows(table[1:2]))})
    hand_in(as_ada, book, "padrón.xlsx")
    reading = as_ada.get(FIRST).text
    assert "Se está leyendo el archivo" in reading
    assert f'hx-get="{FIRST}?standing=reading"' in reading
    assert f'href="{FIRST}/discard"' in reading
    work()
    shown = as_ada.get(FIRST).text
    assert "Se leyó la hoja «Padrón»" in shown
    assert "Otros" in shown
    assert "+51 9** *** 322" in shown


def test_names_are_shown_by_right_and_numbers_to_nobody(as_ada, as_dora):
    hand_in(as_ada, PEOPLE)
    shown = as_dora.get(FIRST).text
    assert "Rosa Quispe" in shown
    assert "+51 9** *** 321" in shown
    assert "987654321" not in shown


def test_a_column_corrected_by_hand_is_shown_at_once_and_remembered(as_ada, work, session):
    hand_in(as_ada, ODD)
    corrected = choices("name", "phone", "district")
    part = preview(as_ada, **corrected).text
    assert "<html" not in part
    assert "A. F." in part
    assert part.count("Los Olivos") == 2
    assert "Línea 4" in part
    assert send(as_ada, FIRST + "/columns", **corrected).status_code == 303
    work()
    send(as_ada, FIRST + "/begin")
    work()
    assert session.scalars(select(Contact.place_code).order_by(Contact.id)).all() == ["150117", "150117"]
    again = hand_in(as_ada, ODD).headers["Location"]
    shown = as_ada.get(again).text
    assert '<option value="2:district" selected>' in shown
    assert "Como se eligió la última vez" in shown


def test_without_scripts_the_whole_page_comes_back_with_what_was_chosen(as_ada):
    hand_in(as_ada, ODD)
    answer = send(as_ada, FIRST + "/preview", **choices("business", "phone", "", tags="norte, sur"))
    assert answer.status_code == 200
    assert '<option value="0:business" selected>' in answer.text
    assert 'value="norte, sur"' in answer.text
    assert "<html" in answer.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (("name", "", "district"), "Elija la columna de los celulares"),
        (("phone", "phone", ""), "ya está elegido para otra columna"),
    ],
)
def test_columns_that_cannot_be_are_told_beside_them_and_nothing_is_lost(as_ada, session, fields, sentence):
    hand_in(as_ada, ODD)
    wrong = choices(*fields, tags="norte")
    assert sentence in preview(as_ada, **wrong).text
    answer = send(as_ada, FIRST + "/columns", **wrong)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="norte"' in answer.text
    assert session.scalars(select(Import.state)).one() == "columns"


def test_the_ground_is_asked_with_its_proof_where_no_column_says_it(as_ada, session):
    hand_in(as_ada, ODD)
    asked = choices("name", "phone", "district", ground="consent")
    answer = send(as_ada, FIRST + "/columns", **asked)
    assert answer.status_code == 422
    assert "sin fecha no se puede probar" in answer.text
    assert "para que se pueda probar" in answer.text
    late = send(as_ada, FIRST + "/columns", **asked, ground_on="2999-01-01", ground_source="fichas")
    assert "Ese día todavía no llega" in late.text
    proof = {"ground_on": "2026-05-04", "ground_source": "fichas, caja 14", "ground_text": "ficha 2"}
    assert send(as_ada, FIRST + "/columns", **asked, **proof).status_code == 303
    kept = options(session)
    assert (kept.ground, str(kept.ground_on)) == ("consent", "2026-05-04")
    assert (kept.ground_source, kept.ground_text) == ("fichas, caja 14", "ficha 2")


def test_a_column_that_says_it_wins_over_what_was_asked(as_ada, session):
    hand_in(as_ada, PEOPLE)
    fields = ("name", "phone", "district", "province", "ground")
    assert send(as_ada, FIRST + "/columns", **choices(*fields, ground="law")).status_code == 303
    assert options(session).ground is None


def test_what_is_replaced_is_chosen_and_an_update_of_nothing_refused(as_ada, session):
    hand_in(as_ada, ODD)
    nothing = send(as_ada, FIRST + "/columns", **choices("name", "phone", "", mode="update"))
    assert nothing.status_code == 422
    assert "Marque qué se reemplaza" in nothing.text
    update = choices("name", "phone", "", mode="update", fields=["name", "district"], tags="Norte, norte, sur")
    del update["accepts_fallback"]
    assert send(as_ada, FIRST + "/columns", **update).status_code == 303
    kept = options(session)
    assert (kept.mode, sorted(kept.fields), kept.tags) == ("update", ["district", "name"], ("norte", "sur"))
    assert not kept.accepts_fallback


@pytest.mark.parametrize("odd", ["99:phone", "x:phone", "1:nobody", "phone", "", "1:" + "9" * 5000])
def test_a_form_nobody_filled_in_like_this_gets_a_sentence(as_ada, odd):
    hand_in(as_ada, ODD)
    for path in ("/preview", "/columns"):
        answer = send(as_ada, FIRST + path, columns=[odd], mode="nothing", fields=["phone", "x"], ground="x")
        assert answer.status_code in (200, 422)
        assert "Elija la columna de los celulares" in answer.text


def test_an_hour_later_in_another_tab_the_choice_is_told_that_things_moved_on(as_ada):
    hand_in(as_ada, ODD)
    chosen = choices("name", "phone", "district")
    assert send(as_ada, FIRST + "/columns", **chosen).status_code == 303
    for path in ("/preview", "/columns"):
        assert send(as_ada, FIRST + path, **chosen).headers["Location"] == FIRST
    assert "avanzó entretanto" in as_ada.get(FIRST).text
