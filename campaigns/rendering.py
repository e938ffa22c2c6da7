"""The exact text for one person: agency first, opt-out line last, and between them the campaign's words, filled.

Compiled once per text and language; per person it costs a few microseconds. Authoring's previews use the same code.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from campaigns.rules import parts, placeholders
from campaigns.rules.parts import Size
from campaigns.rules.placeholders import Hole, Pieces
from campaigns.store import reference

PERSONAL: Final = ("nombre", "negocio", "distrito")
OPT_OUT_LINE: Final = "opt_out_line"
_SPANISH: Final = "es"
_LONGEST_VALUE: Final = 120 * 2  # UTF-16 units: placeholders cut a value at 120 characters, each up to a pair


@dataclass(frozen=True)
class Frame:
    """What stands around every text of an agency, and the official lines its texts may name."""

    agency_name: str
    opt_out_lines: Mapping[str, str]
    lines: Mapping[str, str]

    def opt_out_line(self, language: str) -> str:
        """The last line: in the text's language where a reader signed it, else in Spanish."""
        return self.opt_out_lines.get(language) or self.opt_out_lines[_SPANISH]


@dataclass(frozen=True)
class Prepared:
    """A text compiled for one language. `most_parts` is what any person's message can need at most.

    `holes` are the personal values it asks for; without any, everybody gets the same.
    """

    first: str
    pieces: Pieces
    last: str
    most_parts: int
    holes: frozenset[str]
    same_for_all: tuple[str, int] | None

    def text_for(self, values: Mapping[str, str]) -> tuple[str, int]:
        """The message for a person with these values, in NFC, and its parts."""
        if self.same_for_all is not None:
            return self.same_for_all
        text = unicodedata.normalize("NFC", self.first + placeholders.fill(self.pieces, values) + self.last)
        return text, parts.measure(text).parts


def frame(session: Session, agency_name: str) -> Frame:
    """The frame of an agency's messages, as signed today."""
    return Frame(agency_name, reference.signed_texts(session, OPT_OUT_LINE), reference.line_numbers(session))


def allowed(around: Frame) -> frozenset[str]:
    """The names a text may have holes for."""
    return frozenset(PERSONAL) | frozenset(around.lines)


def prepare(around: Frame, body: str, language: str) -> Prepared:
    """Compile a text. Raises Invalid like placeholders.check() if it has a hole nobody can fill."""
    pieces = _fill_lines(placeholders.check(body.strip(), allowed(around)), around.lines)
    first, last = f"{around.agency_name}: ", "\n" + around.opt_out_line(language)
    holes = [piece.name for piece in pieces if isinstance(piece, Hole)]
    fixed = first + "".join(piece for piece in pieces if isinstance(piece, str)) + last
    if holes:
        most = parts.upper_bound(fixed, len(holes) * _LONGEST_VALUE)
        return Prepared(first, pieces, last, most, frozenset(holes), None)
    text = unicodedata.normalize("NFC", fixed)
    size = parts.measure(text).parts
    return Prepared(first, pieces, last, size, frozenset(), (text, size))


def preview(around: Frame, body: str, language: str, values: Mapping[str, str]) -> tuple[str, Size]:
    """The text as a person with these values would get it, and what it costs. Raises Invalid like prepare()."""
    text, _ = prepare(around, body, language).text_for(values)
    return text, parts.measure(text)


def _fill_lines(pieces: Pieces, lines: Mapping[str, str]) -> Pieces:
    return tuple(lines.get(piece.name, piece) if isinstance(piece, Hole) else piece for piece in pieces)
