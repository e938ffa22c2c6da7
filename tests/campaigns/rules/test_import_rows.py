"""What one row of an audience file says."""

import csv
import io
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import delimited, places
from campaigns.rules.addresses import Email, Phone, PhoneKind
from campaigns.rules.headings import Field
from campaigns.rules.import_rows import (
    Asked,
    Person,
    Refusal,
    RowReader,
    Warned,
    read_consent,
    read_ground,
    read_tags,
)
from campaigns.rules.roles import Role, read_role
from campaigns.rules.spelling import key

TESTS = Path(__file__).parents[2]
SEEDS = TESTS.parent / "campaigns" / "seeds"


def _seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / name).open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


@pytest.fixture(scope="module")
def reader() -> RowReader:
    index = places.build(
        [places.Place(r["ubigeo"], r["department"], r["province"], r["district"]) for r in _seed("places.csv")],
        [places.Alias(places.Level(r["level"]), r["alias"], r["name"]) for r in _seed("place_aliases.csv")],
    )
    sectors, languages = {}, {}
    for row in _seed("sectors.csv"):
        for name in (row["code"], row["name_es"], row["name_en"], *row["aliases_es"].split("|")):
            sectors[key(name)] = row["code"]
    for row in _seed("languages.csv"):
        for name in (row["code"], row["autonym"], row["name_es"], row["name_en"], *row["aliases"].split("|")):
            languages[key(name)] = row["code"]
    return RowReader(index, sectors, languages)


def _read(reader: RowReader, **cells: str) -> Person:
    person = reader.read({Field(name): cell for name, cell in ({"phone": "987654321", "ground": "sí"} | cells).items()})
    assert isinstance(person, Person)
    return person


def test_a_whole_row(reader: RowReader) -> None:
    assert _read(
        reader,
        name=" Rosa\u00a0Núñez ",
        business="Bodega\nRosa",
        sector="bodega | combi",
        phone="+51 987 654 321",
        email="Rosa@Correo.example",
        district="Comas",
        province="Lima",
        language="QUECHUA",
        ground="x",
        agreed_on="2026-01-10",
        tags="Norte; gremio",
    ) == Person(
        name="Rosa Núñez",
        business="Bodega Rosa",
        phone=Phone("+51987654321", PhoneKind.MOBILE),
        email=Email("Rosa@correo.example", "rosa@correo.example"),
        place="150110",
        language="qu",
        sectors=("4711", "4921"),
        tags=("norte", "gremio"),
        ground="consent",
        agreed_on=date(2026, 1, 10),
        warnings=(),
    )


def test_empty_cells_are_no_warning(reader: RowReader) -> None:
    person = _read(reader, phone="", email="rosa@correo.example", sector="", language=" ", district="-")
    assert person.warnings == ()
    assert (person.language, person.sectors, person.place, person.phone) == (None, (), None, None)
    assert person.reachable_email
    assert not person.reachable_sms


@pytest.mark.parametrize(
    ("cells", "warned"),
    [
        ({"phone": "s/n", "email": "a@b.example"}, Warned.PHONE_IGNORED),
        ({"phone": "0800 12345", "email": "a@b.example"}, Warned.PHONE_IGNORED),
        ({"email": "juan@"}, Warned.EMAIL_IGNORED),
        ({"phone": "(01) 444-4304"}, Warned.LANDLINE),
        ({"district": "Macondo", "province": "Lima"}, Warned.PLACE_UNKNOWN),
        ({"language": "klingon"}, Warned.LANGUAGE_UNKNOWN),
        ({"sector": "astronauta"}, Warned.SECTOR_UNKNOWN),
        ({"sector": "combi, astronauta"}, Warned.SECTOR_UNKNOWN),
        ({"ground": "NO"}, Warned.NO_LEGAL_GROUND),
        ({"ground": ""}, Warned.NO_LEGAL_GROUND),
    ],
)
def test_each_warning_alone(cells: dict[str, str], warned: Warned, reader: RowReader) -> None:
    assert _read(reader, **cells).warnings == (warned,)


def test_warnings_come_together_in_a_fixed_order(reader: RowReader) -> None:
    person = _read(reader, phone="(01) 444-4304", email="x", district="?a", language="?b", sector="?c", ground="0")
    assert person.warnings == tuple(Warned)[1:]


@pytest.mark.parametrize("cells", [{}, {"phone": "s/n"}, {"email": "juan@"}, {"phone": "987 65", "email": "-"}])
def test_nobody_can_be_reached(cells: dict[str, str], reader: RowReader) -> None:
    assert reader.read({Field(name): cell for name, cell in cells.items()}) is Refusal.NO_USABLE_ADDRESS


def test_who_can_be_reached(reader: RowReader) -> None:
    assert _read(reader).reachable_sms
    assert not _read(reader, ground="no").reachable_sms
    assert not _read(reader, phone="(01) 444-4304").reachable_sms
    assert _read(reader, phone="(01) 444-4304", email="a@b.example").reachable_email
    assert not _read(reader, email="a@b.example", ground="0").reachable_email
    assert not _read(reader).reachable_email


def test_one_contact_is_known_by_number_else_by_mail(reader: RowReader) -> None:
    assert _read(reader, email="a@b.example").identity == "+51987654321"
    assert _read(reader, phone="", email="A@B.example").identity == "a@b.example"


def test_names_in_separate_columns_are_joined(reader: RowReader) -> None:
    person = _read(reader, first_name="Rosa", last_name="Núñez", second_last_name=" Peña ")
    assert person.name == "Rosa Núñez Peña"
    assert _read(reader, name="Ana", last_name="x").name == "Ana"


def test_a_formula_is_only_text(reader: RowReader) -> None:
    assert _read(reader, name='=HYPERLINK("http://mal.example","clic")').name.startswith("=HYPERLINK")


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("4922", ("4922",)),
        ("4922.0", ("4922",)),
        ("4922 - Mototaxis", ("4922",)),
        ("CIIU 4922", ("4922",)),
        ("Ferreterías", ("4752",)),
        ("POLLERÍAS", ("5610",)),
        ("bares", ("5630",)),
        ("Venta mayorista de materiales de construcción", ("4663",)),
        ("Bodegas y minimercados", ("4711",)),
        ("bodega y botica", ("4711", "4772")),
        ("combi/taxi;combi", ("4921", "4922")),
    ],
)
def test_sectors(cell: str, codes: tuple[str, ...], reader: RowReader) -> None:
    person = _read(reader, sector=cell)
    assert (person.sectors, person.warnings) == (codes, ())


@pytest.mark.parametrize(
    ("cell", "code"),
    [("es", "es"), ("Español (Perú)", "es"), ("castellano", "es"), ("es-PE", "es"), ("Quechua Cusco-Collao", "quz"),
     ("quechua ayacuchano", "quy"), ("Runasimi", "qu"), ("aimara", "ay"), ("AYMARA", "ay"), ("ingles", "en"),
     ("English", "en"), ("中文", "zh"), ("quechua y español", "qu"), ("Quechua / castellano", "qu")],
)  # fmt: skip
def test_languages(cell: str, code: str, reader: RowReader) -> None:
    assert _read(reader, language=cell).language == code


@pytest.mark.parametrize(
    ("cell", "ground"),
    [("Sí", "consent"), ("SI ", "consent"), ("si\u00a0", "consent"), ("x", "consent"), ("1", "consent"),
     ("1.0", "consent"), ("VERDADERO", "consent"), ("yes", "consent"), ("✓", "consent"), ("Sí, acepto", "consent"),
     ("Consentimiento firmado", "consent"), ("aceptó por web", "consent"), ("Ley 32490", "law"),
     ("función pública", "public_task"), ("Convenio con el gremio", "agreement"),
     ("", None), ("0", None), ("No", None), ("no acepta", None), ("0.0", None), ("FALSO", None), ("✗", None),
     ("sin consentimiento", None), ("consentimiento pendiente", None), ("no sabe", None), ("tal vez", None),
     ("leyenda", None)],
)  # fmt: skip
def test_only_a_clear_yes_is_a_ground(cell: str, ground: str | None) -> None:
    assert read_ground(cell) == ground


@pytest.mark.parametrize(
    ("cell", "says_no"),
    [("NO", True), ("no acepta", True), ("No autoriza", True), ("0", True), ("FALSO", True), ("✗", True),
     ("Revocado", True), ("retirado el 3/4", True), ("sin consentimiento", True), ("0.0", True),
     ("", False), ("-", False), ("Sí", False), ("pendiente", False), ("no sabe", False), ("no contesta", False),
     ("tal vez", False), ("Notaría Pérez", False), ("consentimiento pendiente", False), ("1", False)],
)  # fmt: skip
def test_a_clear_no_is_more_than_no_yes(cell: str, says_no: bool) -> None:
    assert read_consent(cell).says_no == says_no


ASKED = Asked("consent", date(2026, 3, 12), "Asamblea del gremio", "v2")


@pytest.mark.parametrize(
    ("cells", "grounded"),
    [
        ({"ground": ""}, (*ASKED, False)),
        ({"ground": "pendiente"}, (*ASKED, False)),
        ({"ground": "NO"}, (None, None, "", "", False)),
        ({"ground": "sí"}, (*ASKED, True)),
        ({"ground": "sí", "agreed_on": "2026-01-10", "ground_source": "Acta 4"},
         ("consent", date(2026, 1, 10), "Acta 4", "v2", True)),
        ({"ground": "Ley 32490"}, ("law", None, "", "", True)),
    ],
)  # fmt: skip
def test_the_ground_asked_for_once(cells: dict[str, str], grounded: tuple[object, ...], reader: RowReader) -> None:
    asked = RowReader(places.build([]), {}, {}, ASKED)
    person = _read(asked, **cells)
    assert (person.ground, person.agreed_on, person.ground_source, person.ground_text, person.owns_ground) == grounded
    assert (Warned.NO_LEGAL_GROUND in person.warnings) == (person.ground is None)


@pytest.mark.parametrize(
    ("source", "kept"),
    [("Acta 4 del 12/03/2026", "Acta 4 del 12/03/2026"), ("rosa@correo.example", ""), ("Tel. 987 654 321", ""),
     ("firmado por Rosa Núñez", ""), ("dueño de Bodega 12", ""), ("tras su denuncia", "")],
)  # fmt: skip
def test_a_proof_names_nobody(source: str, kept: str, reader: RowReader) -> None:
    assert _read(reader, name="ROSA Quispe", business="Bodega 12", ground_source=source).ground_source == kept


@pytest.mark.parametrize(
    ("cell", "role"),
    [("Dueño", Role.OWNER), ("propietaria", Role.OWNER), ("CHOFER", Role.DRIVER), ("Conductor", Role.DRIVER),
     ("cobradora", Role.FARE_COLLECTOR), ("Despachador", Role.DISPATCHER), ("víctima", None), ("", None)],
)  # fmt: skip
def test_a_role_is_one_of_a_few(cell: str, role: Role | None, reader: RowReader) -> None:
    assert read_role(cell) is role
    assert _read(reader, role=cell).role is role


def test_a_tag_does_not_say_what_happened(reader: RowReader) -> None:
    assert _read(reader, tags="norte, víctima de extorsión").tags == ("norte",)


def test_a_tag_names_nobody(reader: RowReader) -> None:
    tags = "ruta 12, 987654321, rosa@correo.example, Sra. Núñez, mercado"
    assert _read(reader, name="Nuñez, Rosa", tags=tags).tags == ("ruta 12", "mercado")
    assert _read(reader, name="Ana Ruiz", tags=tags).tags == ("ruta 12", "sra. núñez", "mercado")


@given(st.lists(st.text(max_size=8), max_size=8), st.permutations(range(6)))
def test_a_row_says_the_same_along_its_columns(row: list[str], order: list[int]) -> None:
    reader = RowReader(places.build([]), {}, {})
    fields = (Field.EMAIL, Field.NAME, Field.BUSINESS, Field.GROUND, Field.TAGS, Field.PHONE)
    columns = dict(zip(fields, order, strict=True))
    cells = {field: row[at] for field, at in columns.items() if at < len(row)}
    assert reader.along(columns)(row) == reader.read(cells)
    row += [""] * (6 - len(row))
    row[columns[Field.PHONE]] = "987654321"
    cells = {field: row[at] for field, at in columns.items()}
    assert reader.along(columns)(row) == reader.read(cells)


def test_a_date_without_ground_is_not_kept(reader: RowReader) -> None:
    assert _read(reader, ground="no", agreed_on="2026-01-10").agreed_on is None


def test_tags_are_short_few_and_each_once() -> None:
    assert read_tags("Norte|norte; Lima Norte ,") == ("norte", "lima norte")
    assert len(read_tags(";".join(map(str, range(99))))) == 20
    assert read_tags("") == ()


@given(st.dictionaries(st.sampled_from(list(Field)), st.text(max_size=60)))
def test_no_row_breaks_it(cells: dict[Field, str]) -> None:
    reader = RowReader(places.build([]), {}, {})
    assert isinstance(reader.read(cells), Person | Refusal)


def test_the_messy_file_comes_out_as_expected(reader: RowReader) -> None:
    content = (TESTS / "data" / "contacts_messy.csv").read_bytes()
    encoding = delimited.find_encoding([content])
    text = content.decode(encoding.codec)
    layout = delimited.find_layout(text[:65536], whole=False)
    counted: Counter[str] = Counter()
    warnings: Counter[Warned] = Counter()
    seen: set[str] = set()
    for row, line in delimited.records(io.StringIO(text, newline="").readline, layout.delimiter):
        if line < layout.rows_from_line:
            continue
        person = reader.read(delimited.columns_of(row, layout.columns))
        counted["rows"] += 1
        if isinstance(person, Refusal):
            counted[person] += 1
        elif person.identity in seen:
            counted["duplicates"] += 1
        else:
            seen.add(person.identity)
            counted.update(added=1, sms=person.reachable_sms, email=person.reachable_email)
            warnings.update(person.warnings)
    assert {
        "file": {"encoding": encoding.name, "delimiter": layout.delimiter},
        "rows": counted["rows"],
        "added": counted["added"],
        "duplicates": counted["duplicates"],
        "rejected": {"no_usable_address": counted[Refusal.NO_USABLE_ADDRESS]},
        "warnings": dict(warnings),
        "reachable_sms": counted["sms"],
        "reachable_email": counted["email"],
    } == json.loads((TESTS / "data" / "contacts_messy_expected.json").read_text())
