"""Who stood in a file already, in little memory: a bit for everybody in the book, eight bytes for everybody else."""

from array import array
from collections.abc import Iterator
from typing import Final

_PAGE: Final = 10  # a page of bits stands for this power of two of neighbouring ids
_GROUNDLESS: Final = 2  # a bit of a newcomer's mark; the lowest one tells a mark from an empty place


class Seen:
    """Remembers the people of one file while it is read. A million newcomers take 16 MB, a million known ones 0.3."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self._given: dict[int, bytearray] = {}
        self._newcomers = array("Q", bytes(8 << 10))
        self._count = 0

    def meet(self, contact_id: int) -> bool:
        """Remember somebody in the book; True the first time."""
        return _note(self._pages, contact_id)

    def withdraw(self, contact_id: int) -> bool:
        """Remember that somebody in the book said NO; True the first time."""
        return self.meet(~contact_id)

    def give(self, contact_id: int) -> None:
        """Remember that somebody in the book would get a ground from their first row."""
        _note(self._given, contact_id)

    def is_given(self, contact_id: int) -> bool:
        """Whether give() was told of them."""
        page = self._given.get(contact_id >> _PAGE)
        return page is not None and bool(page[(contact_id & (1 << _PAGE) - 1) >> 3] >> (contact_id & 7) & 1)

    def meet_newcomer(self, key: bytes, *, has_ground: bool, says_no: bool) -> tuple[bool, bool]:
        """Remember somebody who is not in the book, by the index of their address (8 random bytes at least).

        Whether it is the first time, and whether this row's NO takes away the ground of the first one.
        """
        mark = int.from_bytes(key[:8], "little") | 1
        slot = self._slot(mark)
        kept = self._newcomers[slot]
        if kept:
            withdraws = says_no and not kept & _GROUNDLESS
            if withdraws:
                self._newcomers[slot] = kept | _GROUNDLESS
            return False, withdraws
        self._newcomers[slot] = mark & ~_GROUNDLESS | _GROUNDLESS * (not has_ground)
        self._count += 1
        if 2 * self._count > len(self._newcomers):
            self._grow()
        return True, False

    def _slot(self, mark: int) -> int:
        """Where the mark stands, or may stand, whatever is known of their ground."""
        table, most, wanted = self._newcomers, len(self._newcomers) - 1, mark | _GROUNDLESS
        slot = mark >> 2 & most
        while table[slot] and table[slot] | _GROUNDLESS != wanted:
            slot = slot + 1 & most
        return slot

    def _grow(self) -> None:
        kept = self._marks(self._newcomers)
        self._newcomers = array("Q", bytes(16 * len(self._newcomers)))
        for mark in kept:
            self._newcomers[self._slot(mark)] = mark

    @staticmethod
    def _marks(table: "array[int]") -> Iterator[int]:
        return (mark for mark in table if mark)


def _note(pages: dict[int, bytearray], contact_id: int) -> bool:
    """Set the bit of an id; True if it was not set."""
    page = pages.get(contact_id >> _PAGE)
    if page is None:
        page = pages[contact_id >> _PAGE] = bytearray(1 << _PAGE - 3)
    at, bit = (contact_id & (1 << _PAGE) - 1) >> 3, 1 << (contact_id & 7)
    if page[at] & bit:
        return False
    page[at] |= bit
    return True
