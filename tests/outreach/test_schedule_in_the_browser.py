"""Schedules, news, second attempts and budgets in a real browser: for everybody, on a desk and on a phone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from campaigns import approval, authoring, planning, scheduling
from tests.crowd import crowd
from tests.drafts import TEXTS, draft, running
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.test_in_the_browser import sign_in

NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=2)


@pytest.fixture
def stages(sessions, agency, ada, bruno, sender) -> dict[str, int]:
    """A scheduled campaign, one that is late, one under way with second attempts, and news of them."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 150)
    found = {}
    for name in ("scheduled", "late"):
        with sessions(agency.id).begin() as session:
            made = draft(session, agency, ada, sender)
            wanted = authoring.Draft(
                made.name, made.segment_id, sender.id, starts_at=SOON, is_urgent=True, parts_cap=99, texts=TEXTS
            )
            authoring.change(session, agency.id, made.id, wanted, by=ada.id, now=NOW)
            authoring.submit(session, agency.id, made.id, by=ada.id, now=NOW)
        planning.plan(sessions, agency.id, made.id, now=NOW)
        with sessions(agency.id).begin() as session:
            approval.approve(session, agency.id, made.id, by=bruno.id, now=NOW)
            approval.start(session, agency.id, made.id, by=bruno.id, now=NOW)
        found[name] = made.id
    scheduling.start_due(sessions, agency.id, found["late"], now=SOON + timedelta(hours=2))
    found["going"] = running(sessions, agency, ada, bruno, sender)
    with sessions(agency.id).begin() as session:
        session.execute(
            text(
                "INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts) VALUES"
                " (:a, :c, 'sms', 'es', 'queued', NULL, -9, 0), (:a, :c, 'sms', 'es', 'delivered', NULL, 2, 15),"
                " (:a, :c, 'sms', 'es', 'queued', 'unreachable', 4, 0), (:a, :c, 'sms', 'es', 'again', NULL, 3, 0),"
                " (:a, :c, 'sms', 'es', 'skipped', 'budget', 2, 0), (:a, :c, 'sms', 'es', 'unknown', NULL, 1, 0)"
            ),
            {"a": agency.id, "c": found["going"]},
        )
        scheduling.pause(session, agency.id, found["going"], by=bruno.id, reason="brake_filtered")
    return found


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("who", ["ada", "bruno"])
def test_every_page_can_be_used_by_everybody(tab, address, request, who, stages, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, request.getfixturevalue(who).email)
    paths = ["/", "/campaigns/", *(f"/campaigns/{number}/" for number in stages.values())]
    if who == "ada":
        paths += [f"/campaigns/{stages['scheduled']}/edit", f"/campaigns/{stages['late']}/take-back"]
    for path in paths:
        tab.goto(address + path)
        assert (path, faults(tab)) == (path, [])
        assert (path, is_too_wide(tab)) == (path, False)
    assert complaints(tab) == []


def test_news_are_read_and_put_away_with_the_keyboard(tab, address, ada, stages):
    sign_in(tab, address, ada.email)
    tab.goto(address + "/")
    assert tab.locator("section:has(#news) li").count() == 3
    tab.focus("section:has(#news) button")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#news", state="detached")
    tab.reload()
    assert tab.locator("#news").count() == 0


def test_a_campaign_is_scheduled_without_scripts(browser, address, ada, bruno, stages, sessions, agency):
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 800})
    page = context.new_page()
    sign_in(page, address, ada.email)
    page.goto(address + f"/campaigns/{stages['late']}/edit")
    wall = SOON.astimezone(ZoneInfo("America/Lima")) + timedelta(days=1)
    page.fill("#starts_at", f"{wall:%Y-%m-%dT%H:%M}")
    page.fill("#parts_cap", "")
    page.click("text=Guardar >> nth=-1")
    page.click("text=Enviar a aprobación")
    planning.plan(sessions, agency.id, stages["late"], now=NOW)
    page.click("text=Cerrar sesión")
    sign_in(page, address, bruno.email)
    page.goto(address + f"/campaigns/{stages['late']}/")
    page.click("text=Aprobar y programar")
    page.fill("#typed", "150")
    page.click("main button")
    assert "está programada para el" in page.inner_text("main")
    assert f"{wall:%H:%M} (hora de Lima)" in page.inner_text("main")
    context.close()
