"""What a mail says: a subject, and a body in a small part of Markdown that becomes HTML and plain text alike.

Paragraphs, headings, lists, bold, italics and links; no HTML, no pictures, nothing fetched from anywhere, so nothing
tells anybody that a mail was opened. Holes are those of the SMS texts. Each hole travels through Markdown as one
private-use character, a mark, which no typed text may contain: so no value can become a link, a list or HTML.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from campaigns.errors import Invalid
from campaigns.rules import mail_links, mail_paper, placeholders, texts
from campaigns.rules.mail_paper import Break, Close, Item, Open
from campaigns.rules.placeholders import Hole, Pieces
from campaigns.rules.spelling import one_line

LONGEST_SUBJECT: Final = 120
LONGEST_BODY: Final = 10_000
_DEEPEST: Final = 8  # token levels: a list in a list in a list
_FIRST_MARK: Final = 0xE000

_NESTING: Final = 100  # beyond it the parser would drop text without a word; we refuse long before


class _AsTyped(MarkdownIt):
    """Targets come through as typed, bad ones too: mail_links judges them and says what is wrong."""

    def validateLink(self, url: str) -> bool:  # noqa: N802, ARG002 - the library's name
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - the library's name
        return link


def _parser() -> MarkdownIt:
    markdown = _AsTyped("zero", {"breaks": True, "maxNesting": _NESTING})
    markdown.enable(["heading", "list", "emphasis", "link", "image", "autolink", "escape", "newline"])
    return markdown


_MARKDOWN: Final = _parser()


@dataclass(frozen=True)
class Body:
    """A body that may be sent. `marks` gives the personal hole each mark in the written texts stands for."""

    blocks: tuple[Token, ...]
    inlines: Mapping[int, tuple[Item, ...]]
    marks: Mapping[str, str]

    def write(self, missing: Collection[str] = ()) -> tuple[str, str]:
        """(HTML fragment, plain text) with marks for all holes but the `missing` ones, which leave no trace."""
        gone = {mark for mark, name in self.marks.items() if name in missing}
        return mail_paper.write(self.blocks, self.inlines, gone)


def read_subject(subject: str, lines: Mapping[str, str], personal: Collection[str], field: str) -> Pieces:
    """The subject's words and personal holes, official lines filled in.

    Raises Invalid(field, subject_empty | subject_too_long | subject_control_character) and like placeholders.check().
    """
    subject = subject.strip()
    if len(subject) > LONGEST_SUBJECT:
        raise Invalid(field, "subject_too_long", count=len(subject) - LONGEST_SUBJECT, most=LONGEST_SUBJECT)
    try:
        texts.check_characters(subject.replace("\n", "\r"), field)  # a subject has one line
    except Invalid as problem:
        if problem.code == "text_empty":
            raise Invalid(field, "subject_empty") from None
        raise Invalid(field, "subject_control_character", **problem.values) from None
    pieces = placeholders.check(subject, {*personal, *lines}, field)
    filled = tuple(lines.get(piece.name, piece) if isinstance(piece, Hole) else piece for piece in pieces)
    if not one_line(placeholders.fill(filled, {}), LONGEST_SUBJECT):
        raise Invalid(field, "subject_empty")  # for people whose names we do not know
    return filled


def read_body(body: str, lines: Mapping[str, str], personal: Collection[str], field: str) -> Body:
    """The body, checked whole. `lines` are the official numbers by name, `personal` the names filled per person.

    Raises Invalid(field, text_empty | text_control_character | mail_too_long | mail_picture | mail_html | mail_nested |
    mail_link_hole), and like placeholders.check() and mail_links.
    """
    body = texts.clean(body)
    texts.check_characters(body, field)
    if len(body) > LONGEST_BODY:
        raise Invalid(field, "mail_too_long", count=len(body) - LONGEST_BODY, most=LONGEST_BODY)
    pieces = placeholders.check(body, {*personal, *lines}, field)
    names = sorted({*personal, *lines})
    mark_of = {name: chr(_FIRST_MARK + at) for at, name in enumerate(names)}
    numbers = {mark_of[name]: number for name, number in lines.items()}
    source = "".join(mark_of[piece.name] if isinstance(piece, Hole) else piece for piece in pieces)
    blocks = tuple(_MARKDOWN.parse(source))
    reader = _Reader(numbers, {mark_of[name] for name in personal}, field)
    inlines = {at: tuple(reader.items(token)) for at, token in enumerate(blocks) if token.type == "inline"}
    if any(token.level > _DEEPEST for token in blocks):
        raise Invalid(field, "mail_nested")
    read = Body(blocks, inlines, {mark_of[name]: name for name in personal})
    if not read.write(personal)[1]:
        raise Invalid(field, "text_empty")  # for people of whom we know no name
    return read


class _Reader:
    """Turns one inline token into items, and refuses what no mail may hold."""

    def __init__(self, numbers: Mapping[str, str], personal: Collection[str], field: str) -> None:
        self._numbers = str.maketrans(dict(numbers))
        self._personal = frozenset(personal)
        self._field = field

    def items(self, inline: Token) -> list[Item]:
        items = list(self._items(inline))
        target, pieces = "", []
        for item in items:
            match item:
                case str():
                    pieces.append((item, target))
                case Break():
                    pieces.append(("\n", ""))
                case Open("a", found):
                    target = found
                case Close("a"):
                    target = ""
        mail_links.check_seams(pieces, self._field)
        return items

    def _items(self, inline: Token) -> Iterator[Item]:
        children = inline.children or []
        target: str | None = None
        for at, child in enumerate(children):
            match child.type:
                case "text":
                    text = child.content.translate(self._numbers)
                    yield from [text] if target else self._words(text)
                case "softbreak" | "hardbreak":
                    yield Break()
                case "link_open":
                    target = self._target(child, children[at + 1 :])
                    yield Open("a", target)
                case "link_close":
                    target = None
                    yield Close("a")
                case "image":
                    raise Invalid(self._field, "mail_picture")
                case _:
                    yield Open(child.tag) if child.nesting > 0 else Close(child.tag)

    def _target(self, opening: Token, rest: list[Token]) -> str:
        words = ""
        for token in rest:
            if token.type == "link_close":
                break
            if token.type == "image":
                raise Invalid(self._field, "mail_picture")
            words += token.content if token.type == "text" else " " * (token.type == "softbreak")
        href = str(opening.attrs.get("href", ""))
        if self._personal & {*words, *href}:
            raise Invalid(self._field, "mail_link_hole")
        target = mail_links.read_target(href.translate(self._numbers), self._field)
        mail_links.check_words(words.translate(self._numbers), target, self._field)
        return target

    def _words(self, text: str) -> Iterator[Item]:
        if mail_paper.TAG.search(text):
            raise Invalid(self._field, "mail_html")
        at = 0
        for start, end, target in mail_links.bare_addresses(text, self._field):
            if self._personal & set(text[start:end]):
                raise Invalid(self._field, "mail_link_hole")
            yield from (text[at:start], Open("a", target), text[start:end], Close("a"))
            at = end
        yield text[at:]
