"""Small spreadsheets, written by hand: what programs save, and what they never would."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

Cell = str | float | bool | None


def column(number: int) -> str:
    """0 is A, 26 is AA."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name


def cell(at: str, value: Cell) -> str:
    """One cell of a sheet as XML; `=1+1|2` is a formula with its last result, `!#N/A` a fault."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{at}"><v>{value!r}</v></c>'
    if value.startswith("!"):
        return f'<c r="{at}" t="e"><v>{value[1:]}</v></c>'
    if value.startswith("="):
        formula, _, result = value[1:].partition("|")
        return f'<c r="{at}" t="str"><f>{escape(formula)}</f><v>{escape(result)}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def rows(table: Sequence[Sequence[Cell]], first: int = 1) -> str:
    """The rows of a table as XML, from one row number on."""
    return "".join(
        f'<row r="{number}">' + "".join(cell(f"{column(at)}{number}", value) for at, value in enumerate(row)) + "</row>"
        for number, row in enumerate(table, first)
    )


def sheet(inside: str, *, before: str = "", after: str = "", prolog: str = "") -> str:
    """A worksheet with these rows, as XML."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{prolog}<worksheet xmlns="{_MAIN}">{before}'
        f"<sheetData>{inside}</sheetData>{after}</worksheet>"
    )


def xlsx(
    sheets: Mapping[str, str],
    *,
    hidden: Sequence[str] = (),
    more: Mapping[str, bytes] | None = None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """A workbook of worksheets as XML, by name; `more` are other entries of the zip."""
    names = list(sheets)
    states = dict.fromkeys(hidden, ' state="hidden"')
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"{states.get(name, "")}/>'
        for n, name in enumerate(names, 1)
    )
    numbers = range(1, len(names) + 1)
    content = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
            for n in numbers
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        + f'<Relationship Id="rId0" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        **{f"xl/worksheets/sheet{n}.xml": sheets[name] for n, name in enumerate(names, 1)},
    }
    return packed({name: text.encode() for name, text in content.items()} | dict(more or {}), method)


def table(of: Sequence[Sequence[Cell]], first: int = 1) -> bytes:
    """A workbook with one sheet that holds one table."""
    return xlsx({"Hoja1": sheet(rows(of, first))})


_DOCUMENT = "urn:oasis:names:tc:opendocument:xmlns"


def ods(inside: str, *, more: Mapping[str, bytes] | None = None) -> bytes:
    """An OpenDocument spreadsheet; `inside` are its table elements."""
    content = (
        f'<office:document-content xmlns:office="{_DOCUMENT}:office:1.0" xmlns:table="{_DOCUMENT}:table:1.0" '
        f'xmlns:text="{_DOCUMENT}:text:1.0"><office:body><office:spreadsheet>{inside}</office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{_DOCUMENT}:manifest:1.0"><manifest:file-entry '
        'manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
        "</manifest:manifest>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    entries = {"mimetype": kind, "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    return packed(entries | dict(more or {}))


def ods_table(name: str, of: Sequence[Sequence[Cell]]) -> str:
    """One table element of an OpenDocument spreadsheet."""
    return (
        f'<table:table table:name="{escape(name)}">'
        + "".join("<table:table-row>" + "".join(map(_ods_cell, row)) + "</table:table-row>" for row in of)
        + "</table:table>"
    )


def _ods_cell(value: Cell) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, bool):
        said = "true" if value else "false"
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{said}"/>'
    if isinstance(value, (int, float)):
        return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'
    return (
        '<table:table-cell office:value-type="string">'
        + "".join(f"<text:p>{escape(line)}</text:p>" for line in value.split("\n"))
        + "</table:table-cell>"
    )


def packed(entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()
