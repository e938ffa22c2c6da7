"""The server: aiosmtpd speaks the protocol, within limits that no stranger can use up for the others."""

import asyncio
import logging
import ssl
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final, cast
from urllib.parse import urlsplit

import structlog
from aiosmtpd.smtp import SMTP

from campaigns.settings import Settings
from outreach.mailin.desk import Desk

log = structlog.get_logger(__name__)

LARGEST: Final = 2 * 1024 * 1024  # bytes; reports return at most a mail of ours
_MOST_CONNECTIONS: Final = 200
_MOST_FROM_ONE: Final = 50  # address: more than any server opens to deliver to one domain, also one that is before us
_SILENT_SECONDS: Final = 120.0  # between two commands, and for the whole of one mail
_LONGEST_SECONDS: Final = 1800.0  # of a connection, however busy it is
_COMMANDS: Final = {"*": 100, "MAIL": 1000, "RCPT": 5000, "DATA": 1000, "RSET": 1000, "NOOP": 1000}
_IDENT: Final = "ESMTP"  # nobody needs to know by which program or version
# It speaks of what strangers do wrong, with their addresses; they are told it themselves.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class Conversation(SMTP):
    """One connection."""

    # Some servers return HTML in lines longer than mail allows; better a long line than a bounce that is lost.
    line_length_limit = 100_000

    def __init__(self, server: "MailServer") -> None:
        super().__init__(
            server.desk,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=server.name,
            ident=_IDENT,
            tls_context=server.tls,
            timeout=_SILENT_SECONDS,
            command_call_limit=_COMMANDS,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],  # there is nobody to sign in
            loop=asyncio.get_running_loop(),
        )
        self._server = server
        self._end: asyncio.TimerHandle | None = None
        self.stranger = ""
        self._has_room = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop, and again once TLS is on."""
        if self not in self._server.open:
            # Here, in the order they came: many at once must not all be told that there are too many.
            self.stranger = _network(transport.get_extra_info("peername"))
            self._has_room = self._server.has_room(self.stranger)
        self._server.open.add(self)
        if self._end is None:
            self._end = self.loop.call_later(_LONGEST_SECONDS, self.abort)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        self._server.open.discard(self)
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(error)

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            cast("asyncio.Transport", self.transport).abort()

    async def handle_exception(self, error: Exception) -> str:
        """aiosmtpd's; it would go on reading, for ever, from somebody who hung up."""
        if isinstance(error, asyncio.IncompleteReadError):
            self.abort()
            return "421 4.4.2 Nobody there"
        return str(await super().handle_exception(error))

    async def smtp_VRFY(self, _arg: str) -> None:  # noqa: N802 - aiosmtpd's names
        """The same words for every address: nobody finds out here who has one."""
        await self.push("252 2.5.0 Send some mail, it will be tried")

    async def _handle_client(self) -> None:
        if not self._has_room:
            await self.push("421 4.3.2 Too many connections, try again later")
            self._writer.close()
            return
        try:
            await super()._handle_client()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.abort()


class MailServer:
    """Listens, and knows its connections. Lives on one event loop."""

    def __init__(self, desk: Desk, *, name: str, tls: ssl.SSLContext | None = None) -> None:
        self.desk, self.name, self.tls = desk, name, tls
        self.open: set[Conversation] = set()
        self._listening: asyncio.Server | None = None

    def has_room(self, stranger: str) -> bool:
        """Whether one more may talk to us from there."""
        from_there = sum(one.stranger == stranger for one in self.open)
        return len(self.open) < _MOST_CONNECTIONS and from_there < _MOST_FROM_ONE

    async def listen(self, host: str, port: int) -> int:
        """Listen and return the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_tell)
        self._listening = await loop.create_server(lambda: Conversation(self), host, port, backlog=256)
        return int(self._listening.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more, cut what is open; what is being taken in is taken in, but not answered any more."""
        if self._listening is not None:
            self._listening.close()
        for conversation in list(self.open):
            conversation.abort()
        await asyncio.to_thread(self.desk.close)


def name_of(settings: Settings) -> str:
    """The host name the server greets with."""
    return urlsplit(settings.base_url).hostname or "localhost"


def _network(peer: tuple[str, int] | None) -> str:
    """Where a connection comes from: the address, or what one customer has of IPv6."""
    address = ip_address(peer[0].partition("%")[0]) if peer else None
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)


def _tell(_loop: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
    # Handshakes that fail and connections that break off: strangers' doing, never a traceback.
    fault = about.get("exception")
    log.warning("connection broke", kind=type(fault).__name__ if fault else "unknown")
