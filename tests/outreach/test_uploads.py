"""Uploads are sealed while they come in, and need the same memory whatever their size."""

import io
import json
import os
import random
import tempfile
import tracemalloc

import flask
import pytest
from werkzeug.test import create_environ, run_wsgi_app

from outreach import uploads
from outreach.uploads import PIECE, Sealed

LINE = b"Rosa Quispe;987654321;rosa@correo.example\n"
MEGABYTE = 1024 * 1024


class _Body(io.RawIOBase):
    """A form with one file, made as it is read; `look` is called in the middle and at the end of it."""

    def __init__(self, megabytes: int, look=lambda: None) -> None:
        head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        block = (LINE * (MEGABYTE // len(LINE) + 1))[:MEGABYTE]
        self._parts = iter([head, *([block] * megabytes), b"\r\n--cut--\r\n"])
        self._left = b""
        self._seen = 0
        self._look = look
        self.size = len(head) + megabytes * MEGABYTE + 11

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self._left:
            self._left = next(self._parts, b"")
            self._look()
        given = self._left[: len(buffer)]
        self._left = self._left[len(given) :]
        buffer[: len(given)] = given
        return len(given)


@pytest.fixture
def app():
    app = flask.Flask(__name__)
    app.request_class = uploads.Request

    @app.post("/")
    def take() -> dict[str, int]:
        stream, count, size = flask.request.files["file"].stream, 0, 0
        while piece := stream.read(PIECE):
            count += piece.count(b"987654321")
            size += len(piece)
        return {"size": size, "count": count}

    return app


def _send(app, body: _Body) -> dict[str, int]:
    environ = create_environ("/", method="POST")
    environ |= {"CONTENT_TYPE": "multipart/form-data; boundary=cut", "CONTENT_LENGTH": str(body.size)}
    environ["wsgi.input"] = io.BufferedReader(body, 64 * 1024)
    answer, status, _ = run_wsgi_app(app, environ)
    assert status == "200 OK"
    return json.loads(b"".join(answer))


def _nameless() -> list[str]:
    """Open files of this process that have no name (any more)."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{number}"
        try:
            if os.readlink(path).startswith("/") and os.readlink(path).endswith("(deleted)"):
                found.append(path)
        except FileNotFoundError:
            pass  # the one that listed them
    return found


def test_nothing_is_on_the_disk_in_clear_at_any_time(app, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(_nameless())
    sizes = set()

    def look() -> None:
        assert list(tmp_path.iterdir()) == []
        for path in set(_nameless()) - before:
            with open(path, "rb") as aside:
                content = aside.read()
            sizes.add(len(content))
            assert b"Rosa" not in content
            assert b"987654321" not in content

    answer = _send(app, _Body(5, look))
    assert answer["size"] == 5 * MEGABYTE
    assert answer["count"] > 5 * MEGABYTE // len(LINE) - 10
    assert max(sizes) >= 3 * (PIECE + 16)  # it was looked at, and it was there
    assert set(_nameless()) == before  # gone with the request
    assert list(tmp_path.iterdir()) == []


def test_a_small_file_touches_no_disk(app, monkeypatch):
    def refuse(**_options: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    body = _Body(0)
    assert _send(app, body) == {"size": 0, "count": 0}
    small = Sealed()
    small.write(b"x" * (PIECE - 1))
    small.seek(0)
    assert len(small.read()) == PIECE - 1


def test_memory_does_not_grow_with_the_file(app):
    peaks = []
    for megabytes in (4, 4, 40):
        tracemalloc.start()
        try:
            assert _send(app, _Body(megabytes))["size"] == megabytes * MEGABYTE
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[2] < 1.2 * peaks[1]
    assert peaks[2] < 12 * MEGABYTE


def test_it_reads_like_any_file():
    rng = random.Random(5)
    content = rng.randbytes(3 * PIECE + 77)
    plain, sealed = io.BytesIO(content), Sealed()
    for at in range(0, len(content), 70_001):
        assert sealed.write(content[at : at + 70_001]) == len(content[at : at + 70_001])
    assert sealed.tell() == len(content)
    for _ in range(60):
        whence = rng.choice([io.SEEK_SET, io.SEEK_END])
        offset = rng.randrange(len(content) + 10) if whence == io.SEEK_SET else -rng.randrange(len(content))
        assert sealed.seek(offset, whence) == plain.seek(offset, whence)
        size = rng.choice([0, 1, 22, 70_000, PIECE, 2 * PIECE, -1])
        assert sealed.read(size) == plain.read(size)
        assert sealed.tell() == plain.tell()
    sealed.seek(0)
    assert b"".join(iter(lambda: sealed.read1(65_536), b"")) == content
    sealed.seek(PIECE - 3)
    assert sealed.readinto(bytearray(10)) == 10


def test_it_is_written_at_its_end_only_and_never_before_its_beginning():
    sealed = Sealed()
    sealed.write(b"abc")
    sealed.seek(1)
    with pytest.raises(OSError, match="end only"):
        sealed.write(b"x")
    with pytest.raises(OSError, match="argument"):
        sealed.seek(-4, io.SEEK_END)
    sealed.close()
    sealed.close()
