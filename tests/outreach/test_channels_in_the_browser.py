"""Campaigns of two channels in a real browser: for everybody, on a desk and on a phone, with and without scripts."""

import pytest
from sqlalchemy import text

from campaigns import consent
from campaigns.rules.channels import Channels
from campaigns.store import inbound
from tests import outcomes
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.test_in_the_browser import sign_in
from tests.posting import address as mailbox


@pytest.fixture
def stages(sessions, vault, agency, mail_people, start_mailing, mail_sender) -> dict[str, str]:
    """Name -> path of the pages that tell two channels apart: before and during sending, a person's, and the inbox."""
    mail_people(40, language="es")
    mail_people(6, first=50, language="qu", mail=False)
    mail_people(5, first=60, language="en", mobile=False)
    made = {one: start_mailing(one) for one in (Channels.SMS_THEN_EMAIL, Channels.EMAIL, Channels.BOTH)}
    waits = start_mailing(Channels.SMS_THEN_EMAIL)
    draft = start_mailing(Channels.SMS_THEN_EMAIL)
    with sessions(agency.id).begin() as session:

        def bring(*args, **more):
            outcomes.bring(session, made[Channels.SMS_THEN_EMAIL], *args, **more)

        bring("sms", "delivered", 20)
        bring("sms", "failed", 3, reason="number_unknown")
        bring("sms", "queued", 2, reason="unreachable")
        bring("email", "skipped", 15, reason="not_needed", was="after_sms")
        bring("email", "sent", 2)
        bring("email", "unknown", 1)
        bring("email", "failed", 1, reason="address_unknown")
        outcomes.bring(session, made[Channels.EMAIL], "email", "sent", 45)
        session.execute(text("UPDATE campaign SET state = 'submitted' WHERE id = :c"), {"c": waits})
        session.execute(text("UPDATE campaign SET state = 'draft' WHERE id = :c"), {"c": draft})
        consent.stop(
            session, agency.id, "email", vault.address_indexes(mailbox(0)), source=consent.Source.BOUNCE, rule="test"
        )
        person = session.scalar(
            text("SELECT id FROM contact WHERE email_index = :i"), {"i": vault.address_index(mailbox(0))}
        )
        inbound.keep(
            session,
            agency_id=agency.id,
            sender_id=mail_sender.id,
            provider_ref="mail:1",
            channel="email",
            address_index=vault.address_index(mailbox(0)),
            address_sealed=vault.seal(mailbox(0), agency.id),
            body_sealed=vault.seal("Re: Aviso\n\n¿Es de ustedes este correo?", agency.id),
            contact_id=person,
            kind="other",
            language="es",
        )
    return {
        "course": f"/campaigns/{made[Channels.SMS_THEN_EMAIL]}/",
        "sent": f"/campaigns/{made[Channels.EMAIL]}/",
        "both": f"/campaigns/{made[Channels.BOTH]}/",
        "approval": f"/campaigns/{waits}/",
        "draft": f"/campaigns/{draft}/",
        "list": "/campaigns/",
        "start": "/",
        "person": f"/people/{person}",
        "inbox": "/inbox/",
        "segment": "/segments/new",
        "correct": f"/campaigns/{made[Channels.SMS_THEN_EMAIL]}/correct",
        "stop": f"/campaigns/{made[Channels.BOTH]}/stop",
    }


@pytest.mark.parametrize("width", [1280, 360])
def test_pages_of_two_channels_can_be_used_by_everybody(tab, address, dora, stages, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, dora.email)
    for name, path in stages.items():
        tab.goto(address + path)
        assert (name, faults(tab)) == (name, [])
        assert (name, is_too_wide(tab)) == (name, False)
    assert complaints(tab) == []


def test_the_table_of_channels_follows_by_itself(tab, address, dora, stages, sessions, agency):
    sign_in(tab, address, dora.email)
    tab.goto(address + stages["course"])
    mails = tab.locator("#funnel tr:has(th:text-is('Correo electrónico'))")
    assert mails.inner_text().split("\t")[3:5] == ["25", "3"]
    campaign_id = int(stages["course"].split("/")[2])
    with sessions(agency.id).begin() as session:
        outcomes.bring(session, campaign_id, "email", "sent", 7, was="after_sms")
    tab.wait_for_selector("#funnel tr:has(th:text-is('Correo electrónico')) td:text-is('18')")
    assert mails.inner_text().split("\t")[3:5] == ["18", "10"]
    assert complaints(tab) == []


def test_without_scripts_the_page_says_as_much(browser, address, dora, stages):
    context = browser.new_context(locale="es-PE", java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address + "/sign-in")
    sign_in(tab, address, dora.email)
    tab.goto(address + stages["course"])
    told = tab.locator("main").inner_text()
    for words in (
        "Solo si falla el SMS",
        "El buzón no existe",
        "el servidor de correo no respondió",
        "Actualice la página",
    ):
        assert words in told
    tab.goto(address + stages["inbox"])
    told = tab.locator(".text-from").inner_text()
    assert "Por correo" in told
    assert "p***@correo.example" in told
    context.close()
