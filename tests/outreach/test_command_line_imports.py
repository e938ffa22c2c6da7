"""`outreach import`: the figures of a file, whatever program wrote it, and what is asked once for everybody in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.store.contacts import Contact, ContactTag
from outreach import embedded
from tests import sheets
from tests.import_desk import Desk

OUTREACH = Path(sys.executable).parent / "outreach"
DATA = Path(__file__).resolve().parents[1] / "data"
EXPECTED = json.loads((DATA / "contacts_messy_expected.json").read_text())


@pytest.fixture
def desk(sessions, vault, agency, ada) -> Desk:
    return Desk(sessions, vault, agency, ada)


@pytest.fixture
def bring_in(settings, desk):
    """Runs the command for the cast's agency."""

    def run(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
        arguments = ["import", str(file), "--agency", desk.agency.slug, *more]
        environment = {**os.environ, **embedded.environment(settings)}
        return subprocess.run(
            [OUTREACH, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_the_messy_file_gives_exactly_these_figures(bring_in):
    done = bring_in(DATA / "contacts_messy.csv", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout.splitlines()[-1]) == EXPECTED


def test_a_spreadsheet_updates_who_is_there(bring_in, desk, tmp_path):
    desk.bring_in("Nombre;Celular;Acepta\nRosa;987654321;sí\n")
    file = tmp_path / "padrón.xlsx"
    file.write_bytes(
        sheets.table([["Nombre", "Celular"], ["Rosa Núñez", "987 654 321"], ["Ana", 987654322], ["Eva", "12"]])
    )
    asked = ("--replace", "name", "--tag", "Padrón 2026", "--tag", "norte", "--ground", "consent")
    proof = ("--ground-on", "2026-05-04", "--ground-source", "fichas, caja 14")
    done = bring_in(file, "--mode", "update", *asked, *proof, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["added"], report["updated"], report["rejected"]) == (1, 1, {"no_usable_address": 1})
    assert (report["reachable_sms"], report["duplicates"]) == (1, 0)
    book = desk.book()
    assert book["+51987654321"]["names"][0] == "Rosa Núñez"
    assert book["+51987654321"]["proof"] == (None, None)  # hers is another
    assert book["+51987654322"]["proof"] == ("fichas, caja 14", None)
    assert desk.count(ContactTag) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--mode", "update"), "say what is replaced"),
        (("--tag", "víctimas"), "Error: "),
        (("--ground-on", "ayer", "--ground", "consent"), "--ground-on"),
    ],
)
def test_what_cannot_be_is_said_and_nobody_comes_in(arguments, words, bring_in, desk, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("Celular\n987654321\n")
    done = bring_in(file, *arguments)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert desk.count(Contact) == 0
