"""Says what a sending domain lacks so that its mails arrive, are believed and come back (DOMAIN 2).

Only asks: nothing is written, and no mail is sent.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from campaigns import links
from campaigns.providers import mail_line
from campaigns.providers.contract import Security, Server
from campaigns.providers.resolver import Resolver
from campaigns.providers.smtp import is_on_this_machine
from campaigns.rules import dkim_check, dmarc_check, mail_routes, spf_check, tls_check
from campaigns.rules.channels import Channel
from campaigns.rules.lookups import Asking, Kind, Question, Unanswered, addresses_of, read_domain, read_mx
from campaigns.rules.mail_findings import Finding, Level, Record, Topic, unclear
from campaigns.settings import Settings
from campaigns.store import agencies as store
from campaigns.store.agencies import Sender
from campaigns.vault import Unsealable, Vault

__all__ = ["Finding", "Level", "Record", "Security", "Sending", "Server", "Topic", "check", "of_senders"]

_TOPIC_SECONDS: Final = 30.0  # for all look-ups of one topic together
_LINE_SECONDS: Final = 10.0
_LOCAL: Final = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Sending:
    """How mails are sent with a domain in From. All domains are small letters, ASCII (rules.lookups.read_domain)."""

    domain: str
    bounce_domain: str  # of the return path
    dkim_domain: str
    selector: str = ""
    private_key: str = field(default="", repr=False)  # PEM
    server: Server | None = None
    addresses: tuple[str, ...] = ()  # mails are seen to come from these; empty: the server's own
    receiver: str = ""  # host of `outreach mailin`, for the record to publish
    probe_port: int | None = None  # ask the receiver of bounces there whom it takes mail for


def of_senders(session: Session, vault: Vault, agency_id: int) -> dict[int, Sending]:
    """How each of the agency's mail senders sends, by its id, oldest first.

    Raises ValueError with a sentence where a sender's key does not open with this installation's sealing keys.
    """
    return {
        sender.id: _of(sender, vault)
        for sender in store.senders(session, agency_id)
        if sender.channel == Channel.EMAIL and sender.host and sender.port and sender.security
    }


def _of(sender: Sender, vault: Vault) -> Sending:
    domain = read_domain(sender.address.rpartition("@")[2]) or ""
    try:
        key = vault.open(sender.dkim_key_sealed, sender.agency_id) if sender.dkim_key_sealed else ""
    except Unsealable:
        raise ValueError(f"The private key of sender {sender.id} does not open with OUTREACH_SEAL_KEYS") from None
    return Sending(
        domain=domain,
        bounce_domain=sender.bounce_domain or domain,
        dkim_domain=domain,
        selector=sender.dkim_selector or "",
        private_key=key,
        server=Server(sender.host or "", sender.port or 0, Security(sender.security or "")),
    )


async def check(sending: Sending, settings: Settings, now: datetime) -> list[Finding]:
    """What was found, topic by topic; takes a minute at the very worst. A topic nobody answers about is unclear.

    Raises ValueError with a sentence for a private key that cannot be read, and where this machine names no resolver.
    """
    ours = dkim_check.public_half(sending.private_key) if sending.private_key else None
    resolver = Resolver(settings.resolver)
    try:
        at = await _addresses(sending.server.host, resolver, settings) if sending.server else ()
        leaving = sending.addresses or tuple(address for address in at if mail_routes.is_public(address))
        signed = sending.dkim_domain if sending.selector else ""
        receiver = sending.receiver or f"mail.{sending.domain}"
        bounces = mail_routes.check_mail_hosts(Topic.RETURN_PATH, sending.bounce_domain, receiver)
        replies = mail_routes.check_mail_hosts(Topic.REPLIES, sending.domain, receiver)
        found = await asyncio.gather(
            _topic(resolver, Topic.SPF, spf_check.check(sending.bounce_domain, leaving)),
            _topic(resolver, Topic.DKIM, dkim_check.check(sending.dkim_domain, sending.selector, ours)),
            _topic(resolver, Topic.DMARC, dmarc_check.check(sending.domain, sending.bounce_domain, signed)),
            _names(resolver, leaving, sending),
            _tls(resolver, sending, at, now),
            _topic(resolver, Topic.RETURN_PATH, bounces),
            _probe(resolver, sending, settings),
            _topic(resolver, Topic.REPLIES, replies),
        )
    finally:
        await resolver.close()
    return [finding for topic in found for finding in topic]


async def _topic(resolver: Resolver, topic: Topic, asking: Asking[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_TOPIC_SECONDS):
            return await resolver.drive(asking)
    except Unanswered as unanswered:
        return [_unanswered(topic, unanswered, resolver)]
    except TimeoutError:
        return [unclear(topic, "dns_slow", seconds=round(_TOPIC_SECONDS), resolver=resolver.name)]


def _unanswered(topic: Topic, unanswered: Unanswered, resolver: Resolver) -> Finding:
    asked = unanswered.question
    return unclear(topic, f"dns_{unanswered.why}", name=asked.name, kind=asked.kind, resolver=resolver.name)


async def _names(resolver: Resolver, leaving: tuple[str, ...], sending: Sending) -> list[Finding]:
    if not leaving:
        return [unclear(Topic.PTR, "ptr_no_address")]
    host = sending.server.host if sending.server and not _is_address(sending.server.host) else ""
    host = host if "." in host else f"mail.{sending.domain}"
    each = [_topic(resolver, Topic.PTR, mail_routes.check_names(address, host)) for address in leaving]
    return [finding for found in await asyncio.gather(*each) for finding in found]


async def _tls(resolver: Resolver, sending: Sending, at: tuple[str, ...], now: datetime) -> list[Finding]:
    server = sending.server
    if server is None:
        return [unclear(Topic.TLS, "tls_no_server")]
    if not at:
        try:
            await resolver.drive(addresses_of(server.host))  # was asked before: this only tells silence from nothing
        except Unanswered as unanswered:
            return [_unanswered(Topic.TLS, unanswered, resolver)]
    line = await mail_line.look(server, at, sending.domain, _LINE_SECONDS)
    return tls_check.check(line, server.host, server.port, is_here=is_on_this_machine(server.host), now=now)


async def _probe(resolver: Resolver, sending: Sending, settings: Settings) -> list[Finding]:
    """Asks the first host that takes the bounce domain's mail; a domain without one was told of before."""
    if sending.probe_port is None:
        return []
    try:
        async with asyncio.timeout(_TOPIC_SECONDS):
            hosts = read_mx(await resolver.ask(Question(sending.bounce_domain, Kind.MX)))
            host = next(filter(None, hosts), "")
            at = await resolver.drive(addresses_of(host)) if host else ()
    except (Unanswered, TimeoutError):
        return []
    if not at:
        return []
    # No delivery has these numbers, so that nothing can come of it.
    ours = links.Signer(settings.secret_key).make_return_path(links.Sent(0, 0, 0, 0))
    boxes = (f"{ours}@{sending.bounce_domain}", f"b-{'a' * (len(ours) - 2)}@{sending.bounce_domain}")
    server = Server(host, sending.probe_port, Security.NONE)
    taking = await mail_line.probe(server, at, sending.domain, boxes, _LINE_SECONDS)
    return tls_check.check_taking(taking, host, sending.probe_port)


async def _addresses(host: str, resolver: Resolver, settings: Settings) -> tuple[str, ...]:
    """Of the mail server; this machine's own list of hosts counts too, unless a resolver was chosen."""
    if _is_address(host):
        return (host,)
    if host == "localhost":
        return _LOCAL
    try:
        found = await resolver.drive(addresses_of(host))
    except Unanswered:
        found = ()
    if found or settings.resolver:
        return found
    try:
        listed = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(one[4][0]) for one in listed))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
