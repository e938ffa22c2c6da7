"""Asks a mail server whether it can be reached in private and takes a login, without sending anything."""

import asyncio
import ssl
from typing import Final

import aiosmtplib
from aiosmtplib import SMTP

from campaigns.providers.contract import Account, NotSent, Security, Server
from campaigns.providers.smtp import context, is_on_this_machine
from campaigns.rules.outcomes import Failure
from campaigns.settings import Settings

_SECONDS: Final = 10.0  # somebody waits in front of a page


async def check(account: Account, settings: Settings) -> Failure | None:
    """What is wrong with the server's encryption or the login; None if all is right.

    Raises NotSent when no mail server answers within ten seconds, or when it cannot say now.
    """
    server = account.server
    if server is None:
        raise ValueError("a mail sender needs a server")
    if server.security is Security.NONE and not is_on_this_machine(server.host):
        return Failure.NO_PRIVACY
    seconds = min(_SECONDS, settings.provider_timeout)
    smtp = SMTP(
        hostname=server.host,
        port=server.port,
        timeout=seconds,
        use_tls=server.security is Security.TLS,
        start_tls=False,
        tls_context=context(server),
    )
    try:
        async with asyncio.timeout(seconds):
            return await _ask(smtp, account, server)
    except (aiosmtplib.SMTPException, TimeoutError, OSError, ValueError):
        raise NotSent(seconds) from None
    finally:
        smtp.close()


async def _ask(smtp: SMTP, account: Account, server: Server) -> Failure | None:
    if not await _is_private(smtp, server):
        return Failure.NO_PRIVACY
    if account.account:
        if not smtp.supports_extension("auth"):
            return Failure.CREDENTIALS
        try:
            await smtp.login(account.account, account.secret)
        except aiosmtplib.SMTPAuthenticationError as refusal:
            if refusal.code < 500:
                raise
            return Failure.CREDENTIALS
    await smtp.noop()
    await smtp.quit()
    return None


async def _is_private(smtp: SMTP, server: Server) -> bool:
    """Connect; False where the encryption that is asked for is not there or does not convince."""
    try:
        await smtp.connect()
        await smtp.ehlo()
        if server.security is Security.STARTTLS:
            if not smtp.supports_extension("starttls"):
                return False
            await smtp.starttls(tls_context=context(server))
            await smtp.ehlo()
    except ssl.SSLError:
        return False
    except aiosmtplib.SMTPConnectError as error:
        if isinstance(error.__cause__, ssl.SSLError):
            return False
        raise
    return True
