"""Somebody new follows the link of an invitation in a real browser, and somebody who forgot asks for another one."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from campaigns import staff
from outreach import invitations
from outreach.app import create_app
from tests.letters import content
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.relay import with_relay

NEW = "otra frase larga y nueva"


@pytest.fixture
def live(settings, mailbox):
    return with_relay(settings, mailbox.port)


@pytest.fixture
def app(live, database):
    return create_app(live, database)


def link_in(mail) -> str:
    (found,) = re.findall(r"http://127\.0\.0\.1:8000(/\S+)", content(mail, "plain"))
    return found


def usable(tab) -> None:
    assert faults(tab) == []
    assert not is_too_wide(tab)


@pytest.mark.parametrize("width", [1280, 360])
def test_from_the_invitation_to_the_first_page_and_back_in_after_forgetting(
    tab, address, live, sessions, agency, mailbox, width
):
    tab.set_viewport_size({"width": width, "height": 800})
    with sessions(agency.id).begin() as session:
        eva = staff.add(session, agency.id, email="eva@a.example", name="Eva", role="writer", password_hash=None)
    with ThreadPoolExecutor(1) as pool:  # the browser's own loop runs in this thread
        pool.submit(invitations.send, live, eva, agency.name).result()
    tab.goto(address + link_in(mailbox.to(eva.email)[0]))
    usable(tab)
    tab.fill("#password", "corta")
    tab.fill("#password_confirm", "corta")
    tab.click("button.btn-primary")
    assert "Use al menos 12 caracteres" in tab.locator("[role=alert]").inner_text()
    usable(tab)
    tab.fill("#password", NEW)
    tab.fill("#password_confirm", NEW)
    tab.click("button.btn-primary")
    assert "Su contraseña nueva se guardó" in tab.locator("#notice").inner_text()
    tab.click("text=¿Olvidó su contraseña?")
    usable(tab)
    tab.fill("#email", eva.email)
    tab.click("button.btn-primary")
    assert "un enlace va en camino" in tab.locator("#notice").inner_text()
    usable(tab)
    tab.goto(address + link_in(mailbox.wait(eva.email, 3)[-1]))
    tab.fill("#password", NEW + "!")
    tab.fill("#password_confirm", NEW + "!")
    tab.click("button.btn-primary")
    tab.fill("#email", eva.email)
    tab.fill("#password", NEW + "!")
    tab.click("button.btn-primary")
    tab.wait_for_selector("aside")
    assert complaints(tab) == []
