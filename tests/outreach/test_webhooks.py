"""What the carrier posts to us: signed or refused, kept once, and never an error of ours."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import insert, make_url, select, text
from twilio.request_validator import RequestValidator

from campaigns import agencies, receipts
from campaigns.agencies import Sender
from campaigns.providers.contract import Reported
from campaigns.rules.lifecycle import State
from campaigns.store.engine import agency_sessions, open_engine
from campaigns.store.inbound import Inbound
from campaigns.store.receipts import Receipt
from outreach.app import create_app
from outreach.database import Connections
from outreach.webhooks import known_senders, receipt_writer
from outreach.webhooks.known_senders import KnownSenders
from tests.cast import SIMULATOR_ACCOUNT, SIMULATOR_TOKEN

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def post(client, sender):
    """A call as the carrier makes it; `token` None sends no signature."""

    def call(path: str, form: dict[str, str], *, token: str | None = SIMULATOR_TOKEN, key: str | None = None):
        path = f"/hooks/twilio/{sender.key if key is None else key}/{path}"
        form = {"AccountSid": sender.account, **form}
        signature = RequestValidator(token).compute_signature(BASE + path, form) if token else None
        return client.post(path, data=form, headers={"X-Twilio-Signature": signature} if signature else {})

    return call


@pytest.fixture(autouse=True)
def given_back(database):
    """Receipt writers hold a connection until no more receipts come: no test ends before that."""
    yield
    give_up = time.monotonic() + 10
    while database.engine.pool.checkedout():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def status(**more: str) -> dict[str, str]:
    return {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+51987654321", "From": "+5117000001", **more}


def test_a_report_is_kept_once_and_without_addresses(post, sessions, agency):
    for _ in range(2):
        assert post("status?c=999&d=888&n=1", status()).status_code == 204
    with sessions(agency.id)() as session:
        (kept,) = session.scalars(select(Receipt))
        assert (kept.campaign_id, kept.delivery_id, kept.attempt, kept.state) == (999, 888, 1, "delivered")
        assert "987654321" not in str(session.execute(text("SELECT receipt.*::text FROM receipt")).all())


@pytest.mark.parametrize("path", ["status?c=1&d=2&n=1", "inbound"])
@pytest.mark.parametrize("token", [None, "not-the-token"])
def test_without_the_right_signature_nothing_happens(post, sessions, agency, path, token):
    assert post(path, status(Body="ALTO"), token=token).status_code == 403
    with sessions(agency.id)() as session:
        assert session.scalars(select(Receipt)).all() == []
        assert session.scalars(select(Inbound)).all() == []


def test_a_signature_for_other_ids_is_refused(client, sender):
    path = f"/hooks/twilio/{sender.key}/status"
    form = {"AccountSid": sender.account, **status()}
    signature = RequestValidator(SIMULATOR_TOKEN).compute_signature(f"{BASE}{path}?c=1&d=2&n=1", form)
    answer = client.post(f"{path}?c=1&d=3&n=1", data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 403


def test_another_account_is_refused(post):
    assert post("status?c=1&d=2&n=1", status(AccountSid="AC" + "f" * 32)).status_code == 403


@pytest.mark.parametrize("key", ["nobody", "x" * 500, "%00", "ñ", "a/b"])
def test_a_sender_nobody_knows(post, key):
    assert post("status", status(), key=key).status_code in {400, 404}


@pytest.mark.parametrize("query", ["", "?c=x&d=y&n=z", "?c=-1&d=0", "?c=99999999999999999999&d=1&n=1", "?c=%C3%A9"])
def test_ids_that_are_none_are_kept_all_the_same(post, sessions, agency, query):
    assert post("status" + query, status()).status_code == 204
    with sessions(agency.id)() as session:
        assert len(session.scalars(select(Receipt)).all()) == 1


@pytest.mark.parametrize("missing", ["MessageSid", "MessageStatus"])
def test_a_report_with_missing_fields_is_refused_politely(post, missing):
    form = status()
    del form[missing]
    assert post("status?c=1&d=2&n=1", form).status_code == 400


def test_statuses_and_codes_nobody_knows_yet(post, sessions, agency):
    assert post("status?c=1&d=2&n=1", status(MessageStatus="teleported")).status_code == 204
    assert post("status?c=1&d=2&n=1", status(MessageStatus="failed", ErrorCode="99999")).status_code == 204
    assert (
        post("status?c=1&d=3&n=1", status(MessageSid="SM2", MessageStatus="failed", ErrorCode="x")).status_code == 204
    )
    with sessions(agency.id)() as session:
        assert [row.reason for row in session.scalars(select(Receipt))] == ["other", "other"]


def test_a_stop_is_answered_in_the_agencys_name(post, sessions, agency):
    answer = post("inbound", status(Body="ALTO"))
    assert answer.mimetype == "text/xml"
    assert "<Message>Municipalidad de Lima Norte: " in answer.text
    with sessions(agency.id)() as session:
        assert session.scalar(text("SELECT count(*) FROM opt_out WHERE stopped")) == 1
    assert "<Message>" not in post("inbound", status(Body="ALTO")).text


@pytest.mark.parametrize("body", ["a\x00b", "🙂" * 400, "<b>&", "\ud83d", "ALTO\x00", "x" * 5000, ""])
def test_whatever_people_write_is_kept(post, sessions, agency, vault, body):
    safe = body.encode("utf-8", "replace").decode()
    assert post("inbound", status(Body=safe)).status_code == 200
    with sessions(agency.id)() as session:
        (kept,) = session.scalars(select(Inbound))
        assert vault.open(kept.body_sealed, agency.id) == safe.replace("\x00", "")[:1600]


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To"])
def test_a_text_with_missing_fields_is_refused_politely(post, missing):
    form = status(Body="ALTO")
    del form[missing]
    assert post("inbound", form).status_code == 400


def test_reading_is_not_posting(client, sender):
    assert client.get(f"/hooks/twilio/{sender.key}/status").status_code == 405


@pytest.fixture
def signed(sender):
    """Address and headers of a genuine status call; `secret` and `to` for other senders."""

    def sign(ref: str, *, secret: str = SIMULATOR_TOKEN, to: Sender = sender) -> dict[str, object]:
        path = f"/hooks/twilio/{to.key}/status?c=1&d=2&n=1"
        form = {"AccountSid": to.account, **status(MessageSid=ref)}
        return {
            "path": path,
            "data": form,
            "headers": {"X-Twilio-Signature": RequestValidator(secret).compute_signature(BASE + path, form)},
        }

    return sign


def refs(sessions, agency) -> list[str]:
    with sessions(agency.id)() as session:
        return sorted(session.scalars(select(Receipt.provider_ref)))


def at_once(number: int, act):
    """What `act(0)`, `act(1)`... give when all of them begin at the same moment."""
    begin = threading.Barrier(number)

    def wait_and_act(one: int):
        begin.wait(20)
        return act(one)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(wait_and_act, range(number)))


def test_a_hundred_at_once_are_answered_after_their_own_is_committed(app, settings, signed, sessions, agency, valkey):
    owner = settings.owner_url.replace("+psycopg", "")

    def call_and_look(number: int) -> tuple[int, bool]:
        answer = app.test_client().post(**signed(f"SM{number}"))
        with psycopg.connect(owner) as other:
            found = other.execute("SELECT 1 FROM receipt WHERE provider_ref = %s", (f"SM{number}",)).fetchone()
        return answer.status_code, found == (1,)

    assert at_once(100, call_and_look) == [(204, True)] * 100
    assert len(refs(sessions, agency)) == 100
    give_up = time.monotonic() + 60
    while not valkey.llen("rq:queue:receipts"):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_the_same_from_many_at_once_is_kept_once(app, signed, sessions, agency):
    answers = at_once(30, lambda number: app.test_client().post(**signed(f"SM{number % 3}")).status_code)
    assert answers == [204] * 30
    assert refs(sessions, agency) == ["SM0", "SM1", "SM2"]


def test_two_agencies_at_once_keep_their_own(app, signed, sessions, vault, agency, other_agency):
    form = agencies.SenderForm(name="Otra", address="+5117000002", account=SIMULATOR_ACCOUNT, token="another-token")
    with sessions(other_agency.id).begin() as session:
        second = agencies.save_sender(session, vault, other_agency.id, form, by=None)

    def call(number: int) -> int:
        more = {"secret": "another-token", "to": second} if number % 2 else {}
        return app.test_client().post(**signed(f"SM{number}", **more)).status_code

    assert at_once(20, call) == [204] * 20
    assert refs(sessions, agency) == sorted(f"SM{number}" for number in range(0, 20, 2))
    assert refs(sessions, other_agency) == sorted(f"SM{number}" for number in range(1, 20, 2))


def test_without_the_database_it_is_503_and_nothing_says_kept(settings, database, signed, sessions, agency):
    nowhere = make_url(settings.app_url).set(database="nowhere").render_as_string(hide_password=False)
    engine = open_engine(nowhere)
    app = create_app(settings, Connections(engine, agency_sessions(engine), database.valkey, database.vault))
    try:
        assert app.test_client().post(**signed("SM1")).status_code == 503  # no sender can be read
        app.extensions["webhooks"].extensions["known_senders"] = KnownSenders(database)
        assert at_once(5, lambda n: app.test_client().post(**signed(f"SM{n}")).status_code) == [503] * 5
        assert refs(sessions, agency) == []
        app.extensions["webhooks"].extensions["receipt_writer"] = receipt_writer.ReceiptWriter(database)
        assert app.test_client().post(**signed("SM1")).status_code == 204
        assert refs(sessions, agency) == ["SM1"]
    finally:
        engine.dispose()


def end_all_connections(settings) -> None:
    with psycopg.connect(settings.owner_url.replace("+psycopg", "").replace("outreach_owner", "postgres")) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_kept_connections_that_died_are_no_reason_to_refuse(app, signed, settings, sessions, agency):
    assert app.test_client().post(**signed("SM1")).status_code == 204
    end_all_connections(settings)
    assert app.test_client().post(**signed("SM2")).status_code == 204
    assert refs(sessions, agency) == ["SM1", "SM2"]


def test_a_held_connection_that_died_is_no_reason_to_refuse(sessions, settings, agency, sender):
    keeper = receipts.Keeper(sessions)
    told = [receipts.receipt_of(sender, Reported(f"SM{n}", State.SENT, None), receipts.Ids(1, 2, 1)) for n in (1, 2)]
    try:
        assert keeper.keep(agency.id, told[:1]) == receipts.Kept(1, [True])
        end_all_connections(settings)
        assert keeper.keep(agency.id, told) == receipts.Kept(1, [True, True])
    finally:
        keeper.rest()
    assert refs(sessions, agency) == ["SM1", "SM2"]


def test_a_receipt_the_database_refuses_takes_no_other_with_it(sessions, agency, sender):
    ids = receipts.Ids(1, 2, 1)
    good = receipts.receipt_of(sender, Reported("SM1", State.SENT, None), ids)
    bad = receipts.receipt_of(sender, Reported("SM2", State.SENT, None), ids)._replace(sender_id=999_999)
    keeper = receipts.Keeper(sessions)
    try:
        assert keeper.keep(agency.id, [bad, good, good]) == receipts.Kept(1, [False, True, True])
    finally:
        keeper.rest()
    assert refs(sessions, agency) == ["SM1"]


def test_when_too_many_wait_the_next_is_refused_at_once(database, monkeypatch, sender):
    monkeypatch.setattr(receipt_writer, "MOST_WAITING", 0)
    told = receipts.receipt_of(sender, Reported("SM1", State.SENT, None), receipts.Ids(1, 2, 1))
    with pytest.raises(receipt_writer.NotKept):
        receipt_writer.ReceiptWriter(database).keep(told)


def test_who_waits_too_long_is_told_so(database, sender, sessions, agency):
    told = receipts.receipt_of(sender, Reported("SM1", State.SENT, None), receipts.Ids(1, 2, 1))
    writer = receipt_writer.ReceiptWriter(database, patience=0.2)
    with database.sessions(agency.id).begin() as session:
        session.execute(insert(Receipt).values(**told._asdict()))  # the same, not committed yet: the writer waits
        with pytest.raises(receipt_writer.NotKept):
            writer.keep(told)
    writer.keep(told)
    assert refs(sessions, agency) == ["SM1"]


def save_token(sessions, vault, sender, token: str) -> None:
    form = agencies.SenderForm(name=sender.name, address=sender.address, account=sender.account, token=token)
    with sessions(sender.agency_id).begin() as session:
        agencies.save_sender(session, vault, sender.agency_id, form, sender_id=sender.id, by=None)


def test_a_changed_secret_is_known_at_once_and_the_old_one_soon_forgotten(app, database, signed, sessions, sender):
    now = [100.0]
    app.extensions["webhooks"].extensions["known_senders"] = KnownSenders(database, clock=lambda: now[0])
    client = app.test_client()
    assert client.post(**signed("SM1")).status_code == 204
    save_token(sessions, database.vault, sender, "a-new-token")
    now[0] += known_senders.SECONDS + 0.1
    assert client.post(**signed("SM2")).status_code == 403
    save_token(sessions, database.vault, sender, "the-newest-token")
    assert client.post(**signed("SM3", secret="the-newest-token")).status_code == 204
    assert client.post(**signed("SM4", secret="a-new-token")).status_code == 403


def test_made_up_keys_fill_no_memory(database, sender, monkeypatch):
    monkeypatch.setattr(known_senders, "_MOST", 3)
    senders = KnownSenders(database)
    for number in range(10):
        assert senders.get(f"nobody{number}") is None
    assert senders.get("x" * 500) is None
    assert len(senders._missed) == 3
    assert senders.get(sender.key).secret == SIMULATOR_TOKEN
    assert SIMULATOR_TOKEN not in repr(senders.get(sender.key))
