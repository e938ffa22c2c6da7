"""The mail server: aiosmtpd speaks the protocol, the post office decides what happens at each stage."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from aiosmtpd import smtp

from simulator.mail.faults import AFTER, MailFault
from simulator.mail.office import PostOffice, Transaction
from simulator.mail.policy import BIGGEST_MAIL, GREETING, Policy

HANG_SECONDS = 120.0
logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # what clients do wrong is told to them, not to us


class _Desk:
    """What aiosmtpd calls for each command. Returns the line that is answered."""

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's names
        self, server: "Conversation", session: smtp.Session, _envelope: smtp.Envelope, hostname: str, _given: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return server.policy.features(tls_active=session.ssl is not None)

    async def handle_MAIL(  # noqa: N802
        self, server: "Conversation", session: smtp.Session, envelope: smtp.Envelope, address: str, options: list[str]
    ) -> str:
        sender = "" if address == "<>" else address
        if server.policy.user and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if not _writable(sender, envelope):
            return "553 5.6.7 Non-ASCII address without SMTPUTF8"
        if refusal := await server.meet(server.office.at_mail(sender, server.taken)):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        server.transaction = Transaction(sender, server.office.clock.now())
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: "Conversation", _session: smtp.Session, envelope: smtp.Envelope, address: str, options: list[str]
    ) -> str:
        if "@" not in address or not _writable(address, envelope):
            return "553 5.1.3 Bad recipient address syntax"
        if refusal := await server.meet(server.office.at_recipient(server.transaction.sender, address)):
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        server.transaction.recipients.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: "Conversation", session: smtp.Session, envelope: smtp.Envelope
    ) -> str:
        office, transaction = server.office, server.transaction
        fault = office.at_end(transaction)
        if fault is not None and fault.kind not in AFTER:
            return await server.meet(fault) or ""
        mail = office.keep(transaction, cast("bytes", envelope.content), tls=session.ssl is not None)
        server.taken += 1
        if fault is not None:
            await server.meet(fault)
        delay = office.faults.between(office.faults.latency)
        if delay:
            await asyncio.sleep(delay)
        mail.answer = f"250 2.0.0 OK: queued as {mail.id}"
        return mail.answer


class Conversation(smtp.SMTP):
    """One connection. `left` is called when it ends."""

    def __init__(
        self, office: PostOffice, policy: Policy, left: Callable[["Conversation"], None], *, taken: int = 0
    ) -> None:
        super().__init__(
            _Desk(),
            data_size_limit=BIGGEST_MAIL,
            enable_SMTPUTF8=True,
            tls_context=policy.tls,
            require_starttls=policy.tls_required,
            auth_require_tls=policy.tls_required,
            authenticator=self._check_password,
            loop=asyncio.get_running_loop(),
        )
        self.office, self.policy, self._left = office, policy, left
        self.taken = taken
        self.transaction = Transaction("", 0.0)
        self._taken_over = False
        self._ended = False

    def take_over(self, transport: asyncio.Transport, state: tuple[bool, Transaction | None], rest: bytes) -> None:
        """Go on with a connection that was greeted, and counted, elsewhere; `state`: EHLO came, and the open mail."""
        greeted, transaction = state
        self._taken_over = True
        self.connection_made(transport)
        if greeted and self.session is not None:
            self.session.host_name = "known"
            self.session.extended_smtp = True
        if transaction is not None and self.envelope is not None:
            self.transaction = transaction
            self.envelope.mail_from = transaction.sender or "<>"
            self.envelope.rcpt_tos.extend(transaction.recipients)
        transport.set_protocol(self)
        self.data_received(rest)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop, and again once TLS is on."""
        if self.transport is None and not self._taken_over:
            self.office.connect()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        super().connection_lost(error)
        if not self._ended:
            self._ended = True
            self.office.disconnect()
            self._left(self)

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            cast("asyncio.Transport", self.transport).abort()

    async def meet(self, fault: MailFault | None) -> str | None:
        """Return the line of a refusal, None to go on as usual; does not return when there is no answer."""
        if fault is None:
            delay = self.office.faults.between(self.office.faults.command_latency)
            if delay:
                await asyncio.sleep(delay)
            return None
        if fault.kind == "refuse":
            return fault.line()
        if fault.kind.startswith("hang"):
            await asyncio.sleep(HANG_SECONDS)
        self.abort()
        await asyncio.Event().wait()  # until the end of the connection cancels this
        return None

    async def push(self, status: str | bytes) -> None:
        """Write a line; a 421 is the last one."""
        if self._taken_over and status == f"220 {self.hostname} {self.__ident__}":
            self._taken_over = False
            return
        await super().push(status)
        start = status if isinstance(status, bytes) else status.encode()
        if start.startswith(b"421") and self.transport is not None:
            self.transport.close()

    async def _handle_client(self) -> None:
        self.hostname, self.__ident__ = GREETING.removeprefix("220 ").split(" ", 1)
        try:
            if not self._taken_over and (refusal := await self.meet(self.office.at_connect())):
                await self.push(refusal)
                if self.transport is not None:
                    self.transport.close()
                return
            await super()._handle_client()
        except ConnectionError:
            self.abort()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        """EHLO, unless something happens."""
        if not await self._refused("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        """HELO, the way out of a client whose EHLO was refused: what meets one meets the other."""
        if not await self._refused("ehlo"):
            await super().smtp_HELO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """STARTTLS, unless something happens."""
        if not await self._refused("starttls"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """AUTH, unless something happens."""
        if not await self._refused("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """DATA, unless something happens to the command itself."""
        ready = self.envelope is not None and self.envelope.rcpt_tos
        if ready and (refusal := await self.meet(self.office.at_data(self.transaction))):
            await self.push(refusal)
            return
        await super().smtp_DATA(arg)

    async def _refused(self, stage: str) -> bool:
        refusal = await self.meet(self.office.at_command(stage))
        if refusal:
            await self.push(refusal)
        return bool(refusal)

    def _check_password(
        self, _server: smtp.SMTP, _session: smtp.Session, _envelope: smtp.Envelope, _mechanism: str, given: object
    ) -> smtp.AuthResult:
        if isinstance(given, smtp.LoginPassword) and self.policy.user and self.policy.knows(*given):
            return smtp.AuthResult(success=True, auth_data=given)
        return smtp.AuthResult(success=False, handled=False)


def _writable(address: str, envelope: smtp.Envelope) -> bool:
    return address.isascii() or (envelope.smtp_utf8 and not any(0xDC80 <= ord(each) <= 0xDCFF for each in address))


class MailServer:
    """Listens, and knows its connections."""

    def __init__(self, office: PostOffice, policy: Policy) -> None:
        self.office, self.policy = office, policy
        self.open: set[Conversation] = set()
        self._listening: asyncio.Server | None = None

    def conversation(self, taken: int = 0) -> Conversation:
        """Return the protocol of a new connection, or of one that gave `taken` mails elsewhere."""
        made = Conversation(self.office, self.policy, self.open.discard, taken=taken)
        self.open.add(made)
        return made

    async def listen(self, host: str, port: int, factory: Callable[[], asyncio.Protocol] | None = None) -> int:
        """Listen and return the port; `factory` makes other first protocols. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(factory or self.conversation, host, port, backlog=1024)
        return int(self._listening.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more and cut what is open."""
        if self._listening is not None:
            self._listening.close()
        for conversation in list(self.open):
            conversation.abort()
        await asyncio.sleep(0)
