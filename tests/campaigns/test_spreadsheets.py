"""Spreadsheets as text: what people see in them, row by row, and no digit that is not there."""

import io

import pytest

from campaigns import spreadsheets
from campaigns.errors import Invalid
from campaigns.rules.delimited import find_encoding, find_layout, records
from campaigns.spreadsheets import Converted, Kind
from tests.sheets import cell, ods, ods_table, rows, sheet, table, xlsx

HEADINGS = ["Nombre", "Celular", "Acepta", "Fecha"]


def _text(content: bytes) -> tuple[str, Converted]:
    out = io.BytesIO()
    converted = spreadsheets.to_delimited(io.BytesIO(content), write=out.write)
    assert converted is not None
    return out.getvalue().decode(), converted


def _rows(content: bytes) -> dict[int, list[str]]:
    """Rows that hold something, by the number the spreadsheet shows."""
    text, _ = _text(content)
    return {line: row for row, line in records(io.StringIO(text, newline="").readline, "\t")}


def test_a_table_comes_out_as_it_is_seen():
    content = table(
        [HEADINGS, ["Rosa Quispe", 987654321.0, True, "2026-03-01"], ["José\tÑ", "+51 912345678", False, ""]]
    )
    assert spreadsheets.kind_of(io.BytesIO(content)) is Kind.XLSX
    assert _rows(content) == {
        1: HEADINGS,
        2: ["Rosa Quispe", "987654321", "sí", "2026-03-01"],
        3: ["José\tÑ", "+51 912345678", "no"],
    }


def test_the_same_from_opendocument():
    people = [
        HEADINGS,
        ["Rosa\nQuispe", 987654321.0, True, None],
        [None, None, None, None],
        ["Ana", "912345678", False],
    ]
    content = ods(ods_table("Padrón", people))
    assert spreadsheets.kind_of(io.BytesIO(content)) is Kind.ODS
    assert _rows(content) == {
        1: HEADINGS,
        2: ["Rosa\nQuispe", "987654321", "sí"],
        4: ["Ana", "912345678", "no"],
    }


def test_every_row_keeps_its_number_whatever_is_in_its_cells_or_above_it():
    content = table([HEADINGS, ["Rosa\nla bodeguera", 1], [None], ["Ana\r\n\r\nB", 2], ['"C', 3]], first=7)
    assert {line: row[0] for line, row in _rows(content).items()} == {
        7: "Nombre",
        8: "Rosa\nla bodeguera",
        10: "Ana\n\nB",
        11: '"C',
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (987654321.0, "987654321"),
        (51987654321.0, "51987654321"),
        (123456789012345678.0, "1.23456789012346E+17"),
        (0.1 + 0.2, "0.3"),
        (-12.5, "-12.5"),
        (True, "sí"),
        ("!#N/A", ""),
        ("#N/D", ""),
        ("#¡REF!", ""),
        ("# 12", "# 12"),
        ("=CONCAT(A1)|987654321", "987654321"),
        ("=HYPERLINK(1)|", ""),
        ("'+51987654321", "'+51987654321"),
        ("9.87654E+08", "9.87654E+08"),
        ("a\u2028b", "a\nb"),
        ("مرحبا 🚌", "مرحبا 🚌"),
        ("uno_x000D_\ndos", "uno\ndos"),
    ],
)
def test_one_cell(value, text):
    assert _rows(table([["x", value, "y"]])) == {1: ["x", text, "y"]}


def test_days_are_written_year_first():
    style = (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>'
    )
    inside = (
        '<row r="1"><c r="A1" s="1"><v>46082</v></c><c r="B1" s="2"><v>46082.75</v></c><c r="C1"><v>46082</v></c></row>'
    )
    content = xlsx({"x": sheet(inside)}, more={"xl/styles.xml": style.encode()})
    assert _rows(content) == {1: ["2026-03-01", "2026-03-01 18:00:00", "46082"]}


def test_the_sheet_with_the_people_is_taken_and_the_others_are_named():
    people = sheet(rows([["Nombre", "Celular"], ["Rosa", 987654321]]))
    content = xlsx(
        {
            "Leyenda": sheet(rows([["Instrucciones"]])),
            "Vacía": sheet(""),
            "Padrón": people,
            "Otra": people,
            "Vieja": people,
        },
        hidden=["Vieja"],
    )
    text, converted = _text(content)
    assert text == "Nombre\tCelular\nRosa\t987654321\n"
    assert converted == Converted("Padrón", ("Leyenda", "Otra"))


def test_without_headings_the_sheet_with_numbers_is_taken():
    content = xlsx({"Notas": sheet(rows([["Leer"]])), "Gente": sheet(rows([["Rosa", "987 654 321"]]))})
    assert _text(content)[1] == Converted("Gente", ("Notas",))


def test_a_hidden_sheet_is_not_brought_in():
    content = xlsx({"Oculta": sheet(rows([HEADINGS]))}, hidden=["Oculta"])
    with pytest.raises(Invalid, match="file_no_rows"):
        _text(content)


def test_what_is_merged_over_rows_stands_in_each():
    inside = rows([["Distrito", "Celular"], ["Lince", 1], [None, 2], [None, None], [None, 3]])
    content = xlsx({"x": sheet(inside, after='<mergeCells count="1"><mergeCell ref="A2:A4"/></mergeCells>')})
    assert _rows(content) == {1: ["Distrito", "Celular"], 2: ["Lince", "1"], 3: ["Lince", "2"], 5: ["", "3"]}


def test_a_table_that_begins_in_the_middle_of_a_sheet():
    inside = f'<row r="3">{cell("D3", "Celular")}</row><row r="4">{cell("D4", 987654321)}</row>'
    assert _rows(xlsx({"x": sheet(inside)})) == {3: ["Celular"], 4: ["987654321"]}


def test_the_headings_are_found_in_what_was_converted():
    text, _ = _text(table([["Padrón 2026"], [None], ["Nombre, apellido", "Celular"], ["Quispe, Rosa; Ana", 987654321]]))
    assert find_encoding([text.encode()]).name == "utf-8"
    layout = find_layout(text, whole=True, delimiter="\t")
    assert (layout.delimiter, layout.rows_from_line) == ("\t", 4)


def test_it_stops_when_it_is_told_to():
    many = table([HEADINGS, *([f"Rosa {n}", 900_000_000 + n, True, ""] for n in range(20_000))])
    heard: list[int] = []
    out = io.BytesIO()
    ended = spreadsheets.to_delimited(
        io.BytesIO(many), write=out.write, told=lambda done: (heard.append(done), done == 0)[1]
    )
    assert ended is None
    assert heard[-1] == len(out.getvalue()) > 0
    assert len(out.getvalue()) < 500_000  # the rest was not waited for
