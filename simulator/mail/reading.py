"""Reads a mail for the eye: subject, parts and headers, whatever it was made of; never raises for a broken one."""

import base64
import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from simulator.mail.mailboxes import Mail
from simulator.mail.notices import decoded

LONGEST_SHOWN = 200_000
_REMOTE = re.compile(r"""(?:(?:src|srcset|background|poster)\s*=\s*["']?|url\(\s*["']?)\s*(?:https?:)?//""", re.I)
_CID = re.compile(r"""cid:([^"'\s)>]+)""", re.I)
_PICTURE = re.compile(r"image/(?:png|jpeg|gif|webp|svg\+xml)")
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.I)
_TARGET = '<base target="_blank">'  # a link opens beside the page, as in a mail program


@dataclass(slots=True)
class Readable:
    """What a reader may see of a mail."""

    subject: str
    sender: str
    to: str
    date: str
    html: str | None = None
    text: str | None = None
    remote: int = 0
    attachments: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def read(mail: Mail) -> Readable:
    """Return a mail's parts."""
    found = Readable(*(decoded(mail.header(name)) for name in ("Subject", "From", "To", "Date")))
    try:
        message = message_from_bytes(mail.raw, _class=EmailMessage, policy=policy.default)
        found.html, found.text = _part(message, "html"), _part(message, "plain")
        found.attachments = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
        found.defects = sorted({type(defect).__name__ for part in message.walk() for defect in part.defects})
        if found.html is not None:
            found.remote = len(_REMOTE.findall(found.html))
            found.html = _with_target(_with_pictures(found.html, message))
    except Exception as error:  # the parser of mail fails in many ways, and the page shows the rest
        found.defects.append(type(error).__name__)
    return found


def original(mail: Mail) -> tuple[str, bool]:
    """Return the mail as it came, and whether that is all of it."""
    return mail.raw[:LONGEST_SHOWN].decode("utf-8", "replace"), len(mail.raw) <= LONGEST_SHOWN


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return None
    try:
        return raw.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _with_target(html: str) -> str:
    head = _HEAD.search(html)
    return html[: head.end()] + _TARGET + html[head.end() :] if head else _TARGET + html


def _with_pictures(html: str, message: EmailMessage) -> str:
    """Put pictures that came with the mail where they are named."""
    pictures: dict[str, str] = {}
    for part in message.walk():
        name, raw = str(part.get("Content-ID", "")).strip("<> "), part.get_payload(decode=True)
        if name and isinstance(raw, bytes) and _PICTURE.fullmatch(part.get_content_type()):
            pictures[name] = f"data:{part.get_content_type()};base64,{base64.b64encode(raw).decode()}"
    return _CID.sub(lambda found: pictures.get(found[1], found[0]), html) if pictures else html
