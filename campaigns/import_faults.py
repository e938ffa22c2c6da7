"""Faulty rows of a file: kept sealed while it is checked, for staff to take away and correct."""

import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from campaigns import import_files
from campaigns.store import import_pieces
from campaigns.vault import Vault

_PIECE: Final = 1024 * 1024  # characters; an import of nothing but faults keeps its file once more
_LONGEST_CELL: Final = 500
_MOST_CELLS: Final = 64


class Fault(NamedTuple):
    """A row that was refused or warned of, why (codes of Refusal, Warned, or not_known), and as it stands there."""

    line: int
    codes: tuple[str, ...]
    cells: tuple[str, ...]


def keep(session: Session, vault: Vault, agency_id: int, import_id: int, faults: Iterable[Fault]) -> None:
    """Keep these besides those that are kept. Never commits."""
    number = import_pieces.count_faults(session, agency_id, import_id)
    piece: list[str] = []
    size = 0

    def put_away() -> None:
        nonlocal number, size
        sealed = vault.seal("\n".join(piece), agency_id)
        import_pieces.keep_faults(session, agency_id, import_id, number, sealed)
        piece.clear()
        number, size = number + 1, 0

    for fault in faults:
        cells = [cell[:_LONGEST_CELL] for cell in fault.cells[:_MOST_CELLS]]
        piece.append(json.dumps([fault.line, fault.codes, cells], ensure_ascii=False))
        size += len(piece[-1])
        if size > _PIECE:
            put_away()
    if piece:
        put_away()


def kept(session: Session, vault: Vault, agency_id: int, import_id: int) -> Iterator[Fault]:
    """Those that are kept, in the order of the file; one piece in memory at a time. Raises Invalid(file_sealed)."""
    for number in range(import_pieces.count_faults(session, agency_id, import_id)):
        sealed = import_pieces.faults(session, agency_id, import_id, number)
        for line in import_files.opened(vault, sealed or b"", agency_id).decode().split("\n"):
            at, codes, cells = json.loads(line)
            yield Fault(at, tuple(codes), tuple(cells))
