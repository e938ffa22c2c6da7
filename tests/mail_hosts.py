"""Mail servers of a test's own on loopback, certificates of a test's own authority, and ports that misbehave."""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates; `file` is what a client trusts."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key, self._number = folder, ec.generate_private_key(ec.SECP256R1()), 0
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A test's authority")])
        now = datetime.now(UTC)
        certificate = self._signed(self._name, self._key, [], (now - timedelta(400), now + timedelta(400)), self._key)
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str, days: int = 90, since: int = -300, is_self_signed: bool = False) -> ssl.SSLContext:
        """A server's side with a certificate for these names, valid from `since` to `days` from now."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        during = (now + timedelta(since), now + timedelta(days, minutes=5))
        certificate = self._signed(name, key, list(names), during, key if is_self_signed else self._key)
        self._number += 1
        path = self._folder / f"{self._number}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: list[str],
        during: tuple[datetime, datetime],
        by: ec.EllipticCurvePrivateKey,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if by is key else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(during[0])
            .not_valid_after(during[1])
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
        return builder.sign(by, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, handler: object = None, *, at_once: bool = False, **options: Any
) -> Iterator[int]:
    """Runs aiosmtpd; gives its port. With `at_once` TLS is spoken from the first byte, else after STARTTLS."""
    loop = asyncio.new_event_loop()
    open_lines: list[SMTP] = []

    def answer() -> SMTP:
        smtp = SMTP(
            handler or object(), hostname="mail.test", loop=loop, tls_context=None if at_once else tls, **options
        )
        open_lines.append(smtp)
        return smtp

    async def start() -> asyncio.Server:
        return await loop.create_server(answer, "127.0.0.1", 0, ssl=tls if at_once else None)

    async def stop() -> None:
        server.close()
        for smtp in open_lines:
            if smtp.transport is not None:
                smtp.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@contextmanager
def port_that(behaves: Callable[[socket.socket], None]) -> Iterator[int]:
    """A listening port whose connections are handed to `behaves`, then closed."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            with line:
                line.settimeout(5)
                try:
                    behaves(line)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
