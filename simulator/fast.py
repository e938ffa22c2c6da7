"""Fast mode: a create that nothing is to go wrong with is answered from the socket, all else by the ordinary app.

One core then takes about five times as many creates, so that a measurement with several workers measures the workers.
A connection that sends anything but such a create is handed over to the ordinary application for good: same state,
same rules, same answers. So nothing is left out; other calls and creates under faults are merely not faster.
"""

import asyncio
import json
from binascii import a2b_qp
from collections.abc import Callable
from typing import NamedTuple, cast

from simulator.accounts import Account
from simulator.calls import Call
from simulator.carrier import Carrier
from simulator.validation import Refused, read_create

_LONGEST_HEAD = 16_384
_LONGEST_BODY = 100_000
_MOST_FIELDS = 200
_HEADS_KEPT = 2_000
_LEFT_TO_THE_APP = (b"transfer-encoding", b"expect", b"content-encoding", b"upgrade")
_FORM = b"application/x-www-form-urlencoded"
_JSON = b"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
_CREATED = b"HTTP/1.1 201 Created\r\n" + _JSON
_REFUSED = b"HTTP/1.1 %d Bad Request\r\n" + _JSON


class Head(NamedTuple):
    """What matters of a create's request line and headers."""

    account: Account
    length: int


class Desk:
    """What all connections of fast mode share. `ordinary` makes the handler of a connection that is handed over."""

    def __init__(self, carrier: Carrier, ordinary: Callable[[], asyncio.Protocol]) -> None:
        self.carrier = carrier
        self.ordinary = ordinary
        self.open: set[Connection] = set()
        self._heads: dict[bytes, Head] = {}  # a client's heads differ in little but their length
        self._version = -1

    def read_head(self, raw: bytes) -> Head | None:
        """Return what a head says, or None when it is for the ordinary application."""
        accounts = self.carrier.accounts
        if self._version != accounts.version or len(self._heads) > _HEADS_KEPT:
            self._heads.clear()
            self._version = accounts.version
        found = self._heads.get(raw)
        if found is None:
            found = _read_head(self.carrier, raw)
            if found is not None:
                self._heads[raw] = found
        return found

    def close(self) -> None:
        """Close the connections that were not handed over."""
        for connection in list(self.open):
            connection.close()


class Connection(asyncio.Protocol):
    """One kept connection: one create after the other, answered in order."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._carrier = desk.carrier
        self._transport: asyncio.Transport | None = None
        self._rest = b""  # what came and is not answered yet
        self._began_at = 0.0
        self._answering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._desk.open.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by the loop: the caller is gone, what was created stays."""
        self._desk.open.discard(self)
        self._transport = None
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None
            self._carrier.calls.open -= 1

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._rest:
            data = self._rest + data
        else:
            self._began_at = self._carrier.clock.now()
        if self._answering is None:
            self._serve(data)
        elif len(data) < _LONGEST_BODY:
            self._rest = data
        else:
            self.close()

    def _serve(self, data: bytes) -> None:
        """Answer all whole creates in what came; keep the rest, or hand it over."""
        self._rest = b""
        while data and self._transport is not None:
            if not self._carrier.faults.spare_creates:
                self._hand_over(data)
                return
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                if len(data) < _LONGEST_HEAD and data[:5] == b"POST "[: len(data)]:
                    self._rest = data
                else:
                    self._hand_over(data)
                return
            head = self._desk.read_head(data[:end])
            if head is None:
                self._hand_over(data)
                return
            after = end + head.length
            if len(data) < after:
                self._rest = data
                return
            answer = self._create(head.account, data[end:after])
            if answer is None:
                self._hand_over(data)
                return
            data = data[after:]
            if self._answer(answer):
                self._rest = data
                return

    def _create(self, account: Account, body: bytes) -> bytes | None:
        """Take a message or refuse it and return the answer; None when the body is for the ordinary application."""
        carrier = self._carrier
        try:
            form = _read_form(body)
        except ValueError:
            return None
        carrier.counters["creates"] += 1
        carrier.calls.begin()
        call = Call(self._began_at, "POST", account.path + "/Messages.json", form.get("To", ""), 201)
        carrier.calls.log.append(call)
        try:
            message = read_create(carrier, account, form)
        except Refused as refused:
            call.status = refused.refusal.status
            carrier.counters[f"refused_{refused.refusal.code}"] += 1
            text = json.dumps(refused.refusal.body()).encode()
            return _REFUSED % (refused.refusal.status, len(text), text)
        message.began_at = self._began_at
        carrier.accept(message)
        text = message.fresh().encode()
        return _CREATED % (len(text), text)

    def _answer(self, answer: bytes) -> bool:
        """Write now, or after the latency; True if it is still to be written."""
        delay = self._carrier.faults.latency_now()
        if delay > 0:
            self._answering = asyncio.get_running_loop().call_later(delay, self._late, answer)
            return True
        self._write(answer)
        return False

    def _late(self, answer: bytes) -> None:
        self._answering = None
        self._write(answer)
        if self._rest:
            self._serve(self._rest)

    def _write(self, answer: bytes) -> None:
        self._carrier.calls.open -= 1
        if self._transport is not None:
            self._transport.write(answer)

    def _hand_over(self, data: bytes) -> None:
        transport, self._transport = self._transport, None
        self._desk.open.discard(self)
        if transport is None:
            return
        handler = self._desk.ordinary()
        handler.connection_made(transport)
        transport.set_protocol(handler)
        handler.data_received(data)


def _read_head(carrier: Carrier, raw: bytes) -> Head | None:
    """Return what a head says if it is a plain create by someone who may, else None."""
    line, *lines = raw[:-4].split(b"\r\n")
    fields: dict[bytes, bytes] = {}
    for each in lines:
        name, colon, value = each.partition(b":")
        name = name.lower()
        if not colon or name in fields or name in _LEFT_TO_THE_APP:
            return None
        fields[name] = value.strip()
    account = carrier.accounts.authenticated(fields.get(b"authorization", b"").decode("latin-1"))
    if account is None or line != f"POST {account.path}/Messages.json HTTP/1.1".encode():
        return None
    if b"host" not in fields or fields.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    if fields.get(b"content-type", _FORM).partition(b";")[0].strip().lower() != _FORM:
        return None
    length = fields.get(b"content-length", b"")
    if not (length.isdigit() and len(length) < 8 and int(length) <= _LONGEST_BODY):
        return None
    return Head(account, int(length))


def _read_form(raw: bytes) -> dict[str, str]:
    """Return the form's fields, the first of each name. Raises ValueError for a form that is written unusually.

    What it accepts it reads as `urllib.parse.parse_qsl` does, in a third of the time.
    """
    raw = raw.replace(b"+", b" ")
    pairs = raw.split(b"&")
    if raw.count(b"=") != len(pairs) or len(pairs) > _MOST_FIELDS or not raw.isascii() or b"\n" in raw or b"\r" in raw:
        raise ValueError("not every field is written name=value")
    form: dict[str, str] = {}
    for pair in reversed(pairs):
        name, _, value = pair.partition(b"=")
        if b"%" in name:
            raise ValueError("an escape in a name")
        escapes = value.count(b"%")
        if escapes:
            # Quoted-printable is the same writing with another sign, and its reader is in C; it leaves alone what is
            # no escape, and then the value is longer than it should be.
            value, written = a2b_qp(value.replace(b"%", b"=")), len(value)
            if len(value) != written - 2 * escapes:
                raise ValueError("% without two digits")
        form[name.decode()] = value.decode()
    return form
