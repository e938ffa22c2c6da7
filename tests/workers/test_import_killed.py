"""Whatever dies when: an import that is killed and goes on leaves the same book as one that was let alone."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.imports import Options
from campaigns.rules.headings import Field
from campaigns.rules.import_options import REPLACEABLE, Mode
from campaigns.store.contacts import Contact
from campaigns.store.imports import ContactBefore, ImportChunk
from outreach import embedded
from tests.import_desk import Desk

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = "Nombre;Negocio;Celular;Correo;Acepta;Rubro;Etiquetas;Distrito;Provincia"
SECTORS, GROUNDS = ("combi", "taxi", "bodega", "cosas"), ("sí", "sí", "no", "")
NOTATIONS = ("{}", "+51 {}", "0051{}", "({})")
UPDATE = Options(mode=Mode.UPDATE, fields=frozenset(REPLACEABLE) - {Field.LANGUAGE}, tags=("padrón",))


def _file(seed: int, rows: int) -> str:
    """People of whom some stand in it twice, in other notations, and some cannot be reached."""
    chance = random.Random(seed)
    lines = [HEADINGS]
    for number in range(rows):
        who = chance.randrange(rows * 4 // 5)
        phone = chance.choice(NOTATIONS).format(910_000_000 + who) if chance.random() < 0.9 else "s/n"
        mail = f"p{who}@x.example" if chance.random() < 0.5 else ""
        row = (
            *(f"Rosa {number} Núñez", f"Bodega {who}", phone, mail, chance.choice(GROUNDS)),
            *(chance.choice(SECTORS), f"t{who % 7}", "Comas", "Lima"),
        )
        lines.append(";".join(row))
    return "\n".join(lines) + "\n"


OLD, NEW = _file(1, 300), _file(2, 900)


@pytest.fixture
def desk(sessions, vault, agency, ada) -> Desk:
    return Desk(sessions, vault, agency, ada)


@pytest.fixture
def undisturbed(sessions, vault, other_agency, carla) -> Desk:
    return Desk(sessions, vault, other_agency, carla)


@pytest.fixture
def killed(settings, desk: Desk, until) -> Callable[..., None]:
    """Does one step of an import in processes that are killed once so many rows are done, and one that is not."""
    environment = {**os.environ, **embedded.environment(settings)}

    def start(import_id: int) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-m", "tests.import_worker", str(desk.agency.id), str(import_id)]
        return subprocess.Popen(arguments, cwd=ROOT, env=environment)

    def work(import_id: int, deaths: list[int]) -> None:
        state = desk.now(import_id).state
        for rows in deaths:
            process = start(import_id)
            until(lambda: desk.now(import_id).rows_done >= rows or process.poll() is not None, 60)  # noqa: B023
            assert process.poll() is None, "it ended before it could be killed"
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert desk.now(import_id).state in (state, "running"), "killed too late"
        assert start(import_id).wait(120) == 0

    return work


def _deaths(most: int, times: int) -> list[int]:
    chance = random.SystemRandom()
    return sorted(chance.randrange(1, most) for _ in range(times))


def test_the_same_book_as_undisturbed(desk: Desk, undisturbed: Desk, killed) -> None:
    for one in (desk, undisturbed):
        one.brought_in(OLD)
    before = desk.book()
    calm = undisturbed.brought_in(NEW, UPDATE)

    import_id = desk.submit(NEW)
    desk.choose(import_id, UPDATE)
    killed(import_id, _deaths(600, 2))
    assert desk.now(import_id).state == "checked"
    assert desk.book() == before
    assert desk.now(import_id).check_report == undisturbed.now(calm).check_report
    assert desk.faults(import_id) == undisturbed.faults(calm)

    desk.tell("begin", import_id)
    killed(import_id, _deaths(600, 3))
    assert desk.now(import_id).state == "done"
    assert desk.now(import_id).report == undisturbed.now(calm).report == desk.now(import_id).check_report
    assert desk.book() == undisturbed.book()
    assert desk.count(ImportChunk) == 0

    desk.tell("undo", import_id)
    killed(import_id, _deaths(300, 2))
    undone = desk.now(import_id)
    assert undone.state == "undone"
    assert undone.report is not None
    assert undone.report["undone"]["kept"] == 0
    assert undone.report["undone"]["removed"] == undone.report["added"]
    assert desk.book() == before
    assert desk.count(ContactBefore) == 0
    assert desk.count(Contact) == len(before)
