"""Mails that really leave, meet a played mail server, and come back to the receiver by SMTP and HTTP."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from campaigns import receipts
from campaigns.orders import Tools
from campaigns.rules.channels import Channels
from outreach.app import create_app
from tests.journeys.installation import until
from tests.posting import address
from tests.returning import COMPLAINTS


@pytest.fixture
def returning(carrier, receiver):
    """The played mail server knows where to send what comes back."""
    carrier.faults(mail={"events": [], "notice_delay_ms": 0})
    carrier.control("mailin", {"address": f"127.0.0.1:{receiver.port}", "complaints_to": COMPLAINTS})
    yield carrier
    carrier.control("mailin", {"address": None, "complaints_to": None})
    carrier.reset()


@pytest.fixture
def pages(settings, database):
    """The web application where the links in mails lead."""
    server = make_server("127.0.0.1", 0, create_app(settings, database), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mailed(returning, pages, tools, mail_people, start_mailing, send, sessions, agency):
    """Sends a campaign by mail to so many people; a function that lets a reader act on theirs."""

    def to(people: int):
        mail_people(people, mobile=False)
        campaign_id = start_mailing(Channels.EMAIL)
        live = replace(tools.settings, base_url=pages)
        send(campaign_id, using=Tools(tools.sessions, tools.valkey, tools.vault, live))
        mailboxes = returning.control("mails?headers=1")["mailboxes"]
        assert sorted(mailboxes) == sorted(address(number) for number in range(people))

        def act(number: int, what: str, **given: object) -> object:
            return returning.control(f"mails/{mailboxes[address(number)][0]['id']}/{what}", given)

        return campaign_id, act

    return to


def test_every_way_back_ends_where_it_should(mailed, sessions, agency, vault, do):
    campaign_id, act = mailed(9)
    act(0, "bounce", status="5.1.1")
    act(1, "bounce", status="5.2.2")
    act(2, "bounce", status="4.4.1")
    act(3, "bounce", status="2.1.5")
    act(4, "spam")
    act(5, "vacation")
    act(6, "reply", body="BAJA")
    act(7, "unsubscribe_mail")
    assert act(8, "unsubscribe")["result"] == "200"
    receipts.apply(sessions, agency.id)

    rows = do("SELECT address_index, state, reason FROM delivery WHERE campaign_id = :c", c=campaign_id)
    stood = {bytes(row.address_index): (row.state, row.reason) for row in rows}
    stops = {bytes(row.address_index): row.source for row in do("SELECT * FROM opt_out WHERE stopped")}
    became = [(stood[index], stops.get(index)) for index in (vault.address_index(address(n)) for n in range(9))]
    assert became == [
        (("failed", "address_unknown"), "bounce"),
        (("failed", "mailbox_full"), None),
        (("sent", None), None),
        (("delivered", None), None),
        (("sent", None), "complaint"),
        (("sent", None), None),
        (("sent", None), "mail"),
        (("sent", None), "mail"),
        (("sent", None), "link"),
    ]
    assert do("SELECT sum(number) FROM figure WHERE state = 'opted_out'").scalar_one() == 4


def test_both_encodings_of_one_click_work_for_a_mail_program(mailed, do):
    _campaign_id, act = mailed(2)
    assert act(0, "unsubscribe", encoding="urlencoded")["result"] == "200"
    assert act(1, "unsubscribe", encoding="multipart")["result"] == "200"
    assert do("SELECT count(*) FROM opt_out WHERE source = 'link'").scalar_one() == 2


def test_a_server_that_bounces_by_itself_is_believed(returning, mailed, sessions, agency, do):
    outcomes = ("bounce:5.1.1", "gives_up:5.4.7", "confirmed", "vacation", "complaint")
    told = {address(number): outcome for number, outcome in enumerate(outcomes)}
    returning.faults(mail={"events": [], "outcomes": told, "notice_delay_ms": 0})
    mailed(len(outcomes))
    until(lambda: do("SELECT count(*) FROM receipt").scalar_one() == 3, 20)
    until(lambda: do("SELECT count(*) FROM opt_out").scalar_one() == 2, 20)
    receipts.apply(sessions, agency.id)
    with sessions(agency.id)() as session:
        rows = session.execute(text("SELECT state, reason FROM delivery ORDER BY contact_id")).all()
    assert [tuple(row) for row in rows] == [
        ("failed", "address_unknown"),
        ("failed", "too_late"),
        ("delivered", None),
        ("sent", None),
        ("sent", None),
    ]
