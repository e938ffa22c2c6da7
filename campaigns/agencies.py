"""Agencies and their senders: add, change, halt."""

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaigns import audit
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.providers.contract import Account, NotSent, Security, Server
from campaigns.rules import frequency, names
from campaigns.rules import hours as hours_rules
from campaigns.rules.channels import Channel
from campaigns.rules.outcomes import Failure
from campaigns.settings import Settings
from campaigns.store import agencies as store
from campaigns.store.agencies import Agency, Sender
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import AgencySessions
from campaigns.vault import Unsealable, Vault

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SMS_ADDRESS = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}|MG[0-9a-fA-F]{32}")
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
MOST_PARTS: Final = 1_000_000_000
_WORKS, _SILENT = "works", "silent"


@dataclass(frozen=True)
class AgencyForm:
    """What staff set for the agency: `hours` in stored form, a budget of parts per month (None is no limit), and the
    per cent of the last messages that may fail, or be taken for spam, before a campaign pauses itself. One person gets
    at most `cap_messages` campaigns in `cap_days` days; both None is no cap.
    """

    name: str
    time_zone: str
    hours: dict[str, Any]
    parts_per_month: int | None = None
    brake_failed: int = 20
    brake_filtered: int = 2
    cap_messages: int | None = None
    cap_days: int | None = None


@dataclass(frozen=True)
class SenderForm:
    """What staff type about a sender; an empty `token` keeps the one that is there. `parts_per_second` is 1-1000."""

    name: str
    address: str
    account: str
    token: str = field(repr=False)
    parts_per_second: int = 10
    in_flight: int = 100
    provider_answers_stop: bool = False


def add(
    session: Session, slug: str, name: str, *, hours: dict[str, Any] | None = None, time_zone: str = "America/Lima"
) -> Agency:
    """A new agency with its standing service campaign. Raises Invalid, or Conflict if the short name is taken."""
    if not _SLUG.fullmatch(slug):
        raise Invalid("slug", "slug_shape", slug=slug[:50])
    if store.by_slug(session, slug):
        raise Conflict("slug_taken", slug=slug)
    agency = Agency(
        slug=slug, name=names.read_name(name), hours=hours or hours_rules.default_hours(), time_zone=time_zone
    )
    session.add(agency)
    session.flush()
    _act_for(session, agency.id)
    session.add(
        Campaign(agency_id=agency.id, kind="service", name="service", state="running", is_urgent=True, channels="both")
    )
    audit.record(session, agency.id, audit.Did.AGENCY_ADDED, f"agency:{agency.id}", by=None)
    return agency


def ids(session: Session) -> list[int]:
    """Every agency of the installation, for commands that concern them all."""
    return list(store.ids(session))


def by_slug(session: Session, slug: str) -> Agency:
    """The agency with this short name; raises NotFound."""
    agency = store.by_slug(session, slug)
    if agency is None:
        raise NotFound("agency_unknown", slug=slug[:50])
    return agency


def get(session: Session, agency_id: int) -> Agency:
    """The agency; raises NotFound."""
    agency = store.get(session, agency_id)
    if agency is None:
        raise NotFound("agency_unknown", slug=str(agency_id))
    return agency


def change(session: Session, agency_id: int, form: AgencyForm, *, by: int) -> Agency:
    """Make the agency what the form says. What was approved under another name, zone or hours no longer starts or goes
    on (DESIGN P2); budget and brakes hold from now on. Raises NotFound, Invalid for a field of the form.
    """
    agency = get(session, agency_id)
    if not hours_rules.parse(form.hours).days:
        raise Invalid("hours", "hours_never_open")
    if form.parts_per_month is not None and not 1 <= form.parts_per_month <= MOST_PARTS:
        raise Invalid("parts_per_month", "number_range", lowest=1, highest=MOST_PARTS)
    for brake in ("brake_failed", "brake_filtered"):
        if not 1 <= getattr(form, brake) <= 100:
            raise Invalid(brake, "number_range", lowest=1, highest=100)
    _check_cap(form)
    agency.name, agency.hours = names.read_name(form.name), form.hours
    agency.time_zone = hours_rules.check_time_zone(form.time_zone)
    agency.parts_per_month = form.parts_per_month
    agency.brake_failed, agency.brake_filtered = form.brake_failed, form.brake_filtered
    agency.cap_messages, agency.cap_days = form.cap_messages, form.cap_days
    audit.record(session, agency_id, audit.Did.AGENCY_CHANGED, f"agency:{agency_id}", by=by)
    return agency


def _check_cap(form: AgencyForm) -> None:
    for name, other, highest in (
        ("cap_messages", form.cap_days, frequency.MOST_MESSAGES),
        ("cap_days", form.cap_messages, frequency.MOST_DAYS),
    ):
        number = getattr(form, name)
        if number is None and other is not None:
            raise Invalid(name, "cap_half")
        if number is not None and not 1 <= number <= highest:
            raise Invalid(name, "number_range", lowest=1, highest=highest)


def halt(session: Session, agency_id: int, *, by: int) -> Agency:
    """Stop all sending of the agency: no window opens after this commits (DESIGN P9). May be called again."""
    agency = get(session, agency_id)
    agency.halted_at = agency.halted_at or session.scalar(func.now())
    audit.record(session, agency_id, audit.Did.AGENCY_HALTED, f"agency:{agency_id}", by=by)
    return agency


def resume(session: Session, agency_id: int, *, by: int) -> Agency:
    """Let the agency's campaigns send again. May be called again."""
    agency = get(session, agency_id)
    agency.halted_at = None
    audit.record(session, agency_id, audit.Did.AGENCY_RESUMED, f"agency:{agency_id}", by=by)
    return agency


def senders(session: Session, agency_id: int, channel: Channel | None = None) -> list[Sender]:
    """The agency's senders, or those of one channel, oldest first."""
    return [one for one in store.senders(session, agency_id) if channel is None or one.channel == channel]


def sender(session: Session, agency_id: int, sender_id: int) -> Sender:
    """One of the agency's senders; raises NotFound."""
    found = store.sender(session, agency_id, sender_id)
    if found is None:
        raise NotFound("sender_unknown")
    return found


def sender_by_key(session: Session, key: str) -> Sender | None:
    """The sender a provider's callback names in its path, of whatever agency, or None."""
    return store.sender_by_key(session, key) if key.isascii() and "\x00" not in key else None


def save_sender(
    session: Session, vault: Vault, agency_id: int, form: SenderForm, *, sender_id: int | None = None, by: int | None
) -> Sender:
    """Add a number, or change the one with `sender_id`. Its key, which webhook paths carry, never changes.

    Raises NotFound, also for a mail sender, or Invalid for a field of the form.
    """
    _check_sender(form, needs_token=sender_id is None)
    found = (
        sender(session, agency_id, sender_id)
        if sender_id is not None
        else Sender(agency_id=agency_id, key=secrets.token_urlsafe(18), provider="twilio", channel="sms")
    )
    if found.channel != Channel.SMS:
        raise NotFound("sender_unknown")
    if form.address in {other.address for other in senders(session, agency_id) if other is not found}:
        raise Invalid("address", "sender_taken", address=form.address)
    try:
        with session.begin_nested():
            # Not before: to begin the savepoint writes whatever was changed, outside of it.
            _fill(found, form, vault)
            session.add(found)
    except IntegrityError:  # somebody else took the address at the same moment
        raise Invalid("address", "sender_taken", address=form.address) from None
    did = audit.Did.SENDER_ADDED if sender_id is None else audit.Did.SENDER_CHANGED
    audit.record(session, agency_id, did, f"sender:{found.id}", by=by)
    return found


def try_sender(
    sessions: AgencySessions, vault: Vault, settings: Settings, agency_id: int, sender_id: int, *, by: int
) -> Failure | None:
    """Ask the provider, or the mail server, whether what is kept about the sender is right; None if it is.

    Sends nothing. Commits the audit row by itself: no transaction is open while the other is asked (up to ten seconds).
    Raises NotFound, or Conflict("provider_silent") if the provider cannot be asked now.
    """
    with sessions(agency_id)() as session:
        found = sender(session, agency_id, sender_id)
    told = _ask_provider(vault, settings, found)
    with sessions(agency_id).begin() as session:
        audit.record(session, agency_id, audit.Did.SENDER_TESTED, f"sender:{sender_id}", by=by, result=told)
    if told == _SILENT:
        raise Conflict("provider_silent")
    return None if told == _WORKS else Failure(told)


def _ask_provider(vault: Vault, settings: Settings, found: Sender) -> str:
    # Not at the top: the vendor's library takes a second to import, which every command would pay.
    from campaigns.providers import registry

    try:
        secret = vault.open(found.credentials_sealed, found.agency_id)
        server = Server(found.host, found.port, Security(found.security or "")) if found.host and found.port else None
        account = Account(found.id, found.address, found.account, secret, server)
        fault = asyncio.run(registry.check(found.provider, account, settings))
    except NotSent:
        return _SILENT
    except Unsealable:
        return Failure.CREDENTIALS
    return fault or _WORKS


def _fill(found: Sender, form: SenderForm, vault: Vault) -> None:
    found.name, found.address, found.account = names.read_name(form.name), form.address, form.account
    found.parts_per_second, found.in_flight = form.parts_per_second, form.in_flight
    found.provider_answers_stop = form.provider_answers_stop
    if form.token:
        found.credentials_sealed = vault.seal(form.token, found.agency_id)


def _check_sender(form: SenderForm, *, needs_token: bool) -> None:
    if not _SMS_ADDRESS.fullmatch(form.address):
        raise Invalid("address", "sender_address_shape")
    if not _ACCOUNT.fullmatch(form.account):
        raise Invalid("account", "account_shape")
    if (needs_token and not form.token) or len(form.token) > 200 or not form.token.isascii():
        raise Invalid("token", "token_shape")
    if not 1 <= form.parts_per_second <= 1000:
        raise Invalid("parts_per_second", "number_range", lowest=1, highest=1000)
    if not 1 <= form.in_flight <= 500:
        raise Invalid("in_flight", "number_range", lowest=1, highest=500)


def _act_for(session: Session, agency_id: int) -> None:
    # The new agency's own rows stand behind row-level security, and the session was opened for no agency.
    session.execute(func.set_config("outreach.agency_id", str(agency_id), True).select())
