"""Every request passes the guard: right, CSRF, size; and one session commits once or not at all."""

import io

import pytest
from flask import Flask

from campaigns.store.agencies import Agency
from outreach.auth import Access, access_of, requires
from tests.outreach import shelf
from tests.outreach.conftest import token


def test_every_route_of_ours_says_who_may_come_in(app: Flask):
    bare = {rule.endpoint for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint) is None}
    assert bare == {"shelf.unmarked"}


def test_a_route_without_a_mark_is_shut_for_everybody(client, as_dora):
    assert client.get("/shelf/unmarked").status_code == 403
    assert as_dora.get("/shelf/unmarked").status_code == 403


def test_a_right_nobody_wrote_down_stops_the_start():
    with pytest.raises(ValueError, match="no such right: campaign:explode"):
        requires("campaign:explode")


def test_the_mark_holds_wherever_the_decorator_stands(app: Flask):
    assert access_of(app, "shelf.senders") == Access(right="sender:manage")


def test_a_role_without_the_right_is_refused(as_ada, as_dora):
    refused = as_ada.get("/shelf/senders")
    assert refused.status_code == 403
    assert "Su rol no permite hacer esto." in refused.text
    assert as_dora.get("/shelf/senders").json == {"senders": 0}


def test_agencies_see_only_their_own(as_dora, sender, signed_in, carla):
    assert as_dora.get("/shelf/senders").json == {"senders": 1}
    assert signed_in(carla).get("/shelf/senders").json == {"senders": 0}


def test_a_form_without_its_token_is_refused(as_ada):
    answer = as_ada.post("/shelf/write/200")
    assert answer.status_code == 400
    assert "sesión anterior" in answer.text


def test_the_token_may_come_in_the_header_as_htmx_sends_it(as_ada):
    headers = {"X-CSRFToken": token(as_ada, "/account/password")}
    assert as_ada.post("/shelf/write/200", headers=headers).status_code == 200


def test_a_token_of_another_sign_in_is_refused(as_ada, as_dora):
    headers = {"X-CSRFToken": token(as_dora, "/account/password")}
    assert as_ada.post("/shelf/write/200", headers=headers).status_code == 400


def test_signed_webhooks_need_no_token_and_public_forms_do(client):
    assert client.post("/shelf/hook", data={"a": "1"}).status_code == 200
    assert client.post("/shelf/open").status_code == 400


@pytest.mark.parametrize("body", [b"[1, 2]", b"null", b'"x"', b"{", b'{"name": {"a": 1}}'])
def test_what_is_no_form_is_refused(client, as_ada, body):
    headers = {"X-CSRFToken": token(as_ada, "/account/password")}
    assert as_ada.post("/shelf/form", data=body, content_type="application/json", headers=headers).status_code == 415
    headers = {"X-CSRFToken": token(client)}
    assert client.post("/sign-in", data=body, content_type="application/json", headers=headers).status_code == 415


def test_a_file_where_words_belong_is_refused(client, as_ada):
    fields = {"name": (io.BytesIO(b"x"), "x.txt"), "csrf_token": token(as_ada, "/account/password")}
    assert as_ada.post("/shelf/form", data=fields).status_code == 415
    fields = {"email": (io.BytesIO(b"x"), "x.txt"), "password": "p", "csrf_token": token(client)}
    assert client.post("/sign-in", data=fields).status_code == 415


def test_more_than_a_route_takes_is_refused(client):
    answer = client.post("/shelf/hook", data={"a": "x" * 1_200_000})
    assert answer.status_code == 413


@pytest.mark.parametrize("address", ["/?q=%00", "/shelf/open?a=1&a=%00", "/shelf/raise/%00"])
def test_nul_in_an_address_is_refused(as_ada, address):
    assert as_ada.get(address).status_code == 400


@pytest.mark.parametrize(("status", "name"), [(200, "Changed"), (303, "Changed"), (422, None), (409, None)])
def test_answers_below_400_are_kept_and_others_are_not(as_ada, sessions, agency, status, name):
    shelf.done.clear()
    as_ada.post(f"/shelf/write/{status}", headers={"X-CSRFToken": token(as_ada, "/account/password")})
    with sessions(None)() as session:
        assert session.get_one(Agency, agency.id).name == (name or agency.name)
    assert shelf.done == (["written"] if name else [])


def test_requests_give_their_connections_back(as_ada, database):
    for _ in range(30):
        as_ada.get("/")
    assert database.engine.pool.checkedout() == 0
