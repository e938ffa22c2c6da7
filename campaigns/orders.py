"""What a worker must know to send one campaign: read once per job, and compared by the gate at every window."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import redis

from campaigns import rendering
from campaigns.providers.contract import Account
from campaigns.rendering import Prepared
from campaigns.rules import hours, parts
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.local_time import month_start
from campaigns.settings import Settings
from campaigns.store import premises as store
from campaigns.store.budgets import Budget
from campaigns.store.engine import AgencySessions
from campaigns.store.premises import Premises
from campaigns.vault import Vault

# A service send brings its own text, of up to 1,600 characters.
_MOST_PARTS_OF_A_SERVICE_SEND: Final = parts.upper_bound("", 1600)


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


class NoText(Exception):
    """The campaign says nothing in this person's language."""


class Person(Protocol):
    """What is known of whom a delivery goes to, sealed."""

    @property
    def language(self) -> str: ...
    @property
    def address_sealed(self) -> bytes | None: ...
    @property
    def name_sealed(self) -> bytes | None: ...
    @property
    def business_sealed(self) -> bytes | None: ...
    @property
    def place(self) -> str | None: ...
    @property
    def body_sealed(self) -> bytes | None: ...


@dataclass(frozen=True)
class Written:
    """A message ready to go: address, exact text, parts. Never shown by repr()."""

    address: str
    body: str
    parts: int

    def __repr__(self) -> str:
        return f"Written(parts={self.parts})"


@dataclass(frozen=True)
class Order:
    """A campaign with everything needed to write its messages."""

    premises: Premises
    texts: Mapping[str, Prepared]

    @property
    def agency_id(self) -> int:
        """Whose campaign it is."""
        return self.premises.agency.id

    @property
    def campaign_id(self) -> int:
        """Which campaign it is."""
        return self.premises.campaign.id

    @property
    def most_parts(self) -> int:
        """What any one message can need at most: asked of the throttle before names are known."""
        if self.premises.is_service:
            return _MOST_PARTS_OF_A_SERVICE_SEND
        return max((text.most_parts for text in self.texts.values()), default=1)

    def budget(self, now: datetime) -> Budget | None:
        """What may be spent; None without any limit."""
        campaign, agency = self.premises.campaign, self.premises.agency
        if campaign.parts_cap is None and agency.parts_per_month is None:
            return None
        return Budget(campaign.parts_cap, agency.parts_per_month, month_start(now, agency.time_zone))

    def account(self, vault: Vault) -> Account:
        """The sender's account with its secret opened; raises vault.Unsealable."""
        sender = self.premises.sender
        secret = vault.open(sender.credentials_sealed, sender.agency_id)
        return Account(sender.id, sender.address, sender.account, secret)

    def write(self, vault: Vault, person: Person) -> Written:
        """The message for one person. Raises NoText, or vault.Unsealable."""
        agency_id = self.agency_id
        address = vault.open(person.address_sealed or b"", agency_id)
        if person.body_sealed is not None:
            body = vault.open(person.body_sealed, agency_id)
            return Written(address, body, parts.measure(body).parts)
        prepared = self.texts.get(person.language)
        if prepared is None:
            raise NoText
        if prepared.same_for_all is not None:
            return Written(address, *prepared.same_for_all)
        values = {"distrito": person.place or ""}
        if "nombre" in prepared.holes:
            values["nombre"] = vault.open_optional(person.name_sealed, agency_id)
        if "negocio" in prepared.holes:
            values["negocio"] = vault.open_optional(person.business_sealed, agency_id)
        return Written(address, *prepared.text_for(values))


def read(tools: Tools, agency_id: int, campaign_id: int) -> Order | None:
    """The order for a campaign as everything stands now; None if it is gone or has no sender."""
    with tools.sessions(agency_id)() as session:
        store.begin_consistent(session)
        found = store.read(session, agency_id, campaign_id)
        if found is None:
            return None
        around = rendering.frame(session, found.agency.name)
    # A service campaign has no texts, and one changed since approval may have texts that do not even parse.
    bodies = found.texts if found.as_approved else {}
    return Order(found, {lang: rendering.prepare(around, body, lang) for lang, body in bodies.items()})


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
