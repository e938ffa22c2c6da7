"""The exact mail for one person, as bytes: the letterhead, the campaign's words filled, how to check and how to leave.

A text is built into MIME once per language, and once more for each set of names that are missing; per person only
values are put in, a few microseconds each. Building a mail with the standard library costs 1.9 ms.
"""

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy.orm import Session

from campaigns import rendering
from campaigns.providers import mime
from campaigns.providers.mime import Spliced
from campaigns.rendering import Frame
from campaigns.rules import mail_text, placeholders
from campaigns.rules.mail_text import Body
from campaigns.rules.placeholders import Hole, Pieces
from campaigns.store import reference

_TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates" / "mail"
PAGE: Final = "/v"  # of ours, where people can check that a mail is genuine
_SPANISH: Final = "es"
_LINK: Final = "\uf8ff"  # the mark of the unsubscribe link; mail_text numbers its own from the other end
_MARKS: Final = re.compile("[\ue000-\uf8ff]")
_LINK_SLOT: Final = "link"
_LAYOUT: Final = Environment(
    loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
).get_template("layout.html")
_INLINER: Final = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
_PART: Final = (
    "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)


@dataclass(frozen=True)
class Letterhead:
    """What an agency's mails carry around every text. `page` is where people can check that a mail is genuine: an
    address of our own, from the settings.

    `list_id` is a host name of the sending domain (RFC 2919). `unsubscribe` and `verify` are signed words by language;
    where a language has none, the Spanish ones stand. `crest` is a short text, so that a mail shows it without images.
    """

    address: str
    reply_to: str
    list_id: str
    page: str
    unsubscribe: Mapping[str, str]
    verify: Mapping[str, str]
    crest: str = ""


@dataclass(frozen=True)
class Letter:
    """A campaign's mail in one language; `direction` is ltr or rtl. `stream` names it to mailbox providers, by ids."""

    subject: str
    body: str
    language: str
    direction: str = "ltr"
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Addressed:
    """Where one mail goes and how it finds its way back: `message_id` and addresses without brackets."""

    to: str
    message_id: str
    unsubscribe_url: str
    unsubscribe_address: str
    at: datetime


@dataclass(frozen=True)
class Shown:
    """A mail as its reader sees it, for previews."""

    subject: str
    html: str
    plain: str


@dataclass(frozen=True)
class _Variant:
    """The parts for people of whom the same names are missing."""

    html: str
    plain: str
    content: Spliced


@dataclass(frozen=True)
class PreparedMail:
    """A letter compiled for one language, safe to share between threads; `holes` are the personal values it needs."""

    around: Frame
    head: Letterhead
    letter: Letter
    subject: Pieces
    body: Body
    holes: frozenset[str]
    subject_line: bytes | None  # the same for all
    fixed_headers: bytes
    variants: dict[frozenset[str], _Variant] = field(default_factory=dict, repr=False)

    def bytes_for(self, values: Mapping[str, str], way: Addressed) -> bytes:
        """The whole mail for a person with these values, ready for the wire, CRLF line ends.

        The envelope's sender is not in it. Raises Refused(ADDRESS_INVALID) for an address no server takes.
        """
        clean = self._clean(values)
        variant = self._variant(frozenset(name for name, value in clean.items() if not value))
        encoded: dict[str, bytes] = {}
        for name, value in (*clean.items(), (_LINK_SLOT, way.unsubscribe_url)):
            escaped = html.escape(value)
            encoded[name + ".plain"] = encoded[name + ".html"] = mime.value(value)
            if escaped != value:
                encoded[name + ".html"] = mime.value(escaped)
        return b"".join((
            f"To: {mime.ascii_address(way.to)}\r\n".encode(),
            self.subject_line or mime.header("Subject", self._subject(clean)),
            mime.date(way.at),
            mime.bracketed("Message-ID", way.message_id),
            mime.bracketed("List-Unsubscribe", way.unsubscribe_url, f"mailto:{way.unsubscribe_address}"),
            self.fixed_headers,
            variant.content.fill(encoded),
        ))  # fmt: skip

    def shown_to(self, values: Mapping[str, str], unsubscribe_url: str) -> Shown:
        """The same mail as text, for a preview."""
        clean = self._clean(values)
        variant = self._variant(frozenset(name for name, value in clean.items() if not value))
        filled: dict[str, str | int | None] = {
            mark: clean[name] for mark, name in self.body.marks.items() if name in clean
        }
        filled[_LINK] = unsubscribe_url
        escaped: dict[str, str | int | None] = {mark: html.escape(str(value)) for mark, value in filled.items()}
        page = variant.html.translate(str.maketrans(escaped))
        return Shown(self._subject(clean), page, variant.plain.translate(str.maketrans(filled)))

    def _clean(self, values: Mapping[str, str]) -> dict[str, str]:
        return {name: _composed(placeholders.clean(values.get(name, ""))) for name in self.holes}

    def _subject(self, clean: Mapping[str, str]) -> str:
        return _composed(placeholders.fill(self.subject, clean))

    def _variant(self, missing: frozenset[str]) -> _Variant:
        variant = self.variants.get(missing)
        if variant is None:
            # Two threads may build the same one: the later takes the earlier's place, and they are equal.
            variant = self.variants[missing] = _build(self, missing)
        return variant


def letterhead(session: Session, *, address: str, reply_to: str, list_id: str, page: str) -> Letterhead:
    """An agency's letterhead with the words that are signed today."""
    unsubscribe = reference.signed_texts(session, "mail_unsubscribe")
    return Letterhead(address, reply_to, list_id, page, unsubscribe, reference.signed_texts(session, "mail_verify"))


def subject(session: Session, own: str | None, language: str, *, is_discreet: bool) -> str:
    """The subject a mail goes out with, its holes not filled: its own, or the neutral one."""
    if not is_discreet:
        return own or ""
    return _in(language, neutral_subjects(session))


def neutral_subjects(session: Session) -> Mapping[str, str]:
    """Language -> the signed subject of discreet mails; where a language has none, the Spanish one stands."""
    return reference.signed_texts(session, "mail_neutral_subject")


def prepare(around: Frame, head: Letterhead, letter: Letter) -> PreparedMail:
    """Compile a letter. Raises Invalid for the fields subject_{language} and mail_{language} (see rules.mail_text),

    and Refused where the letterhead's addresses cannot be written.
    """
    personal = rendering.PERSONAL
    subject = mail_text.read_subject(letter.subject, around.lines, personal, f"subject_{letter.language}")
    body = mail_text.read_body(letter.body, around.lines, personal, f"mail_{letter.language}")
    page, plain = body.write()
    holes = {piece.name for piece in subject if isinstance(piece, Hole)}
    holes |= {name for mark, name in body.marks.items() if mark in page or mark in plain}
    headers = _fixed_headers(around, head, letter)
    words = [piece for piece in subject if isinstance(piece, str)]
    line = mime.header("Subject", _composed("".join(words))) if len(words) == len(subject) else None
    prepared = PreparedMail(around, head, letter, subject, body, frozenset(holes), line, headers)
    prepared._variant(frozenset())
    return prepared


def _fixed_headers(around: Frame, head: Letterhead, letter: Letter) -> bytes:
    lines = [
        mime.mailbox("From", around.agency_name, head.address),
        mime.mailbox("Reply-To", "", head.reply_to),
        mime.bracketed("List-Id", head.list_id),
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        b"Auto-Submitted: auto-generated\r\n",
        b"Precedence: bulk\r\n",
        mime.header("Content-Language", letter.language),
        b"MIME-Version: 1.0\r\n",
        f'Content-Type: multipart/alternative; boundary="{mime.BOUNDARY}"\r\n'.encode(),
    ]
    if letter.stream:
        lines.append(mime.header("Feedback-ID", letter.stream))
    return b"".join(lines) + b"\r\n"


def _build(prepared: PreparedMail, missing: frozenset[str]) -> _Variant:
    fragment, words = prepared.body.write(missing)
    page = _page(prepared, fragment)
    plain = _plain(prepared, words)
    pieces: list[bytes | str] = []
    for kind, content in (("plain", plain), ("html", page)):
        slots = {mark: f"{name}.{kind}" for mark, name in {**prepared.body.marks, _LINK: _LINK_SLOT}.items()}
        pieces.append(_PART.format(boundary=mime.BOUNDARY, kind=kind).encode())
        pieces += mime.splice(_composed(content), slots).pieces
    return _Variant(page, plain, Spliced((*pieces, f"--{mime.BOUNDARY}--\r\n".encode())))


def _page(prepared: PreparedMail, fragment: str) -> str:
    head, letter = prepared.head, prepared.letter
    page = _LAYOUT.render(
        language=letter.language,
        direction=letter.direction,
        agency=_unmarked(prepared.around.agency_name),
        crest=_unmarked(head.crest),
        body=Markup(fragment),  # noqa: S704 - written and cleaned by mail_paper; all else is escaped by the template
        verify=_unmarked(_in(letter.language, head.verify)),
        page=head.page,
        unsubscribe=_unmarked(_in(letter.language, head.unsubscribe)),
        unsubscribe_url=_LINK,
    )
    return _INLINER.inline("\n".join(line.strip() for line in page.splitlines() if line.strip()))


def _plain(prepared: PreparedMail, words: str) -> str:
    head, language = prepared.head, prepared.letter.language
    top = prepared.around.agency_name + (f" ({head.crest})" if head.crest else "")
    verify, unsubscribe = _unmarked(_in(language, head.verify)), _unmarked(_in(language, head.unsubscribe))
    return f"{_unmarked(top)}\n\n{words}\n\n-- \n{verify}\n{head.page}\n\n{unsubscribe}:\n{_LINK}"


def _in(language: str, words: Mapping[str, str]) -> str:
    return words.get(language) or words[_SPANISH]


def _unmarked(text: str) -> str:
    """Words that were not read by mail_text, without what could be taken for a mark."""
    return _MARKS.sub("", text)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
