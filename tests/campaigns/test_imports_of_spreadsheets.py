"""The messy file as spreadsheet programs save it comes out as it does as text."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from campaigns import imports
from campaigns.rules.column_guess import How
from campaigns.rules.headings import Field
from campaigns.store.agencies import Agency
from campaigns.store.contacts import Contact
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import ImportChunk
from campaigns.store.staff import Staff
from campaigns.vault import Vault
from tests.import_desk import Desk
from tests.sheets import Cell, ods, ods_table, rows, sheet, xlsx

DATA = Path(__file__).parents[1] / "data"
EXPECTED = json.loads((DATA / "contacts_messy_expected.json").read_text())
LEGEND = [["Leyenda"], ["S: sí, N: no"]]


@pytest.fixture
def desk(sessions: AgencySessions, vault: Vault, agency: Agency, ada: Staff) -> Desk:
    return Desk(sessions, vault, agency, ada)


def _messy() -> list[list[Cell]]:
    """Its rows; what is all digits is a number, as it becomes when somebody types it."""
    text = (DATA / "contacts_messy.csv").read_bytes().decode("cp1252")
    return [
        [float(cell) if cell.isdigit() and not cell.startswith("0") else cell for cell in row]
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=";")
    ]


def _as_xlsx(table: list[list[Cell]]) -> bytes:
    return xlsx({"Leyenda": sheet(rows(LEGEND)), "Padrón": sheet(rows(table))})


def _as_ods(table: list[list[Cell]]) -> bytes:
    return ods(ods_table("Leyenda", LEGEND) + ods_table("Padrón", table))


@pytest.mark.parametrize("save", [_as_xlsx, _as_ods])
def test_the_messy_file_as_a_spreadsheet(desk: Desk, save: Callable[[list[list[Cell]]], bytes]) -> None:
    import_id = desk.submit(save(_messy()))
    assert desk.now(import_id).state == "reading"
    assert desk.work(import_id)
    with desk.sessions(desk.agency.id)() as session:
        look = imports.look(session, desk.vault, desk.agency.id, import_id)
        pieces = session.scalars(select(ImportChunk.content_sealed)).all()
    assert (look.sheet, look.left_out) == ("Padrón", ("Leyenda",))
    assert look.guesses[Field.PHONE].how is How.HEADING
    assert not any(b"Quispe" in piece or b"987654321" in piece for piece in pieces)
    desk.choose(import_id)
    assert desk.work(import_id)
    desk.tell("begin", import_id)
    assert desk.work(import_id)
    report = dict(desk.now(import_id).report or {})
    assert {name: report[name] for name in EXPECTED if name not in ("file", "rejected")} == {
        name: EXPECTED[name] for name in EXPECTED if name not in ("file", "rejected")
    }
    assert report["file"] == {"encoding": "utf-8", "delimiter": "\t"}
    assert desk.count(Contact) == EXPECTED["added"]


def test_a_faulty_row_has_the_number_that_the_spreadsheet_shows(desk: Desk) -> None:
    table: list[list[Cell]] = [["Nombre", "Celular"], ["Rosa\nla bodeguera", 987654321.0], [None, None], ["Ana", "??"]]
    import_id = desk.submit(_as_xlsx(table))
    desk.work(import_id)
    desk.choose(import_id)
    desk.work(import_id)
    with desk.sessions(desk.agency.id)() as session:
        found = list(imports.faults(session, desk.vault, desk.agency.id, import_id))
    assert {(fault.line, fault.cells[0]) for fault in found} == {(2, "Rosa\nla bodeguera"), (4, "Ana")}
