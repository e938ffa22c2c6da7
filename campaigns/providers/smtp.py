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
from aiosmtplib import SMTP, SMTPResponseException
from aiosmtplib.protocol import normalize_message_line_endings

from campaigns.providers.contract import Account, Found, NotSent, Outgoing, Refused, Security, Server
from campaigns.providers.mime import ascii_address
from campaigns.providers.smtp_codes import SOON, Stage, outcome
from campaigns.rules.outcomes import Failure
from campaigns.settings import Settings

_MAILS_PER_CONNECTION: Final = 100  # servers grow suspicious of longer ones
_CONNECT_SECONDS: Final = 10.0
_CANNOT_ASK_SECONDS: Final = 24 * 3600.0
_CLOSING: Final = 421
_YES: Final = frozenset({250, 251})
_BEGIN: Final = 354
_TAKEN: Final = 250
_DOT_BEGINS: Final = re.compile(rb"(?m)^\.")
# Not the whole answer: it may repeat the address.
_QUEUED_AS: Final = re.compile(r"\b(?:queued as|id)[ =:]+([A-Za-z0-9-]{4,40})(?![\w@.])", re.IGNORECASE)


class _Line:
    """One connection, and how many mails went through it.

    Its steps are those of the library, without what it does for any mail and ours has done already: it reads through
    each mail twice for line ends and dots (100 us), takes addresses apart, and sets a clock for each answer.
    """

    def __init__(self, smtp: SMTP) -> None:
        self.smtp, self.mails = smtp, 0

    async def envelope(self, verb: bytes, address: str) -> None:
        """MAIL or RCPT. Raises SMTPResponseException for any answer but yes."""
        answer = await self.smtp.execute_command(verb + b"<" + address.encode("ascii") + b">", timeout=None)
        if answer.code not in _YES:
            raise SMTPResponseException(answer.code, answer.message)

    async def data(self) -> None:
        """Ask to begin the mail: nothing is taken yet. Raises SMTPResponseException for any answer but yes."""
        answer = await self.smtp.execute_command(b"DATA", timeout=None)
        if answer.code != _BEGIN:
            raise SMTPResponseException(answer.code, answer.message)

    async def content(self, content: bytes) -> str:
        """The mail and its final dot; the server's words. Raises SMTPResponseException for any answer but yes."""
        protocol = self.smtp.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("hung up")
        protocol.write(_dotted(content) + b".\r\n")
        answer = await protocol.read_response()
        if answer.code != _TAKEN:
            raise SMTPResponseException(answer.code, answer.message)
        return str(answer.message)


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
        to = ascii_address(message.to)
        line = self._idle.pop() if self._idle else await self._connect()
        stage = Stage.MAIL
        try:
            async with asyncio.timeout(self._seconds):
                await line.envelope(b"MAIL FROM:", message.return_path)
                stage = Stage.RCPT
                await line.envelope(b"RCPT TO:", to)
                stage = Stage.DATA
                await line.data()
                stage = Stage.DOT
                answer = await line.content(message.content)
        except SMTPResponseException as refusal:
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
        return queued_as(answer)

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
            await _greet(smtp)
            if self._account.account:
                stage = Stage.AUTH
                await smtp.login(self._account.account, self._account.secret)
        except SMTPResponseException as refusal:
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


async def _greet(smtp: SMTP) -> None:
    if smtp.is_ehlo_or_helo_needed:
        try:
            await smtp.ehlo()
        except aiosmtplib.SMTPHeloError:
            await smtp.helo()


def _dotted(content: bytes) -> bytes:
    """The mail as it goes over the line: no line of it can be taken for its end (RFC 5321, 4.5.2).

    Ours have CRLF line ends and no line that begins with a dot: that is looked at, not believed.
    """
    if b"\n." in content or b"\r." in content or content[:1] == b"." or not content.endswith(b"\r\n"):
        return _DOT_BEGINS.sub(b"..", normalize_message_line_endings(content))
    return content


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
