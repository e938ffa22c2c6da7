"""Imports step by step: handed in, looked at, chosen, checked, begun; stopped, gone back, thrown away."""

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from campaigns import import_convert, import_files, imports
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.imports import Options
from campaigns.rules.column_guess import How
from campaigns.rules.headings import Field
from campaigns.store import bringing, import_pieces
from campaigns.store.agencies import Agency
from campaigns.store.audit import AuditRow
from campaigns.store.contacts import Contact
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import Import, ImportChunk, ImportFault
from campaigns.store.staff import Staff
from campaigns.vault import Vault
from tests import sheets
from tests.import_desk import Desk

DATA = Path(__file__).parents[1] / "data"
MESSY = (DATA / "contacts_messy.csv").read_bytes()
EXPECTED = json.loads((DATA / "contacts_messy_expected.json").read_text())


@pytest.fixture
def desk(sessions: AgencySessions, vault: Vault, agency: Agency, ada: Staff) -> Desk:
    return Desk(sessions, vault, agency, ada)


def _figures(report: object) -> dict[str, object]:
    """What the messy file's expected figures name."""
    assert isinstance(report, dict)
    rejected = {code: number for code, number in report["rejected"].items() if code in EXPECTED["rejected"]}
    return {name: report[name] for name in EXPECTED} | {"rejected": rejected}


def test_a_file_goes_all_the_way(desk: Desk) -> None:
    import_id = desk.submit(MESSY)
    handed_in = desk.now(import_id)
    assert (handed_in.state, handed_in.size) == ("columns", len(MESSY))
    assert imports.name_of(desk.vault, handed_in) == "padrón.csv"
    assert not desk.work(import_id)  # it waits for staff
    desk.choose(import_id)
    assert desk.now(import_id).state == "checking"
    assert desk.work(import_id, batch=100)
    checked = desk.now(import_id)
    assert (checked.state, checked.report, checked.rows_done) == ("checked", None, 600)
    assert _figures(checked.check_report) == EXPECTED
    assert desk.count(Contact) == 0
    assert not desk.work(import_id)
    desk.tell("begin", import_id)
    assert desk.now(import_id).state == "waiting"
    assert desk.work(import_id, batch=100)
    done = desk.now(import_id)
    assert (done.state, done.report, done.rows_done) == ("done", checked.check_report, 600)
    assert done.bytes_done == len(MESSY)
    assert done.finished_at is not None
    assert desk.count(Contact) == EXPECTED["added"]
    assert desk.count(ImportChunk) == 0
    with desk.sessions(desk.agency.id)() as session:
        deed = session.scalars(select(AuditRow).where(AuditRow.did == "contact:imported")).one()
    assert (deed.staff_id, deed.subject) == (desk.person.id, f"import:{import_id}")
    assert deed.detail == {"rows": 600, "added": 463, "updated": 0}
    assert not desk.work(import_id)


def test_nothing_of_a_kept_file_can_be_read(desk: Desk) -> None:
    import_id = desk.checked(MESSY)
    with desk.sessions(desk.agency.id)() as session:
        kept = b"".join(session.scalars(select(ImportChunk.content_sealed)))
        faults = b"".join(session.scalars(select(ImportFault.content_sealed)))
        row = session.execute(select(Import.name_sealed, Import.look_sealed)).one()
    assert len(kept) >= len(MESSY)
    assert len(faults) > 1000
    for place in (kept, faults, row.name_sealed, row.look_sealed, repr(desk.now(import_id).options).encode()):
        assert b"correo.example" not in place
        assert b"padr" not in place


@pytest.mark.parametrize("piece", [1000, 4096])
def test_a_file_of_many_pieces(piece: int, monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.setattr(import_files, "PIECE", piece)
    import_id = desk.submit(MESSY)
    assert desk.count(ImportChunk) == -(-len(MESSY) // piece)
    desk.choose(import_id)
    desk.work(import_id)
    desk.tell("begin", import_id)
    assert desk.work(import_id)
    assert _figures(desk.now(import_id).report) == EXPECTED


def test_what_is_wrong_with_a_row_can_be_taken_away(desk: Desk) -> None:
    rows = ["Nombre;Celular;Acepta", "Rosa;987654321;sí", "Ana;12;sí", "", "Eva;987654322;", "Eva;987654322;no"]
    import_id = desk.checked("\n".join(rows))
    assert desk.faults(import_id) == [
        (3, ("no_usable_address",), ("Ana", "12", "sí")),
        (5, ("no_legal_ground",), ("Eva", "987654322", "")),
    ]
    desk.tell("begin", import_id)
    desk.work(import_id)
    assert len(desk.faults(import_id)) == 2  # also afterwards


def test_as_many_faults_as_the_figures_say(desk: Desk) -> None:
    faults = desk.faults(desk.checked(MESSY))
    codes = [code for fault in faults for code in fault.codes]
    wanted = EXPECTED["warnings"] | EXPECTED["rejected"]
    assert {code: codes.count(code) for code in wanted} == wanted
    assert [fault.line for fault in faults] == sorted(fault.line for fault in faults)


def test_columns_are_chosen_and_remembered(desk: Desk) -> None:
    text = "Celular;Quién\n987654321;Rosa Núñez\n"
    import_id = desk.submit(text)
    assert desk.look(import_id).columns == {Field.PHONE: 0, Field.NAME: 1}
    columns = {Field.PHONE: 0, Field.BUSINESS: 1}
    desk.choose(import_id, Options(columns=columns))
    desk.work(import_id)
    desk.tell("begin", import_id)
    desk.work(import_id)
    with desk.sessions(desk.agency.id)() as session:
        (kept,) = session.scalars(select(Contact))
    assert desk.vault.open_optional(kept.business_sealed, desk.agency.id) == "Rosa Núñez"
    again = desk.submit("CELULAR,quien\n987654322,Ana\n")
    assert desk.look(again).columns == columns
    assert {guess.how for guess in desk.look(again).guesses.values()} == {How.REMEMBERED}
    assert desk.look(desk.submit("Celular;Otra\n987654322;Ana\n")).columns == {Field.PHONE: 0}  # other headings


def test_columns_are_remembered_for_the_agency_only(desk: Desk, other_agency: Agency, carla: Staff) -> None:
    text = "Celular;Quién\n987654321;Rosa Núñez\n"
    desk.choose(desk.submit(text), Options(columns={Field.PHONE: 0, Field.BUSINESS: 1}))
    other = Desk(desk.sessions, desk.vault, other_agency, carla)
    assert Field.BUSINESS not in other.look(other.submit(text)).columns


def test_the_first_rows_as_they_will_be(desk: Desk) -> None:
    import_id = desk.submit("Celular;Nombre\n987 654-321;  rosa   núñez\n12;Ana\n")
    with desk.sessions(desk.agency.id)() as session:
        look = imports.look(session, desk.vault, desk.agency.id, import_id)
        rosa, ana = imports.read_as(session, look, Options())
        (nameless, _) = imports.read_as(session, look, Options(columns={Field.PHONE: 0}))
    assert look.rows == (("987 654-321", "  rosa   núñez"), ("12", "Ana"))
    assert look.lines == (2, 3)
    assert (rosa.phone.e164, rosa.name) == ("+51987654321", "rosa núñez")
    assert ana == "no_usable_address"
    assert nameless.name == ""


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({Field.NAME: 0}, "columns_without_address"),
        ({}, "columns_without_address"),
        ({Field.PHONE: 0, Field.NAME: 0}, "column_twice"),
        ({Field.PHONE: 2}, "columns_unknown"),
        ({Field.PHONE: -1}, "columns_unknown"),
    ],
)
def test_columns_that_cannot_be(columns: dict[Field, int], code: str, desk: Desk) -> None:
    import_id = desk.submit("Celular;Nombre\n987654321;Rosa\n")
    with pytest.raises(Invalid) as refused:
        desk.choose(import_id, Options(columns=columns))
    assert (refused.value.field, refused.value.code) == ("columns", code)
    assert desk.now(import_id).state == "columns"


def test_who_comes_second_is_told(desk: Desk) -> None:
    import_id = desk.submit(MESSY)
    desk.choose(import_id)
    for again in (lambda: desk.choose(import_id), lambda: desk.tell("begin", import_id)):
        with pytest.raises(Conflict, match="import_moved_on"):
            again()
    desk.work(import_id)
    desk.tell("begin", import_id)
    for verb in ("begin", "back", "undo"):
        with pytest.raises(Conflict, match="import_moved_on"):
            desk.tell(verb, import_id)
    desk.work(import_id)
    for verb in ("begin", "back", "stop", "discard"):
        with pytest.raises(Conflict, match="import_moved_on"):
            desk.tell(verb, import_id)
    assert _figures(desk.now(import_id).report) == EXPECTED


def test_back_to_the_columns(desk: Desk) -> None:
    import_id = desk.checked(MESSY)
    desk.tell("back", import_id)
    assert (desk.now(import_id).state, desk.now(import_id).check_report) == ("columns", None)
    desk.choose(import_id, Options(columns={Field.EMAIL: 4}))
    desk.work(import_id)
    report = desk.now(import_id).check_report
    assert report is not None
    assert report["reachable_sms"] == 0
    refused = [fault for fault in desk.faults(import_id) if "no_usable_address" in fault.codes]
    assert len(refused) == report["rejected"]["no_usable_address"] > 100  # none is left of the check before


@pytest.mark.parametrize("verb", ["back", "discard"])
def test_a_check_under_way_is_left_at_once(verb: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = desk.submit(MESSY)
    desk.choose(import_id)
    foresee = bringing.foresee

    def interrupted(*args: object, **more: object) -> object:
        monkeypatch.undo()
        desk.tell(verb, import_id)
        return foresee(*args, **more)

    monkeypatch.setattr(bringing, "foresee", interrupted)
    assert not desk.work(import_id, batch=100)
    if verb == "back":
        assert (desk.now(import_id).state, desk.now(import_id).check_report) == ("columns", None)
    else:
        assert desk.count(Import) == desk.count(ImportChunk) == desk.count(ImportFault) == 0


def test_a_stop_lets_nothing_more_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = desk.checked(MESSY)
    desk.tell("begin", import_id)
    merge = bringing.merge
    batches = iter(range(3))

    def interrupted(*args: object, **more: object) -> object:
        merged = merge(*args, **more)
        if next(batches) == 2:
            monkeypatch.undo()
            desk.tell("stop", import_id)
        return merged

    monkeypatch.setattr(bringing, "merge", interrupted)
    assert not desk.work(import_id, batch=100)
    stopped = desk.now(import_id)
    assert (stopped.state, stopped.rows_done) == ("stopped", 200)
    assert stopped.report is not None
    assert stopped.report["rows"] == 200
    assert desk.count(Contact) == stopped.report["added"] > 0
    assert desk.count(ImportChunk) == 0
    with desk.sessions(desk.agency.id)() as session:
        deed = session.scalars(select(AuditRow).where(AuditRow.did == "contact:imported")).one()
    assert deed.detail is not None
    assert deed.detail["added"] == stopped.report["added"]
    assert not desk.work(import_id)


def test_stopped_before_a_worker_came(desk: Desk) -> None:
    import_id = desk.checked(MESSY)
    desk.tell("begin", import_id)
    desk.tell("stop", import_id)
    assert (desk.now(import_id).state, desk.now(import_id).report) == ("stopped", None)
    assert not desk.work(import_id)
    assert desk.count(Contact) == 0


@pytest.mark.parametrize("when", ["columns", "checking", "checked", "waiting"])
def test_a_file_is_thrown_away(when: str, desk: Desk) -> None:
    import_id = desk.submit(MESSY)
    if when != "columns":
        desk.choose(import_id)
    if when in ("checked", "waiting"):
        desk.work(import_id)
    if when == "waiting":
        desk.tell("begin", import_id)
    assert desk.now(import_id).state == when
    desk.tell("discard", import_id)
    with pytest.raises(NotFound):
        desk.now(import_id)
    assert desk.count(ImportChunk) == desk.count(ImportFault) == 0


def test_a_spreadsheet_is_thrown_away_while_it_is_taken_apart(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [["Nombre", "Celular"], *([f"Rosa {n}", f"9876{n:05d}"] for n in range(300))]
    monkeypatch.setattr(import_files, "PIECE", 1000)
    monkeypatch.setattr(import_convert, "PIECE", 1000)
    import_id = desk.submit(sheets.table(people))
    keep = import_pieces.keep

    def discarding(session: Session, agency_id: int, import_id: int, number: int, sealed: bytes) -> None:
        keep(session, agency_id, import_id, number, sealed)
        if number == -2:
            monkeypatch.setattr(import_pieces, "keep", keep)
            session.commit()
            desk.tell("discard", import_id)

    monkeypatch.setattr(import_pieces, "keep", discarding)
    assert not desk.work(import_id)
    assert desk.count(Import) == desk.count(ImportChunk) == 0


def test_a_spreadsheet_that_is_none_ends_as_failed(desk: Desk) -> None:
    import_id = desk.submit(sheets.table([["Nombre", "Negocio"], ["Rosa", "Bodega"]]))
    assert desk.work(import_id)
    failed = desk.now(import_id)
    assert failed.state == "failed"
    assert failed.failure == {"field": "file", "code": "no_address_column", "values": {"headings": "…"}}
    assert desk.count(ImportChunk) == 0
    with pytest.raises(Conflict, match="import_moved_on"):
        desk.look(import_id)


@pytest.mark.parametrize("state", ["columns", "checked"])
def test_a_file_nobody_came_back_for_is_thrown_away(state: str, desk: Desk) -> None:
    import_id = desk.submit(MESSY) if state == "columns" else desk.checked(MESSY)
    younger = desk.submit(MESSY)
    with desk.sessions(desk.agency.id).begin() as session:
        older = update(Import).where(Import.id == import_id)
        session.execute(older.values(made_at=func.now() - text("interval '7 days 1 minute'")))
        assert [one.id for one in imports.listed(session, desk.agency.id)] == [younger]
    assert desk.count(Import) == 1


def test_faults_are_kept_for_a_while(desk: Desk) -> None:
    kept, old = desk.brought_in(MESSY), desk.brought_in("Celular\n12\n")
    with desk.sessions(desk.agency.id).begin() as session:
        session.execute(
            update(Import).where(Import.id == old).values(finished_at=func.now() - text("interval '30 days 1 minute'"))
        )
        imports.listed(session, desk.agency.id)
    assert desk.faults(kept) != []
    assert desk.faults(old) == []


def test_a_broken_file_is_refused_before_it_is_kept(desk: Desk) -> None:
    with pytest.raises(Invalid, match="no_address_column"):
        desk.submit("Nombre\nRosa\n")
    assert desk.count(Import) == 0


def test_a_file_broken_in_its_middle_ends_as_failed(desk: Desk) -> None:
    import_id = desk.submit("Celular;Nombre\n" + "987654321;Rosa\n" * 9000 + '987654322;"Ana\n')
    desk.choose(import_id)
    assert desk.work(import_id)
    failed = desk.now(import_id)
    assert failed.state == "failed"
    assert failed.failure == {"field": "file", "code": "quote_not_closed", "values": {"line": 9002}}
    assert desk.count(Contact) == desk.count(ImportChunk) == 0


def test_an_import_in_hand_is_left_alone(desk: Desk) -> None:
    import_id = desk.submit(MESSY)
    desk.choose(import_id)
    with desk.sessions(desk.agency.id).begin() as session:
        assert imports.store.take(session, desk.agency.id, import_id, seconds=60)
    assert not desk.work(import_id)
    assert desk.now(import_id).state == "checking"


def test_work_that_takes_too_long_is_put_off(desk: Desk) -> None:
    import_id = desk.checked(MESSY)
    desk.tell("begin", import_id)
    rounds = 0
    while not desk.work(import_id, batch=100, seconds=0.0):
        assert desk.now(import_id).leased_until is None
        rounds += 1
    assert rounds == 6  # one batch a time
    assert _figures(desk.now(import_id).report) == EXPECTED


def test_a_worker_told_to_end_puts_its_work_off(desk: Desk) -> None:
    import_id = desk.submit(MESSY)
    desk.choose(import_id)
    assert not desk.work(import_id, batch=100, told=lambda: True)
    assert (desk.now(import_id).state, desk.now(import_id).leased_until) == ("checking", None)
    desk.work(import_id)
    desk.tell("begin", import_id)
    assert not desk.work(import_id, batch=100, told=lambda: True)
    halfway = desk.now(import_id)
    assert (halfway.state, halfway.rows_done, halfway.leased_until) == ("running", 100, None)
    assert desk.work(import_id)
    assert _figures(desk.now(import_id).report) == EXPECTED


def test_strangers_see_no_import(desk: Desk, other_agency: Agency, carla: Staff) -> None:
    import_id = desk.checked(MESSY)
    stranger = Desk(desk.sessions, desk.vault, other_agency, carla)
    for verb in ("begin", "back", "stop", "discard", "undo"):
        with pytest.raises(NotFound):
            stranger.tell(verb, import_id)
    for ask in (stranger.now, stranger.look, stranger.choose, stranger.faults):
        with pytest.raises(NotFound):
            ask(import_id)
    with desk.sessions(other_agency.id)() as session:
        assert imports.listed(session, other_agency.id) == []
    assert not stranger.work(import_id)
    assert desk.now(import_id).state == "checked"
