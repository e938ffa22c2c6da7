"""Files people send us: while they come in, pieces of a megabyte are sealed and put aside in a file without a name.

The usual temporary file would hold them in plain text, and memory would grow with the file. The key is made for one
upload and is kept nowhere, so what a crash leaves on a disk opens to nobody; the file has no name and goes with us.
"""

import errno
import io
import os
import tempfile
from typing import IO, Final

import flask
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PIECE: Final = 1024 * 1024
_TAG: Final = 16
_NONCE: Final = 12


class Sealed(io.BufferedIOBase):
    """A file that is written once, from its beginning to its end, and then read anywhere.

    Holds two pieces in memory at most; a file of one piece touches no disk.
    """

    def __init__(self) -> None:
        self._box = AESGCM(AESGCM.generate_key(256))
        self._disk: IO[bytes] | None = None
        self._last = bytearray()  # the end of the file, shorter than a piece
        self._sealed = 0  # pieces before it
        self._at = 0
        self._number = -1  # the piece that was opened last
        self._piece = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """At its end only."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def write(self, content: bytes, /) -> int:  # type: ignore[override]  # bytes are all it is given
        """Append; raises OSError anywhere but at the end."""
        if self._at != self._size():
            raise io.UnsupportedOperation("an upload is written at its end only")
        self._last += content
        while len(self._last) >= PIECE:
            self._put_aside(bytes(self._last[:PIECE]))
            del self._last[:PIECE]
        self._at = self._size()
        return len(content)

    def read(self, size: int | None = -1, /) -> bytes:
        """`size` bytes, fewer at the end of the file only."""
        end = self._size()
        left = end - self._at if size is None or size < 0 else min(size, end - self._at)
        pieces = []
        while left > 0:
            number, offset = divmod(self._at, PIECE)
            given = self._open(number)[offset : offset + left]
            pieces.append(given)
            self._at += len(given)
            left -= len(given)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Like read(), of one piece at most."""
        left = PIECE - self._at % PIECE
        return self.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Raises OSError before the beginning of the file."""
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size()}[whence]
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = at
        return at

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def close(self) -> None:
        """Forget all of it; may be called again."""
        if self._disk:
            self._disk.close()
        self._last, self._piece = bytearray(), b""
        super().close()

    def _size(self) -> int:
        return self._sealed * PIECE + len(self._last)

    def _put_aside(self, piece: bytes) -> None:
        if self._disk is None:
            # Unlinked at once, or never linked; close() closes it.
            self._disk = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._disk.seek(0, io.SEEK_END)
        sealed = memoryview(self._box.encrypt(self._nonce(self._sealed), piece, None))
        while sealed:
            sealed = sealed[self._disk.write(sealed) :]
        self._sealed += 1

    def _open(self, number: int) -> bytes:
        if number == self._sealed:
            return bytes(self._last)
        if number != self._number:
            assert self._disk is not None  # noqa: S101 - a piece was put aside
            self._disk.seek(number * (PIECE + _TAG))
            sealed = self._disk.read(PIECE + _TAG)
            self._piece, self._number = self._box.decrypt(self._nonce(number), sealed, None), number
        return self._piece

    def _nonce(self, number: int) -> bytes:
        # The key seals one file and each of its pieces once, so counting is enough.
        return number.to_bytes(_NONCE, "big")


class Request(flask.Request):
    """A request whose uploads touch no disk unsealed. How large one may be is written on its route (auth.requires)."""

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - Werkzeug's signature
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        return Sealed()  # type: ignore[return-value]  # a file in all but its class
