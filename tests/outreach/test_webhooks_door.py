"""What stands around callbacks: a Flask of their own, without cookies and pages, and with the same guard."""

import pytest
from flask import Blueprint
from structlog.testing import capture_logs

from outreach.auth import public, signed_webhook
from outreach.webhooks import application
from tests.cast import SIMULATOR_ACCOUNT

STATUS = {"AccountSid": SIMULATOR_ACCOUNT, "MessageSid": "SM1", "MessageStatus": "delivered"}


@pytest.fixture
def hooks(app):
    return app.extensions["webhooks"]


@pytest.mark.parametrize("path", ["/hooks", "/hooks/", "/hooks/nobody/x/status", "/hooks/twilio/x/y", "/hooks/../"])
def test_an_address_that_is_none(client, path):
    assert client.post(path, data=STATUS).status_code == 404


def test_nobody_is_given_a_cookie(client, sender):
    answer = client.post(f"/hooks/twilio/{sender.key}/status", data=STATUS)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"query_string": "c=%00"}, 400),
        ({"data": {"a": "x" * 1_200_000}}, 413),
        ({"data": b"[1]", "content_type": "application/json"}, 415),
        ({"data": b"\xff\xfe=%zz&&=&" * 9, "content_type": "application/x-www-form-urlencoded"}, 403),
        ({"data": b"no boundary", "content_type": "multipart/form-data"}, 403),
    ],
)
def test_what_cannot_be_a_callback_is_refused(client, sender, given, status):
    assert client.post(f"/hooks/twilio/{sender.key}/status", **given).status_code == status


def test_a_fault_of_ours_is_500_and_its_text_is_not_in_the_log(hooks, client, sender):
    def broken(key: str) -> None:
        raise RuntimeError(f"+51987654321 {key}")

    broken.access = hooks.view_functions["twilio.inbound"].access
    hooks.view_functions["twilio.inbound"] = broken
    with capture_logs() as lines:
        answer = client.post(f"/hooks/twilio/{sender.key}/inbound", data=STATUS)
    assert answer.status_code == 500
    assert [line["kind"] for line in lines] == ["RuntimeError"]
    assert "987654321" not in f"{lines}{answer.text}"


@pytest.mark.parametrize(("path", "mark"), [("/hooks/open", public()), ("/elsewhere", signed_webhook())])
def test_a_route_that_no_provider_signs_stops_the_start(settings, database, monkeypatch, path, mark):
    bp = Blueprint("twilio", __name__)
    bp.add_url_rule(path, view_func=mark(lambda: ""), endpoint="one")
    monkeypatch.setattr(application.twilio, "bp", bp)
    with pytest.raises(ValueError, match=path):
        application.create(settings, database)
