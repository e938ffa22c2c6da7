"""Test sends: a saved text, filled for a made-up person, to a staff member's own number or mailbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from campaigns import audit, consent, mailing, previews
from campaigns.errors import Conflict, Invalid, NotFound
from campaigns.rules import addresses, mail_text
from campaigns.rules.channels import Channel
from campaigns.store import audit as deeds
from campaigns.store import campaigns as store
from campaigns.store import deliveries, figures
from campaigns.store.campaigns import Campaign, Words
from campaigns.store.deliveries import Sending
from campaigns.vault import Vault

MOST: Final = 10  # test sends per person and hour, on all channels together


@dataclass(frozen=True)
class Trial:
    """A test send: which text goes to which number or address, as typed."""

    language: str
    to: str
    now: datetime
    channel: Channel = Channel.SMS


def send(session: Session, vault: Vault, agency_id: int, campaign_id: int, test: Trial, *, by: int) -> int:
    """Queue one saved text, filled for the sample person, to the staff member's own address; the delivery's id.

    It is a send of the agency's service campaign and passes the same gate as every message (DESIGN P3, P7, P9).
    Never commits; after the commit the caller nudges the campaign service_id(). Raises NotFound, Invalid("number",
    number_not_mobile), Invalid("address", email_shape), Invalid("language", text_missing), Invalid("sender",
    campaign_needs_sender), Invalid("mail_sender", campaign_needs_mail_sender), Invalid for what is wrong with the text,
    Conflict("number_opted_out" | "address_opted_out" | "test_sends_used_up").
    """
    campaign = store.get(session, agency_id, campaign_id)
    if campaign is None:
        raise NotFound("campaign_unknown")
    address, key = _read(test)
    said = store.words(session, campaign_id).get((str(test.channel), test.language))
    if said is None:
        raise Invalid("language", "text_missing")
    service = store.service(session, agency_id)
    _take_sender(service, campaign, test.channel)
    used = deeds.times(session, agency_id, by, audit.Did.CAMPAIGN_TESTED, since=test.now - timedelta(hours=1))
    if used >= MOST:
        raise Conflict("test_sends_used_up", count=MOST)
    if consent.is_stopped(session, agency_id, test.channel, vault.address_indexes(key)):
        raise Conflict("number_opted_out" if test.channel is Channel.SMS else "address_opted_out")
    message = Sending(
        language=test.language,
        address_index=vault.address_index(key),
        address_sealed=vault.seal(address, agency_id),
        body_sealed=vault.seal(_written(session, campaign, said, test), agency_id),
        channel=str(test.channel),
    )
    delivery_id = deliveries.queue_message(session, agency_id, service.id, message, staff_id=by)
    figures.add_queued(session, agency_id, service.id, str(test.channel), test.language)
    audit.record(session, agency_id, audit.Did.CAMPAIGN_TESTED, f"campaign:{campaign_id}", by=by, delivery=delivery_id)
    return delivery_id


def service_id(session: Session, agency_id: int) -> int:
    """The campaign that carries the agency's sends without a campaign, test sends among them."""
    return store.service(session, agency_id).id


def _read(test: Trial) -> tuple[str, str]:
    """The address, and what its index is made of."""
    if test.channel is Channel.SMS:
        phone = addresses.read_phone(test.to)
        if not isinstance(phone, addresses.Phone) or phone.kind is not addresses.PhoneKind.MOBILE:
            raise Invalid("number", "number_not_mobile")
        return phone.e164, phone.e164
    email = addresses.read_email(test.to)
    if not isinstance(email, addresses.Email):
        raise Invalid("address", "email_shape")
    return email.address, email.key


def _take_sender(service: Campaign, campaign: Campaign, channel: Channel) -> None:
    if channel is Channel.SMS:
        if campaign.sender_id is None:
            raise Invalid("sender", "campaign_needs_sender")
        service.sender_id = campaign.sender_id
    else:
        if campaign.mail_sender_id is None:
            raise Invalid("mail_sender", "campaign_needs_mail_sender")
        service.mail_sender_id = campaign.mail_sender_id


def _written(session: Session, campaign: Campaign, said: Words, test: Trial) -> str:
    """What is sealed: an SMS as it goes out, of a mail its subject, an empty line, and the body, still in Markdown."""
    agency_id, language = campaign.agency_id, test.language
    if test.channel is Channel.SMS:
        return previews.sms(session, agency_id, said.body, language).text
    around = previews.frame(session, agency_id)
    previews.check_mail(around, language, said, is_discreet=campaign.is_discreet)
    subject = mailing.subject(session, said.subject, language, is_discreet=campaign.is_discreet)
    # Filled it may be longer than what may be written, and the engine reads it once more.
    filled = Words(
        previews.filled(session, agency_id, subject)[: mail_text.LONGEST_SUBJECT],
        previews.filled(session, agency_id, said.body),
    )
    previews.check_mail(around, language, filled, is_discreet=False)
    return f"{filled.subject}\n\n{filled.body}"
