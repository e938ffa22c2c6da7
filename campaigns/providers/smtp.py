"""SMTP: hands ready mails over through connections that are kept (DOMAIN 2). It cannot be asked afterwards.

One recipient a mail. Up to the final dot nothing was taken; after it only an answer says whether it was.
"""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Collection
from datetime import datetime
from typing import Final, NoReturn

import aiosmtplib
from aiosmtplib import SMTP

from campaigns.providers.contract import Account, Found, NotSent, Outgoing, Refused, Security, Server
from campaigns.providers.smtp_codes import SOON, Stage, outcome
from campaigns.rules.outcomes import Failure
from campaigns.settings import Settings

_MAILS_PER_CONNECTION: Final = 100  # servers grow suspicious of longer ones
_CONNECT_SECONDS: Final = 10.0
_CANNOT_ASK_SECONDS: Final = 24 * 3600.0
_CLOSING: Final = 421
# Not the whole answer: it may repeat the address.
_QUEUED_AS: Final = re.compile(r"\b(?:queued as|id)[ =:]+([A-Za-z0-9-]{4,40})(?![\w@.])", re.IGNORECASE)


class _Line:
    """One connection, and how many mails went through it."""

    def __init__(self, smtp: SMTP) -> None:
        self.smtp, self.mails = smtp, 0


class Smtp:
    """One sender's connections to its mail server; as many as mails are sent at once, kept between them."""

    def __init__(self, account: Account, settings: Settings) -> None:
        if account.server is None:
            raise ValueError("a mail sender needs a server")
        self._account, self._server, self._seconds = account, account.server, settings.provider_timeout
        self._tls = None if account.server.security is Security.NONE else context(account.server)
        self._idle: list[_Line] = []

    async def send(self, message: Outgoing) -> str:
        """Hand a mail over; returns the name the server gave it, if any. Raises Refused, NotSent or Unclear."""
        line = self._idle.pop() if self._idle else await self._connect()
        stage = Stage.MAIL
        try:
            async with asyncio.timeout(self._seconds):
                await line.smtp.mail(message.return_path)
                stage = Stage.RCPT
                await line.smtp.rcpt(message.to)
                # The library says DATA and the mail in one step: which of the two was lost nobody can tell.
                stage = Stage.DOT
                answer = await line.smtp.data(message.content)
        except aiosmtplib.SMTPResponseException as refusal:
            await self._after_refusal(line, refusal.code)
            raise outcome(stage, refusal.code, refusal.message) from None
        except (aiosmtplib.SMTPException, TimeoutError, OSError, ValueError):
            line.smtp.close()
            raise outcome(stage, None) from None
        except BaseException:
            line.smtp.close()
            raise
        line.mails += 1
        await self._keep(line)
        return queued_as(answer.message)

    async def find(self, message: Outgoing, since: datetime, known: Collection[str] = ()) -> NoReturn:  # noqa: ARG002
        """Nobody can ask a mail server what became of a mail: raises NotSent."""
        raise NotSent(_CANNOT_ASK_SECONDS)

    async def look(self, ref: str) -> Found | None:  # noqa: ARG002
        """Nobody can ask: raises NotSent."""
        raise NotSent(_CANNOT_ASK_SECONDS)

    async def close(self) -> None:
        """Say goodbye on every connection. May be called twice."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_goodbye(line) for line in idle))

    async def _connect(self) -> _Line:
        if self._server.security is Security.NONE and not is_on_this_machine(self._server.host):
            raise Refused(Failure.NO_PRIVACY)
        smtp = SMTP(
            hostname=self._server.host,
            port=self._server.port,
            timeout=min(_CONNECT_SECONDS, self._seconds),
            use_tls=self._server.security is Security.TLS,
            start_tls=self._server.security is Security.STARTTLS,
            tls_context=self._tls,
        )
        stage = Stage.CONNECT
        try:
            await smtp.connect()
            if self._account.account:
                stage = Stage.AUTH
                await smtp.login(self._account.account, self._account.secret)
        except aiosmtplib.SMTPResponseException as refusal:
            smtp.close()
            raise outcome(stage, refusal.code, refusal.message) from None
        except (aiosmtplib.SMTPException, TimeoutError, OSError, ValueError) as error:
            # Also a server that offers no login: nothing left here.
            smtp.close()
            if _lacks_privacy(error):
                raise Refused(Failure.NO_PRIVACY) from None
            raise NotSent(SOON) from None
        return _Line(smtp)

    async def _after_refusal(self, line: _Line, code: int) -> None:
        if code == _CLOSING or not line.smtp.is_connected:
            line.smtp.close()
            return
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await line.smtp.rset()
        except (aiosmtplib.SMTPException, TimeoutError, OSError):
            line.smtp.close()
        else:
            self._idle.append(line)

    async def _keep(self, line: _Line) -> None:
        if not line.smtp.is_connected:
            line.smtp.close()
        elif line.mails >= _MAILS_PER_CONNECTION:
            await _goodbye(line)
        else:
            self._idle.append(line)


def _lacks_privacy(error: BaseException) -> bool:
    """Whether a line was not made because it could not be encrypted, or not to whom it should be."""
    trouble = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(trouble, ssl.SSLError):
        return not isinstance(trouble, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError))  # it hung up
    return isinstance(error, aiosmtplib.SMTPException) and "STARTTLS extension not supported" in str(error)


async def _goodbye(line: _Line) -> None:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await line.smtp.quit()
    except (aiosmtplib.SMTPException, TimeoutError, OSError):
        line.smtp.close()


def queued_as(answer: str) -> str:
    """The name a server gave the mail, if it said one; never an address."""
    named = _QUEUED_AS.search(answer[:500])
    return named[1] if named else ""


def is_on_this_machine(host: str) -> bool:
    """Whether mails to this host never leave the machine: the only case in which a line may be open to read."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def context(server: Server) -> ssl.SSLContext:
    """How the line to this server is encrypted, and how its certificate is judged."""
    context = ssl.create_default_context()
    if is_on_this_machine(server.host):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nobody certifies a loopback address
    return context
