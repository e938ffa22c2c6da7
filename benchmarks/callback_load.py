"""Posts signed status callbacks as fast as a web application takes them, over a few kept connections.

`python -m benchmarks.callback_load BASE_URL PATH FIRST COUNT STATE`: PATH names the campaign, and is followed by the
delivery's number. Prints seconds from the first byte to the last answer, and how many were not answered with 2xx.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import cast
from urllib.parse import urlencode, urlsplit

import uvloop

from benchmarks.signed import signature, status
from benchmarks.stage import phone

_CONNECTIONS = 64
_PATIENCE_SECONDS = 300.0


class Poster(asyncio.Protocol):
    """One connection: posts the next request whenever the last one was answered."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[int]) -> None:
        self._requests, self._done = requests, done
        self._answer = b""
        self._wrong = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in deed, not by inheritance
        self._next()

    def data_received(self, data: bytes) -> None:
        """Part of an answer; they have short bodies or none."""
        self._answer += data
        head, ended, body = self._answer.partition(b"\r\n\r\n")
        if ended and len(body) >= _length(head):
            self._wrong += not head.startswith(b"HTTP/1.1 2")
            self._answer = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server must not close a connection in the middle."""
        if not self._done.done():
            self._done.set_exception(exc or ConnectionResetError())

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(self._wrong)
            self._transport.close()


async def post_all(base_url: str, path: str, first: int, count: int, state: str) -> tuple[float, int]:
    """Seconds for so many callbacks, from the first delivery on, and how many of them were refused."""
    host = urlsplit(base_url)
    requests = iter([_request(base_url, f"{path}&d={first + number}", number, state) for number in range(count)])
    loop = asyncio.get_running_loop()
    dones = [loop.create_future() for _ in range(_CONNECTIONS)]
    began_at = loop.time()
    for done in dones:
        await loop.create_connection(lambda done=done: Poster(requests, done), host.hostname, host.port)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        wrong = sum(await asyncio.gather(*dones))
    return loop.time() - began_at, wrong


def _request(base_url: str, path: str, number: int, state: str) -> bytes:
    form = status(phone(number), f"SM{number:032x}", state)
    body = urlencode(form)
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(base_url).netloc}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        f"X-Twilio-Signature: {signature(base_url + path, form)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


if __name__ == "__main__":
    print(*uvloop.run(post_all(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])))
