"""Imports: the messy file comes out as expected, and no death of a worker changes that."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from campaigns import consent, imports
from campaigns.errors import Invalid
from campaigns.imports import Options
from campaigns.rules.import_report import Report
from campaigns.settings import Settings
from campaigns.store.agencies import Agency
from campaigns.store.audit import AuditRow
from campaigns.store.consents import OptOut, reachable_by_sms
from campaigns.store.contacts import Contact, ContactSector, ContactTag, ContactWord
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import Import
from campaigns.store.staff import Staff
from campaigns.vault import Vault
from tests import sheets
from tests.import_desk import Desk

DATA = Path(__file__).parents[1] / "data"
MESSY = (DATA / "contacts_messy.csv").read_bytes()
EXPECTED = json.loads((DATA / "contacts_messy_expected.json").read_text())
ROWS = "Nombre;Celular;Correo;Acepta;Rubro;Etiquetas\nRosa Núñez;987654321;;sí;combi;norte\nAna;;ana@x.example;;;\n"


def _file(text: str | bytes = ROWS) -> io.BytesIO:
    return io.BytesIO(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def bring(sessions: AgencySessions, vault: Vault, agency: Agency):  # type: ignore[no-untyped-def]
    """Bring a text or bytes in for the cast's agency and return the report."""
    return lambda content=ROWS, **more: imports.bring_in(sessions, vault, agency.id, _file(content), **more)


def _count(sessions: AgencySessions, agency: Agency, table: type, *where: object) -> int:
    with sessions(agency.id)() as session:
        return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


@pytest.mark.parametrize("batch", [20_000, 97, 1])
def test_the_messy_file(bring, batch: int, sessions: AgencySessions, agency: Agency) -> None:
    report = bring(MESSY, batch=batch)
    assert report == EXPECTED
    assert list(report) == list(EXPECTED)
    assert _count(sessions, agency, Contact) == EXPECTED["added"]
    # One of them says yes in their first row, which is what counts in figures, and no in a later one.
    assert _count(sessions, agency, Contact, reachable_by_sms()) == EXPECTED["reachable_sms"] - 1
    reached = (Contact.email_index.is_not(None), Contact.legal_ground.is_not(None))
    assert _count(sessions, agency, Contact, *reached) == EXPECTED["reachable_email"]


ENGLISH = (
    *("Full name", "Business", "Sector", "Mobile", "E-mail", "District", "Province", "Language"),
    *("Consent", "Date of consent"),
)


def _rewritten(codec: str, delimiter: str, line_end: str) -> bytes:
    """The same people as another program writes them: English headings, other order, notes, quotes, short rows."""
    rows = list(csv.reader(io.StringIO(MESSY.decode("cp1252"), newline=""), delimiter=";"))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["Nº", *reversed(ENGLISH), "Notes"])
    for number, row in enumerate(rows[1:]):
        if any(row):
            writer.writerow([number, *reversed(row), f'dijo "sí", y\nluego{delimiter} no'])
        else:
            writer.writerow([])
    return out.getvalue().encode(codec)


@pytest.mark.parametrize(
    ("codec", "delimiter", "name"),
    [
        ("utf-8", ",", "utf-8"),
        ("utf-8-sig", ";", "utf-8-sig"),
        ("utf-16", "\t", "utf-16"),
        ("utf-16-le", ",", "utf-16"),
        ("utf-16-be", ";", "utf-16"),
        ("cp1252", "\t", "cp1252"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_same_people_from_another_program(bring, codec: str, delimiter: str, name: str, line_end: str) -> None:
    report = bring(_rewritten(codec, delimiter, line_end))
    assert report == EXPECTED | {"file": {"encoding": name, "delimiter": delimiter}}


def _table() -> list[list[str]]:
    return list(csv.reader(io.StringIO(MESSY.decode("cp1252"), newline=""), delimiter=";"))


@pytest.mark.parametrize("delimiter", ["|", ";", ",", "\t"])
def test_the_same_people_between_other_marks(bring, delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(_table())
    assert bring(out.getvalue()) == EXPECTED | {"file": {"encoding": "utf-8", "delimiter": delimiter}}


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_the_same_people_in_a_spreadsheet(
    kind: str, bring, sessions: AgencySessions, vault: Vault, agency: Agency, ada: Staff
) -> None:
    content = sheets.table(_table()) if kind == "xlsx" else sheets.ods(sheets.ods_table("Padrón", _table()))
    expected = EXPECTED | {"file": {"encoding": "utf-8", "delimiter": "\t"}}
    # Step by step, in pieces, first: it writes nothing until the end.
    desk = Desk(sessions, vault, agency, ada)
    import_id = desk.submit(content, f"padrón.{kind}")
    assert desk.now(import_id).state == "reading"
    assert desk.work(import_id)
    look = desk.look(import_id)
    assert (look.sheet, look.headings[3]) == ("Hoja1" if kind == "xlsx" else "Padrón", "Celular")
    desk.choose(import_id)
    desk.work(import_id)
    foreseen = desk.now(import_id).check_report
    assert foreseen is not None
    assert Report.from_json(foreseen).told() == expected
    assert [fault.line for fault in desk.faults(import_id)][:2] == [3, 4]  # as the spreadsheet shows them
    assert bring(content) == expected
    assert _count(sessions, agency, Contact) == EXPECTED["added"]


def test_the_same_file_again_adds_nobody(bring, sessions: AgencySessions, agency: Agency) -> None:
    bring(MESSY)
    again = bring(MESSY)
    assert again["added"] == 0
    assert again["duplicates"] == EXPECTED["added"] + EXPECTED["duplicates"]
    assert again["rejected"] == EXPECTED["rejected"]
    assert set(again["warnings"].values()) == {0}
    assert (again["reachable_sms"], again["reachable_email"]) == (0, 0)
    assert _count(sessions, agency, Contact) == EXPECTED["added"]


def test_two_agencies_have_their_own_people(
    sessions: AgencySessions, vault: Vault, agency: Agency, other_agency: Agency
) -> None:
    for owner in (agency, other_agency):
        assert imports.bring_in(sessions, vault, owner.id, _file(MESSY)) == EXPECTED
        assert _count(sessions, owner, Contact) == EXPECTED["added"]


def test_what_is_kept_of_a_row(bring, sessions: AgencySessions, agency: Agency, vault: Vault) -> None:
    row = "Rosa Núñez Peña;Bodega Núñez;987654321;Rosa@X.example;sí;2026-01-10;combi|taxi;Norte;Comas;Lima;Quechua"
    bring("Nombre;Negocio;Celular;Correo;Acepta;Fecha de aceptación;Rubro;Etiquetas;Distrito;Provincia;Idioma\n" + row)
    with sessions(agency.id)() as session:
        kept = session.scalars(select(Contact)).one()
        words = set(session.scalars(select(ContactWord.word_index)))
        assert set(session.scalars(select(ContactSector.code))) == {"4921", "4922"}
        assert set(session.scalars(select(ContactTag.tag))) == {"norte"}
    assert kept.name_sealed is not None
    assert kept.phone_sealed is not None
    assert kept.email_sealed is not None
    assert vault.open(kept.name_sealed, agency.id) == "Rosa Núñez Peña"
    assert vault.open_optional(kept.business_sealed, agency.id) == "Bodega Núñez"
    assert vault.open(kept.phone_sealed, agency.id) == "+51987654321"
    assert vault.open(kept.email_sealed, agency.id) == "Rosa@x.example"
    assert kept.phone_index == vault.address_index("+51987654321")
    assert kept.email_index == vault.address_index("rosa@x.example")
    assert words == set(vault.word_indexes(["rosa", "nunez", "pena", "bodega"], agency.id))
    assert (kept.phone_kind, kept.language, kept.place_code) == ("mobile", "qu", "150110")
    assert (kept.legal_ground, str(kept.ground_on), kept.accepts_fallback) == ("consent", "2026-01-10", True)


def test_the_agencys_language_for_who_names_none(bring, sessions: AgencySessions, agency: Agency) -> None:
    with sessions(agency.id).begin() as session:
        session.execute(update(Agency).where(Agency.id == agency.id).values(language="qu"))
    bring("Celular;Idioma\n987654321;\n987654322;klingon\n987654323;es\n")
    with sessions(agency.id)() as session:
        assert session.scalars(select(Contact.language).order_by(Contact.language)).all() == ["es", "qu", "qu"]


def test_fallback_is_asked_once_per_import(bring, sessions: AgencySessions, agency: Agency) -> None:
    bring(options=Options(accepts_fallback=False))
    assert _count(sessions, agency, Contact, Contact.accepts_fallback) == 0
    bring("Celular\n987000111\n")
    assert _count(sessions, agency, Contact, Contact.accepts_fallback) == 1


def test_the_first_row_of_a_person_counts(bring, sessions: AgencySessions, agency: Agency, vault: Vault) -> None:
    report = bring(
        "Nombre;Celular;Correo\nUna;987654321;a@x.example\nOtra;987654321;b@x.example\n"
        "Con número;912345678;c@x.example\nSin número;;c@x.example\nSin número;;C@X.example\n"
    )
    assert (report["added"], report["duplicates"]) == (3, 2)
    with sessions(agency.id)() as session:
        names = [vault.open_optional(sealed, agency.id) for sealed in session.scalars(select(Contact.name_sealed))]
    assert sorted(names) == ["Con número", "Sin número", "Una"]


def test_a_refusal_survives_every_import(bring, sessions: AgencySessions, agency: Agency, vault: Vault) -> None:
    indexes = vault.address_indexes("+51987654321")
    with sessions(agency.id).begin() as session:
        consent.stop(session, agency.id, "sms", indexes, source=consent.Source.WORD, rule="ALTO", language="es")
    bring()
    assert _count(sessions, agency, Contact, reachable_by_sms()) == 0
    assert _count(sessions, agency, OptOut, OptOut.stopped) == 1


def test_an_index_key_that_was_replaced_still_knows_people(
    bring, sessions: AgencySessions, agency: Agency, settings: Settings
) -> None:
    bring()
    newer = Vault(replace(settings, index_keys={99: b"n" * 32, **settings.index_keys}))
    report = imports.bring_in(sessions, newer, agency.id, _file())
    assert (report["added"], report["duplicates"]) == (0, 2)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "file_not_text"),
        (b"Nombre;Negocio\nRosa;Bodega\n", "no_address_column"),
        (b"Celular;" * 200_000, "line_too_long"),
        (b'Celular;Nombre\n987654321;Rosa\n987654322;"Ana\n', "quote_not_closed"),
        (b"PK\x03\x04....", "file_broken"),
    ],
)
def test_a_file_that_is_none_adds_nobody(
    content: bytes, code: str, bring, sessions: AgencySessions, agency: Agency
) -> None:
    with pytest.raises(Invalid) as refused:
        bring(content)
    assert (refused.value.field, refused.value.code) == ("file", code)
    assert _count(sessions, agency, Contact) == 0
    with sessions(agency.id)() as session:
        (failed,) = imports.listed(session, agency.id)
    assert failed.state == "failed"
    assert failed.failure is not None
    assert failed.failure["code"] == code


def test_what_a_refused_file_says_is_told_but_not_kept(bring, sessions: AgencySessions, agency: Agency) -> None:
    with pytest.raises(Invalid) as refused:
        bring("Rosa Quispe;Bodega Quispe\n")
    assert refused.value.values == {"headings": "Rosa Quispe, Bodega Quispe"}
    with sessions(agency.id)() as session:
        (failed,) = imports.listed(session, agency.id)
    assert failed.failure == {"field": "file", "code": "no_address_column", "values": {"headings": "…"}}


def test_headings_alone_are_an_import_of_nobody(bring) -> None:
    report = bring("Nombre;Celular\n;\n")
    assert (report["rows"], report["added"]) == (0, 0)


def test_a_file_whose_command_line_died_ends_as_interrupted(
    sessions: AgencySessions, vault: Vault, agency: Agency
) -> None:
    with sessions(agency.id).begin() as session:
        orphan = Import(agency_id=agency.id, options={}, size=10, state="running")
        session.add(orphan)
        session.flush()
    assert imports.run(sessions, vault, agency.id, orphan.id)
    with sessions(agency.id)() as session:
        failed = imports.get(session, agency.id, orphan.id)
    assert failed.failure is not None
    assert failed.failure["code"] == "import_interrupted"


def test_who_came_in_before_a_command_line_was_broken_off_is_on_record(
    bring, sessions: AgencySessions, agency: Agency
) -> None:
    def break_off(_rows: int, _size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(batch=1, progress=break_off)
    assert _count(sessions, agency, Contact) == 1
    with sessions(agency.id)() as session:
        deed = session.scalars(select(AuditRow).where(AuditRow.did == "contact:imported")).one()
    assert deed.detail == {"rows": 1, "added": 1, "updated": 0}


def test_progress_is_told_after_every_batch(bring) -> None:
    told: list[tuple[int, int]] = []
    bring(MESSY, batch=250, progress=lambda rows, size: told.append((rows, size)))
    assert [rows for rows, _ in told] == [250, 500, 600]
    assert told[-1][1] == len(MESSY)
