"""A thousand people come in through the pages and a worker, and nothing that is written down names one of them."""

import random
import re
from pathlib import Path

import psycopg
import pytest

from campaigns.settings import Settings
from outreach import embedded
from tests.journeys import leaks
from tests.journeys.installation import Installation, until
from tests.journeys.pages import Visitor
from tests.journeys.test_first_light import everything_it_wrote

PEOPLE = 1_000
NOTATIONS = ("{}", "+51 {0:.3} {0:.6}", "0051-{}", "({})", "{}.0", "'{}")
SYLLABLES = ("qui", "mam", "ani", "sul", "cha", "wil", "pum", "ñau", "rek", "tos", "vel", "yup")


class Crowd:
    """People with names, businesses, numbers and mails that stand nowhere else."""

    def __init__(self) -> None:
        chance = random.Random(7)

        def word() -> str:
            return "".join(chance.choices(SYLLABLES, k=4)).title()

        self.numbers = [str(930_000_000 + 7_919 * n) for n in range(PEOPLE)]
        self.mails = [f"{word().lower()}{n}@correo.example".replace("ñ", "n") for n in range(PEOPLE)]
        self.names = [f"{word()} {word()}" for _ in range(PEOPLE)]
        self.businesses = [f"Transportes {word()}" for _ in range(PEOPLE)]

    def file(self) -> bytes:
        """As an agency has it; every tenth row is faulty in some way, and so kept to be taken away."""
        rows = ["Nombre;Negocio;Celular;Correo;Distrito;Consentimiento"]
        for n, (name, business, number, mail) in enumerate(
            zip(self.names, self.businesses, self.numbers, self.mails, strict=True)
        ):
            shown = NOTATIONS[n % len(NOTATIONS)]
            phone = f"+51 {number[:3]} {number[3:6]} {number[6:]}" if "0:" in shown else shown.format(number)
            rows.append(f"{name};{business};{phone};{mail};{'Comas' if n % 10 else 'Atlántida'};sí")
        return "\n".join(rows).encode("cp1252")

    def sought(self) -> leaks.People:
        return leaks.People.of(self.numbers, [*self.names, *self.businesses, *self.mails])


@pytest.fixture
def mine(tmp_path: Path):
    """An installation whose temporary files are ours to look through."""
    (tmp_path / "temporary").mkdir()
    installation = Installation(tmp_path, TMPDIR=str(tmp_path / "temporary"))
    installation.start()
    yield installation
    installation.stop()


def everything(installation: Installation, monitor: leaks.Monitor, folder: Path) -> dict[str, bytes]:
    """What the installation wrote, to the database and beside it."""
    files = [
        path
        for top in (folder / "temporary", installation.data)
        for path in top.rglob("*")
        if path.is_file() and "postgres" not in path.relative_to(folder).parts
    ]
    return everything_it_wrote(installation, monitor) | {"files": b"\n".join(path.read_bytes() for path in files)}


def bring_in(installation: Installation, content: bytes) -> int:
    """Through the pages, as somebody does without scripts; the number of the import."""
    visitor = Visitor(installation.url)
    address, password = installation.sign_in_of("writer")
    visitor.goto("/sign-in")
    visitor.send(email=address, password=password)
    visitor.goto("/imports/new")
    visitor.send(("padron.csv", content))
    path = re.sub(r"^https?://[^/]+|/$", "", visitor.at)
    assert re.fullmatch(r"/imports/\d+", path), visitor.at
    visitor.send()  # the columns as they were matched
    until(lambda: f"{path}/begin" in visitor.goto(path))
    visitor.goto(f"{path}/begin")
    visitor.send(typed=str(PEOPLE))
    until(lambda: f"{path}/undo" in visitor.goto(path))
    visitor.goto(f"{path}/faults.csv")
    return int(path.rpartition("/")[2])


def test_nothing_names_who_came_in(mine: Installation, tmp_path: Path) -> None:
    crowd = Crowd()
    settings = Settings.from_env(mine.environment)
    with embedded.servers(settings) as live, leaks.Monitor(live.queue_url) as monitor:
        import_id = bring_in(mine, crowd.file())
        sought = crowd.sought()
        found = {place: sought.found_in(text) for place, text in everything(mine, monitor, tmp_path).items()}
        assert found == {place: set() for place in ("database", "valkey", "jobs", "logs", "files")}
        with psycopg.connect(live.owner_url.replace("+psycopg", "")) as owner:
            (came,) = owner.execute("SELECT count(*) FROM contact WHERE import_id = %s", [import_id]).fetchone() or ()
            (faulty,) = owner.execute("SELECT count(*) FROM import_fault").fetchone() or ()
        assert (came, faulty) == (PEOPLE, 1)
        # And the search can find: one of them, left where an upload would be.
        (tmp_path / "temporary" / "upload").write_bytes(crowd.file().splitlines()[2])
        number, mail = crowd.numbers[1].encode(), crowd.mails[1].encode()
        assert {number, mail} <= sought.found_in(everything(mine, monitor, tmp_path)["files"])
