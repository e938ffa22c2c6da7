"""Mails leave through the same engine: everyone once, unclear ones never again, and in the order of channels."""

import base64
from datetime import UTC, datetime, timedelta

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from campaigns import consent, receipts
from campaigns.links import Signer
from campaigns.rules.channels import Channels
from campaigns.rules.lifecycle import CampaignState
from campaigns.supply import End
from tests import letters
from tests.carrier import phone
from tests.posting import BOUNCE_DOMAIN, address


@pytest.fixture
def office(carrier):
    """The mail side of the simulator, without faults."""
    carrier.faults(mail={"events": [], "notice_delay_ms": 3_600_000})
    return carrier


def mails(office) -> dict[str, list[dict]]:
    return office.control("mails?headers=1")["mailboxes"]


def rows(sessions, agency, campaign_id, columns="channel, state, reason"):
    with sessions(agency.id)() as session:
        statement = text(f"SELECT {columns} FROM delivery WHERE campaign_id = :c ORDER BY id")
        return [tuple(row) for row in session.execute(statement, {"c": campaign_id})]


def set_states(sessions, agency, campaign_id, channel, state, reason=None):
    """As receipts would have: through the verbs that apply them."""
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO receipt (agency_id, sender_id, provider_ref, campaign_id, delivery_id, attempt, state,"
                " reason) SELECT d.agency_id, (SELECT min(id) FROM sender), 'SM' || d.id || '.' || d.attempt,"
                " d.campaign_id, d.id, d.attempt, :s, :r FROM delivery d"
                " WHERE d.campaign_id = :c AND d.channel = :channel AND d.state IN ('sent', 'unknown')"
            ),
            {"c": campaign_id, "channel": channel, "s": state, "r": reason},
        )
    receipts.apply(sessions, agency.id)


def test_everyone_gets_one_mail_of_their_own(office, mail_people, start_mailing, send, states, tools):
    mail_people(60, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    assert send(campaign_id) is End.EMPTY
    assert states(campaign_id) == {"sent": 60}
    got = mails(office)
    assert {to: len(found) for to, found in got.items()} == {address(n): 1 for n in range(60)}
    raw = office.raw(got[address(7)][0]["id"])
    message = letters.parsed(raw)
    assert message["Subject"] == "Aviso para Transportes El Sol"
    assert "Hola Rosa 7: no pague. Llame al 111." in letters.content(message, "plain")
    assert message["From"] == "Municipalidad de Lima Norte <avisos@limanorte.example>"
    assert message["Reply-To"] == "consultas@limanorte.example"
    signer = Signer(tools.settings.secret_key)
    sent = signer.read_message_id(message["Message-ID"].strip("<>").partition("@")[0])
    back, _, domain = got[address(7)][0]["from"].partition("@")
    returned = signer.read_return_path(back)
    assert (sent.campaign_id, returned.campaign_id, returned.attempt) == (campaign_id, campaign_id, 1)
    assert (sent.delivery_id, domain) == (returned.delivery_id, BOUNCE_DOMAIN)


def test_mails_cost_no_parts(office, mail_people, start_mailing, send, sessions, agency):
    mail_people(5, mobile=False)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE agency SET parts_per_month = 1"))
    campaign_id = start_mailing(Channels.EMAIL)
    assert send(campaign_id) is End.EMPTY
    assert rows(sessions, agency, campaign_id, "state, parts, charged") == [("sent", 0, 0)] * 5


def test_a_discreet_campaign_says_nothing_in_its_subject(office, mail_people, start_mailing, send):
    mail_people(1, mobile=False)
    send(start_mailing(Channels.EMAIL, discreet=True))
    message = letters.parsed(office.raw(mails(office)[address(0)][0]["id"]))
    assert "Aviso" not in message["Subject"]
    assert message["Subject"]


def test_both_channels_go_side_by_side(office, mail_people, start_mailing, send, states):
    mail_people(20)
    mail_people(5, first=20, mail=False)
    mail_people(5, first=25, mobile=False)
    campaign_id = start_mailing(Channels.BOTH)
    assert send(campaign_id) is End.EMPTY
    assert states(campaign_id) == {"sent": 50}
    assert set(mails(office)) == {address(n) for n in [*range(20), *range(25, 30)]}
    assert set(office.texts()) == {phone(n) for n in range(25)}


def test_one_sender_out_of_order_leaves_what_the_other_has_in_flight(
    office, mail_people, start_mailing, send, states, sessions, agency
):
    mail_people(30)
    campaign_id = start_mailing(Channels.BOTH)
    office.faults(mail={"events": [{"kind": "refuse", "at": "mail", "code": 535, "enhanced": "5.7.8"}]})
    send(campaign_id)
    found = states(campaign_id)
    assert found.pop("sent") == len(office.texts())
    assert set(found) == {"queued"}
    with sessions(agency.id)() as session:
        paused = session.execute(text("SELECT state, pause_reason FROM campaign WHERE id = :c"), {"c": campaign_id})
        assert tuple(paused.one()) == ("paused", "credentials")


def test_an_unclear_mail_is_never_sent_again_and_ends_after_72_hours(
    office, mail_people, start_mailing, send, settle, states, sessions, agency
):
    mail_people(10, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    office.faults(mail={"events": [{"kind": "drop", "at": "end"}]})
    send(campaign_id)
    office.faults(mail={"events": []})
    assert states(campaign_id) == {"unknown": 10}
    for _ in range(3):
        settle(campaign_id)
        send(campaign_id)
    assert states(campaign_id) == {"unknown": 10}
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET handed_at = handed_at - interval '73 hours'"))
        moved = "started_at = now() - interval '73 hours', ask_at = now() - interval '1 hour'"
        session.execute(text(f"UPDATE campaign SET {moved} WHERE kind = 'alert'"))
    later = datetime.now(UTC) + timedelta(seconds=1)
    settle(campaign_id, now=later)
    assert states(campaign_id) == {"unconfirmed": 10}
    assert settle(campaign_id, now=later) in (CampaignState.FINISHED, None)


def test_sms_then_mail(office, mail_people, start_mailing, send, settle, states, sessions, agency):
    mail_people(2)  # an SMS that arrives
    mail_people(1, first=10, mobile=False)  # only an address
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    assert set(mails(office)) == {address(10)}
    assert states(campaign_id) == {"sent": 3, "queued: after_sms": 2}
    set_states(sessions, agency, campaign_id, "sms", "delivered")
    settle(campaign_id)
    send(campaign_id)
    assert states(campaign_id) == {"delivered": 2, "sent": 1, "skipped: not_needed": 2}
    assert set(mails(office)) == {address(10)}


def test_who_an_sms_does_not_reach_gets_the_mail_once(
    office, mail_people, start_mailing, send, settle, states, sessions, agency
):
    mail_people(3)
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    set_states(sessions, agency, campaign_id, "sms", "failed", "number_unknown")
    for _ in range(2):
        settle(campaign_id)
        send(campaign_id)
    assert states(campaign_id) == {"failed: number_unknown": 3, "sent": 3}
    assert {to: len(found) for to, found in mails(office).items()} == {address(n): 1 for n in range(3)}


def test_a_failure_that_goes_again_lets_the_mail_wait(
    office, mail_people, start_mailing, send, settle, states, sessions, agency
):
    mail_people(1)
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    set_states(sessions, agency, campaign_id, "sms", "failed", "unreachable")
    settle(campaign_id)
    assert states(campaign_id) == {"queued: unreachable": 1, "queued: after_sms": 1}
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET not_before = NULL WHERE channel = 'sms'"))
    send(campaign_id)
    set_states(sessions, agency, campaign_id, "sms", "failed", "unreachable")
    settle(campaign_id)
    send(campaign_id)
    assert states(campaign_id) == {"failed: unreachable": 1, "sent": 1}


def test_who_refuses_sms_at_the_provider_gets_no_mail_instead(
    office, mail_people, start_mailing, send, settle, states, sessions, agency
):
    mail_people(1)
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    set_states(sessions, agency, campaign_id, "sms", "failed", "refused_by_person")
    settle(campaign_id)
    send(campaign_id)
    assert states(campaign_id) == {"failed: refused_by_person": 1, "skipped: opted_out": 1}
    assert mails(office) == {}


def test_a_stop_ends_mails_that_wait(office, mail_people, start_mailing, send, settle, states, sessions, agency):
    mail_people(2)
    campaign_id = start_mailing(Channels.SMS_THEN_EMAIL)
    send(campaign_id)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE campaign SET state = 'stopping' WHERE id = :c"), {"c": campaign_id})
    assert settle(campaign_id) is CampaignState.STOPPED
    assert states(campaign_id) == {"sent": 2, "skipped: stopped": 2}


def test_a_server_that_knows_no_such_mailbox_is_not_asked_again(
    office, mail_people, start_mailing, send, states, sessions, agency
):
    mail_people(2, mobile=False)
    office.faults(mail={"events": [{"kind": "refuse", "at": "rcpt", "code": 550, "enhanced": "5.1.1"}]})
    campaign_id = start_mailing(Channels.EMAIL)
    send(campaign_id)
    assert states(campaign_id) == {"failed: address_unknown": 2}
    with sessions(agency.id)() as session:
        found = session.execute(text("SELECT channel, source, rule FROM opt_out")).all()
    assert [tuple(row) for row in found] == [("email", "bounce", "address_unknown")] * 2


def test_one_mailbox_that_puts_a_mail_off_holds_no_other_up(
    office, mail_people, start_mailing, send, states, sessions, agency
):
    mail_people(30, mobile=False)
    full = {"kind": "refuse", "at": "rcpt", "code": 452, "enhanced": "4.2.2", "to": address(3)}
    office.faults(mail={"events": [full]})
    campaign_id = start_mailing(Channels.EMAIL)
    assert send(campaign_id) is End.EMPTY
    assert states(campaign_id) == {"sent": 29, "queued": 1}
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET not_before = NULL"))
        session.execute(text("UPDATE campaign SET started_at = now() - interval '25 hours' WHERE kind = 'alert'"))
    send(campaign_id)
    assert states(campaign_id) == {"sent": 29, "queued": 1}  # put off twice within a day, however old the campaign
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE delivery SET not_before = NULL, put_off_at = put_off_at - interval '25 hours'"))
    send(campaign_id)
    assert states(campaign_id) == {"sent": 29, "failed: mailbox_full": 1}


@pytest.mark.parametrize(
    "trouble",
    [{"kind": "refuse", "code": 421}, {"kind": "drop"}, {"kind": "refuse", "code": 451, "enhanced": "4.3.0"}],
    ids=["421", "drop", "4.3.0"],
)
def test_trouble_with_one_recipient_stops_nobody_else(office, mail_people, start_mailing, send, states, trouble):
    mail_people(40, mobile=False)
    office.faults(mail={"events": [{"at": "rcpt", "to": address(5), **trouble}]})
    campaign_id = start_mailing(Channels.EMAIL)
    assert send(campaign_id) is End.EMPTY
    assert states(campaign_id) == {"sent": 39, "queued": 1}


def test_when_all_are_put_off_the_sender_waits(office, mail_people, start_mailing, send, states):
    mail_people(200, mobile=False)
    office.faults(mail={"events": [{"kind": "drop", "at": "rcpt"}]})
    campaign_id = start_mailing(Channels.EMAIL)
    send(campaign_id, seconds=4.0)
    assert states(campaign_id) == {"queued": 200}
    assert office.control("counters")["mail"]["connections"] < 200


def test_a_line_that_cannot_be_private_pauses_the_campaign(office, mail_people, start_mailing, send, sessions, agency):
    mail_people(3, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE sender SET security = 'tls' WHERE channel = 'email'"))
    assert send(campaign_id) is End.SENDER
    with sessions(agency.id)() as session:
        paused = session.execute(text("SELECT state, pause_reason FROM campaign WHERE id = :c"), {"c": campaign_id})
        assert tuple(paused.one()) == ("paused", "no_privacy")


def test_an_address_that_came_back_since_is_not_told_to_have_refused(
    office, mail_people, start_mailing, send, states, sessions, agency, vault
):
    mail_people(2, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    with sessions(agency.id).begin() as session:
        bounce, said = consent.Source.BOUNCE, consent.Source.LINK
        consent.stop(session, agency.id, "email", [vault.address_index(address(0))], source=bounce, rule="x")
        consent.stop(session, agency.id, "email", [vault.address_index(address(1))], source=said, rule="x")
    send(campaign_id)
    assert states(campaign_id) == {"skipped: bounced": 1, "skipped: opted_out": 1}


def test_a_mail_that_came_back_too_late_does_not_go_again(
    office, mail_people, start_mailing, send, settle, states, sessions, agency
):
    mail_people(1, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    send(campaign_id)
    set_states(sessions, agency, campaign_id, "email", "failed", "too_late")
    assert settle(campaign_id) is CampaignState.FINISHED
    assert states(campaign_id) == {"failed: too_late": 1}


def test_mails_of_a_sender_with_a_key_are_signed(office, mail_people, start_mailing, send, sessions, agency, vault):
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    mail_people(2, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    with sessions(agency.id).begin() as session:
        session.execute(
            text("UPDATE sender SET dkim_selector = 's1', dkim_key_sealed = :key WHERE channel = 'email'"),
            {"key": vault.seal(pem, agency.id)},
        )
    send(campaign_id)
    for number in range(2):
        message = dkim.DKIM(office.raw(mails(office)[address(number)][0]["id"]))
        assert message.verify(dnsfunc=lambda _name, timeout=5: b"v=DKIM1; p=" + base64.b64encode(public))
        covered = {name.lower() for name, _value in message.signed_headers}
        assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= covered


def test_a_key_that_does_not_open_pauses_the_campaign(office, mail_people, start_mailing, send, sessions, agency):
    mail_people(1, mobile=False)
    campaign_id = start_mailing(Channels.EMAIL)
    with sessions(agency.id).begin() as session:
        statement = "UPDATE sender SET dkim_selector = 's1', dkim_key_sealed = '\\x0102' WHERE channel = 'email'"
        session.execute(text(statement))
    assert send(campaign_id) is End.SENDER
    assert mails(office) == {}
    with sessions(agency.id)() as session:
        paused = session.execute(text("SELECT state, pause_reason FROM campaign WHERE id = :c"), {"c": campaign_id})
        assert tuple(paused.one()) == ("paused", "credentials")
