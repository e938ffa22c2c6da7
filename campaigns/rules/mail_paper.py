"""Writes a read mail body twice from the same tokens: as HTML and as plain text.

Holes stand in the text as marks (see mail_text). One whose value is missing goes, with the space or comma beside it,
the emphasis around it, and the paragraph it stood in alone.
"""

import html
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import nh3
from markdown_it.token import Token

from campaigns.rules import placeholders

TAG: Final = re.compile(r"<(?:/?[a-zA-Z][^>]*>|!--|!doctype)", re.IGNORECASE)
_HEADINGS: Final = {"h1": "h2", "h2": "h3"}  # the mail's own h1 is the agency; deeper ones are h4
_EMPTY: Final = re.compile(r"<(p|li|ul|ol|h[234]|strong|em)(?: start=\"\d+\")?>\s*</\1>")
_CLEANER: Final = nh3.Cleaner(
    tags={"p", "br", "strong", "em", "ul", "ol", "li", "h2", "h3", "h4", "a"},
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"https", "mailto", "tel"},
    link_rel=None,
)


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line inside a paragraph."""


@dataclass(frozen=True, slots=True)
class Open:
    """Emphasis or a link begins; a link has a target."""

    tag: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Close:
    """What was opened last ends."""

    tag: str


Item = str | Break | Open | Close


def write(blocks: Sequence[Token], inlines: Mapping[int, Sequence[Item]], gone: Collection[str]) -> tuple[str, str]:
    """(HTML fragment, plain text) with the `gone` marks left out. `inlines` are the blocks' words by position."""
    written, plain = [], _Plain()
    for at, token in enumerate(blocks):
        if token.type == "inline":
            items = _without(inlines[at], gone)
            written.append(_html(items))
            plain.paragraph(_words(items))
        else:
            plain.block(token)
            written.append(_tag(token))
    page, before = "".join(written), ""
    while page != before:
        page, before = _EMPTY.sub("", page), page
    return _CLEANER.clean(page), plain.text()


def _without(items: Sequence[Item], gone: Collection[str]) -> list[Item]:
    """The items without the gone marks, their gaps closed as placeholders.fill() closes them."""
    pieces: list[Item | None] = []  # None: here was a value that is missing
    pattern = re.compile(f"([{''.join(gone)}])") if gone else None
    for item in items:
        if isinstance(item, str) and pattern:
            pieces += [None if part in gone else part for part in pattern.split(item) if part]
        elif item != "":
            pieces.append(item)
    return _fill_gaps(pieces)


def _fill_gaps(pieces: Sequence[Item | None]) -> list[Item]:
    kept: list[Item] = []
    last = -1  # where the last words or line end stand in `kept`
    gap = False
    for piece in pieces:
        if not isinstance(piece, str | Break):
            gap = gap or piece is None
            kept += [piece] if piece is not None else []
            continue
        here: Item = piece
        if gap:
            before = kept[last] if last >= 0 else Break()
            if isinstance(piece, Break):
                if isinstance(before, Break):
                    continue  # the line held nothing else
                kept[last] = before.rstrip(" ") if isinstance(before, str) else before
            elif isinstance(before, str):
                kept[last], here = placeholders.close_gap(before, piece)
            else:
                here = piece.lstrip(" ,;:")
        gap = here == ""
        last = len(kept)
        kept.append(here)
    if gap and last >= 0 and isinstance(words := kept[last], str):
        kept[last] = words.rstrip(" ")
    return kept


def _html(items: Sequence[Item]) -> str:
    out = []
    for item in items:
        match item:
            case str():
                out.append(html.escape(item, quote=False))
            case Break():
                out.append("<br>")
            case Open(tag, target):
                out.append(f'<a href="{html.escape(target)}">' if target else f"<{tag}>")
            case Close(tag):
                out.append(f"</{tag}>")
    return "".join(out)


def _words(items: Sequence[Item]) -> str:
    out, target, since = "", "", 0
    for item in items:
        match item:
            case str():
                out += item
            case Break():
                out += "\n"
            case Open("a", found):
                target, since = found, len(out)
            case Close("a"):
                out += _beside(out[since:], target)
    return out


def _beside(words: str, target: str) -> str:
    """The target in brackets, where the words do not show it already."""
    scheme, _, rest = target.partition(":")
    shown = target if scheme == "https" else rest
    told = re.sub(r"\W", "", words) if scheme == "tel" else words
    return "" if shown.removeprefix("+") in told or shown == words else f" ({shown})"


def _tag(token: Token) -> str:
    if token.type.startswith("paragraph") and token.hidden:
        return ""
    tag = _HEADINGS.get(token.tag, "h4") if token.type.startswith("heading") else token.tag
    if token.nesting < 0:
        return f"</{tag}>"
    start = token.attrs.get("start")
    return f'<{tag} start="{start}">' if start is not None else f"<{tag}>"


class _Plain:
    """Paragraphs with an empty line between, lists with a hyphen or number and their indent."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._lists: list[int | None] = []  # per open list its next number; None: hyphens
        self._indents: list[int] = []
        self._is_new_item = False
        self._wants_space = False

    def block(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._wants_space = self._wants_space or not self._lists
                first = int(token.attrs.get("start", 1))
                self._lists.append(first if token.type == "ordered_list_open" else None)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._wants_space = not self._lists
            case "list_item_open":
                self._is_new_item = True
                self._indents.append(0)
            case "list_item_close":
                self._is_new_item = False
                self._indents.pop()
            case "paragraph_open" | "heading_open":
                self._wants_space = self._wants_space or not token.hidden

    def paragraph(self, words: str) -> None:
        if not words.strip():
            return
        if self._wants_space and self._lines:
            self._lines.append("")
        self._wants_space = False
        indent = sum(self._indents)
        for line in words.split("\n"):
            marker = self._marker() if self._is_new_item else ""
            self._lines.append((" " * indent + marker + line).rstrip())
            if marker:
                indent += len(marker)
                self._indents[-1] = len(marker)
            self._is_new_item = False

    def _marker(self) -> str:
        number = self._lists[-1]
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def text(self) -> str:
        return "\n".join(self._lines)
