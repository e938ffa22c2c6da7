"""What people write back: who it is from, what it stops, and what it cannot."""

import pytest
from sqlalchemy import text

from campaigns import consent, inbox, receipts
from campaigns.vault import Vault
from tests.posting import BOUNCE_DOMAIN, address
from tests.returning import COMPLAINTS, REPLIES, sample, snapshot


def written(sender: str, words: str, *, answers: str = "", number: int = 1, subject: str = "Re: Aviso") -> bytes:
    quoted = f"In-Reply-To: <{answers}@limanorte.example>\r\n" if answers else ""
    head = f"From: <{sender}>\r\nTo: {REPLIES}\r\nSubject: {subject}\r\nMessage-ID: <{number}@x.example>\r\n{quoted}"
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n".encode()


@pytest.fixture
def stopped(sessions, agency):
    def by_index():
        with sessions(agency.id)() as session:
            rows = session.execute(text("SELECT channel, address_index, source, rule FROM opt_out WHERE stopped"))
            return {(row.channel, bytes(row.address_index)): (row.source, row.rule) for row in rows}

    return by_index


def test_an_answer_waits_for_staff_with_its_writer(receiver, left, sessions, vault, agency):
    mail = left(2)[1]
    assert receiver.give(written(mail.address, "¿Es verdadero?"), REPLIES) == 250
    with sessions(agency.id)() as session:
        found = inbox.waiting(session, vault, agency.id)
    assert [(one.masked, one.body, one.campaign) for one in found] == [
        ("p***@correo.example", "Re: Aviso\n\n¿Es verdadero?", "Aviso a transportistas")
    ]
    assert found[0].contact_id is not None
    kept = b"".join(bytes(row) for row in _sealed(sessions, agency))
    assert b"verdadero" not in kept
    assert b"persona1" not in kept


def _sealed(sessions, agency):
    with sessions(agency.id)() as session:
        rows = session.execute(text("SELECT address_sealed, body_sealed FROM inbound")).all()
    return [value for row in rows for value in row]


def test_an_answer_twice_is_one(receiver, left, sessions, agency):
    mail = left(1)[0]
    for _ in range(2):
        receiver.give(written(mail.address, "Hola"), REPLIES)
    assert len(snapshot(sessions, agency.id)["inbound"]) == 1
    receiver.give(written(mail.address, "Hola", number=2), REPLIES)
    assert len(snapshot(sessions, agency.id)["inbound"]) == 2


@pytest.mark.parametrize("word", ["ALTO", "baja", "Stop.", "por favor BAJA"])
def test_a_stop_holds_for_the_address_it_comes_from(word, receiver, left, stopped, do):
    first, second = left(2)
    assert receiver.give(written(second.address.upper(), word), REPLIES) == 250
    assert stopped() == {("email", second.index): ("mail", stopped()["email", second.index][1])}
    assert do("SELECT sum(number) FROM figure WHERE state = 'opted_out'").scalar_one() == 1
    assert receiver.give(written(first.address, f"{word} a la extorsión, ¿qué hago?"), REPLIES) == 250
    assert len(stopped()) == 1


def test_from_another_mailbox_it_stops_the_one_we_wrote_to(receiver, left, stopped):
    first, second = left(2)
    assert receiver.give(written(second.address, "BAJA", answers=first.message_id), REPLIES) == 250
    assert list(stopped()) == [("email", first.index)]


def test_from_somebody_we_never_wrote_to_it_holds_too(receiver, mail_sender, stopped, vault):
    assert receiver.give(written("nadie@otra.example", "BAJA"), REPLIES) == 250
    assert list(stopped()) == [("email", vault.address_index("nadie@otra.example"))]


def test_sms_go_on(receiver, left, sessions, agency, stopped):
    receiver.give(written(left(1)[0].address, "ALTO"), REPLIES)
    assert {channel for channel, _index in stopped()} == {"email"}


def test_only_who_has_our_mail_undoes_a_stop_with_it(receiver, left, stopped):
    mail = left(1)[0]
    receiver.give(written(mail.address, "ALTO"), REPLIES)
    receiver.give(written(mail.address, "ALTA", number=2), REPLIES)
    assert len(stopped()) == 1
    receiver.give(written(mail.address, "ALTA", number=3, answers=mail.message_id), REPLIES)
    assert stopped() == {}
    # The first one, come again late, is no new stop.
    receiver.give(written(mail.address, "ALTO"), REPLIES)
    assert stopped() == {}
    receiver.give(written(mail.address, "ALTO", number=4), REPLIES)
    assert len(stopped()) == 1


def test_another_agencys_message_says_nothing_here(receiver, left, sessions, agency, other_agency, vault, stopped):
    from campaigns import mail_senders

    mail = left(1)[0]
    form = mail_senders.MailSenderForm("Callao", "avisos@callao.example", "127.0.0.1", "vuelta.callao.example")
    with sessions(other_agency.id).begin() as session:
        mail_senders.save(session, vault, other_agency.id, form, by=None)
    raw = written("rosa@otra.example", "BAJA", answers=mail.message_id)
    assert receiver.give(raw, "avisos@callao.example") == 250
    assert stopped() == {}
    assert snapshot(sessions, agency.id)["inbound"] == []
    assert len(snapshot(sessions, other_agency.id)["opt_out"]) == 1


def test_an_answer_reaches_whose_message_it_answers_though_another_agency_names_the_mailbox(
    receiver, left, sessions, agency, other_agency, vault
):
    from campaigns import mail_senders

    mail, shared = left(1)[0], "abuse@limanorte.example"
    form = mail_senders.MailSenderForm(
        "Callao", "avisos@callao.example", "127.0.0.1", "vuelta.callao.example", reply_to=shared
    )
    with sessions(other_agency.id).begin() as session:
        mail_senders.save(session, vault, other_agency.id, form, by=None)
    raw = written("rosa@otra.example", "Me piden plata", answers=mail.message_id)
    assert receiver.give(raw, shared) == 250
    assert snapshot(sessions, other_agency.id)["inbound"] == []
    assert len(snapshot(sessions, agency.id)["inbound"]) == 1


def test_mail_to_the_unsubscribe_address_stops_whoever_sends_it(receiver, left, stopped, sessions, vault, agency, do):
    first, second = left(2)
    to = f"{first.unsubscribe}@{BOUNCE_DOMAIN}"
    assert receiver.give(written("cualquiera@otra.example", "unsubscribe"), to) == 250
    assert stopped() == {("email", first.index): ("mail", "unsubscribe address")}
    assert do("SELECT sum(number) FROM figure WHERE state = 'opted_out'").scalar_one() == 1
    # Nobody has to read it; a mail that went to people too is read by them, and stops all the same.
    to = f"{second.unsubscribe}@{BOUNCE_DOMAIN}"
    assert receiver.give(written(second.address, "Los dejo, gracias", number=2), REPLIES, to) == 250
    assert set(stopped()) == {("email", first.index), ("email", second.index)}
    with sessions(agency.id)() as session:
        assert [one.body for one in inbox.waiting(session, vault, agency.id)] == ["Re: Aviso\n\nLos dejo, gracias"]


def test_a_complaint_is_kept_where_a_bounce_was_and_counts(receiver, left, stopped, do):
    mail = left(1)[0]
    raw, to = sample("postfix_user_unknown", mail)
    assert receiver.give(raw, to) == 250
    assert stopped() == {("email", mail.index): ("bounce", "address_unknown")}
    raw, to = sample("arf_abuse", mail)
    assert (receiver.give(raw, to), to) == (250, COMPLAINTS)
    assert stopped() == {("email", mail.index): ("complaint", "abuse report")}
    assert do("SELECT sum(number) FROM figure WHERE state = 'opted_out'").scalar_one() == 1


def test_a_bounce_of_another_attempt_moves_nothing(receiver, left, sessions, agency, do):
    mail = left(1)[0]
    do("UPDATE delivery SET attempt = 2")
    raw, to = sample("exchange_mailbox_full", mail)
    assert receiver.give(raw, to) == 250
    receipts.apply(sessions, agency.id)
    assert do("SELECT state FROM delivery").scalar_one() == "sent"


def test_a_message_id_alone_speaks_for_the_only_attempt(receiver, left, sessions, agency, do):
    first, second = left(2)
    do("UPDATE delivery SET attempt = 3, again = 1 WHERE id = :id", id=second.id)
    do("UPDATE delivery SET attempt = 2 WHERE id = :id", id=first.id)  # the first was certainly not taken
    for mail in (first, second):
        raw, to = sample("postfix_only_message_id", mail)
        assert receiver.give(raw, to) == 250
    receipts.apply(sessions, agency.id)
    assert do("SELECT state FROM delivery ORDER BY id").scalars().all() == ["failed", "sent"]


@pytest.mark.parametrize("was", ["sending", "unknown", "unconfirmed"])
def test_a_bounce_settles_what_was_open(was, receiver, left, sessions, agency, do):
    mail = left(1)[0]
    do("UPDATE delivery SET state = :was, leased_until = now() + interval '1 hour'", was=was)
    raw, to = sample("exchange_mailbox_full", mail)
    assert receiver.give(raw, to) == 250
    receipts.apply(sessions, agency.id)
    assert tuple(do("SELECT state, reason FROM delivery").one()) == ("failed", "mailbox_full")


def test_what_bounced_for_good_after_it_was_delivered_stays_delivered(receiver, left, sessions, agency, do, stopped):
    mail = left(1)[0]
    for name in ("postfix_delivered", "postfix_user_unknown"):
        raw, to = sample(name, mail)
        assert receiver.give(raw, to) == 250
        receipts.apply(sessions, agency.id)
    assert do("SELECT state FROM delivery").scalar_one() == "delivered"


def test_the_worker_is_told(receiver, left, valkey):
    raw, to = sample("postfix_user_unknown", left(1)[0])
    valkey.flushdb()
    receiver.give(raw, to)
    assert valkey.keys("nudge:receipts:*")


def test_a_stop_holds_under_a_newer_index_key_too(left, room, signer, sessions, settings, agency, valkey):
    """The address was kept again after its mail had left: its index is another by now."""
    from dataclasses import replace

    from campaigns.mail_inbound import Mailroom

    mail = left(1)[0]
    vault = Vault(replace(settings, index_keys={9: b"n" * 32, **settings.index_keys}))
    newest = vault.address_index(address(0))
    with sessions(agency.id).begin() as session:
        session.execute(text("UPDATE contact SET email_index = :index"), {"index": newest})
    Mailroom(sessions, vault, valkey, signer).take(f"{mail.unsubscribe}@{BOUNCE_DOMAIN}", written("x@y.example", ""))
    with sessions(agency.id)() as session:
        assert consent.is_stopped(session, agency.id, "email", [newest])
        assert consent.is_stopped(session, agency.id, "email", [mail.index])


def test_one_mailbox_that_refuses_our_sender_pauses_nothing(receiver, left, sessions, agency, do):
    """Whoever gets our mails can write such a bounce to the return path: it must not stop everybody's."""
    bad, *_ = left(3)
    raw = (
        "From: MAILER-DAEMON@correo.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; correo.example\r\n\r\n"
        f"Final-Recipient: rfc822; {bad.address}\r\nAction: failed\r\nStatus: 5.1.8\r\n\r\n--b--\r\n"
    )
    assert receiver.give(raw.encode(), f"{bad.verp}@{BOUNCE_DOMAIN}") == 250
    receipts.apply(sessions, agency.id)
    assert tuple(do("SELECT state, reason FROM delivery WHERE id = :d", d=bad.id).one()) == ("failed", "mail_refused")
    assert do("SELECT state FROM campaign WHERE kind = 'alert'").scalar_one() == "running"
