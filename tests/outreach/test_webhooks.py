"""What the carrier posts to us: signed or refused, kept once, and never an error of ours."""

import pytest
from sqlalchemy import select, text
from twilio.request_validator import RequestValidator

from campaigns.store.inbound import Inbound
from campaigns.store.receipts import Receipt
from tests.cast import SIMULATOR_TOKEN

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
