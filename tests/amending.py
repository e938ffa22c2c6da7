"""Fixtures for campaigns that correct or withdraw another: made, written and submitted by the verbs staff use."""

import pytest
from sqlalchemy import select, text

from campaigns import authoring, corrections
from campaigns.corrections import Amends
from campaigns.store import campaigns as store
from campaigns.store.deliveries import Delivery
from tests.crowd import person
from tests.drafts import NOW, running

WORDS = {"es": "El aviso queda sin efecto.", "qu": "Manam chiqaqchu."}


@pytest.fixture
def amend(sessions, agency, ada):
    def verb(campaign_id, amends=Amends.WITHDRAW, *, stop=False, by=ada, name="Retirada"):
        with sessions(agency.id).begin() as session:
            return corrections.amend(session, agency.id, campaign_id, amends, name=name, by=by.id, stop=stop)

    return verb


@pytest.fixture
def write(sessions, agency, ada):
    """Give a campaign texts, as somebody at the form does."""

    def verb(campaign_id, texts=WORDS):
        with sessions(agency.id).begin() as session:
            child = authoring.get(session, agency.id, campaign_id)
            names = [name for name in authoring.Draft.__dataclass_fields__ if name not in ("texts", "mails")]
            draft = authoring.Draft(**{name: getattr(child, name) for name in names}, texts=texts)
            authoring.change(session, agency.id, campaign_id, draft, by=ada.id, now=NOW)

    return verb


@pytest.fixture
def submit(sessions, agency, ada):
    def verb(campaign_id):
        with sessions(agency.id).begin() as session:
            return authoring.submit(session, agency.id, campaign_id, by=ada.id, now=NOW)

    return verb


@pytest.fixture
def started(sessions, vault, agency, ada, bruno, sender):
    """A running campaign for people who read these languages; its id and theirs."""

    def start(languages):
        with sessions(agency.id).begin() as session:
            people = [
                person(session, vault, agency, f"+5198700{number:04}", language=language).id
                for number, language in enumerate(languages)
            ]
        return running(sessions, agency, ada, bruno, sender), people

    return start


def over(sessions, agency, campaign_id):
    """The campaign ended by itself."""
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'finished' WHERE id = :c"), {"c": campaign_id})


def look(sessions, agency, campaign_id):
    """The campaign, and contact -> (language, state) of its deliveries."""
    with sessions(agency.id)() as session:
        rows = session.execute(
            select(Delivery.contact_id, Delivery.language, Delivery.state).where(Delivery.campaign_id == campaign_id)
        )
        return store.get(session, agency.id, campaign_id), {row.contact_id: (row[1], row[2]) for row in rows}
