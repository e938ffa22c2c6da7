"""The `name=value; name=value` lists in which DKIM keys and DMARC policies are written (RFC 6376, 3.2)."""

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


class NoTags(Exception):
    """It is no such list. `piece` is where it goes wrong."""

    def __init__(self, piece: str) -> None:
        super().__init__(piece)
        self.piece = piece


def read(text: str) -> dict[str, str]:
    """The values by their names, in the order they were written; raises NoTags, also for a name that comes twice."""
    tags: dict[str, str] = {}
    pieces = text.split(";")
    if pieces and not pieces[-1].strip():
        pieces.pop()
    for piece in pieces:
        name, found, value = piece.partition("=")
        name = name.strip()
        if not found or not _NAME.fullmatch(name) or name in tags:
            raise NoTags(piece.strip())
        tags[name] = value.strip()
    return tags
