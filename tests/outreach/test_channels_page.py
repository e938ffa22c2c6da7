"""Campaigns of two channels, and of e-mail alone: approval, course, lists, figures as a file, and a person's page."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from campaigns import consent
from campaigns.rules.channels import Channels
from campaigns.store import figures as figure_store
from campaigns.store.recount import differences
from tests import outcomes
from tests.outreach.conftest import send
from tests.posting import address

HX = {"HX-Request": "true"}


@pytest.fixture
def move(sessions, agency):
    """Brings so many queued messages of a channel to a state, as the engine would, with their figures."""

    def to(campaign_id, channel, state, number, reason=None, **more):
        with sessions(agency.id).begin() as session:
            outcomes.bring(session, campaign_id, channel, state, number, reason=reason, **more)
        with sessions(agency.id)() as session:
            assert differences(session, agency.id, campaign_id) == []

    return to


@pytest.fixture
def going(mail_people, start_mailing):
    """A campaign to ten with both, three with a mobile only and four with an address only."""

    def start(channels):
        mail_people(10)
        mail_people(3, first=20, mail=False)
        mail_people(4, first=30, mobile=False)
        return start_mailing(channels)

    return start


def cells(page, channel):
    """Name -> figure of a channel's row in the table of channels."""
    row = re.search(rf'<th scope="row">{channel}</th>(.*?)</tr>', page, re.S)[1]
    return dict(re.findall(r'data-name="([^"]+)">([^<]*)<', row))


def table(answer):
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    gap = lines.index([])
    return [dict(zip(lines[gap + 1], line, strict=True)) for line in lines[gap + 2 :]]


def test_the_funnel_has_a_row_for_each_channel(as_bruno, going, move):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    assert "<strong>17</strong> personas previstas" in page
    assert cells(page, "SMS") == {
        "Previstos": "13", "En espera": "13", "Solo si falla el SMS": "–", "Enviados": "0", "Entregados": "0",
        "Fallidos": "0", "Pidieron no recibir más": "0", "No enviado": "0",
    }  # fmt: skip
    mails = cells(page, "Correo electrónico")
    assert (mails["Previstos"], mails["En espera"], mails["Solo si falla el SMS"]) == ("14", "4", "10")
    move(campaign_id, "sms", "delivered", 11)
    move(campaign_id, "sms", "failed", 2, "number_unknown")
    move(campaign_id, "email", "skipped", 8, "not_needed", was="after_sms")
    move(campaign_id, "email", "sent", 3)
    move(campaign_id, "email", "failed", 1, "mailbox_full")
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    mails = cells(page, "Correo electrónico")
    assert (mails["Enviados"], mails["Fallidos"], mails["No enviado"]) == ("4", "1", "8")
    assert "No hizo falta, porque el SMS salió bien" in page
    for told in ("El número no está en uso", "El buzón estaba lleno", "Otra campaña podría llegarle."):
        assert told in page


def test_the_live_page_follows_and_says_what_is_only_waited_for(as_bruno, going, move):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    polled = re.search(r'id="funnel" hx-get="([^"]+)"', as_bruno.get(f"/campaigns/{campaign_id}/").text)[1]
    polled = polled.replace("&amp;", "&")
    assert as_bruno.get(polled, headers=HX).status_code == 204
    move(campaign_id, "sms", "delivered", 13)
    fragment = as_bruno.get(polled, headers=HX).text
    assert "Todo enviado" not in fragment
    assert cells(fragment, "SMS")["Entregados"] == "13"
    move(campaign_id, "email", "skipped", 10, "not_needed", was="after_sms")
    move(campaign_id, "email", "sent", 4)
    assert as_bruno.get(polled, headers=HX).headers["HX-Refresh"] == "true"
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    assert re.search(r"Todo enviado; se esperan correos devueltos hasta el \w+, \d+ de \w+", page)
    assert '<span class="state ">Todo enviado</span>' in page
    assert "confirmación" not in page
    assert "Todo enviado; se esperan correos devueltos" in as_bruno.get("/").text


def test_what_carriers_and_mail_servers_still_owe_is_told_with_the_day(as_bruno, going, move):
    campaign_id = going(Channels.BOTH)
    earlier, last = (datetime(2026, 11, 23, hour, 0, tzinfo=UTC) for hour in (16, 17))
    move(campaign_id, "sms", "sent", 13, at=last)
    move(campaign_id, "email", "sent", 13, at=earlier)
    move(campaign_id, "email", "unknown", 1, at=earlier)
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    assert "las confirmaciones de la operadora y los correos devueltos hasta el jueves, 26 de noviembre de 2026" in page
    assert "13 mensajes esperan la confirmación de la operadora." in page
    assert "Puede que 1 correo se haya aceptado: el servidor de correo no respondió. No se envía otra vez." in page


def test_who_got_neither_is_told_once_that_is_known(as_bruno, going, move):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    move(campaign_id, "sms", "failed", 3, "number_unknown")
    move(campaign_id, "sms", "unconfirmed", 10)
    move(campaign_id, "email", "unconfirmed", 2)
    move(campaign_id, "email", "failed", 2, "address_unknown")
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    assert "no recibieron nada" not in page  # ten mails may still go
    move(campaign_id, "email", "skipped", 9, "not_needed", was="after_sms")
    move(campaign_id, "email", "unconfirmed", 1, was="after_sms")
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    assert "4 personas no recibieron nada: no salió bien ni un SMS ni un correo." in page
    rows = [row for row in table(as_bruno.get(f"/campaigns/{campaign_id}/figures.csv")) if row["state"] == "unreached"]
    assert [(row["people"], row["channel"]) for row in rows] == [("4", "")]


def test_figures_mean_what_their_channel_says(as_bruno, going, move):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    move(campaign_id, "sms", "sent", 12)
    move(campaign_id, "sms", "unknown", 1)
    move(campaign_id, "email", "sent", 1)
    move(campaign_id, "email", "unknown", 1)
    move(campaign_id, "email", "unconfirmed", 1)
    found = {
        (row["channel"], row["state"], row["reason"]): (row["people"], row["parts"], row["meaning"])
        for row in table(as_bruno.get(f"/campaigns/{campaign_id}/figures.csv"))
    }
    assert found["email", "queued", "after_sms"] == ("10", "", "Espera: solo sale si el SMS no se puede entregar")
    assert found["email", "sent", ""] == ("1", "", "El servidor de correo lo aceptó")
    assert found["email", "unknown", ""] == ("1", "", "El servidor de correo no respondió; no se envía otra vez")
    assert found["email", "unconfirmed", ""] == ("1", "", "Aceptado por el servidor de correo; no fue devuelto")
    assert found["sms", "sent", ""][1:] == ("0", "Enviado, aún sin confirmar")
    assert found["sms", "unknown", ""][2] != found["email", "unknown", ""][2]


def test_a_campaign_by_mail_alone_speaks_of_no_sms(as_bruno, going, move):
    campaign_id = going(Channels.EMAIL)
    move(campaign_id, "email", "sent", 13)
    move(campaign_id, "email", "failed", 1, "address_invalid")
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    main = page[page.index('<main id="main"') :]
    assert '<dl class="funnel">' in main
    assert "SMS hasta ahora" not in main
    assert "La dirección de correo no puede existir" in main
    assert "Todo enviado; se esperan correos devueltos hasta el" in main


def test_an_sms_campaign_looks_as_ever(as_bruno, mail_people, start_mailing, move):
    mail_people(3)
    campaign_id = start_mailing(Channels.SMS)
    move(campaign_id, "sms", "delivered", 1)
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    main = page[page.index('<main id="main"') :]
    assert '<dl class="funnel">' in main
    assert re.search("correo|Canal", main) is None


def test_lists_name_the_channels(as_bruno, going, start_mailing):
    going(Channels.BOTH)
    start_mailing(Channels.SMS_THEN_EMAIL)
    start_mailing(Channels.EMAIL)
    start_mailing(Channels.SMS)
    page = as_bruno.get("/campaigns/").text
    found = re.findall(r'data-name="Canal">([^<]+)<', page)
    assert found == ["SMS", "Correo electrónico", "SMS o, si no, correo", "SMS y correo"]
    start = as_bruno.get("/").text
    assert "SMS o, si no, correo" in start
    assert "Correo: 0 enviados, 0 de ellos fallidos, 0 no enviados" in start


def test_stopping_says_how_many_messages_stay(as_bruno, going):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    assert "27 mensajes que no se han enviado ya no saldrán." in as_bruno.get(f"/campaigns/{campaign_id}/stop").text


def test_who_corrects_reads_numbers_by_channel(as_dora, going, move):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    move(campaign_id, "sms", "delivered", 5)
    move(campaign_id, "email", "sent", 3)
    page = as_dora.get(f"/campaigns/{campaign_id}/correct").text
    assert "<strong>8</strong> personas" in page
    assert "19 mensajes no se han enviado" in page
    assert re.findall(r'data-name="Por">([^<]+)<', page) == ["SMS", "Correo electrónico"]


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        (Channels.BOTH, ["13 por SMS", "14 por correo"]),
        (
            Channels.SMS_THEN_EMAIL,
            ["13 por SMS", "4 por correo de inmediato", "10 de las primeras también por correo, pero solo si el SMS"],
        ),
    ],
)
def test_the_approver_sees_who_gets_what_on_which_channel(as_bruno, sessions, agency, going, channels, told):
    campaign_id = going(channels)
    with sessions(agency.id).begin() as session:
        session.execute(
            text("UPDATE campaign SET state = 'submitted', started_at = NULL WHERE id = :c"), {"c": campaign_id}
        )
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    assert "<strong>17</strong> personas" in page
    for sentence in told:
        assert sentence in page
    assert "Aviso para Transportes El Sol" in page
    assert "Hola Rosa: no pague. Llame al 111." in page
    assert "Avisos por correo (avisos@limanorte.example)" in page
    waits = "Correo solo si falla el SMS"
    assert (waits in page) is (channels is Channels.SMS_THEN_EMAIL)


@pytest.mark.parametrize(
    ("channels", "told", "silent"),
    [
        (Channels.SMS, ["<strong>13</strong>\n", "un SMS"], ["un correo", "la recibirían ahora"]),
        (Channels.EMAIL, ["<strong>14</strong>", "un correo", "la recibirían ahora"], ["un SMS"]),
        (Channels.SMS_THEN_EMAIL, ["<strong>17</strong> personas la recibirían ahora", "10 de las primeras"], []),
    ],
)
def test_a_draft_counts_people_on_its_channels(as_dora, sessions, agency, going, channels, told, silent):
    campaign_id = going(channels)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'draft' WHERE id = :c"), {"c": campaign_id})
    page = as_dora.get(f"/campaigns/{campaign_id}/").text
    assert [words for words in told if words.strip() not in page] == []
    assert [words for words in silent if words in page] == []


@pytest.mark.parametrize("channels", Channels)
def test_a_draft_tells_no_few_people_to_those_who_may_not_know(as_bruno, sessions, agency, going, channels):
    """Four people have no mobile and three no mail: neither they nor what is left of all without them is told."""
    campaign_id = going(channels)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'draft' WHERE id = :c"), {"c": campaign_id})
    page = as_bruno.get(f"/campaigns/{campaign_id}/").text
    assert "menos de 10 no tienen" in page
    assert "cifras menores de 10" in page
    told = re.findall(r"big-figure\"><strong>([^<]+)", page)
    assert set(told) <= {"17", "10 o más"}
    assert "4 por correo" not in page
    assert "10 de las primeras" not in page


def test_what_was_missed_is_told_by_channel(as_bruno, sessions, agency, going, move):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    move(campaign_id, "sms", "skipped", 13, "expired")
    move(campaign_id, "email", "skipped", 10, "expired", was="after_sms")
    move(campaign_id, "email", "unconfirmed", 4)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'finished' WHERE id = :c"), {"c": campaign_id})
    for path in (f"/campaigns/{campaign_id}/", "/campaigns/"):
        page = as_bruno.get(path).text
        assert "13 SMS no se enviaron: se acabó el tiempo para enviarlos." in page
        assert "10 correos no se enviaron: se acabó el tiempo para enviarlos." in page


def test_figures_stay_true_when_they_are_compacted(sessions, agency, as_bruno, going, move):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    move(campaign_id, "email", "sent", 4)
    before = table(as_bruno.get(f"/campaigns/{campaign_id}/figures.csv"))
    with sessions(agency.id).begin() as session:
        figure_store.compact(session, agency.id, campaign_id, keep=0)
    assert table(as_bruno.get(f"/campaigns/{campaign_id}/figures.csv")) == before


@pytest.mark.parametrize(
    ("source", "told", "chip"),
    [
        (consent.Source.LINK, "con el enlace que lleva cada correo", "Rechazó los mensajes"),
        (consent.Source.MAIL, "en un correo a su entidad", "Rechazó los mensajes"),
        (consent.Source.COMPLAINT, "como no deseado", "Rechazó los mensajes"),
        (consent.Source.PROVIDER, "El proveedor tiene registrado", "Rechazó los mensajes"),
        (consent.Source.STAFF, "Dijo a su entidad", "Rechazó los mensajes"),
        (consent.Source.WORD, "Pidió no recibir más correos.", "Rechazó los mensajes"),
        (consent.Source.BOUNCE, "La persona no rechazó nada", "Correos devueltos"),
    ],
)
def test_a_persons_page_tells_their_refusals_and_messages_by_channel(
    as_ada, sessions, vault, agency, going, move, source, told, chip
):
    campaign_id = going(Channels.SMS_THEN_EMAIL)
    move(campaign_id, "sms", "delivered", 13)
    with sessions(agency.id).begin() as session:
        consent.stop(session, agency.id, "email", vault.address_indexes(address(0)), source=source, rule="test")
        contact_id = session.scalar(
            text("SELECT id FROM contact WHERE email_index = :i"), {"i": vault.address_index(address(0))}
        )
    page = as_ada.get(f"/people/{contact_id}").text
    assert told in page
    assert chip in page
    assert ("Rechazó los mensajes" in page) is (source is not consent.Source.BOUNCE)
    assert "p***@correo.example" in page
    assert address(0) not in page
    refused, _, sent = page.partition('id="messages"')
    assert re.findall(r'data-label="Canal">([^<]+)<', sent) == ["Correo electrónico", "SMS"]
    assert re.findall(r'data-label="Canal">([^<]+)<', refused) == ["Correo electrónico"]
    assert "Espera: solo sale si el SMS no se puede entregar" in page


def test_a_stop_of_the_whole_campaign_keeps_its_page(as_bruno, going, sessions, agency):
    campaign_id = going(Channels.BOTH)
    assert send(as_bruno, f"/campaigns/{campaign_id}/stop").status_code == 303
    page = as_bruno.get(f"/campaigns/{campaign_id}/")
    assert page.status_code == 200
    assert cells(page.text, "SMS")["Previstos"] == "13"
