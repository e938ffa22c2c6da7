"""The reader's language and clock."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from campaigns import staff
from outreach import i18n


def language_of(client: FlaskClient, path: str = "/sign-in", **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return re.search(r'<html lang="(\w+)"', answer.text)[1]


def test_spanish_comes_first(client):
    assert language_of(client) == "es"


@pytest.mark.parametrize("wish", ["zz", "", "ay", "qu", "es_PE", "EN", "en-", "../en", "😀", "x" * 5000, "en;q=1"])
def test_a_language_we_do_not_have_changes_nothing(client, wish):
    assert language_of(client, f"/sign-in?lang={wish}") == "es"
    client.set_cookie("lang", "zz")
    assert language_of(client) == "es"


def test_the_address_wins_and_is_remembered(client):
    assert language_of(client, "/sign-in?lang=en", **{"Accept-Language": "es"}) == "en"
    assert language_of(client, **{"Accept-Language": "es"}) == "en"
    assert language_of(client, "/sign-in?lang=es") == "es"
    assert language_of(client) == "es"


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        ("en-GB,en;q=0.9", "en"),
        ("es-PE", "es"),
        ("qu,es;q=0.5", "es"),
        ("qu,ay;q=0.9,en;q=0.1", "en"),
        ("zz", "es"),
        ("*", "es"),
        ("", "es"),
        (";;;q=x,,", "es"),
        ("en;q=999999999999", "es"),
    ],
)
def test_the_browsers_wish_counts_among_ours(client, wish, language):
    assert language_of(client, **{"Accept-Language": wish}) == language


def test_the_staff_members_choice_beats_the_browser_and_yields_to_the_cookie(as_ada, sessions, ada):
    with sessions(None).begin() as session:
        staff.by_email(session, ada.email).interface_language = "en"
    assert language_of(as_ada, "/", **{"Accept-Language": "es"}) == "en"
    as_ada.set_cookie("lang", "es")
    assert language_of(as_ada, "/") == "es"


def test_the_switch_names_each_language_in_itself_and_keeps_the_address(client):
    page = client.get("/sign-in?next=/account/password&a=1&a=2").text
    assert '<span lang="es" aria-current="true">Español</span>' in page
    assert 'href="?next=%2Faccount%2Fpassword&amp;a=1&amp;a=2&amp;lang=en"' in page


@pytest.mark.parametrize(
    "query", ["_scheme=javascript&_external=1", "_anchor=x", "lang=zz", "endpoint=x", "_method=POST"]
)
def test_the_switch_cannot_be_led_astray(client, query):
    page = client.get(f"/sign-in?{query}").text
    assert re.findall(r'hreflang="en" href="([^?"]*)\?', page) == [""]


def test_a_page_that_came_from_a_form_alone_leads_to_the_start(as_ada):
    page = as_ada.post("/shelf/write/200").text
    assert 'href="/?lang=en"' in page


def test_times_show_the_agencys_clock_and_its_city(app: Flask):
    moment = datetime(2026, 11, 22, 19, 5, tzinfo=UTC)
    with app.test_request_context("/?lang=es"):
        assert i18n.when(moment) == "22 nov. 2026, 14:05 (hora de Lima)"
    with app.test_request_context("/?lang=en"):
        g.zone = ZoneInfo("Europe/Madrid")
        assert i18n.when(moment) == "Nov 22, 2026, 20:05 (Madrid time)"
        assert i18n.when(None) == ""


def test_figures_have_the_readers_separators(app: Flask):
    with app.test_request_context("/?lang=es"):
        assert (i18n.number(1234567), i18n.number(None), i18n.percent(0.254)) == ("1,234,567", "–", "25%")
