"""Files that people send by mistake or to do harm, made in memory; each says how it must end.

A file ends in one of the codes it may be refused with, or as so many rows that are not blank (headings counted).
"""

import codecs
import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tests.sheets import cell, ods, ods_table, packed, rows, sheet, table, xlsx

PEOPLE: Final = [["Nombre", "Celular"], ["Rosa Quispe", "987654321"], ["José Ñahui", "912345678"]]
CSV: Final = "Nombre;Celular\nRosa Quispe;987654321\nJosé Ñahui;912345678\n"
MEGABYTE: Final = 1024 * 1024

_CSV: Final = "lista.csv"
_ODS: Final = "lista.ods"
_XLS: Final = "lista.xls"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@dataclass(frozen=True)
class Broken:
    """A file, the name it is sent under, and its ends."""

    make: Callable[[], bytes]
    name: str = "lista.xlsx"
    codes: frozenset[str] = frozenset()
    rows: frozenset[int] = field(default=frozenset())


def _refused(make: Callable[[], bytes], *codes: str, name: str = "lista.xlsx") -> Broken:
    return Broken(make, name, frozenset(codes))


def _read(make: Callable[[], bytes], *counts: int, name: str = "lista.xlsx") -> Broken:
    return Broken(make, name, rows=frozenset(counts))


def people() -> bytes:
    """A workbook that is in order."""
    return table(PEOPLE)


def repeated(
    entries: dict[str, bytes], name: str, before: bytes, block: bytes, times: int, *, claims: int = 0
) -> bytes:
    """A zip in which one entry unpacks to a block repeated so many times; its directory may claim something else.

    The block is deflated once and its bytes are repeated, so this is quick whatever comes out of it.
    """
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = squeeze.compress(before) + squeeze.flush(zlib.Z_FULL_FLUSH)
    body = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    stream = head + body * times + b"\x03\x00"  # an empty last block
    claims = claims or len(before) + len(block) * times
    archive = packed(entries)
    directory_at = _directory_at(archive)
    directory = archive[directory_at : archive.rindex(b"PK\x05\x06")]
    path = name.encode()
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, 0, len(stream), claims, len(path), 0) + path
    sizes = (len(stream), claims, len(path))
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, 0, *sizes, 0, 0, 0, 0, 0, directory_at)
    entry += path
    content = archive[:directory_at] + local + stream
    count = len(entries) + 1
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory) + len(entry), len(content), 0)
    return content + directory + entry + end


def _directory_at(archive: bytes) -> int:
    found: int = struct.unpack_from("<I", archive, archive.rindex(b"PK\x05\x06") + 16)[0]
    return found


def _parts_of(workbook: bytes, *without: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name not in without}


_SHEET = "xl/worksheets/sheet1.xml"
_OPENS = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


def _honest_bomb() -> bytes:
    return repeated(_parts_of(people(), _SHEET), _SHEET, _OPENS, b" " * MEGABYTE, 3000)


def _lying_bomb() -> bytes:
    block = b"<row><c><v>1</v></c><c><v>2</v></c></row>" * 25_000
    return repeated(_parts_of(people(), _SHEET), _SHEET, _OPENS, block, 1_000, claims=1_000)


def many_cells() -> bytes:
    """A sheet of sixteen million cells, packed no better than any other: its directory is nothing to complain of."""
    some = random.Random(1)
    block = b"".join(b"<row><c><v>%d</v></c><c><v>1</v></c></row>" % some.randrange(10**6) for _ in range(20_000))
    return repeated(_parts_of(people(), _SHEET), _SHEET, _OPENS, block, 400)


def _huge_strings() -> bytes:
    opens = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>'
    name = "xl/sharedStrings.xml"
    return repeated(_parts_of(people()), name, opens, b"Rosa Quispe " * 90_000, 1_200, claims=50_000)


def _nested_bomb() -> bytes:
    inner = packed({"0.zip": packed({"0": bytes(10 * MEGABYTE)})})
    return packed({f"{n}.zip": inner for n in range(16)})


def _cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def _locked_zip() -> bytes:
    content = bytearray(people())
    at = 0
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + offset] |= 1
    return bytes(content)


def _locked_ods() -> bytes:
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry '
        'manifest:full-path="content.xml" manifest:media-type="text/xml"><manifest:encryption-data>'
        '<manifest:algorithm manifest:algorithm-name="x"/></manifest:encryption-data></manifest:file-entry>'
        "</manifest:manifest>"
    )
    return ods("", more={"META-INF/manifest.xml": manifest.encode()})


def _laughs() -> bytes:
    entities = '<!ENTITY a "ja">' + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghi"))
    return xlsx(
        {"x": sheet(rows([*PEOPLE, ["&i;", "1"]]).replace("&amp;i;", "&i;"), prolog=f"<!DOCTYPE x [{entities}]>")}
    )


def _claims(inside: str = rows(PEOPLE)) -> bytes:
    return xlsx({"x": sheet(inside, before='<dimension ref="A1:XFD1048576"/>')})


def _far_apart() -> bytes:
    return _claims(f'<row r="1">{cell("A1", "Celular")}</row><row r="1048576">{cell("XFD1048576", 1)}</row>')


def _document(kind: str) -> bytes:
    return packed({"[Content_Types].xml": b"<Types/>", kind: b"<x/>"})


def _repeats_itself() -> bytes:
    row = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell office:value-type="float" '
    return ods(
        f'<table:table table:name="x">{row}office:value="987654321" table:number-columns-repeated="16384"/>'
        "</table:table-row></table:table>"
    )


def _strings_out_of_range() -> bytes:
    return xlsx({"x": sheet('<row r="1"><c r="A1" t="s"><v>99999999</v></c></row>')})


def _deep() -> bytes:
    return xlsx({"x": sheet("<row>" * 300_000)})


def _entities_by_network() -> bytes:
    return xlsx({"x": sheet(rows(PEOPLE), prolog='<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">')})


BROKEN: Final[dict[str, Broken]] = {
    # cut off, empty, or nothing like a table
    "zero bytes": _refused(lambda: b"", "file_empty"),
    "blanks only": _refused(lambda: b"\r\n \t;;;\r\n" * 50, "file_empty", name=_CSV),
    "xlsx cut in half": _refused(lambda: _cut(people(), 0.5), "file_broken"),
    "xlsx without its last bytes": _refused(lambda: people()[:-10], "file_broken"),
    "ods cut in half": _refused(lambda: _cut(ods(ods_table("x", PEOPLE)), 0.6), "file_broken", name=_ODS),
    "xlsx with a damaged sheet": _refused(
        lambda: packed(_parts_of(people()) | {_SHEET: _OPENS + b"<row><c><v>1</v></row>"}),
        "file_broken",
        "file_no_rows",
    ),
    "xlsx without its sheet": _refused(lambda: packed(_parts_of(people(), _SHEET)), "file_broken", "file_no_rows"),
    "noise called xlsx": _refused(lambda: b"PK\x03\x04" + bytes(range(256)) * 64, "file_broken"),
    "noise": _refused(lambda: bytes(range(256)) * 64, "file_not_text", name=_CSV),
    "jpeg": _refused(lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(2000), "file_not_text"),
    "png": _refused(lambda: b"\x89PNG\r\n\x1a\n" + bytes(2000), "file_not_text"),
    "pdf": _refused(lambda: b"%PDF-1.7\n1 0 obj <<>>\n" * 50, "file_not_text"),
    "exe": _refused(lambda: b"MZ\x90\x00" + bytes(2000), "file_not_text"),
    "web page": _refused(lambda: b"<html><body><table><tr><td>Celular</td></tr></table>", "file_web_page", name=_XLS),
    "xml of 2003": _refused(lambda: b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "file_web_page", name=_XLS),
    "old excel": _refused(lambda: OLE + "Workbook".encode("utf-16-le") + bytes(5000), "file_old_excel", name=_XLS),
    "binary excel": _refused(lambda: _document("xl/workbook.bin"), "file_old_excel", name="lista.xlsb"),
    "word": _refused(lambda: _document("word/document.xml"), "file_not_text"),
    "folder": _refused(lambda: packed({"lista.csv": CSV.encode()}), "file_packed"),
    "gzip": _refused(lambda: gzip.compress(CSV.encode()), "file_packed", name=_CSV),
    # locked
    "excel with a password": _refused(
        lambda: OLE + "EncryptedPackage".encode("utf-16-le") + bytes(5000), "file_password"
    ),
    "zip with a password": _refused(_locked_zip, "file_password"),
    "ods with a password": _refused(_locked_ods, "file_password", name=_ODS),
    # made to do harm
    "zip bomb that says so": _refused(_honest_bomb, "file_too_much_inside"),
    "zip bomb that lies": _refused(_lying_bomb, "file_too_much_inside", "file_broken"),
    "more cells than there is room for": _refused(many_cells, "file_too_much_inside"),
    "zip in zip in zip": _refused(_nested_bomb, "file_packed"),
    "six thousand entries": _refused(
        lambda: packed(_parts_of(people()) | dict.fromkeys((f"xl/media/{n}.png" for n in range(6_000)), b"")),
        "file_too_much_inside",
    ),
    "a directory of a million entries": _refused(
        lambda: people() + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65_535, 65_535, 50 * MEGABYTE, 0, 0),
        "file_broken",
    ),
    "strings without end": _refused(_huge_strings, "file_too_much_inside", "file_broken"),
    "two cells a world apart": _refused(_far_apart, "file_too_much_inside"),
    "a row repeated without end": _refused(_repeats_itself, "file_too_much_inside", "file_broken", name=_ODS),
    "a billion laughs": Broken(_laughs, codes=frozenset({"file_broken"}), rows=frozenset({4})),
    "entities from elsewhere": Broken(_entities_by_network, codes=frozenset({"file_broken"}), rows=frozenset({3})),
    "elements in elements": Broken(_deep, codes=frozenset({"file_broken", "file_no_rows", "file_too_much_inside"})),
    "names that climb": _read(lambda: packed(_parts_of(people()) | {"../../etc/passwd": b"x", "/etc/x": b"y"}), 3),
    "strings out of range": Broken(_strings_out_of_range, codes=frozenset({"file_broken", "file_no_rows"})),
    # too wide, too long
    "a million columns": _refused(lambda: b"Celular;" * 1_000_000, "line_too_long", name=_CSV),
    "fifty megabytes in a line": _refused(lambda: b"Celular\n" + b"9" * 50 * MEGABYTE, "line_too_long", name=_CSV),
    "all the columns of excel": _refused(
        lambda: table([["Celular", *["x"] * 16_000], ["987654321", *["x"] * 16_000]]), "too_many_columns"
    ),
    "claims the whole sheet": _read(_claims, 3),
    # text
    "csv called xlsx": _read(CSV.encode, 3),
    "xlsx called csv": _read(people, 3, name=_CSV),
    "two encodings": _read(lambda: CSV.encode() + "Peña;955555555\n".encode("cp1252"), 4, name=_CSV),
    "nuls": _refused(lambda: CSV.encode() + b"Ana\0;9\0\n", "file_not_text", name=_CSV),
    "lines ended by cr": _read(lambda: CSV.replace("\n", "\r").encode(), 3, name=_CSV),
    "a quote not closed": _refused(
        lambda: CSV.encode() + b'"Ana;987\n' + b"Eva;988\n" * 10, "quote_not_closed", name=_CSV
    ),
    "a quote not closed for long": _refused(
        lambda: CSV.encode() + b'"Ana;987\n' + b"Eva;988\n" * 99_999, "quote_not_closed", "row_too_long", name=_CSV
    ),
    "utf-16 without a mark": _read(lambda: CSV.encode("utf-16-le"), 3, name=_CSV),
    "utf-16 the other way": _read(lambda: CSV.encode("utf-16-be"), 3, name=_CSV),
    "utf-32": _refused(lambda: codecs.BOM_UTF32_LE + CSV.encode("utf-32-le"), "encoding_unknown", name=_CSV),
    "utf-32 without a mark": _refused(lambda: CSV.encode("utf-32-le"), "file_not_text", "encoding_unknown", name=_CSV),
    "no utf-8": _refused(lambda: b"Nombre;Celular\nMu\x81oz;987654321\n", "encoding_unknown", name=_CSV),
    "two marks": _read(lambda: codecs.BOM_UTF8 * 2 + CSV.encode(), 3, name=_CSV),
    "headings twice": _read(lambda: b"Celular;Celular;Nombre;Nombre\n1;987654321;Rosa;x\n", 2, name=_CSV),
    "no headings": _read(lambda: CSV.encode().split(b"\n", 1)[1], 2, name=_CSV),
    "nothing like an address": _refused(lambda: b"Nombre;Negocio\nRosa;Bodega\n", "no_address_column", name=_CSV),
    "one word": _refused(lambda: b"hola", "no_address_column", name=_CSV),
    "ten thousand blank lines": _read(lambda: b";\n" * 10_000 + CSV.encode(), 3, name=_CSV),
    # sheets
    "an empty sheet": _refused(lambda: xlsx({"x": sheet("")}), "file_no_rows"),
    "hidden sheets only": _refused(lambda: xlsx({"x": sheet(rows(PEOPLE))}, hidden=["x"]), "file_no_rows"),
    "headings only": _read(lambda: table(PEOPLE[:1]), 1),
    "ten thousand empty rows": _read(lambda: xlsx({"x": sheet(rows(PEOPLE[:2]) + rows(PEOPLE[2:], 10_003))}), 3),
    "empty rows first": _read(lambda: table(PEOPLE, 10_001), 3),
    "formulas": _read(lambda: table([*PEOPLE, ["=A1&A2|Eva", '=HYPERLINK("x")|955555555']]), 4),
    "faults": _read(lambda: table([*PEOPLE, ["!#N/A", "!#REF!"], ["Eva", "!#VALUE!"]]), 4),
    "dates as numbers": _read(lambda: table([["Celular", "Fecha de aceptación"], [987654321.0, 46082.0]]), 2),
    "numbers rounded": _read(lambda: table([["Celular"], ["9.87654E+08"], [9.87654321e8], ["9,88E+08"]]), 4),
    "emoji and right to left": _read(lambda: table([*PEOPLE, ["🚌🚌 \u202eمرحبا\u202c", "955555555"]]), 4),
}
