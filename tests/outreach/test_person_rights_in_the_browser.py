"""Erasing, handing over, merging and retention in a real browser: usable, narrow, and without complaints."""

import pytest

from campaigns import consent
from campaigns.consent import Source
from tests.cast import PASSWORD
from tests.crowd import person
from tests.outreach.conftest import complaints, faults, is_too_wide


@pytest.fixture
def people(sessions, vault, agency) -> tuple[int, int]:
    with sessions(agency.id).begin() as session:
        one = person(session, vault, agency, "+51987000001", email="rosa@correo.example", tags=("cono norte",))
        other = person(
            session, vault, agency, "+51987000002", name="Rosita Quispe", email="r@otro.example", ground=None
        )
        consent.stop(session, agency.id, "sms", [other.phone_index], source=Source.WORD, rule="ALTO")
        return one.id, other.id


@pytest.fixture
def dora_in(tab, address, dora):
    tab.goto(f"{address}/sign-in")
    tab.fill("[name=email]", dora.email)
    tab.fill("[name=password]", PASSWORD)
    tab.press("[name=password]", "Enter")
    tab.wait_for_selector("main h1")
    return tab


@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_is_clean_and_narrow(dora_in, address, people, width):
    tab, (one, other) = dora_in, people
    tab.set_viewport_size({"width": width, "height": 800})
    for path in (f"{one}/erase", f"{one}/data", f"{one}/merge", f"{one}/merge/{other}", f"{one}"):
        tab.goto(f"{address}/people/{path}")
        assert (path, faults(tab), is_too_wide(tab)) == (path, [], False)
    tab.goto(f"{address}/people/{one}/merge")
    tab.fill("[name=query]", "+51 987 000 002")
    tab.press("[name=query]", "Enter")
    tab.wait_for_selector("table")
    assert (faults(tab), is_too_wide(tab)) == ([], False)
    tab.goto(f"{address}/people/{one}/data")
    tab.click("button[value=page]")
    tab.wait_for_selector("#known")
    assert (faults(tab), is_too_wide(tab)) == ([], False)
    tab.goto(f"{address}/settings/retention")
    tab.fill("[name=groundless]", "30")
    tab.press("[name=groundless]", "Enter")
    tab.wait_for_selector("[autofocus]")
    assert (faults(tab), is_too_wide(tab)) == ([], False)
    assert complaints(tab) == []


def test_two_are_made_one_and_the_one_is_erased(dora_in, address, people):
    tab, (one, _) = dora_in, people
    tab.goto(f"{address}/people/{one}")
    tab.click("text=Unir con otra ficha")
    tab.fill("[name=query]", "987 000 002")
    tab.press("[name=query]", "Enter")
    tab.click("table a.btn")
    tab.check("[name=name][value=other]")
    tab.click("button.btn-danger")
    tab.wait_for_url(f"{address}/people/{one}")
    assert "Las dos fichas ya son una." in tab.inner_text("main")
    tab.click("text=Borrar para siempre")
    tab.fill("[name=typed]", "borrar")
    tab.click("button.btn-danger")
    tab.wait_for_url(f"{address}/people/")
    assert "Aquí no queda nada que la nombre." in tab.inner_text("main")
    assert tab.goto(f"{address}/people/{one}").status == 404
    assert complaints(tab) == []
