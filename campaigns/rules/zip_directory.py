"""What is in a zip, by its directory alone: nothing is unpacked before we know how much it says it is.

A directory may lie; whoever unpacks has limits of its own. Nothing here opens a file.
"""

import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

_LARGEST_DIRECTORY: Final = 1024 * 1024
_LONGEST_KIND: Final = 100  # bytes of the entry in which OpenDocument says what it is
_LONGEST_MANIFEST: Final = 256 * 1024


class NoZip(Exception):
    """There is no directory that could be read."""


@dataclass(frozen=True, slots=True)
class ZipDirectory:
    """The entries' names (lower case, with /), the bytes they say they unpack to, and whether any of it is locked.

    `says` is what an OpenDocument file calls itself, empty for other files.
    """

    names: frozenset[str]
    entries: int
    unpacked: int
    locked: bool
    says: str


def read(file: BinaryIO) -> ZipDirectory:
    """The directory of a seekable file. Memory is bounded whatever is in it. Raises NoZip."""
    try:
        with zipfile.ZipFile(_Bounded(file)) as archive:
            entries = archive.infolist()
            return ZipDirectory(
                names=frozenset(entry.filename.replace("\\", "/").lower() for entry in entries),
                entries=len(entries),
                unpacked=sum(entry.file_size for entry in entries),
                locked=any(entry.flag_bits & 1 for entry in entries)
                or b"encryption-data" in _beginning(archive, "META-INF/manifest.xml", _LONGEST_MANIFEST),
                says=_beginning(archive, "mimetype", _LONGEST_KIND).decode("ascii", "replace").strip(),
            )
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, OverflowError, EOFError, RuntimeError) as error:
        raise NoZip from error


def _beginning(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    if name not in archive.namelist() or archive.getinfo(name).flag_bits & 1:
        return b""
    with archive.open(name) as entry:
        return entry.read(most)


class _Bounded:
    """The file, without the reads that a hostile directory would make too large."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek = file.seek
        self.tell = file.tell
        self._file = file

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size > _LARGEST_DIRECTORY:
            raise NoZip
        return self._file.read(size if size >= 0 else _LARGEST_DIRECTORY)
