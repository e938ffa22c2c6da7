"""The file of an import: kept sealed in pieces for any worker host, read again as if it were at hand."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, Final

from sqlalchemy.orm import Session, sessionmaker

from campaigns.errors import Invalid
from campaigns.rules.delimited import FIELD, Encoding
from campaigns.store import import_pieces
from campaigns.store.imports import Import
from campaigns.vault import Unsealable, Vault

# Gives the file at its beginning; asked more than once. Whoever made the source closes what it opened.
Source = Callable[[], BinaryIO]

PIECE: Final = 1024 * 1024  # bytes; an import under way holds one piece at a time


def at_beginning(file: BinaryIO) -> Source:
    """A source that gives the same seekable file again and again."""

    def source() -> BinaryIO:
        file.seek(0)
        return file

    return source


def keep(session: Session, vault: Vault, kept: Import, file: BinaryIO) -> None:
    """Keep the whole file, sealed, piece by piece. Never commits."""
    file.seek(0)
    for number, piece in enumerate(pieces(file)):
        import_pieces.keep(session, kept.agency_id, kept.id, number, vault.seal_bytes(piece, kept.agency_id))


def kept(factory: sessionmaker[Session], vault: Vault, held: Import, *, beside: int | None = None) -> Source:
    """The kept file, or what is kept beside it, of `beside` bytes.

    Reading it raises Invalid("file", import_interrupted | file_sealed) where it never was kept or no key opens it.
    """
    return at_beginning(io.BufferedReader(_KeptFile(factory, vault, held, beside), PIECE))


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The rest of the file, piece by piece."""
    return iter(partial(file.read, PIECE), b"")


@contextmanager
def text(file: BinaryIO, encoding: Encoding) -> Iterator[io.TextIOWrapper]:
    """The file as text, line ends as they are."""
    # A last letter may be cut off; anything else wrong with the encoding was refused before.
    wrapper = io.TextIOWrapper(file, encoding=encoding.codec, errors="replace", newline="")
    try:
        yield wrapper
    finally:
        wrapper.detach()  # the file is not ours to close


def opened(vault: Vault, sealed: bytes, agency_id: int) -> bytes:
    """What was kept of a file; raises Invalid("file", file_sealed) where no key of ours opens it."""
    try:
        return vault.open_bytes(sealed, agency_id)
    except Unsealable:
        raise Invalid(FIELD, "file_sealed") from None


class _KeptFile(io.RawIOBase):
    """The sealed pieces of a kept file as one file; holds one piece at a time."""

    def __init__(self, factory: sessionmaker[Session], vault: Vault, held: Import, beside: int | None) -> None:
        self._factory = factory
        self._vault = vault
        self._held = held
        self._beside = beside
        self._size = held.size if beside is None else beside
        self._at = 0
        self._number = -1
        self._piece = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """From the beginning, the current place or the end."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's Buffer cannot be written to
        number, offset = divmod(self._at, PIECE)
        if number != self._number:
            self._piece, self._number = self._open(number), number
        given = self._piece[offset : offset + len(buffer)]
        buffer[: len(given)] = given
        self._at += len(given)
        return len(given)

    def _open(self, number: int) -> bytes:
        agency_id = self._held.agency_id
        with self._factory() as session:
            kept_as = number if self._beside is None else -1 - number
            sealed = import_pieces.piece(session, agency_id, self._held.id, kept_as)
        if sealed is None and number * PIECE < self._size:
            # Read on a command line that is no more: the file was never here.
            raise Invalid(FIELD, "import_interrupted")
        return opened(self._vault, sealed, agency_id) if sealed else b""
