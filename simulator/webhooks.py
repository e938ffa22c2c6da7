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
_BIGGEST_BODY = 1_000_000
_ALL = frozenset({"ct", "rt", "4xx", "5xx"})


class Failed(Exception):
    """No usable answer came: `ct`, no connection was made, or `rt`, it was and the request may have been read."""

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Patience(NamedTuple):
    """What may stand behind the `#` of an address (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).

    By default one retry, and only when no connection could be made.
    """

    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0
    retries: int = 1
    retry_on: frozenset[str] = frozenset({"ct"})


class Target(NamedTuple):
    """Where a POST goes: the address as it is signed, and how long and how often it is tried."""

    url: str
    scheme: str
    place: str
    path: str
    patience: Patience

    def repeats(self, outcome: "Answer | Failed") -> bool:
        """Is a POST with this outcome to be sent again, as long as there are retries left?"""
        kind = outcome.kind if isinstance(outcome, Failed) else f"{outcome.status // 100}xx"
        return kind in self.patience.retry_on


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
    url = f"{scheme}://{place}{path}"
    return Target(url, scheme, place, path if path[:1] == "/" else "/" + path, _read_patience(settings or ""))


def _read_patience(settings: str) -> Patience:
    """Read `ct=2000&rt=..&tt=..&rc=2&rp=ct,5xx`; what makes no sense there is as if it were not."""
    given = dict(pair.partition("=")[::2] for pair in settings.split("&"))
    usual = Patience()

    def seconds(name: str, most_ms: int, otherwise: float) -> float:
        value = given.get(name, "")
        fits = value.isascii() and value.isdecimal() and len(value) < 6 and 100 <= int(value) <= most_ms
        return int(value) / 1000 if fits else otherwise

    retries = given.get("rc", "")
    wanted = frozenset(given.get("rp", "").split(","))
    return Patience(
        seconds("ct", 10_000, usual.connect),
        seconds("rt", 15_000, usual.read),
        seconds("tt", 15_000, usual.total),
        int(retries) if retries in {"0", "1", "2", "3", "4", "5"} else usual.retries,
        _ALL if "all" in wanted else wanted & _ALL or usual.retry_on,
    )


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
            async with asyncio.timeout(target.patience.total):
                return await self._exchange(target, head.encode() + body)
        except TimeoutError:
            raise Failed(f"no answer within {target.patience.total:g} seconds", "rt") from None

    async def _exchange(self, target: Target, request: bytes) -> Answer:
        origin = f"{target.scheme}://{target.place}"
        idle = self._idle.setdefault(origin, [])
        while idle:
            connection = idle.pop()
            if connection.reader.at_eof() or connection.writer.is_closing():
                connection.writer.close()
                continue
            try:
                return await self._ask(connection, request, idle, target.patience.read)
            except (OSError, asyncio.IncompleteReadError) as error:
                if getattr(error, "partial", b""):
                    raise Failed("the answer broke off", "rt") from error
                # The other side closed a kept connection: ordinary, so once more on another one.
        connection = await _connect(target)
        try:
            return await self._ask(connection, request, idle, target.patience.read)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Failed("the connection was closed without an answer", "rt") from error

    async def _ask(self, connection: Connection, request: bytes, idle: list[Connection], seconds: float) -> Answer:
        reader, writer = connection
        keep = False
        try:
            writer.write(request)
            async with asyncio.timeout(seconds):
                answer, keep = await _read_answer(reader)
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise Failed("the answer is not HTTP", "rt") from error
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
        async with asyncio.timeout(target.patience.connect):
            return Connection(*await asyncio.open_connection(host, port, ssl=context, limit=_BIGGEST_BODY))
    except (OSError, TimeoutError, ValueError) as error:
        raise Failed("cannot connect", "ct") from error


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
