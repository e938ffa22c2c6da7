"""Files as programs write them, and files that are none."""

import io
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import Invalid
from campaigns.rules.delimited import (
    LONGEST_LINE,
    LONGEST_ROW,
    MOST_COLUMNS,
    columns_of,
    find_encoding,
    find_layout,
    records,
)
from campaigns.rules.headings import Field

TEXT = "Nombre;Celular;Correo electrónico\nÑusta Muñoz;987654321;\nJosé;;jose@correo.example\n"


def _encoding(content: bytes, size: int = 7) -> tuple[str, str]:
    found = find_encoding(content[at : at + size] for at in range(0, len(content), size))
    return found.name, content.decode(found.codec)


@pytest.mark.parametrize(
    ("codec", "mark", "name"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("cp1252", b"", "cp1252"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
        ("utf-16-le", b"", "utf-16"),
        ("utf-16-be", b"", "utf-16"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 4096])
def test_encodings(codec: str, mark: bytes, name: str, size: int) -> None:
    assert _encoding(mark + TEXT.encode(codec), size) == (name, TEXT)


def test_one_late_byte_decides_between_two_encodings() -> None:
    plain = b"Nombre;Celular\n" + b"Ana;987654321\n" * 20_000
    assert _encoding(plain, 65536)[0] == "utf-8"
    assert _encoding(plain + "Núñez;1\n".encode("cp1252"), 65536)[0] == "cp1252"
    assert _encoding(plain + "Núñez;1\n".encode(), 65536)[0] == "utf-8"


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_lines_of_two_programs_in_one_file_are_both_read(size: int) -> None:
    content = TEXT.encode() + "Ángel Ñañez;912345678;\nPeña;955555555;\n".encode("cp1252") + "Núñez;1;\n".encode()
    assert find_encoding(content[at : at + size] for at in range(0, len(content), size)).name == "mixed"
    codec = find_encoding([content]).codec
    text = TEXT + "Ángel Ñañez;912345678;\nPeña;955555555;\nNúñez;1;\n"
    assert content.decode(codec) == text
    source = io.TextIOWrapper(
        io.BufferedReader(io.BytesIO(content), size), encoding=codec, errors="replace", newline=""
    )
    assert source.read() == text


def test_a_file_cut_off_inside_a_letter_is_still_utf_8() -> None:
    content = "Nombre;Celular\nMuñ".encode()[:-1]
    assert find_encoding([content]).name == "utf-8"


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf", "file_empty"),
        (b"\xff\xfe", "file_empty"),
        (b"\r\n \t\r\n", "file_empty"),
        (PNG[8:], "file_not_text"),
        (b"Nombre;Celular\n" + b"\x01\x02\x03" * 100, "file_not_text"),
        (b"Nombre;Celular\n" + b"a" * 90_000 + b"\x00", "file_not_text"),
        (b"Nombre;Celular\n\x81\x8d\n", "encoding_unknown"),
        (b"\xef\xbb\xbfNombre;Mu\xf1oz\n", "encoding_unknown"),
        (b"\xff\xfe\x00\x00N\x00\x00\x00", "encoding_unknown"),
        (b"\xff\xfeN\x00\x00\xd8A\x00", "encoding_unknown"),
        ("\x01\x02\x03abc".encode("utf-16"), "file_not_text"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        find_encoding([content[:50_000], content[50_000:]])
    assert (refused.value.field, refused.value.code) == ("file", code)


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_delimiters(delimiter: str) -> None:
    layout = find_layout(TEXT.replace(";", delimiter), whole=True)
    assert layout.delimiter == delimiter
    assert layout.columns == {Field.NAME: 0, Field.PHONE: 1, Field.EMAIL: 2}
    assert layout.rows_from_line == 2


@pytest.mark.parametrize(
    ("head", "delimiter", "line"),
    [
        ("sep=;\nNombre;Celular\nA;987654321\n", ";", 3),
        ("\n\nNombre;Celular\n", ";", 4),
        ("PADRÓN 2026;;\nactualizado, por la oficina;;\nNombre;Celular;Correo\n", ";", 4),
        ("Celular\n987654321\n", ",", 2),
        ('"Nombre, apellido";"Celular"\n', ";", 2),
        ('"Nombre\ncompleto",Celular\nA,1\n', ",", 3),
        ("Nombre,Celular", ",", 2),
        ("\ufeffCelular;Nombre\r1;2\r", ";", 2),
    ],
)
def test_where_the_headings_are(head: str, delimiter: str, line: int) -> None:
    layout = find_layout(head, whole=True)
    assert (layout.delimiter, layout.rows_from_line) == (delimiter, line)
    assert Field.PHONE in layout.columns


@pytest.mark.parametrize(
    ("head", "whole", "code"),
    [
        ("Nombre;Negocio\nA;B\n", True, "no_address_column"),
        ("44123456;Rosa\n20123456789;Ana\n", True, "no_address_column"),
        ("hola", True, "no_address_column"),
        ("\ufeff;;;\n;;;\n", True, "file_empty"),
        ("Celular;" * 9000, False, "line_too_long"),
        ("Celular;" * 9000, True, "line_too_long"),
    ],
)
def test_a_head_without_headings(head: str, whole: bool, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        find_layout(head, whole=whole)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("head", "delimiter", "headings", "columns", "line"),
    [
        ("987654321;Rosa\n912345678;Ana\n", ";", (), {Field.PHONE: 0}, 1),
        ("Rosa, 987654321\nAna, 912345678\n", ",", (), {Field.PHONE: 1}, 1),
        ("Socio;WSP;Buzón\nRosa;987654321;r@correo.example\n", ";", ("Socio", "WSP", "Buzón"),
         {Field.PHONE: 1, Field.EMAIL: 2}, 2),
        ("PADRÓN\n\nSocio\tWSP\tTitular\nRosa\t987654321\tAna\n", "\t", ("Socio", "WSP", "Titular"),
         {Field.PHONE: 1, Field.NAME: 2}, 4),
        ("PADRÓN;;\nRosa;987654321;x\n", ";", (), {Field.PHONE: 1}, 1),
        ("Rosa;Taxi Móvil SAC;987654321\nAna;Correo Express;912345678\n", ";", (), {Field.PHONE: 2}, 1),
        ("Contacto;Nombre\n987654321;Rosa\n", ";", ("Contacto", "Nombre"), {Field.PHONE: 0, Field.NAME: 1}, 2),
        ("Rosa\t01 418 4030\n", "\t", (), {Field.PHONE: 1}, 1),
    ],
)  # fmt: skip
def test_addresses_under_no_known_heading(head, delimiter, headings, columns, line) -> None:
    layout = find_layout(head, whole=True)
    assert (layout.delimiter, layout.headings, layout.columns, layout.rows_from_line) == (
        delimiter,
        headings,
        columns,
        line,
    )


def test_a_delimiter_that_is_known_is_not_sought() -> None:
    text = "Nombre, apellido\tCelular; fijo\nQuispe, Rosa; Ana\t987654321\n"
    layout = find_layout(text, whole=True, delimiter="\t")
    assert (layout.headings, layout.columns) == (
        ("Nombre, apellido", "Celular; fijo"),
        {Field.NAME: 0, Field.PHONE: 1},
    )


def test_a_break_inside_a_cell_of_ours_is_a_line_end_again() -> None:
    assert _rows("uno\u2028dos;3\ncuatro;5\n") == [["uno\ndos", "3"], ["cuatro", "5"]]


def test_a_head_cut_off_anywhere_gives_the_same_layout() -> None:
    text = 'Nombre;Celular\n"Rosa ""la bodeguera""";987654321\n' * 3
    for end in range(15, len(text)):
        assert find_layout(text[:end], whole=False).columns == {Field.NAME: 0, Field.PHONE: 1}


def _rows(text: str, delimiter: str = ";") -> list[list[str]]:
    return [row for row, _ in records(io.StringIO(text, newline="").readline, delimiter)]


def test_rows_blank_ragged_quoted_and_with_any_line_end() -> None:
    text = 'a;b\r\n;\r\n \t;\xa0\r\n\r\n"uno\ndos";"x;""y"""\r\nsolo\r\n1;2;3;4\rfin;\n'
    assert _rows(text) == [["a", "b"], ["uno\ndos", 'x;"y"'], ["solo"], ["1", "2", "3", "4"], ["fin", ""]]


def test_rows_know_their_last_line() -> None:
    found = list(records(io.StringIO('a\n\n"b\nc"\nd', newline="").readline, ";"))
    assert found == [(["a"], 1), (["b\nc"], 4), (["d"], 5)]


def test_nul_is_left_out() -> None:
    assert _rows("Ana\x00;9\x008\n") == [["Ana", "98"]]


@pytest.mark.parametrize(
    ("text", "code", "values"),
    [
        ("a;b\n" + "x" * LONGEST_LINE, "line_too_long", {"line": 2, "longest": LONGEST_LINE}),
        ('a;b\n1;"nunca cerrada\n2;3\n', "quote_not_closed", {"line": 2}),
        ('a;b\n1;"nunca cerrada', "quote_not_closed", {"line": 2}),
        ('a\n"' + "x" * 1000 + ("\n" + "y" * 1000) * 200, "row_too_long", {"line": 2}),
        ('a\n"' + 'x";"\n' * (LONGEST_ROW // 4), "quote_not_closed", None),
        ("a\n" + ";" * (MOST_COLUMNS + 1) + "\n", "too_many_columns", {"line": 2, "most": MOST_COLUMNS}),
    ],
)
def test_rows_that_cannot_be(text: str, code: str, values: dict[str, int] | None) -> None:
    with pytest.raises(Invalid) as refused:
        _rows(text)
    assert refused.value.code == code
    if values is not None:
        assert refused.value.values == values


def test_a_line_without_end_is_refused_before_it_is_read() -> None:
    asked: list[int] = []

    def endless(size: int) -> str:
        asked.append(size)
        return "x" * size

    with pytest.raises(Invalid):
        list(records(endless, ","))
    assert asked == [LONGEST_LINE]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=8), min_size=2
        ),
        max_size=8,
    ),
    st.sampled_from([";", ",", "\t"]),
)
def test_what_csv_writes_comes_back(rows: list[list[str]], delimiter: str) -> None:
    import csv

    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=os.linesep).writerows(rows)
    assert _rows(out.getvalue(), delimiter) == [row for row in rows if any(c and not c.isspace() for c in row)]


@given(st.binary(max_size=300))
def test_no_bytes_break_it(content: bytes) -> None:
    def chunks() -> Iterator[bytes]:
        yield content

    try:
        found = find_encoding(chunks())
        text = content.decode(found.codec, errors="replace")
        layout = find_layout(text, whole=True)
        list(records(io.StringIO(text, newline="").readline, layout.delimiter))
    except Invalid as refused:
        known = {"file_empty", "file_not_text", "encoding_unknown", "no_address_column",
                 "quote_not_closed"}  # fmt: skip
        if refused.code not in known:
            raise


def test_cells_by_field() -> None:
    columns = {Field.PHONE: 1, Field.NAME: 0, Field.EMAIL: 7}
    assert columns_of(["Ana", "987", "x"], columns) == {Field.NAME: "Ana", Field.PHONE: "987"}
    assert columns_of([], columns) == {}
