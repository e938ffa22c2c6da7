"""The web application on the test's own database, people signed in to it, and a real browser."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, FileSystemLoader
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from campaigns import authoring
from campaigns.settings import Settings
from campaigns.store.agencies import Agency
from campaigns.store.engine import AgencySessions
from campaigns.store.staff import Staff
from outreach.app import create_app
from outreach.database import Connections
from tests.cast import PASSWORD
from tests.outreach import shelf

AXE = Path(__file__).resolve().parent.parent.parent / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SignIn = Callable[[Staff], FlaskClient]


@pytest.fixture
def app(settings: Settings, database: Connections) -> Flask:
    """The application, with a shelf of pages that show every kind of answer and every macro."""
    app = create_app(settings, database)
    app.jinja_loader = ChoiceLoader([app.jinja_loader, FileSystemLoader(Path(__file__).parent / "templates")])
    app.register_blueprint(shelf.bp)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor nobody knows."""
    return app.test_client()


def token(client: FlaskClient, path: str = "/sign-in") -> str:
    """The CSRF token of the form at `path`, as a browser would send it back."""
    return client.get(path).text.partition('name="csrf_token" value="')[2].partition('"')[0]


def send(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    """Post a form as the signed-in person would."""
    return client.post(path, data=fields | {"csrf_token": token(client, "/account/password")})


def state(sessions: AgencySessions, agency: Agency, campaign_id: int) -> str:
    """Where a campaign stands."""
    with sessions(agency.id)() as session:
        return authoring.get(session, agency.id, campaign_id).state


@pytest.fixture
def signed_in(app: Flask) -> SignIn:
    """Signs a person in through the real form, and gives their browser."""

    def sign_in(person: Staff) -> FlaskClient:
        client = app.test_client()
        form = {"email": person.email, "password": PASSWORD, "csrf_token": token(client)}
        assert client.post("/sign-in", data=form).status_code == 302
        return client

    return sign_in


@pytest.fixture
def as_ada(signed_in: SignIn, ada: Staff) -> FlaskClient:
    return signed_in(ada)


@pytest.fixture
def as_bruno(signed_in: SignIn, bruno: Staff) -> FlaskClient:
    return signed_in(bruno)


@pytest.fixture
def as_dora(signed_in: SignIn, dora: Staff) -> FlaskClient:
    return signed_in(dora)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application behind a real HTTP server on a free port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A Spanish speaker's browser tab; `complaints(tab)` tells what its console said against the page."""
    context = browser.new_context(locale="es-PE", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.console_lines = []  # type: ignore[attr-defined]
    page.on("console", lambda line: page.console_lines.append((line.type, line.text)))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.console_lines.append(("error", str(error))))  # type: ignore[attr-defined]
    yield page
    context.close()


def complaints(page: Page) -> list[str]:
    """Errors of scripts and everything the Content-Security-Policy stopped; answers of 400 and up are no fault."""
    told = "the server responded with|Response Status Error Code"
    lines = page.console_lines  # type: ignore[attr-defined]
    return [text for kind, text in lines if kind in {"error", "warning"} and not re.search(told, text)]


def faults(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds on the page: WCAG 2.2 AA and its best practices."""
    page.evaluate(AXE.read_text())
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]]


def is_too_wide(page: Page) -> bool:
    """True when the page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
