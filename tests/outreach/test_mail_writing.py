"""Mails in the pages of a campaign: written beside the SMS, shown as they arrive, approved, and sent to oneself."""

import re

import pytest
from sqlalchemy import select, text

from campaigns import authoring
from campaigns.store.deliveries import Delivery, Message
from tests.crowd import crowd
from tests.drafts import NOW, draft
from tests.outreach.conftest import send, state

MAILS = {"es": ("Aviso para {{negocio}}", "Hola **{{nombre}}**: llame al [111](tel:111).")}


@pytest.fixture
def made(sessions, agency, ada, sender, mail_sender) -> int:
    """The id of a draft with SMS and mail in Spanish."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)
        campaign = draft(session, agency, ada, sender)
        wanted = authoring.Draft(
            name=campaign.name,
            segment_id=campaign.segment_id,
            sender_id=sender.id,
            texts={"es": "No pague."},
            channels="both",
            mail_sender_id=mail_sender.id,
            mails=MAILS,
        )
        authoring.change(session, agency.id, campaign.id, wanted, by=ada.id, now=NOW)
        return campaign.id


@pytest.fixture
def typed(sessions, agency, made, sender, mail_sender):
    """What the form of the campaign would send, with these changes."""

    def fields(**changes):
        with sessions(agency.id)() as session:
            campaign = authoring.get(session, agency.id, made)
        about = {
            "seen": authoring.stamp(campaign),
            "name": campaign.name,
            "segment": campaign.segment_id,
            "channels": campaign.channels,
            "sender": campaign.sender_id,
            "mail_sender": campaign.mail_sender_id,
            "fallback_language": "es",
            "text_es": "No pague.",
            "subject_es": MAILS["es"][0],
            "mail_es": MAILS["es"][1],
        }
        return about | changes

    return fields


@pytest.fixture
def kept(sessions, agency, made):
    def ask():
        with sessions(agency.id)() as session:
            said = authoring.texts(session, agency.id, made)
            return authoring.get(session, agency.id, made), {(t.channel, t.language): (t.subject, t.body) for t in said}

    return ask


def test_channels_sender_subject_and_mail_are_saved(as_ada, made, typed, kept):
    sent = typed(channels="sms_then_email", is_discreet="y", subject_es="  Otro asunto ", mail_es="Otro\r\n\r\ntexto ")
    assert send(as_ada, f"/campaigns/{made}/edit", **sent).status_code == 303
    campaign, said = kept()
    assert (campaign.channels, campaign.is_discreet) == ("sms_then_email", True)
    assert said == {("sms", "es"): (None, "No pague."), ("email", "es"): ("Otro asunto", "Otro\n\ntexto")}
    page = as_ada.get(f"/campaigns/{made}/edit").text
    assert re.search(r'<input[^>]*checked[^>]*value="sms_then_email"', page)
    assert 'value="Otro asunto"' in page


def test_saving_what_is_shown_keeps_a_submitted_campaign(as_ada, sessions, agency, made, typed):
    send(as_ada, f"/campaigns/{made}/submit")
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'submitted' WHERE id = :id"), {"id": made})
    assert send(as_ada, f"/campaigns/{made}/edit", **typed()).status_code == 303
    assert state(sessions, agency, made) == "submitted"


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"subject_es": ""}, "subject_es", "Escriba un asunto"),
        ({"subject_es": "x" * 121}, "subject_es", "más de 120"),
        ({"subject_es": "{{dni}}"}, "subject_es", "{{dni}}"),
        ({"mail_es": ""}, "mail_es", "Escriba el texto."),
        ({"mail_es": "<b>x</b>"}, "mail_es", "HTML"),
        ({"mail_es": "![x](https://a.example/x.png)"}, "mail_es", "imágenes"),
        ({"mail_es": "[www.gob.pe](https://otro.example)"}, "mail_es", "El enlace dice"),
        ({"mail_es": "x" * 10_001}, "mail_es", "10000"),
        ({"channels": "fax"}, "channels", ""),
        ({"mail_sender": "999"}, "mail_sender", ""),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_nothing_typed_is_lost(
    as_ada, made, typed, kept, changes, field, told
):
    answer = send(as_ada, f"/campaigns/{made}/edit", **typed(text_es="Recién escrito <i>") | changes)
    assert answer.status_code == 422
    beside = answer.text.partition(f'id="{field}-error"')[2].partition("</div></div>")[0]
    assert beside
    assert told.casefold() in beside.casefold()
    assert "Recién escrito &lt;i&gt;" in answer.text
    assert kept()[1][("email", "es")] == MAILS["es"]


def test_the_small_buttons_keep_mails_too(as_ada, made, typed, kept):
    path = f"/campaigns/{made}/edit"
    added = send(as_ada, path, **typed(mail_es="Sin guardar"), add="yes", add_language="qu").text
    assert 'name="mail_qu"' in added
    assert "Sin guardar" in added
    assert 'name="mail_qu"' not in send(as_ada, path, **typed(mail_qu="x", subject_qu="y"), remove="qu").text
    assert kept()[1][("email", "es")] == MAILS["es"]


def test_a_language_may_have_a_mail_alone(as_ada, made, typed, kept):
    sent = typed(text_en="", subject_en="Notice", mail_en="Do not pay.")
    assert send(as_ada, f"/campaigns/{made}/edit", **sent).status_code == 303
    assert set(kept()[1]) == {("sms", "es"), ("email", "es"), ("email", "en")}


def test_a_draft_says_what_its_channels_lack(as_ada, made, typed):
    assert (
        send(as_ada, f"/campaigns/{made}/edit", **typed(mail_sender="", subject_es="", mail_es="")).status_code == 303
    )
    page = as_ada.get(f"/campaigns/{made}/").text
    for told in ("Elija un remitente de correo.", "Escriba un correo en al menos un idioma."):
        assert told in page
    assert f'action="/campaigns/{made}/submit"' not in page


def test_the_document_of_a_mail_stands_apart(as_ada, made):
    answer = as_ada.get(f"/campaigns/{made}/mail/es")
    assert "<strong>Rosa</strong>" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert re.search(r"sandbox(?! allow-same-origin)[^;]*$", policy)
    assert "allow-scripts" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in as_ada.get(f"/campaigns/{made}/").headers["Content-Security-Policy"]


def test_what_is_typed_is_shown_and_not_saved(as_ada, made, kept):
    path = f"/campaigns/{made}/mail/es"
    typed = {"subject_es": "Para {{negocio}}", "mail_es": "Hola *{{nombre}}*"}
    assert "<em>Rosa</em>" in send(as_ada, path, **typed).text
    words = send(as_ada, path + "/words", **typed).text
    assert "Para Transportes El Sol" in words
    assert "Hola Rosa" in words
    discreet = send(as_ada, path + "/words", **typed, is_discreet="y").text
    assert "Un aviso para usted" in discreet
    assert "El Sol" not in discreet
    for wrong in ("<script>alert(1)</script>", "![x](https://a.example/x.png)", "x" * 30_000, "{{nombre"):
        for where in (path, path + "/words"):
            answer = send(as_ada, where, **typed | {"mail_es": wrong})
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
    assert "Aquí se verá el correo" in send(as_ada, path).text
    assert send(as_ada, f"/campaigns/{made}/mail/zz", subject_zz="a", mail_zz="b").status_code == 200
    assert kept()[1][("email", "es")] == MAILS["es"]


def test_strangers_see_no_mail(signed_in, carla, as_ada, client, made):
    as_carla = signed_in(carla)
    path = f"/campaigns/{made}/mail/es"
    assert as_carla.get(path).status_code == 404
    assert send(as_carla, path, mail_es="x").status_code == 404
    assert send(as_carla, path + "/words", mail_es="x").status_code == 404
    assert client.get(path).status_code in (302, 303)
    assert as_ada.post(path, data={"mail_es": "x"}).status_code == 400  # without the token
    assert as_ada.get(f"/campaigns/{made}/mail/qu").status_code == 404


def test_the_approver_sees_the_mail_as_it_arrives(as_ada, as_bruno, made, typed, sessions, agency):
    send(as_ada, f"/campaigns/{made}/edit", **typed(is_discreet="y"))
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'submitted' WHERE id = :id"), {"id": made})
    page = as_bruno.get(f"/campaigns/{made}/").text
    for told in (f'src="/campaigns/{made}/mail/es"', "Un aviso para usted", "Hola Rosa: llame al 111", "No pague."):
        assert told in page
    assert "avisos@limanorte.example" in page
    assert as_bruno.get(f"/campaigns/{made}/mail/es").status_code == 200


def test_a_test_mail_to_oneself(as_ada, sessions, vault, agency, made, valkey):
    page = as_ada.get(f"/campaigns/{made}/test").text
    assert 'name="number"' in page
    assert 'name="address"' in page
    answer = send(as_ada, f"/campaigns/{made}/test", address="Ada@limanorte.example", mail_language="es")
    assert answer.status_code == 303
    assert valkey.llen("rq:queue:urgent") == 1
    with sessions(agency.id)() as session:
        (message,) = session.scalars(select(Message)).all()
        (delivery,) = session.scalars(select(Delivery)).all()
    assert delivery.channel == "email"
    assert vault.open(message.address_sealed, agency.id) == "Ada@limanorte.example"
    assert vault.open(message.body_sealed, agency.id).startswith("Aviso para Transportes El Sol\n\nHola **Rosa**")
    for wrong in (
        {"address": "", "mail_language": "es"},
        {"address": "ada", "mail_language": "es"},
        {"address": "a@b.pe"},
    ):
        refused = send(as_ada, f"/campaigns/{made}/test", **wrong)
        assert refused.status_code == 422
        assert 'id="number-error"' not in refused.text
    assert "limanorte" not in valkey.dump(valkey.keys("rq:job:*")[0]).decode("latin-1")


def test_only_channels_in_use_are_tested(as_ada, made, typed):
    send(as_ada, f"/campaigns/{made}/edit", **typed(channels="email"))
    page = as_ada.get(f"/campaigns/{made}/test").text
    assert 'name="number"' not in page
    assert 'name="address"' in page
    assert send(as_ada, f"/campaigns/{made}/test", number="987654321", language="es").status_code == 422
