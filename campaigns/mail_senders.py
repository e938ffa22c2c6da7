"""Mail senders: an agency's addresses at a mail server, with the login and the key that are kept sealed."""

import re
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaigns import audit
from campaigns.errors import Invalid, NotFound
from campaigns.providers.contract import Security
from campaigns.providers.dkim_signing import Signature
from campaigns.rules import addresses, dkim_check, names
from campaigns.rules.channels import Channel
from campaigns.store import agencies as store
from campaigns.store.agencies import Sender
from campaigns.vault import Unsealable, Vault

MOST_PER_SECOND: Final = 1000
MOST_CONNECTIONS: Final = 50  # a crash leaves as many mails open as there are connections
_LONGEST_SECRET: Final = 200
_LONGEST_KEY: Final = 10_000
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_DOMAIN: Final = re.compile(rf"(?=.{{1,190}}$){_LABEL}(?:\.{_LABEL})+")  # leaves room for a signed word before the @
_SELECTOR: Final = re.compile(rf"(?=.{{1,63}}$){_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True)
class MailSenderForm:
    """What staff type about a mail sender. Empty secrets keep the ones that are there.

    Without a `login` nobody logs in; without a `dkim_selector` mails are not signed. `security` is a contract.Security.
    """

    name: str
    address: str
    host: str
    bounce_domain: str
    port: int = 587
    security: str = Security.STARTTLS
    login: str = ""
    password: str = field(default="", repr=False)
    mails_per_second: int = 10
    connections: int = 5
    reply_to: str = ""
    dkim_selector: str = ""
    dkim_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class DnsRecord:
    """A TXT record to publish, whole and without quotes."""

    name: str
    value: str


def senders(session: Session, agency_id: int) -> list[Sender]:
    """The agency's mail senders, oldest first."""
    return [one for one in store.senders(session, agency_id) if one.channel == Channel.EMAIL]


def get(session: Session, agency_id: int, sender_id: int) -> Sender:
    """One of the agency's mail senders; raises NotFound, also for a number."""
    found = store.sender(session, agency_id, sender_id)
    if found is None or found.channel != Channel.EMAIL:
        raise NotFound("sender_unknown")
    return found


def save(
    session: Session,
    vault: Vault,
    agency_id: int,
    form: MailSenderForm,
    *,
    sender_id: int | None = None,
    by: int | None,
) -> Sender:
    """Add a mail sender, or change the one with `sender_id`; never commits.

    A kept password goes to no other server and with no other login than it was typed for: whoever may change a sender
    must not be able to read its password off a server of their own. Raises NotFound, or Invalid for a field of the
    form.
    """
    known = None if sender_id is None else get(session, agency_id, sender_id)
    wanted = _checked(form, known)
    if wanted.address in {other.address for other in senders(session, agency_id) if other is not known}:
        raise Invalid("address", "sender_taken", address=wanted.address)
    # Answers come to these: two agencies with the same one would read each other's.
    for where, box in (("address", wanted.address), ("reply_to", wanted.reply_to)):
        if box and store.is_mailbox_of_others(session, agency_id, box):
            raise Invalid(where, "mailbox_of_others", address=box)
    found = known or Sender(
        agency_id=agency_id, key=secrets.token_urlsafe(18), provider="smtp", channel=str(Channel.EMAIL)
    )
    try:
        with session.begin_nested():
            _fill(found, wanted, vault)
            session.add(found)
    except IntegrityError:  # somebody else took the address at the same moment
        raise Invalid("address", "sender_taken", address=wanted.address) from None
    did = audit.Did.SENDER_ADDED if known is None else audit.Did.SENDER_CHANGED
    audit.record(session, agency_id, did, f"sender:{found.id}", by=by)
    return found


def dkim_record(vault: Vault, sender: Sender) -> DnsRecord | None:
    """What has to stand in DNS so that the sender's signatures can be checked; None where it signs nothing."""
    if not sender.dkim_selector or sender.dkim_key_sealed is None:
        return None
    try:
        key = dkim_check.public_half(vault.open(sender.dkim_key_sealed, sender.agency_id))
    except (Unsealable, ValueError):
        return None
    return DnsRecord(f"{sender.dkim_selector}._domainkey.{domain_of(sender.address)}", dkim_check.write(key))


def domain_of(address: str) -> str:
    """What follows the @."""
    return address.rpartition("@")[2]


def _fill(found: Sender, form: MailSenderForm, vault: Vault) -> None:
    found.name, found.address, found.account = form.name, form.address, form.login
    found.host, found.port, found.security = form.host, form.port, str(Security(form.security))
    found.parts_per_second, found.in_flight = form.mails_per_second, form.connections
    found.reply_to, found.bounce_domain = form.reply_to or None, form.bounce_domain
    found.provider_answers_stop = False
    if form.password or not form.login or found.credentials_sealed is None:
        found.credentials_sealed = vault.seal(form.password if form.login else "", found.agency_id)
    found.dkim_selector = form.dkim_selector or None
    if not form.dkim_selector:
        found.dkim_key_sealed = None
    elif form.dkim_key:
        found.dkim_key_sealed = vault.seal(form.dkim_key, found.agency_id)


def _checked(form: MailSenderForm, known: Sender | None) -> MailSenderForm:
    """The form as it is kept; raises Invalid for its first wrong field."""
    name = names.read_name(form.name)
    address = _mailbox(form.address, "address")
    host = form.host.strip().lower().rstrip(".")
    if not _HOST.fullmatch(host) and not _is_ip(host):
        raise Invalid("host", "host_shape")
    if not 1 <= form.port <= 65535:
        raise Invalid("port", "number_range", lowest=1, highest=65535)
    _check_security(form.security, host)
    bounce_domain = form.bounce_domain.strip().lower().rstrip(".").removeprefix("@")
    if not _DOMAIN.fullmatch(bounce_domain):
        raise Invalid("bounce_domain", "domain_shape")
    reply_to = _mailbox(form.reply_to, "reply_to") if form.reply_to.strip() else ""
    if not 1 <= form.mails_per_second <= MOST_PER_SECOND:
        raise Invalid("mails_per_second", "number_range", lowest=1, highest=MOST_PER_SECOND)
    if not 1 <= form.connections <= MOST_CONNECTIONS:
        raise Invalid("connections", "number_range", lowest=1, highest=MOST_CONNECTIONS)
    checked = MailSenderForm(
        name=name,
        address=address,
        host=host,
        bounce_domain=bounce_domain,
        port=form.port,
        security=form.security,
        login=form.login.strip(),
        password=form.password,
        mails_per_second=form.mails_per_second,
        connections=form.connections,
        reply_to=reply_to,
        dkim_selector=form.dkim_selector.strip().lower(),
        dkim_key=form.dkim_key.strip(),
    )
    _check_login(checked, known)
    _check_key(checked, known)
    return checked


def _mailbox(text: str, field_name: str) -> str:
    read = addresses.read_email(text)
    # What is in the cell besides an address would be lost without a word; and not every server takes other letters.
    if not isinstance(read, addresses.Email) or not read.address.isascii() or len(text.split()) != 1:
        raise Invalid(field_name, "email_shape")
    return read.address


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check_security(security: str, host: str) -> None:
    # Not at the top: only this question needs the mail library.
    from campaigns.providers.smtp import is_on_this_machine

    if security not in set(Security):
        raise Invalid("security", "security_unknown")
    if security == Security.NONE and not is_on_this_machine(host):
        raise Invalid("security", "security_needed")


def _check_login(form: MailSenderForm, known: Sender | None) -> None:
    if len(form.login) > _LONGEST_SECRET or not form.login.isprintable():
        raise Invalid("login", "login_shape", longest=_LONGEST_SECRET)
    if len(form.password) > _LONGEST_SECRET or not form.password.isprintable():
        raise Invalid("password", "login_shape", longest=_LONGEST_SECRET)
    if not form.login:
        if form.password:
            raise Invalid("login", "login_needed")
        return
    if form.password:
        return
    if known is None or not known.account:
        raise Invalid("password", "password_needed")
    loses_privacy = form.security == Security.NONE and known.security != Security.NONE
    if loses_privacy or (known.host, known.account) != (form.host, form.login):
        raise Invalid("password", "password_again")


def _check_key(form: MailSenderForm, known: Sender | None) -> None:
    if not form.dkim_selector:
        if form.dkim_key:
            raise Invalid("dkim_selector", "dkim_selector_shape")
        return
    if not _SELECTOR.fullmatch(form.dkim_selector):
        raise Invalid("dkim_selector", "dkim_selector_shape")
    if not form.dkim_key:
        if known is None or known.dkim_key_sealed is None:
            raise Invalid("dkim_key", "dkim_key_shape")
        return
    try:
        if len(form.dkim_key) > _LONGEST_KEY:
            raise ValueError
        Signature(domain_of(form.address), form.dkim_selector, form.dkim_key)
    except ValueError:
        raise Invalid("dkim_key", "dkim_key_shape") from None
