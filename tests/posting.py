"""Fixtures for tests of mail: a mail sender at the simulator, people with addresses, a running campaign with mails."""

from collections.abc import Callable

import pytest

from campaigns import approval, authoring, planning, segments
from campaigns.drafts import Draft
from campaigns.rules.channels import Channels
from campaigns.rules.segments import EVERYONE
from campaigns.store.agencies import Sender
from tests import crowd
from tests.carrier import phone
from tests.drafts import NOW, TEXTS

BOUNCE_DOMAIN = "vuelta.limanorte.example"
MAILS = {
    "es": ("Aviso para {{negocio}}", "Hola **{{nombre}}**: no pague. Llame al {{linea_111}}."),
    "en": ("Notice for {{negocio}}", "Dear {{nombre}}, do not pay. Call {{linea_111}}."),
}


def address(number: int) -> str:
    """One of many mail addresses."""
    return f"persona{number}@correo.example"


@pytest.fixture
def mail_sender(sessions, vault, agency, simulator) -> Sender:
    """A mail sender at the simulator."""
    with sessions(agency.id).begin() as session:
        sender = Sender(
            agency_id=agency.id,
            key="mail-key",
            name="Avisos por correo",
            channel="email",
            provider="smtp",
            address="avisos@limanorte.example",
            account="",
            credentials_sealed=vault.seal("", agency.id),
            parts_per_second=1000,
            in_flight=10,
            host="127.0.0.1",
            port=simulator[1],
            security="none",
            reply_to="consultas@limanorte.example",
            bounce_domain=BOUNCE_DOMAIN,
        )
        session.add(sender)
        session.flush()
        session.refresh(sender)
        session.expunge(sender)
    return sender


@pytest.fixture
def mail_people(sessions, vault, agency) -> Callable[..., None]:
    """Makes people from `first` on, with a mobile or an address or both."""

    def make(number: int, *, first: int = 0, mobile: bool = True, mail: bool = True, language: str = "es") -> None:
        with sessions(agency.id).begin() as session:
            for each in range(first, first + number):
                to = phone(each) if mobile else None
                contact = crowd.person(session, vault, agency, to, language=language, name=f"Rosa {each}")
                if mail:
                    contact.email_sealed = vault.seal(address(each), agency.id)
                    contact.email_index = vault.address_index(address(each))

    return make


@pytest.fixture
def start_mailing(sessions, agency, ada, bruno, sender, mail_sender) -> Callable[..., int]:
    """Starts a campaign to everybody on these channels and returns its id."""

    def start(channels: Channels, *, discreet: bool = False) -> int:
        with sessions(agency.id).begin() as session:
            campaign_id = authoring.create(session, agency.id, name="Aviso a transportistas", by=ada.id).id
            segment = segments.save(session, agency.id, name=f"Segmento {campaign_id}", rule=EVERYONE, by=ada.id)
            draft = Draft(
                name="Aviso a transportistas",
                segment_id=segment.id,
                sender_id=sender.id,
                mail_sender_id=mail_sender.id,
                channels=channels,
                is_discreet=discreet,
                texts=TEXTS,
                mails=MAILS,
            )
            authoring.change(session, agency.id, campaign_id, draft, by=ada.id, now=NOW)
            authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)
        planning.plan(sessions, agency.id, campaign_id, now=NOW)
        with sessions(agency.id).begin() as session:
            approval.approve(session, agency.id, campaign_id, by=bruno.id, now=NOW)
            approval.start(session, agency.id, campaign_id, by=bruno.id, now=NOW)
        return campaign_id

    return start
