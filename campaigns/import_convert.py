"""Taking a spreadsheet apart: its rows become delimited text, kept sealed in place of the file."""

import time
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from campaigns import import_files, import_look, reference, spreadsheets
from campaigns.import_files import PIECE, Source
from campaigns.import_hand import Hand, TakenAway
from campaigns.import_look import Look
from campaigns.store import import_pieces

_DELIMITER = "\t"  # what spreadsheets.to_delimited writes


def convert(hand: Hand) -> None:
    """Turn the kept spreadsheet into text, look at it, and leave the import to staff. Raises Invalid, TakenAway.

    Begins anew after a kill. Commits piece by piece.
    """
    text = write_beside(hand, hand.kept)
    look = text.look()
    with hand.factory.begin() as session:
        hand.leave(
            session, state="columns", look_sealed=import_look.seal(look, hand.vault, hand.agency_id), size=text.size
        )
        import_pieces.replace(session, hand.agency_id, hand.held.id)


def write_beside(hand: Hand, source: Source) -> "Text":
    """Turn a spreadsheet into text that is kept beside the import's file. Raises Invalid, TakenAway."""
    with hand.factory.begin() as session:
        hand.note(session, bytes_done=0)
        import_pieces.drop_beside(session, hand.agency_id, hand.held.id)
    text = Text(hand)
    text.converted = spreadsheets.to_delimited(source(), write=text.write, told=text.told)
    if text.converted is None:
        raise TakenAway
    text.put_away()
    return text


@dataclass
class Text:
    """The text of a spreadsheet while it comes out of it."""

    hand: Hand
    size: int = 0
    converted: spreadsheets.Converted | None = None
    _pieces: int = 0
    _waiting: bytearray = field(default_factory=bytearray)
    _noted_at: float = field(default_factory=time.monotonic)

    def write(self, content: bytes) -> None:
        """Take more of it."""
        self.size += len(content)
        self._waiting += content
        while len(self._waiting) >= PIECE:
            self.put_away()

    def put_away(self) -> None:
        """Keep a piece of what waits."""
        hand, piece = self.hand, bytes(self._waiting[:PIECE])
        del self._waiting[:PIECE]
        with hand.factory.begin() as session:
            self._note(session)
            sealed = hand.vault.seal_bytes(piece, hand.agency_id)
            import_pieces.keep(session, hand.agency_id, hand.held.id, -1 - self._pieces, sealed)
        self._pieces += 1

    def told(self, _done: int) -> bool:
        """Keep the import in hand while nothing comes; False if it was taken away."""
        if time.monotonic() - self._noted_at > self.hand.lease / 4:
            try:
                with self.hand.factory.begin() as session:
                    self._note(session)
            except TakenAway:
                return False
        return True

    def look(self) -> Look:
        """What it looks like. Raises Invalid."""
        assert self.converted is not None  # noqa: S101 - else there is no text
        hand = self.hand
        with hand.factory() as session:
            known = reference.column_names(session)
        source = import_files.kept(hand.factory, hand.vault, hand.held, beside=self.size)
        sheet, left_out = self.converted.sheet, self.converted.left_out
        return import_look.find(source, known, delimiter=_DELIMITER, sheet=sheet, left_out=left_out)

    def _note(self, session: Session) -> None:
        self.hand.note(session, bytes_done=self.size)
        self._noted_at = time.monotonic()
