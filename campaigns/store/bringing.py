"""A batch of people into the book: the new ones are added, those who are there changed as far as staff asked for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy.orm import Session

from campaigns.rules.import_options import Options
from campaigns.rules.seen import Seen
from campaigns.store import arrivals as store
from campaigns.store import changing
from campaigns.store.arrivals import Arrival, Became, Cursor, Known, Merged
from campaigns.store.changing import Change, Look, Rename

_NO_IMPORT: Final = 0


def merge(
    session: Session,
    agency_id: int,
    arrivals: Sequence[Arrival],
    *,
    import_id: int,
    options: Options,
    rename: Rename,
    seen: Seen,
) -> Merged:
    """Bring a batch into the book, in the order of the file; never commits.

    The first row of a person counts, over all batches of the import that `seen` goes through. A row that says NO
    takes the legal ground away whatever the options and wherever it stands. Bringing the same file in again changes
    nothing. What it changes is remembered for undoing (store.undoing). No refusal is touched.

    The transaction that this is part of does not wait for the disk: should PostgreSQL itself die, the last ones may be
    lost, each as a whole, so keep in it how far the import is.
    """
    store.carry(session, agency_id, arrivals)
    batch = _Batch(arrivals, options, seen)
    with store.cursor_of(session) as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        wanted: Sequence[int] = range(len(arrivals))
        while wanted:
            strangers = batch.tell_apart(wanted, store.match(cursor, agency_id, arrivals, wanted), import_id)
            new = batch.newcomers(strangers)
            added = store.add(cursor, agency_id, new, import_id=import_id, options=options) if new else set()
            # Somebody else was faster: now they are known.
            wanted = batch.not_added(strangers, new, added)
        looks = batch.look(cursor, agency_id, rename)
        changes = batch.weigh(looks)
        if changes:
            changing.change(cursor, agency_id, arrivals, changes, import_id=import_id, options=options, rename=rename)
        changing.forget(cursor)
    return batch.merged()


def foresee(
    session: Session, agency_id: int, arrivals: Sequence[Arrival], *, options: Options, rename: Rename, seen: Seen
) -> Merged:
    """What merge() would say, were nobody else to change the book; changes nothing but `seen`."""
    batch = _Batch(arrivals, options, seen)
    with store.cursor_of(session) as cursor:
        known = store.match(cursor, agency_id, arrivals, range(len(arrivals)))
        batch.foresee(batch.tell_apart(range(len(arrivals)), known, _NO_IMPORT))
        batch.weigh(batch.look(cursor, agency_id, rename), is_final=False)
        changing.forget(cursor)
    return batch.merged()


def recall(session: Session, agency_id: int, arrivals: Sequence[Arrival], *, seen: Seen) -> None:
    """Remember the people of a batch that was merged before its worker died."""
    with store.cursor_of(session) as cursor:
        for contact_id, _ in store.match(cursor, agency_id, arrivals, range(len(arrivals))).values():
            seen.meet(contact_id)


class _Batch:
    """What is known of a batch so far: who is in the book, and what became of each row."""

    def __init__(self, arrivals: Sequence[Arrival], options: Options, seen: Seen) -> None:
        self._arrivals = arrivals
        self._options = options
        self._seen = seen
        self._known: list[Known] = []
        self._became: dict[int, Became] = {}
        self._withdrawn: set[int] = set()

    def merged(self) -> Merged:
        """The answer for every row."""
        return Merged([self._became[n] for n in range(len(self._arrivals))], self._withdrawn)

    def tell_apart(
        self, wanted: Iterable[int], found: Mapping[int, tuple[int, int | None]], import_id: int
    ) -> list[int]:
        """Note who is in the book; the rows of the others."""
        strangers = []
        for n in wanted:
            if n not in found:
                strangers.append(n)
                continue
            contact_id, by = found[n]
            # Who was added by an earlier row is no stranger any more.
            self._known.append(Known(n, contact_id, is_first=by != import_id and self._seen.meet(contact_id)))
        return strangers

    def newcomers(self, strangers: Iterable[int]) -> dict[int, Arrival]:
        """The first row of everybody who is to be added, without a ground if any of their rows says NO."""
        new: dict[int, Arrival] = {}
        if not self._options.adds:
            self._became.update(dict.fromkeys(strangers, Became.NOT_THERE))
            return new
        first: dict[bytes, int] = {}
        for n in strangers:
            arrival = self._arrivals[n]
            of = first.setdefault(arrival.key, n)
            self._became[n] = Became.ADDED if of == n else Became.REPEATED
            if of == n:
                new[n] = arrival
            elif arrival.says_no and new[of].legal_ground is not None:
                self._withdrawn.add(n)
                new[of] = new[of].without_ground()
        return new

    def not_added(self, strangers: Iterable[int], new: Mapping[int, Arrival], added: Collection[int]) -> list[int]:
        """The rows of those whom somebody else added meanwhile; what was noted of them is forgotten."""
        late = {arrival.key for n, arrival in new.items() if n not in added}
        again = [n for n in strangers if self._arrivals[n].key in late] if late else []
        self._withdrawn.difference_update(again)
        return again

    def foresee(self, strangers: Iterable[int]) -> None:
        """Note what would become of people who are not in the book."""
        for n in strangers:
            one = self._arrivals[n]
            if not self._options.adds:
                self._became[n] = Became.NOT_THERE
                continue
            is_first, withdraws = self._seen.meet_newcomer(
                one.key, has_ground=one.legal_ground is not None, says_no=one.says_no
            )
            self._became[n] = Became.ADDED if is_first else Became.REPEATED
            if withdraws:
                self._withdrawn.add(n)

    def look(self, cursor: Cursor, agency_id: int, rename: Rename) -> dict[int, Look]:
        """What the rows of people in the book would do; those that can do nothing are left out."""
        self._known.sort()
        may = [one for one in self._known if (self._options.changes and one.is_first) or self._arrivals[one.n].says_no]
        if not may:
            return {}
        return changing.look(cursor, agency_id, self._arrivals, may, options=self._options, rename=rename)

    def weigh(self, looks: Mapping[int, Look], *, is_final: bool = True) -> dict[int, Change]:
        """Note what becomes of people in the book, and say what has to be done, by contact id."""
        changes: dict[int, Change] = {}
        has_ground: dict[int, bool] = {}
        for n, contact_id, is_first in self._known:
            self._became[n] = Became.UNCHANGED if is_first else Became.REPEATED
            look = looks.get(n)
            if look is None:
                continue
            # What an earlier batch would have given stands nowhere yet when it is only foreseen.
            has_ground.setdefault(contact_id, look.has_ground or (not is_final and self._seen.is_given(contact_id)))
            if is_first and look.differs:
                self._became[n] = Became.UPDATED
                changes[contact_id] = Change(n, look, withdraws=False)
                has_ground[contact_id] |= look.gives_ground
                if look.gives_ground and not is_final:
                    self._seen.give(contact_id)
            if not (self._arrivals[n].says_no and has_ground[contact_id]):
                continue
            has_ground[contact_id] = False
            if is_final or self._seen.withdraw(contact_id):
                self._withdrawn.add(n)
                self._became[n] = Became.UPDATED if is_first else Became.REPEATED
                changes[contact_id] = changes.get(contact_id, Change(None, look, True))._replace(withdraws=True)
        return changes
