"""Test sends pass the same gate and leave the same traces as every message."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from campaigns import authoring, trials
from campaigns.errors import Conflict, Invalid
from campaigns.rules.channels import Channel
from campaigns.store.audit import AuditRow
from campaigns.store.campaigns import Words, replace_texts
from campaigns.store.consents import OptOut
from campaigns.store.deliveries import Delivery, Message
from campaigns.trials import Trial
from tests.crowd import person
from tests.drafts import NOW, draft

NUMBER = "+51 987 654 321"
BOX = "Ada@LimaNorte.example"


def test_a_test_send_is_queued_sealed_in_the_service_campaign(session, vault, agency, ada, sender):
    campaign = draft(session, agency, ada, sender)
    delivery_id = trials.send(session, vault, agency.id, campaign.id, Trial("es", NUMBER, NOW), by=ada.id)
    service = trials.service_id(session, agency.id)
    delivery = session.get(Delivery, (service, delivery_id))
    message = session.get(Message, (service, delivery_id))
    assert (delivery.state, delivery.address_index) == ("queued", vault.address_index("+51987654321"))
    assert vault.open(message.address_sealed, agency.id) == "+51987654321"
    assert vault.open(message.body_sealed, agency.id).startswith("Municipalidad de Lima Norte: Rosa, no pague.")
    again = trials.send(session, vault, agency.id, campaign.id, Trial("qu", NUMBER, NOW), by=ada.id)
    assert again != delivery_id


def test_a_test_send_asks_the_same_questions_as_every_message(session, vault, agency, ada, sender):
    campaign = draft(session, agency, ada, sender)
    now = datetime.now(UTC)  # audit rows carry the database's own time

    def send(language="es", number=NUMBER):
        return trials.send(session, vault, agency.id, campaign.id, Trial(language, number, now), by=ada.id)

    for number in ("", "hola", "01 555 0000", "111"):
        with pytest.raises(Invalid, match="number_not_mobile"):
            send(number=number)
    with pytest.raises(Invalid, match="text_missing"):
        send(language="ay")
    session.add(
        OptOut(
            agency_id=agency.id,
            channel="sms",
            address_index=vault.address_index("+51987654321"),
            source="word",
            rule="ALTO",
        )
    )
    session.flush()
    with pytest.raises(Conflict, match="number_opted_out"):
        send()
    for _ in range(trials.MOST):
        send(number="+51 911 111 111")
    with pytest.raises(Conflict, match="test_sends_used_up"):
        send(number="+51 911 111 111")


def test_no_number_of_a_test_send_is_left_readable(sessions, vault, agency, ada, sender):
    with sessions(agency.id).begin() as session:
        campaign = draft(session, agency, ada, sender)
        trials.send(session, vault, agency.id, campaign.id, Trial("es", NUMBER, NOW), by=ada.id)
        person(session, vault, agency, "+51987000001")
    with sessions(agency.id)() as session:
        for table in ("audit", "delivery", "message", "figure", "campaign"):
            for row in session.execute(text(f"SELECT {table}::text FROM {table}")).scalars():
                assert "987654321" not in row


@pytest.fixture
def mailed(session, agency, ada, sender, mail_sender):
    """A draft with a mail in Spanish beside its SMS."""
    campaign = draft(session, agency, ada, sender)
    campaign.channels, campaign.mail_sender_id = "both", mail_sender.id
    said = {
        ("sms", "es"): Words(None, "No pague."),
        ("email", "es"): Words("{{nombre}}: aviso", "Llame al {{linea_111}}"),
    }
    replace_texts(session, agency.id, campaign.id, said)
    return campaign


def to_box(language="es", box=BOX, now=NOW):
    return Trial(language, box, now, Channel.EMAIL)


def test_a_test_mail_is_queued_sealed_and_filled(session, vault, agency, ada, mailed, mail_sender):
    delivery_id = trials.send(session, vault, agency.id, mailed.id, to_box(), by=ada.id)
    service = trials.service_id(session, agency.id)
    delivery = session.get(Delivery, (service, delivery_id))
    message = session.get(Message, (service, delivery_id))
    assert (delivery.channel, delivery.state) == ("email", "queued")
    assert delivery.address_index == vault.address_index("ada@limanorte.example")
    assert vault.open(message.address_sealed, agency.id) == "Ada@limanorte.example"
    assert vault.open(message.body_sealed, agency.id) == "Rosa: aviso\n\nLlame al 111"
    assert session.scalar(text("SELECT mail_sender_id FROM campaign WHERE id = :id"), {"id": service}) == mail_sender.id
    counted = session.execute(
        text("SELECT channel, state, number FROM figure WHERE campaign_id = :id"), {"id": service}
    )
    assert [tuple(row) for row in counted] == [("email", "queued", 1)]
    deed = session.scalars(select(AuditRow).where(AuditRow.did == "campaign:tested")).one()
    assert deed.detail == {"delivery": delivery_id}


def test_a_discreet_test_mail_has_the_neutral_subject(session, vault, agency, ada, mailed):
    mailed.is_discreet = True
    session.flush()
    trials.send(session, vault, agency.id, mailed.id, to_box(), by=ada.id)
    (message,) = session.scalars(select(Message)).all()
    assert vault.open(message.body_sealed, agency.id) == "Un aviso para usted\n\nLlame al 111"


def test_a_subject_that_grows_by_its_names_is_still_one(session, vault, agency, ada, mailed):
    long = {("email", "es"): Words("x" * 106 + " {{negocio}}", "Hola")}
    replace_texts(session, agency.id, mailed.id, long)
    trials.send(session, vault, agency.id, mailed.id, to_box(), by=ada.id)
    (message,) = session.scalars(select(Message)).all()
    assert len(vault.open(message.body_sealed, agency.id).partition("\n\n")[0]) == 120


def test_a_test_mail_asks_the_same_questions(session, vault, agency, ada, mailed):
    now = datetime.now(UTC)

    def send(**how):
        return trials.send(session, vault, agency.id, mailed.id, to_box(now=now, **how), by=ada.id)

    for box in ("", "ada", "987654321", "a@b"):
        with pytest.raises(Invalid, match="email_shape"):
            send(box=box)
    with pytest.raises(Invalid, match="text_missing"):
        send(language="qu")
    index = vault.address_index(BOX.casefold())
    session.add(OptOut(agency_id=agency.id, channel="sms", address_index=index, source="word", rule="ALTO"))
    session.flush()
    send()  # a refusal of SMS is none of mails
    session.add(OptOut(agency_id=agency.id, channel="email", address_index=index, source="link", rule="link"))
    session.flush()
    with pytest.raises(Conflict, match="address_opted_out"):
        send()
    for _ in range(trials.MOST - 1):
        trials.send(session, vault, agency.id, mailed.id, Trial("es", NUMBER, now), by=ada.id)
    with pytest.raises(Conflict, match="test_sends_used_up"):
        send(box="otra@limanorte.example")
    mailed.mail_sender_id = None
    session.flush()
    with pytest.raises(Invalid, match="campaign_needs_mail_sender"):
        send()


def test_nothing_of_a_test_mail_is_left_readable(sessions, session, vault, agency, ada, mailed):
    trials.send(session, vault, agency.id, mailed.id, to_box(), by=ada.id)
    session.commit()
    with sessions(agency.id)() as session:
        for table in ("audit", "delivery", "message", "figure", "campaign"):
            for row in session.execute(text(f"SELECT {table}::text FROM {table}")).scalars():
                assert "limanorte.example" not in row.casefold()


def test_a_stranger_tests_nothing(sessions, session, vault, mailed, other_agency, carla):
    session.commit()
    with sessions(other_agency.id)() as theirs, pytest.raises(Exception, match="campaign_unknown"):
        trials.send(theirs, vault, other_agency.id, mailed.id, to_box(), by=carla.id)


def test_authoring_keeps_the_texts_of_both_channels_in_a_copy(session, agency, ada, mailed):
    copy = authoring.duplicate(session, agency.id, mailed.id, name="Copia", by=ada.id)
    assert (copy.channels, copy.mail_sender_id) == ("both", mailed.mail_sender_id)
    assert {(t.channel, t.subject) for t in authoring.texts(session, agency.id, copy.id)} == {
        ("sms", None),
        ("email", "{{nombre}}: aviso"),
    }
