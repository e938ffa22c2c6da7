"""Mail senders: what staff may type, what is kept sealed, and what a kept password is never used for."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select, text

from campaigns import agencies, mail_senders
from campaigns.errors import Invalid, NotFound
from campaigns.mail_senders import MailSenderForm
from campaigns.store.audit import AuditRow
from tests.campaigns.providers.test_dkim_signing import ED25519, RSA, pem

SECRET = "clave larga del correo"
CURVE = pem(ec.generate_private_key(ec.SECP256R1()))


def form(**changes):
    values = {
        "name": "Avisos por correo",
        "address": "avisos@limanorte.example",
        "host": "smtp.limanorte.example",
        "bounce_domain": "rebotes.limanorte.example",
        "login": "avisos",
        "password": SECRET,
    }
    return MailSenderForm(**(values | changes))


@pytest.fixture
def save(session, vault, agency, dora):
    def keep(sender_id=None, **changes):
        return mail_senders.save(session, vault, agency.id, form(**changes), sender_id=sender_id, by=dora.id)

    return keep


def test_a_sender_is_kept_with_its_secrets_sealed(save, session, vault, agency, dora):
    made = save(address=" avisos@LimaNorte.example ", dkim_selector="Out", dkim_key=pem(RSA))
    assert (made.channel, made.provider, made.address) == ("email", "smtp", "avisos@limanorte.example")
    assert (made.host, made.port, made.security) == ("smtp.limanorte.example", 587, "starttls")
    assert (made.parts_per_second, made.in_flight, made.reply_to) == (10, 5, None)
    assert vault.open(made.credentials_sealed, agency.id) == SECRET
    assert vault.open(made.dkim_key_sealed, agency.id) == pem(RSA).strip()
    row = session.execute(text("SELECT sender::text FROM sender")).scalar_one()
    assert SECRET not in row
    assert "PRIVATE" not in row
    deed = session.scalars(select(AuditRow).where(AuditRow.did == "sender:added")).one()
    assert (deed.subject, deed.staff_id, deed.detail) == (f"sender:{made.id}", dora.id, None)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": ""}, "name", "name_length"),
        ({"address": "avisos"}, "address", "email_shape"),
        ({"address": "a@limanorte.example b@limanorte.example"}, "address", "email_shape"),
        ({"address": "ñandu@limanorte.example"}, "address", "email_shape"),
        ({"address": "avisos@limanorte.example\r\nBcc: x@y.example"}, "address", "email_shape"),
        ({"reply_to": "nadie"}, "reply_to", "email_shape"),
        ({"host": ""}, "host", "host_shape"),
        ({"host": "smtp limanorte"}, "host", "host_shape"),
        ({"host": "smtp://limanorte.example"}, "host", "host_shape"),
        ({"host": "-a.example"}, "host", "host_shape"),
        ({"host": "a" * 64}, "host", "host_shape"),
        ({"port": 0}, "port", "number_range"),
        ({"port": 65536}, "port", "number_range"),
        ({"security": "ssl"}, "security", "security_unknown"),
        ({"security": "none"}, "security", "security_needed"),
        ({"security": "none", "host": "10.0.0.7"}, "security", "security_needed"),
        ({"login": "x" * 201}, "login", "login_shape"),
        ({"login": "a\nb"}, "login", "login_shape"),
        ({"login": ""}, "login", "login_needed"),
        ({"password": ""}, "password", "password_needed"),
        ({"password": "a\r\nb"}, "password", "login_shape"),
        ({"mails_per_second": 0}, "mails_per_second", "number_range"),
        ({"mails_per_second": 1001}, "mails_per_second", "number_range"),
        ({"connections": 51}, "connections", "number_range"),
        ({"bounce_domain": ""}, "bounce_domain", "domain_shape"),
        ({"bounce_domain": "rebotes"}, "bounce_domain", "domain_shape"),
        ({"bounce_domain": "x@rebotes.limanorte.example"}, "bounce_domain", "domain_shape"),
        ({"bounce_domain": ".".join(["a" * 50] * 4)}, "bounce_domain", "domain_shape"),
        ({"dkim_selector": "out"}, "dkim_key", "dkim_key_shape"),
        ({"dkim_key": "x"}, "dkim_selector", "dkim_selector_shape"),
        ({"dkim_selector": "o ut", "dkim_key": "x"}, "dkim_selector", "dkim_selector_shape"),
        ({"dkim_selector": "out", "dkim_key": "x"}, "dkim_key", "dkim_key_shape"),
        ({"dkim_selector": "out", "dkim_key": "ñ" * 20_000}, "dkim_key", "dkim_key_shape"),
        ({"dkim_selector": "out", "dkim_key": CURVE}, "dkim_key", "dkim_key_shape"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_field(save, session, changes, field, code):
    with pytest.raises(Invalid) as caught:
        save(**changes)
    assert (caught.value.field, caught.value.code) == (field, code)
    assert session.scalar(text("SELECT count(*) FROM sender")) == 0


def test_without_encryption_only_a_server_of_this_machine_is_used(save):
    assert save(security="none", host="127.0.0.1", port=25).security == "none"


def test_a_server_that_asks_for_no_login_needs_none(save, vault, agency):
    made = save(login="", password="")
    assert (made.account, vault.open(made.credentials_sealed, agency.id)) == ("", "")


def test_empty_secrets_keep_the_ones_that_are_there(save, vault, agency):
    made = save(dkim_selector="out", dkim_key=pem(RSA))
    key = made.key
    changed = save(made.id, name="Otro", password="", dkim_selector="neu")
    assert (changed.id, changed.key, changed.name, changed.dkim_selector) == (made.id, key, "Otro", "neu")
    assert vault.open(changed.credentials_sealed, agency.id) == SECRET
    assert vault.open(changed.dkim_key_sealed, agency.id) == pem(RSA).strip()
    assert save(made.id, dkim_selector="").dkim_key_sealed is None
    assert vault.open(save(made.id, login="", password="").credentials_sealed, agency.id) == ""
    with pytest.raises(Invalid, match="password_needed"):
        save(made.id, password="")


@pytest.mark.parametrize("changes", [{"host": "mine.example"}, {"login": "other"}])
def test_a_kept_password_goes_to_no_other_server_or_name(save, changes):
    made = save()
    with pytest.raises(Invalid) as caught:
        save(made.id, password="", **changes)
    assert (caught.value.field, caught.value.code) == ("password", "password_again")
    assert save(made.id, **changes).id == made.id


def test_a_kept_password_does_not_travel_in_the_open_either(save):
    made = save(host="127.0.0.1")
    with pytest.raises(Invalid, match="password_again"):
        save(made.id, host="127.0.0.1", password="", security="none")


def test_one_address_is_one_sender(save):
    made = save()
    other = save(address="consultas@limanorte.example")
    with pytest.raises(Invalid, match="sender_taken"):
        save(address="AVISOS@limanorte.example".lower())
    with pytest.raises(Invalid, match="sender_taken"):
        save(other.id, address=made.address)


def test_the_record_to_publish_belongs_to_the_key(save, vault, agency):
    made = save(dkim_selector="out", dkim_key=pem(RSA))
    record = mail_senders.dkim_record(vault, made)
    assert record.name == "out._domainkey.limanorte.example"
    assert record.value.startswith("v=DKIM1; k=rsa; p=MIIBIjAN")
    again = save(made.id, dkim_selector="ed", dkim_key=pem(ED25519))
    assert mail_senders.dkim_record(vault, again).value.startswith("v=DKIM1; k=ed25519; p=")
    again.dkim_key_sealed = b"torn"
    assert mail_senders.dkim_record(vault, again) is None
    assert mail_senders.dkim_record(vault, save(made.id)) is None


def test_numbers_and_mail_senders_are_told_apart(save, session, vault, agency, sender):
    made = save()
    assert [one.id for one in mail_senders.senders(session, agency.id)] == [made.id]
    assert [one.id for one in agencies.senders(session, agency.id, "sms")] == [sender.id]
    with pytest.raises(NotFound):
        mail_senders.get(session, agency.id, sender.id)
    number = agencies.SenderForm("x", "+5117000009", "AC" + "0" * 32, "token")
    with pytest.raises(NotFound):
        agencies.save_sender(session, vault, agency.id, number, sender_id=made.id, by=None)


def test_a_stranger_finds_none(save, session, sessions, vault, other_agency, carla):
    made = save()
    session.commit()
    with sessions(other_agency.id)() as theirs:
        assert mail_senders.senders(theirs, other_agency.id) == []
        with pytest.raises(NotFound):
            mail_senders.save(theirs, vault, other_agency.id, form(), sender_id=made.id, by=carla.id)


@pytest.mark.parametrize("theirs", [{"address": "Avisos@limanorte.example"}, {"reply_to": "avisos@limanorte.example"}])
def test_answers_to_one_agency_come_to_no_other(save, session, sessions, vault, other_agency, carla, theirs):
    save()
    session.commit()
    wanted = form(**({"address": "avisos@callao.example", "bounce_domain": "vuelta.callao.example"} | theirs))
    with sessions(other_agency.id)() as elsewhere, pytest.raises(Invalid, match="mailbox_of_others"):
        mail_senders.save(elsewhere, vault, other_agency.id, wanted, by=carla.id)
