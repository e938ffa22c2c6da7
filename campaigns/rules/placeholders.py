"""Texts with holes: `{{nombre}}`, `{{linea_111}}`. Names only: no expressions, filters or code.

A filled text never shows braces of a hole, is never filled twice, and its values cannot start a new line.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from campaigns.errors import Invalid
from campaigns.rules.spelling import fold, one_line

_MARK = re.compile(r"\{\{|\}\}")
_SINGLE = re.compile(r"\{\s*([^{}\n]{1,40}?)\s*\}")
_BRACES = str.maketrans("", "", "{}")
LONGEST_VALUE = 120


@dataclass(frozen=True, slots=True)
class Hole:
    """A place to fill; `position` counts characters from 1 at its first brace."""

    name: str
    position: int


Pieces = tuple[str | Hole, ...]


def parse(text: str, field: str = "text") -> Pieces:
    """Words and holes in order. Hole names are folded: `{{ Nombre }}` is `nombre`.

    Raises Invalid(field, placeholder_unclosed | placeholder_unopened | placeholder_empty, position=from 1).
    """
    pieces: list[str | Hole] = []
    at, opened = 0, -1
    for mark in _MARK.finditer(text):
        if mark[0] == "{{":
            if opened >= 0:
                raise Invalid(field, "placeholder_unclosed", position=opened + 1)
            opened = mark.start()
            if text[at:opened]:
                pieces.append(text[at:opened])
        else:
            if opened < 0:
                raise Invalid(field, "placeholder_unopened", position=mark.start() + 1)
            name = fold(text[opened + 2 : mark.start()])
            if not name:
                raise Invalid(field, "placeholder_empty", position=opened + 1)
            pieces.append(Hole(name, opened + 1))
            opened = -1
        at = mark.end()
    if opened >= 0:
        raise Invalid(field, "placeholder_unclosed", position=opened + 1)
    if text[at:]:
        pieces.append(text[at:])
    return tuple(pieces)


def names(text: str) -> frozenset[str]:
    """The names of all holes in a text that parses."""
    return frozenset(piece.name for piece in parse(text) if isinstance(piece, Hole))


def check(text: str, allowed: Collection[str], field: str = "text") -> Pieces:
    """The parsed text, sure to be fillable with `allowed` names.

    Raises Invalid like `parse`, and placeholder_unknown (name, position) or placeholder_single_brace (name, position)
    for `{nombre}`, which would reach people with its braces.
    """
    pieces = parse(text, field)
    at = 0
    for piece in pieces:
        if isinstance(piece, Hole):
            if piece.name not in allowed:
                raise Invalid(field, "placeholder_unknown", name=piece.name[:40], position=piece.position)
            at = text.index("}}", piece.position) + 2
            continue
        for single in _SINGLE.finditer(piece):
            if fold(single[1]) in allowed:
                raise Invalid(field, "placeholder_single_brace", name=fold(single[1]), position=at + single.start() + 1)
        at += len(piece)
    return pieces


def fill(pieces: Pieces, values: Mapping[str, str]) -> str:
    """The text for one person. A missing or empty value leaves no trace: the space or comma beside it goes too.

    Values are put on one line and lose their braces, so nobody's name can be a hole or a header.
    """
    out = ""
    gap = False  # the last thing was an empty value
    for piece in pieces:
        if isinstance(piece, Hole):
            value = clean(values.get(piece.name, ""))
            gap = not value
            out += value
            continue
        out, gap = "".join(close_gap(out, piece)) if gap else out + piece, False
    return out.rstrip(" ") if gap else out


def clean(value: str) -> str:
    """A value as it is filled in: one line of at most 120 characters, without braces."""
    return one_line(value.translate(_BRACES), LONGEST_VALUE)


def close_gap(before: str, after: str) -> tuple[str, str]:
    """The words on both sides of a hole that stays empty, without the space or comma it leaves."""
    if not before or before.endswith("\n"):
        return before, after.lstrip(" ,;:")
    if before.endswith(" ") and after[:1] in ("", " ", ",", ".", ";", ":", "!", "?", "\n", "\r", ")"):
        return before[:-1], after
    return before, after
