"""How long things are kept: what would go is told with its number before anything is saved."""

import pytest
from sqlalchemy import text

from campaigns import retention
from tests.crowd import person
from tests.outreach.conftest import send

AT = "/settings/retention"
DAYS = {"messages": "30", "inbound": "60", "groundless": "100", "imports": "10"}


@pytest.fixture
def old(sessions, vault, agency):
    with sessions(agency.id).begin() as session:
        person(session, vault, agency, "+51987000001", ground=None)
        session.execute(text("UPDATE contact SET changed_at = now() - interval '200 days'"))


def limits(sessions, agency):
    with sessions(agency.id)() as session:
        return retention.limits(session, agency.id)


def seen(answer):
    return answer.text.partition('name="seen" type="hidden" value="')[2].partition('"')[0]


def test_what_would_go_is_told_before_it_is_saved(as_dora, sessions, agency, old):
    before = limits(sessions, agency)
    told = send(as_dora, AT, **DAYS)
    assert told.status_code == 200
    assert "<li>1 persona</li>" in told.text
    assert limits(sessions, agency) == before
    # Another number than the one that was looked at is looked at first, too.
    again = send(as_dora, AT, seen=seen(told), **(DAYS | {"groundless": "300"}))
    assert "Con estos números no se borra nada ahora" in again.text
    assert limits(sessions, agency) == before
    done = send(as_dora, AT, seen=seen(told), **DAYS)
    assert done.headers["Location"] == "/settings/"
    assert limits(sessions, agency) == retention.Limits(30, 60, 100, 10)
    assert as_dora.get("/settings/").text.count(f'href="{AT}"') == 1


def test_empty_keeps_and_too_few_days_are_refused_beside_the_field(as_dora, sessions, agency):
    answer = send(as_dora, AT, **(DAYS | {"inbound": "3", "messages": "many"}))
    assert answer.status_code == 422
    assert "Escriba un número entero de 14 a 3650." in send(as_dora, AT, **(DAYS | {"inbound": "3"})).text
    empty = dict.fromkeys(DAYS, "")
    told = send(as_dora, AT, **empty)
    send(as_dora, AT, seen=seen(told), **empty)
    assert limits(sessions, agency) == retention.Limits(None, None, None, None)


@pytest.mark.parametrize("who", ["ada", "bruno"])
def test_only_an_administrator_may(request, signed_in, who):
    client = signed_in(request.getfixturevalue(who))
    assert client.get(AT).status_code == 403
    assert send(client, AT, **DAYS).status_code == 403
