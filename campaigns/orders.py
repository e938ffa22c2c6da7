"""What a worker must know to send one campaign: read once per job, and compared by the gate at every window."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import redis
from sqlalchemy.orm import Session

from campaigns import mailing, rendering
from campaigns.links import Signer
from campaigns.mailing import Letter, Letterhead, PreparedMail
from campaigns.providers.contract import Account, Security, Server
from campaigns.providers.dkim_signing import Signature
from campaigns.rendering import Frame
from campaigns.rules import hours
from campaigns.rules.channels import Channel, Channels
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.local_time import month_start
from campaigns.settings import Settings
from campaigns.store import premises as store
from campaigns.store.agencies import Sender
from campaigns.store.budgets import Budget
from campaigns.store.campaigns import Words
from campaigns.store.engine import AgencySessions
from campaigns.store.premises import Premises
from campaigns.vault import Vault
from campaigns.writers import MailWriter, Person, Postmark, SmsWriter, Writer, Written

UNCONFIRMED_SECONDS: Final = 72 * 3600.0  # without news for so long, a message stays unconfirmed (DOMAIN 1.2)


@dataclass(frozen=True)
class Tools:
    """What a job is given: sessions by agency, Valkey, the vault and the settings."""

    sessions: AgencySessions
    valkey: redis.Redis
    vault: Vault
    settings: Settings


class Shut(StrEnum):
    """Why nothing of a campaign may leave now."""

    NOT_RUNNING = "not_running"
    HALTED = "halted"
    EXPIRED = "expired"
    CHANGED = "changed_since_approval"
    OUTSIDE_HOURS = "outside_hours"


@dataclass(frozen=True)
class Order:
    """A campaign's sending on one channel, with everything needed to write its messages."""

    premises: Premises
    writer: Writer

    @property
    def agency_id(self) -> int:
        """Whose campaign it is."""
        return self.premises.agency.id

    @property
    def campaign_id(self) -> int:
        """Which campaign it is."""
        return self.premises.campaign.id

    @property
    def channel(self) -> Channel:
        """On which channel it reaches people."""
        return Channel(self.premises.sender.channel)

    @property
    def can_be_asked(self) -> bool:
        """Whether the provider can be asked what became of a message; a mail server cannot."""
        return self.channel is Channel.SMS

    @property
    def most_parts(self) -> int:
        """What any one message can cost at most."""
        return self.writer.most_parts

    @property
    def most_pace(self) -> int:
        """What any one message can count against the sender's pace at most."""
        return self.writer.most_pace

    @property
    def pace_key(self) -> str:
        """Who shares a pace: one SMS sender, or all that mail from one domain."""
        sender = self.premises.sender
        return str(sender.id) if self.channel is Channel.SMS else f"mail:{sender.address.rpartition('@')[2].lower()}"

    def grace(self, settings: Settings) -> float:
        """Seconds until something is done about a message whose answer was lost: where nobody can be asked, none."""
        return settings.grace if self.can_be_asked else UNCONFIRMED_SECONDS

    def budget(self, now: datetime) -> Budget | None:
        """What may be spent; None without any limit, and for mails, which cost nothing."""
        campaign, agency = self.premises.campaign, self.premises.agency
        if not self.most_parts or (campaign.parts_cap is None and agency.parts_per_month is None):
            return None
        return Budget(campaign.parts_cap, agency.parts_per_month, month_start(now, agency.time_zone))

    def account(self, vault: Vault) -> Account:
        """The sender's account with its secret opened; raises vault.Unsealable."""
        sender = self.premises.sender
        secret = vault.open(sender.credentials_sealed, sender.agency_id)
        return Account(sender.id, sender.address, sender.account, secret, _server(sender))

    def write(self, vault: Vault, person: Person) -> Written:
        """The message for one person. Raises like Writer.write()."""
        return self.writer.write(vault, person)


def read(tools: Tools, agency_id: int, campaign_id: int, *, to_send: bool = True) -> list[Order]:
    """A campaign's orders as everything stands now, SMS first: one per channel that has a sender, none if it is gone.

    Mails are signed only `to_send`; then raises vault.Unsealable where the key that signs them does not open.
    """
    with tools.sessions(agency_id)() as session:
        store.begin_consistent(session)
        channels = store.channels(session, agency_id, campaign_id)
        found = [
            premises
            for channel in (Channels(channels).each if channels else ())
            if (premises := store.read(session, agency_id, campaign_id, channel))
        ]
        if not found:
            return []
        around = rendering.frame(session, found[0].agency.name)
        return [Order(premises, _writer(session, tools, premises, around, to_send=to_send)) for premises in found]


def _writer(session: Session, tools: Tools, premises: Premises, around: Frame, *, to_send: bool) -> Writer:
    # A service campaign has no texts, and one changed since approval may have texts that do not even parse.
    texts = premises.texts if premises.as_approved else {}
    agency, sender = premises.agency, premises.sender
    if sender.channel == Channel.SMS:
        prepared = {code: rendering.prepare(around, text.body, code) for code, text in texts.items()}
        return SmsWriter(agency.id, prepared, premises.is_service)
    domain, base_url = sender.address.rpartition("@")[2], tools.settings.base_url
    head = mailing.letterhead(
        session,
        address=sender.address,
        reply_to=sender.reply_to or sender.address,
        list_id=f"{agency.slug}.{domain}",
        page=base_url + mailing.PAGE,
    )
    signature = _signature(sender, domain, tools.vault) if to_send else None
    mark = Postmark(Signer(tools.settings.secret_key), sender.bounce_domain or domain, base_url, signature)
    letters = _letters(session, premises, texts, around, head)
    return MailWriter(agency.id, premises.campaign.id, letters, around, head, mark)


def _letters(
    session: Session, premises: Premises, texts: Mapping[str, Words], around: Frame, head: Letterhead
) -> dict[str, PreparedMail]:
    campaign = premises.campaign
    stream = f"c{campaign.id}:a{campaign.agency_id}:mail:outreach"
    return {
        code: mailing.prepare(
            around,
            head,
            Letter(
                subject=mailing.subject(session, text.subject, code, is_discreet=campaign.is_discreet),
                body=text.body,
                language=code,
                stream=stream,
            ),
        )
        for code, text in texts.items()
    }


def _signature(sender: Sender, domain: str, vault: Vault) -> Signature | None:
    if not sender.dkim_selector or sender.dkim_key_sealed is None:
        return None
    return Signature(domain, sender.dkim_selector, vault.open(sender.dkim_key_sealed, sender.agency_id))


def _server(sender: Sender) -> Server | None:
    if sender.host is None or sender.port is None:
        return None
    return Server(sender.host, sender.port, Security(sender.security or Security.STARTTLS))


def why_shut(order: Order, now: datetime) -> Shut | None:
    """Why nothing may leave now, or None; the gate of every window asks the same of the database."""
    campaign, agency = order.premises.campaign, order.premises.agency
    if campaign.state != CampaignState.RUNNING:
        return Shut.NOT_RUNNING
    if agency.halted_at is not None:
        return Shut.HALTED
    if campaign.expires_at is not None and campaign.expires_at <= now:
        return Shut.EXPIRED
    if not order.premises.as_approved:
        return Shut.CHANGED
    return None if open_until(order, now) else Shut.OUTSIDE_HOURS


def open_until(order: Order, now: datetime) -> datetime | None:
    """When the agency's present sending hours end; None outside them."""
    agency = order.premises.agency
    return hours.open_until(hours.parse(agency.hours), agency.time_zone, now)


def opens_at(order: Order, now: datetime) -> datetime | None:
    """When the agency's hours begin again; None if never."""
    agency = order.premises.agency
    return hours.next_opening(hours.parse(agency.hours), agency.time_zone, now)
