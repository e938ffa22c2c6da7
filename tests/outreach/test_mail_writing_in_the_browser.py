"""Writing mails in a real browser: at a desk and on a phone, seen as typed, with the keyboard, and without scripts."""

import os

import pytest

from campaigns import authoring
from tests.crowd import crowd
from tests.drafts import NOW, draft
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.test_in_the_browser import sign_in

MAILS = {
    "es": ("Aviso para {{negocio}}", "## No pague\n\nHola **{{nombre}}**:\n\n- Llame al [111](tel:111)\n- Guarde todo"),
    "en": ("Notice for {{negocio}}", "Dear **{{nombre}}**, do not pay."),
}


@pytest.fixture
def written(sessions, agency, ada, sender, mail_sender) -> int:
    """The id of a draft with SMS and mails."""
    with sessions(agency.id).begin() as session:
        crowd(session, agency, 20)
        made = draft(session, agency, ada, sender)
        both = authoring.Draft(
            name=made.name,
            segment_id=made.segment_id,
            sender_id=sender.id,
            texts={"es": "{{nombre}}, no pague.", "en": "Do not pay."},
            channels="both",
            mail_sender_id=mail_sender.id,
            mails=MAILS,
        )
        authoring.change(session, agency.id, made.id, both, by=ada.id, now=NOW)
        return made.id


def mail_in(tab, code):
    """The frame that shows the mail in one language."""
    return tab.frame_locator(f"iframe[name^=mail-frame-{code}]:not(.coming)")


def picture(tab, name):
    """For whoever wants to see the page: set PICTURES to a folder."""
    if folder := os.environ.get("PICTURES"):
        for frame in tab.locator("iframe:visible").all():
            frame.scroll_into_view_if_needed()  # what was never in sight is not painted
            tab.wait_for_timeout(300)
            tab.screenshot(path=f"{folder}/{name}-{frame.get_attribute('name')}.png")
        tab.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_can_be_used_by_everybody(tab, address, ada, written, width):
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, ada.email)
    for where in ("edit", "", "test"):
        tab.goto(address + f"/campaigns/{written}/{where}")
        for frame in tab.frames[1:]:
            frame.wait_for_load_state()
        assert (where, faults(tab)) == (where, [])
        assert (where, is_too_wide(tab)) == (where, False)
        picture(tab, f"mail-{where or 'show'}-{width}")
    tab.goto(address + f"/campaigns/{written}/edit")
    tab.locator(".widths [value=desktop]").first.check()
    assert not is_too_wide(tab)
    assert faults(tab) == []
    picture(tab, f"mail-desktop-{width}")
    assert complaints(tab) == []


def test_only_what_the_channels_need_is_shown(tab, address, ada, written):
    sign_in(tab, address, ada.email)
    tab.goto(address + f"/campaigns/{written}/edit")
    for way, sms, mail in (("sms", True, False), ("email", False, True), ("sms_then_email", True, True)):
        tab.check(f"[name=channels][value={way}]")
        for field, seen in (("#text_es", sms), ("#sender", sms), ("#mail_es", mail), ("#mail_sender", mail)):
            assert (way, field, tab.locator(field).is_visible()) == (way, field, seen)
    tab.check("[name=channels][value=sms]")
    tab.click("main button:has-text('Guardar'):visible >> nth=-1")
    tab.wait_for_url(f"**/campaigns/{written}/")
    assert tab.locator("iframe").count() == 0
    tab.goto(address + f"/campaigns/{written}/edit")
    tab.check("[name=channels][value=both]")
    assert tab.input_value("#mail_en") == MAILS["en"][1]


def test_a_mail_is_shown_while_it_is_typed(tab, address, ada, written):
    sign_in(tab, address, ada.email)
    tab.goto(address + f"/campaigns/{written}/edit")
    before = tab.evaluate("history.length")
    tab.fill("#mail_es", "")
    tab.locator("#mail_es").press_sequentially("Hola **")
    tab.click("[data-hole='{{nombre}}'][data-into='mail_es']")
    tab.locator("#mail_es").press_sequentially("**")
    tab.fill("#subject_en", "For ")
    tab.click("[data-hole='{{distrito}}'][data-into='mail_en']")
    assert tab.input_value("#subject_en") == "For {{distrito}}"
    mail_in(tab, "es").locator("strong:text-is('Rosa')").wait_for()
    tab.fill("#subject_es", "Para {{negocio}}")
    tab.wait_for_selector("#mail-words-es:has-text('Para Transportes El Sol')")
    tab.fill("#mail_es", "[www.gob.pe](https://otro.example)")
    tab.wait_for_selector("#mail-words-es:has-text('El enlace dice')")
    mail_in(tab, "es").locator("p:has-text('El enlace dice')").wait_for()
    tab.fill("#mail_es", "Hola")
    tab.wait_for_selector("#mail-words-es:has-text('Para Transportes El Sol')")
    tab.check("#is_discreet")
    assert tab.locator("#subject_es").is_hidden()
    assert tab.locator(".neutral-subject:has-text('Un aviso para usted')").is_visible()
    tab.wait_for_selector("#mail-words-es:has-text('Un aviso para usted')")
    tab.wait_for_selector("#mail-words-en:has-text('A notice for you')")
    tab.wait_for_selector("iframe.coming", state="detached")
    assert tab.locator("iframe").count() == 2
    assert tab.evaluate("history.length") == before
    assert complaints(tab) == []


def test_what_is_wrong_is_beside_its_field_and_the_mail_as_typed_stays(tab, address, ada, written):
    sign_in(tab, address, ada.email)
    tab.goto(address + f"/campaigns/{written}/edit")
    tab.fill("#subject_es", "x" * 130)
    tab.fill("#mail_en", "Only typed")
    tab.press("#name", "Enter")
    tab.wait_for_selector("#subject_es-error")
    assert tab.input_value("#mail_en") == "Only typed"
    mail_in(tab, "en").locator("text=Only typed").wait_for()
    assert faults(tab) == []
    tab.check("[name=channels][value=sms]")
    assert tab.locator("#subject_es").is_visible()  # what is wrong stays in sight
    picture(tab, "mail-wrong")
    assert complaints(tab) == []


def test_the_mail_runs_nothing_and_its_links_open_beside_it(tab, address, ada, written):
    sign_in(tab, address, ada.email)
    answer = tab.request.get(address + f"/campaigns/{written}/mail/es")
    assert "sandbox" in answer.headers["content-security-policy"]
    tab.goto(address + f"/campaigns/{written}/")
    inside = tab.frames[1]
    inside.wait_for_load_state()
    assert inside.evaluate("window.origin") == "null"
    with tab.context.expect_page() as opened:
        mail_in(tab, "es").locator("a[href$='/v']").click()
    assert tab.url.endswith(f"/campaigns/{written}/")
    opened.value.close()


def test_a_mail_is_written_without_scripts(browser, address, ada, written, sessions, agency):
    context = browser.new_context(java_script_enabled=False, locale="es-PE", viewport={"width": 360, "height": 800})
    page = context.new_page()
    sign_in(page, address, ada.email)
    page.goto(address + f"/campaigns/{written}/edit")
    assert "Hola Rosa" in mail_in(page, "es").locator("body").inner_text()
    page.fill("#mail_es", "Sin guiones, **{{nombre}}**.")
    page.click("button[data-frame=es]")
    mail_in(page, "es").locator("text=Sin guiones").wait_for()
    page.press("#name", "Enter")
    page.wait_for_url(f"**/campaigns/{written}/")
    assert "Sin guiones, Rosa" in mail_in(page, "es").locator("body").inner_text()
    context.close()
    with sessions(agency.id)() as session:
        said = {(t.channel, t.language): t.body for t in authoring.texts(session, agency.id, written)}
    assert said[("email", "es")] == "Sin guiones, **{{nombre}}**."
    assert said[("sms", "en")] == "Do not pay."
