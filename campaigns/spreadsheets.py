"""Files people send: which kind one is, and a spreadsheet's rows as delimited text.

A spreadsheet is opened by a program of its own (`campaigns.sheet_reader`), which gets it through a pipe: nothing of it
is ever written to a disk, and what a hostile file breaks is that program, not the worker.
"""

import io
import json
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, BinaryIO, Final

from campaigns.errors import Invalid
from campaigns.rules import zip_directory
from campaigns.rules.delimited import FIELD
from campaigns.rules.zip_directory import NoZip, ZipDirectory

MOST_PACKED: Final = 128 * 1024 * 1024
MOST_UNPACKED: Final = 2 * 1024 * 1024 * 1024
MEMORY: Final = 1536 * 1024 * 1024  # a million rows of eight columns take 850 MB
SECONDS: Final = 180  # of computing; the same million takes 13
_MOST_ENTRIES: Final = 5_000
_MOST_RATIO: Final = 300  # a sheet of nothing but one repeated row shrinks to a hundredth
_RATIO_FROM: Final = 64 * 1024 * 1024  # what unpacks to less is let be, however well it was packed
_SILENCE: Final = 300.0  # seconds in which nothing comes before the program is given up
_CHUNK: Final = 1024 * 1024

_PROGRAM: Final = (sys.executable, "-I", "-m", "campaigns.sheet_reader")
_FRAME: Final = struct.Struct(">cI")  # what it is, how long it is; as campaigns.sheet_reader writes them
_LONGEST_FRAME: Final = 16 * 1024 * 1024
_REASONS = frozenset({"file_password", "file_no_rows", "file_too_much_inside"})  # that it may give
_TOO_MUCH = frozenset({-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGABRT})

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_PACKED = (b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_NO_TABLE = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"MZ", b"{\\rtf", b"\x7fELF")
_PAGE = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<head", b"<meta", b"<style")
_TABLE_DOCUMENT = "application/vnd.oasis.opendocument.spreadsheet"  # templates say more after it


class Kind(StrEnum):
    """How a file's rows are got at."""

    DELIMITED = "delimited"
    XLSX = "xlsx"
    ODS = "ods"


@dataclass(frozen=True, slots=True)
class Converted:
    """The sheet that was read, and the names of the others that hold something; names may be about people."""

    sheet: str
    left_out: tuple[str, ...]


def kind_of(source: BinaryIO) -> Kind:
    """What a seekable file is, by what is in it, whatever it is called. Leaves it anywhere; nothing is unpacked.

    Raises Invalid("file", file_password | file_old_excel | file_not_text | file_packed | file_web_page | file_broken |
    file_too_big | file_too_much_inside) for what can never be brought in. That a table of text is none is found later.
    """
    source.seek(0)
    head = source.read(4096)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(source)
    if head.startswith(_OLD_OFFICE):
        raise Invalid(FIELD, "file_password" if _holds(source, _LOCKED) else "file_old_excel")
    if head.startswith(_PACKED):
        raise Invalid(FIELD, "file_packed")
    if head.startswith(_NO_TABLE):
        raise Invalid(FIELD, "file_not_text")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower().startswith(_PAGE):
        raise Invalid(FIELD, "file_web_page")
    return Kind.DELIMITED


def _kind_of_zip(source: BinaryIO) -> Kind:
    packed = source.seek(0, io.SEEK_END)
    try:
        directory = zip_directory.read(source)
    except NoZip as error:
        raise Invalid(FIELD, "file_broken") from error
    kind = _kind_by(directory)
    if directory.locked:
        raise Invalid(FIELD, "file_password")
    too_well = directory.unpacked > _RATIO_FROM and directory.unpacked > _MOST_RATIO * packed
    if directory.unpacked > MOST_UNPACKED or directory.entries > _MOST_ENTRIES or too_well:
        raise Invalid(FIELD, "file_too_much_inside")
    if packed > MOST_PACKED:
        raise Invalid(FIELD, "file_too_big", most=MOST_PACKED // _CHUNK)
    return kind


def _kind_by(directory: ZipDirectory) -> Kind:
    names = directory.names
    if "xl/workbook.bin" in names:
        raise Invalid(FIELD, "file_old_excel")
    if "xl/workbook.xml" in names:
        return Kind.XLSX
    if directory.says.startswith(_TABLE_DOCUMENT) and "content.xml" in names:
        return Kind.ODS
    if directory.says or "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise Invalid(FIELD, "file_not_text")
    raise Invalid(FIELD, "file_packed")


def _holds(source: BinaryIO, wanted: bytes) -> bool:
    source.seek(0)
    last = b""
    while chunk := source.read(_CHUNK):
        if wanted in last + chunk:
            return True
        last = chunk[-len(wanted) :]
    return False


def to_delimited(
    source: BinaryIO, *, write: Callable[[bytes], object], told: Callable[[int], bool] = lambda _done: True
) -> Converted | None:
    """Write the rows of a spreadsheet as UTF-8, separated by tabs; each stands on the line the spreadsheet shows.

    Of several sheets it is the first with a heading of telephone numbers or mails; hidden ones are left out. `told`
    hears at least once a second how many bytes were written; if it says False the work ends and None comes back.
    Raises Invalid("file", file_password | file_broken | file_no_rows | file_too_much_inside), perhaps after some of it
    was written. Memory and computing time are limited.
    """
    with subprocess.Popen(
        (*_PROGRAM, str(MEMORY), str(SECONDS)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a crash may quote what it was reading
        bufsize=0,
        cwd="/",
        env={},
    ) as reader:
        try:
            return _converse(reader, source, write, told)
        finally:
            reader.kill()


def _converse(
    reader: subprocess.Popen[bytes],
    source: BinaryIO,
    write: Callable[[bytes], object],
    told: Callable[[int], bool],
) -> Converted | None:
    assert reader.stdin  # noqa: S101 - asked for
    assert reader.stdout  # noqa: S101 - asked for
    source.seek(0)
    # It reads everything before it answers, so neither waits for the other.
    with suppress(BrokenPipeError), reader.stdin as feeding:
        while chunk := memoryview(source.read(_CHUNK)):
            while chunk:
                chunk = chunk[feeding.write(chunk) :]
    ready, done = False, 0
    for kind, content in _frames(reader.stdout):
        match kind:
            case b"y":
                ready = True
            case b"t":
                write(content)
                done += len(content)
            case b"r":
                code = content.decode()
                raise Invalid(FIELD, code if code in _REASONS else "file_broken")
            case b"e":
                sheet, left_out = json.loads(content)
                return Converted(sheet, tuple(left_out))
        if not told(done):
            return None
    if not ready:
        raise RuntimeError(f"the program that opens spreadsheets does not start (status {reader.wait()})")
    raise Invalid(FIELD, "file_too_much_inside" if reader.wait() in _TOO_MUCH else "file_broken")


def _frames(out: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """What the program answers, until it ends; an empty frame for every second in which nothing comes."""
    waiting = select.poll()
    waiting.register(out, select.POLLIN)
    kept = bytearray()
    heard_at = time.monotonic()
    while True:
        if not waiting.poll(1000):
            if time.monotonic() - heard_at > _SILENCE:
                raise Invalid(FIELD, "file_too_much_inside")
            yield b"", b""
            continue
        piece = out.read(_CHUNK)
        if not piece:
            return
        heard_at = time.monotonic()
        kept += piece
        while len(kept) >= _FRAME.size:
            kind, size = _FRAME.unpack_from(kept)
            if size > _LONGEST_FRAME:
                raise Invalid(FIELD, "file_broken")
            end = _FRAME.size + size
            if len(kept) < end:
                break
            yield kind, bytes(kept[_FRAME.size : end])
            del kept[:end]
