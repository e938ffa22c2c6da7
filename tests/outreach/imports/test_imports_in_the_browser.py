"""Imports in a real browser: every step usable by everybody, on a desk, on a phone, by keyboard and without scripts."""

from pathlib import Path

import pytest

from campaigns import imports
from tests.outreach.conftest import complaints, faults, is_too_wide
from tests.outreach.test_in_the_browser import sign_in

DATA = Path(__file__).resolve().parents[2] / "data"
MESSY = DATA / "contacts_messy.csv"


@pytest.mark.parametrize("width", [1280, 360])
def test_every_step_can_be_used_by_everybody(tab, address, ada, agency, sessions, vault, width):
    tab.set_viewport_size({"width": width, "height": 900})
    sign_in(tab, address, ada.email)

    def look(name: str) -> None:
        tab.screenshot(path=f"/tmp/pages-shots/{name}-{width}.png", full_page=True)
        assert (name, faults(tab)) == (name, [])
        assert (name, is_too_wide(tab)) == (name, False)

    tab.goto(address + "/imports/new")
    look("file")
    tab.set_input_files("input[type=file]", MESSY)
    tab.click("main button[type=submit]")
    tab.wait_for_selector("#preview")
    look("columns")
    tab.check("#mode-1")
    look("columns-update")
    tab.click("text=Revisar todo el archivo")
    tab.wait_for_selector("#import-bar")
    look("checking")
    imports.run(sessions, vault, agency.id, 1)
    tab.wait_for_selector("text=Importar: añadir")
    look("checked")
    tab.click("text=Importar: añadir")
    tab.wait_for_selector("#import-bar")
    look("importing")
    imports.run(sessions, vault, agency.id, 1)
    tab.wait_for_selector("text=Ver personas")
    look("report")
    tab.goto(address + "/imports/")
    look("list")
    assert complaints(tab) == []
