"""Files handed in as a browser sends them, and the worker that goes on with them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from campaigns import imports
from tests.outreach.conftest import token

DATA = Path(__file__).resolve().parents[2] / "data"
MESSY = DATA / "contacts_messy.csv"
PEOPLE = "nombre,celular,distrito,provincia,acepta\nRosa Quispe,987654321,Comas,Lima,sí\nPedro,987654322,Nada,Lima,no\n"
FIRST = "/imports/1"

Work = Callable[..., None]


def hand_in(client: FlaskClient, content: str | bytes, name: str = "lista.csv") -> TestResponse:
    """As a browser sends it."""
    fields = {"csrf_token": token(client, "/imports/new")}
    parts = [f'--cut\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{fields[key]}\r\n' for key in fields]
    file = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    sent = content.encode() if isinstance(content, str) else content
    body = ("".join(parts) + file).encode() + sent + b"\r\n--cut--\r\n"
    return client.post("/imports/new", data=body, content_type="multipart/form-data; boundary=cut")


def choices(*fields: str, **options: object) -> dict[str, object]:
    """The form of the columns page: what each column holds, and the options."""
    columns = [f"{number}:{field}" for number, field in enumerate(fields)]
    return {"columns": columns, "mode": "add", "accepts_fallback": "y"} | options


@pytest.fixture
def work(sessions, vault, agency) -> Work:
    """What a worker does with an import's step."""

    def run(number: int = 1) -> None:
        imports.run(sessions, vault, agency.id, number)

    return run
