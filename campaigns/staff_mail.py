"""Letters to staff as mails: put together, and handed to the installation's relay.

They hold nothing about contacts: who did not seal a mailbox must not find the list in it (DESIGN P4).
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from campaigns.providers import mime
from campaigns.providers.relay import Ready, Relay
from campaigns.settings import Settings

_TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates" / "mail"
_LAYOUT: Final = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("staff.html")
_NAME: Final = "Outreach"
_PART: Final = (
    "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)


@dataclass(frozen=True)
class Item:
    """One campaign in a letter: its name, what happened, and its page."""

    name: str
    what: str
    address: str


@dataclass(frozen=True)
class StaffLetter:
    """What one member of staff is to read, in their language; every line a paragraph.

    `name` makes the Message-ID: the same for a letter that goes out again, so that mail programs show one. Never shown
    by repr(): `link` may open an account.
    """

    to: str = field(repr=False)
    language: str
    subject: str
    opening: Sequence[str]
    items: Sequence[Item] = ()
    link: str = field(default="", repr=False)
    closing: Sequence[str] = ()
    name: str = ""


def compose(settings: Settings, letter: StaffLetter, *, at: datetime) -> Ready:
    """The letter as it goes out. Raises contract.Refused for an address no server takes, ValueError without a relay."""
    relay = settings.mail_relay
    if relay is None:
        raise ValueError("OUTREACH_MAIL_URL is not set")
    name = letter.name or secrets.token_hex(12)
    head = (
        mime.mailbox("From", _NAME, relay.sender),
        mime.mailbox("To", "", letter.to),
        mime.header("Subject", letter.subject),
        mime.date(at),
        mime.bracketed("Message-ID", f"{name}@{relay.sender.rpartition('@')[2]}"),
        b"Auto-Submitted: auto-generated\r\n",
        b"X-Auto-Response-Suppress: All\r\n",
        mime.header("Content-Language", letter.language),
        b"MIME-Version: 1.0\r\n",
        f'Content-Type: multipart/alternative; boundary="{mime.BOUNDARY}"\r\n\r\n'.encode(),
    )
    parts = []
    for kind, text in (("plain", _plain(letter)), ("html", _page(letter))):
        parts += [_PART.format(boundary=mime.BOUNDARY, kind=kind).encode(), mime.splice(text, {}).fill({})]
    return Ready(letter.to, b"".join((*head, *parts, f"--{mime.BOUNDARY}--\r\n".encode())))


def send_now(settings: Settings, letter: StaffLetter, *, seconds: float) -> None:
    """Hand one letter over and wait for the answers, `seconds` for each; not from a running event loop.

    Raises contract.Refused, NotSent or Unclear, and ValueError without a relay.
    """

    async def main() -> None:
        relay = Relay(settings, seconds=seconds)
        try:
            await relay.hand_over(compose(settings, letter, at=datetime.now(UTC)))
        finally:
            await relay.close()

    asyncio.run(main())


def _page(letter: StaffLetter) -> str:
    page = _LAYOUT.render(
        language=letter.language,
        subject=letter.subject,
        opening=letter.opening,
        items=letter.items,
        link=letter.link,
        closing=letter.closing,
    )
    return "\n".join(line.strip() for line in page.splitlines() if line.strip())


def _plain(letter: StaffLetter) -> str:
    items = [f"* {_line(item.name)}: {_line(item.what)}\n  {item.address}" for item in letter.items]
    paragraphs = [*map(_line, letter.opening), *items, letter.link, *map(_line, letter.closing)]
    return "\n\n".join(filter(None, paragraphs))


def _line(text: str) -> str:
    return " ".join(text.split())
