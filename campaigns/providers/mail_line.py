"""Looks at a mail server from outside: its line and certificate, and whom it takes mail for. No mail is ever sent."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Final

import aiosmtplib
from aiosmtplib import SMTP
from cryptography import x509

from campaigns.providers.contract import Security, Server
from campaigns.rules.tls_check import Doubt, Fault, Line, Taking

_DOUBTS: Final = {
    9: Doubt.NOT_YET,
    10: Doubt.EXPIRED,
    18: Doubt.SELF_SIGNED,
    19: Doubt.UNTRUSTED,
    20: Doubt.UNTRUSTED,
    62: Doubt.OTHER_NAME,
    64: Doubt.OTHER_NAME,
}
_LONGEST_SAYING: Final = 200
_MOST_NAMES: Final = 10
_SHUT = (ConnectionRefusedError, ConnectionResetError, ConnectionAbortedError)


class _NoLine(Exception):
    def __init__(self, fault: Fault, said: object = "") -> None:
        super().__init__(fault)
        self.fault, self.said = fault, str(said)[:_LONGEST_SAYING]


async def look(server: Server, addresses: Sequence[str], me: str, seconds: float) -> Line:
    """What is seen on a connection to the server at one of its addresses; `me` is the name to greet with.

    Takes up to twice as many seconds: a certificate that does not convince is fetched once more, to say why.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _look(server, addresses, me, seconds, ssl.create_default_context())
    except ssl.SSLCertVerificationError as failed:
        doubt, said = _DOUBTS.get(failed.verify_code, Doubt.UNTRUSTED), failed.verify_message
    except TimeoutError:
        return Line(Fault.SILENT)
    except _NoLine as none:
        return Line(none.fault, none.said)
    anything = ssl.create_default_context()
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(seconds):
            seen = await _look(server, addresses, me, seconds, anything)
    except (TimeoutError, _NoLine):
        return Line(None, said, is_private=True, doubt=doubt)
    return Line(None, said, True, seen.version, doubt, seen.names, seen.expires_at)


async def probe(server: Server, addresses: Sequence[str], me: str, boxes: tuple[str, str], seconds: float) -> Taking:
    """Ask a receiver whether it takes mail from nobody for the first box, and for the second; then hang up."""
    smtp = None
    try:
        async with asyncio.timeout(seconds):
            smtp = await _connect(server, addresses, me, seconds, None)
            codes, said = [], ""
            for box in boxes:
                await smtp.mail("")
                try:
                    codes.append((await smtp.rcpt(box)).code)
                except aiosmtplib.SMTPResponseException as refusal:
                    codes.append(refusal.code)
                    said = said or str(refusal.message)[:_LONGEST_SAYING]
                await smtp.rset()
            return Taking(None, said, *codes)
    except TimeoutError:
        return Taking(Fault.SILENT)
    except _NoLine as none:
        return Taking(none.fault, none.said)
    except aiosmtplib.SMTPResponseException as refusal:
        unwilling = _refused(refusal)
        return Taking(unwilling.fault, unwilling.said)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return Taking(Fault.NO_SMTP, str(error)[:_LONGEST_SAYING])
    finally:
        await _hang_up(smtp)


async def _look(server: Server, addresses: Sequence[str], me: str, seconds: float, tls: ssl.SSLContext) -> Line:
    smtp = None
    try:
        smtp = await _connect(server, addresses, me, seconds, tls)
        if server.security is Security.STARTTLS:
            if not smtp.supports_extension("starttls"):
                raise _NoLine(Fault.NO_TLS)
            await smtp.starttls(tls_context=tls, timeout=seconds)
        return _seen(smtp)
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise _NoLine(Fault.HANDSHAKE, error.reason or error) from None
    except aiosmtplib.SMTPTimeoutError:
        raise TimeoutError from None
    except aiosmtplib.SMTPResponseException as refusal:
        raise _refused(refusal) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _NoLine(Fault.HANDSHAKE if server.security is Security.TLS else Fault.NO_SMTP, error) from None
    finally:
        await _hang_up(smtp)


async def _connect(
    server: Server, addresses: Sequence[str], me: str, seconds: float, tls: ssl.SSLContext | None
) -> SMTP:
    """A conversation after its greeting and EHLO, on TLS from the first byte where the server wants that."""
    opened = await _open(addresses, server.port, seconds)
    smtp = SMTP(
        hostname=server.host,
        sock=opened,
        timeout=seconds,
        use_tls=server.security is Security.TLS,
        start_tls=False,
        tls_context=tls,
        local_hostname=me,
    )
    try:
        await smtp.connect()
        await smtp.ehlo()
    except aiosmtplib.SMTPConnectTimeoutError:
        opened.close()
        raise TimeoutError from None
    except aiosmtplib.SMTPConnectError as error:
        opened.close()
        if isinstance(error.__cause__, ssl.SSLError):
            raise error.__cause__ from None
        raise
    except BaseException:
        smtp.close()
        opened.close()
        raise
    return smtp


async def _open(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """A connection to the first address that takes one."""
    fault = _NoLine(Fault.NO_ADDRESS)
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setblocking(False)
        try:
            async with asyncio.timeout(seconds / len(addresses)):
                await asyncio.get_running_loop().sock_connect(opened, (address, port))
        except TimeoutError:
            fault = _NoLine(Fault.SILENT)
        except OSError as error:
            fault = _NoLine(Fault.REFUSED if isinstance(error, _SHUT) else Fault.SILENT, error.strerror or "")
        else:
            return opened
        opened.close()
    raise fault


def _refused(refusal: aiosmtplib.SMTPResponseException) -> _NoLine:
    said = " ".join(refusal.message.split())
    if refusal.code < 0:  # the library's way to say that no reply could be read
        return _NoLine(Fault.NO_SMTP, said)
    return _NoLine(Fault.NOT_NOW, f"{refusal.code} {said}")


def _seen(smtp: SMTP) -> Line:
    tls = smtp.get_transport_info("ssl_object")
    if tls is None:
        return Line()
    version = tls.version() or ""
    try:
        certificate = x509.load_der_x509_certificate(tls.getpeercert(True))
        expires_at = certificate.not_valid_after_utc
    except (ValueError, TypeError):
        return Line(is_private=True, version=version)
    return Line(is_private=True, version=version, names=_names(certificate), expires_at=expires_at)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return (*names.get_values_for_type(x509.DNSName), *addresses)[:_MOST_NAMES]


async def _hang_up(smtp: SMTP | None) -> None:
    if smtp is None:
        return
    try:
        async with asyncio.timeout(1.0):
            if smtp.is_connected:
                await smtp.quit()
    except (aiosmtplib.SMTPException, TimeoutError, OSError):
        pass
    finally:
        smtp.close()
