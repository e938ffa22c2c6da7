"""What a campaign's text in one language may be before anybody else sees it."""

import unicodedata
from typing import Final

from campaigns.errors import Invalid
from campaigns.rules.placeholders import LONGEST_VALUE, Pieces

LONGEST: Final = 1600  # characters of one message with its frame: the provider refuses more (DOMAIN facts 1.1)

# Marks that turn the direction of what follows can make a text read differently from what was approved.
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED: Final = frozenset({"Cc", "Cs", "Co", "Cn"})  # controls, lone surrogates, private and unassigned characters


def clean(body: str) -> str:
    """The body as it is kept: composed, its lines ended alike, nothing hanging at its ends. Twice changes nothing."""
    lines = unicodedata.normalize("NFC", body).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip(" \t") for line in lines).strip("\n ")


def check_characters(body: str, field: str) -> None:
    """Raises Invalid(field, text_empty | text_control_character), the latter with its position from 1."""
    if not body.strip():
        raise Invalid(field, "text_empty")
    for at, character in enumerate(body, start=1):
        if character != "\n" and (unicodedata.category(character) in _REFUSED or character in _TURNING):
            raise Invalid(field, "text_control_character", position=at)


def check_length(pieces: Pieces, field: str, *, around: int) -> None:
    """Raises Invalid(field, text_too_long) with `count` characters too many, whoever the message is for.

    A hole counts with the longest value it may be filled with; `around` is the length of the frame.
    """
    length = around + sum(len(piece) if isinstance(piece, str) else LONGEST_VALUE for piece in pieces)
    if length > LONGEST:
        raise Invalid(field, "text_too_long", count=length - LONGEST, most=LONGEST)
