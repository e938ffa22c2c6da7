"""POSTs signed forms to the product: one small HTTP/1.1 client with kept connections.

Own code rather than aiohttp's client because the carrier must not be what a measurement measures: one POST here costs
a quarter of the time on the core that also accepts the messages.
"""

import asyncio
import base64
import hmac
import re
import ssl
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlencode

_URL = re.compile(r"(https?)://([^/?#\s]+)([^#\s]*)(?:#(\S*))?", re.ASCII)
_RETRIES = re.compile(r"(?:^|&)rc=([0-5])(?:&|$)")
_BIGGEST_BODY = 1_000_000
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0


class Failed(Exception):
    """No usable answer came. `connected` says whether the request may have been read."""

    def __init__(self, reason: str, *, connected: bool) -> None:
        super().__init__(reason)
        self.connected = connected


class Target(NamedTuple):
    """Where a POST goes: the address as it is signed, and the connection settings behind its `#`."""

    url: str
    scheme: str
    place: str
    path: str
    retries: int


class Answer(NamedTuple):
    """What came back."""

    status: int
    content_type: str
    text: str


@lru_cache(maxsize=4096)  # every message asks for its own three or four times
def read_target(address: str) -> Target:
    """Take an address apart; its fragment is kept from the wire and from the signature. Raises ValueError."""
    match = _URL.fullmatch(address)
    if match is None or not address.isascii():
        raise ValueError(f"{address!r} is no http or https address")
    scheme, place, path, settings = match.groups()
    retries = _RETRIES.search(settings or "")
    url = f"{scheme}://{place}{path}"
    return Target(url, scheme, place, path if path[:1] == "/" else "/" + path, int(retries[1]) if retries else 1)


def sign(secret: bytes, url: str, form: dict[str, str]) -> str:
    """Return the X-Twilio-Signature of a form POST (twilio.com/docs/usage/security: address, then sorted pairs)."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(secret, signed.encode(), "sha1")).decode()


class Connection(NamedTuple):
    """An open connection to one place."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Webhooks:
    """The connections to the product. Used from one event loop."""

    def __init__(self) -> None:
        self._idle: dict[str, list[Connection]] = {}

    async def post(self, target: Target, form: dict[str, str], secret: bytes, token: str) -> Answer:
        """Send one signed form and return the answer. `token` is the same for all tries of one event. Raises Failed."""
        body = urlencode(form).encode()
        head = (
            f"POST {target.path} HTTP/1.1\r\nHost: {target.place}\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
            "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
            f"X-Twilio-Signature: {sign(secret, target.url, form)}\r\nI-Twilio-Idempotency-Token: {token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._exchange(target, head.encode() + body)
        except TimeoutError:
            raise Failed("no answer within 15 seconds", connected=True) from None

    async def _exchange(self, target: Target, request: bytes) -> Answer:
        origin = f"{target.scheme}://{target.place}"
        idle = self._idle.setdefault(origin, [])
        while idle:
            connection = idle.pop()
            if connection.reader.at_eof() or connection.writer.is_closing():
                connection.writer.close()
                continue
            try:
                return await self._ask(connection, request, idle)
            except (OSError, asyncio.IncompleteReadError) as error:
                if getattr(error, "partial", b""):
                    raise Failed("the answer broke off", connected=True) from error
                # The other side closed a kept connection: ordinary, so once more on another one.
        connection = await _connect(target)
        try:
            return await self._ask(connection, request, idle)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Failed("the connection was closed without an answer", connected=True) from error

    async def _ask(self, connection: Connection, request: bytes, idle: list[Connection]) -> Answer:
        reader, writer = connection
        keep = False
        try:
            writer.write(request)
            answer, keep = await _read_answer(reader)
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise Failed("the answer is not HTTP", connected=True) from error
        finally:
            if keep:
                idle.append(connection)
            else:
                writer.close()
        return answer

    def close(self) -> None:
        """Close every kept connection."""
        for idle in self._idle.values():
            for _, writer in idle:
                writer.close()
        self._idle.clear()


@lru_cache(maxsize=64)
def _place(scheme: str, place: str) -> tuple[str, int, ssl.SSLContext | None]:
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit():
        host, port = place, "443" if scheme == "https" else "80"
    return host.strip("[]"), int(port), ssl.create_default_context() if scheme == "https" else None


async def _connect(target: Target) -> Connection:
    host, port, context = _place(target.scheme, target.place)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return Connection(*await asyncio.open_connection(host, port, ssl=context, limit=_BIGGEST_BODY))
    except (OSError, TimeoutError, ValueError) as error:
        raise Failed("cannot connect", connected=False) from error


async def _read_answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """Return the answer and whether the connection may be used again. Raises ValueError if it is not HTTP."""
    status = 100
    while status < 200:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(version)
        status = int(rest[:3])
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    keep = headers.get("connection", "").lower() != "close" and version != "HTTP/1.0"
    if status in (204, 304):
        body = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    elif "content-length" in headers:
        body = await reader.readexactly(min(int(headers["content-length"]), _BIGGEST_BODY))
    else:
        keep, body = False, await reader.read(_BIGGEST_BODY)
    return Answer(status, headers.get("content-type", ""), body.decode("utf-8", "replace")), keep


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        if len(body) + size > _BIGGEST_BODY:
            raise ValueError("too big")
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while (await reader.readline()).strip():
        pass
    return bytes(body)
