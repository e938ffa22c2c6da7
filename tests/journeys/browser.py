"""People at a browser: who they are, and what is looked at on every page they come to."""

import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.journeys.installation import Installation

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
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
AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# Opens nothing, so it must not need what the page's own policy forbids: axe is put in by the browser itself.
_RUN_AXE = "async () => (await axe.run()).violations.map(v => v.id + ' ' + v.nodes.map(n => n.target).join(' '))"


class Person:
    """Somebody at a browser of their own, reading Spanish."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        context = browser.new_context(locale="es-PE", viewport={"width": 1280, "height": 900}, bypass_csp=True)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", lambda answer: self._note(answer.status, answer.url))

    def goto(self, path: str) -> None:
        """Open a page of the application."""
        self.page.goto(self.url + path)

    def sign_in(self, installation: Installation, role: str) -> "Person":
        """Through the real form."""
        address, password = installation.sign_in_of(role)
        self.goto("/sign-in")
        self.page.get_by_label("Correo electrónico").fill(address)
        self.page.get_by_label("Contraseña").fill(password)
        self.press("Entrar", "Iniciar sesión")
        self.page.wait_for_url(self.url + "/")
        return self

    def press(self, *names: str) -> None:
        """Press the button or link that is called one of these."""
        for name in names:
            for role in ("button", "link"):
                found = self.page.locator("main").get_by_role(role, name=name)
                if found.count():
                    found.first.click()
                    return
        raise AssertionError(f"no {names} in: {self.text()}")

    def text(self) -> str:
        """What the page says."""
        return self.page.inner_text("main")

    def wait_for(self, words: str, *, seconds: float = 60) -> None:
        """Until the page says so; the page itself keeps up, nobody reloads."""
        self.page.locator("main").get_by_text(words).first.wait_for(timeout=seconds * 1000)

    def look(self) -> list[str]:
        """What is wrong with this page for anyone: axe's findings, and a page wider than a small phone."""
        self.page.add_script_tag(path=str(AXE))
        wrong: list[str] = self.page.evaluate(_RUN_AXE)
        self.page.set_viewport_size({"width": 360, "height": 780})
        width: Any = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size({"width": 1280, "height": 900})
        return [*wrong, *([f"{width} px wide on a phone"] if width > 360 else [])]

    def _note(self, status: int, url: str) -> None:
        if status >= 500:
            self.complaints.append(f"{status} {url}")
