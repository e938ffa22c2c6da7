"""The pages of mail senders in a real browser. Apart from the others: a browser keeps the thread's event loop."""

import pytest

from tests.campaigns.providers.test_dkim_signing import RSA, pem
from tests.outreach.conftest import complaints, faults, is_too_wide, send
from tests.outreach.test_in_the_browser import sign_in
from tests.outreach.test_mail_senders_page import NEW, typed


@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_can_be_used_by_everybody(tab, address, dora, as_dora, width):
    path = send(as_dora, NEW, **typed(dkim_selector="outreach", dkim_key=pem(RSA))).headers["Location"]
    tab.set_viewport_size({"width": width, "height": 800})
    sign_in(tab, address, dora.email)
    for where in ("/settings/", NEW, path):
        tab.goto(address + where)
        assert (where, faults(tab)) == (where, [])
        assert (where, is_too_wide(tab)) == (where, False)
    tab.fill("#host", "otro.example")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#password-error")
    assert faults(tab) == []
    assert complaints(tab) == []
