"""Staff at imports and the worker behind them, as short verbs; and a contact book as it reads, to compare two."""

import io
from functools import partial
from typing import Any

from sqlalchemy import func, select

from campaigns import imports
from campaigns.imports import Options
from campaigns.store.agencies import Agency
from campaigns.store.contacts import Contact, ContactSector, ContactTag, ContactWord
from campaigns.store.engine import AgencySessions
from campaigns.store.imports import Import
from campaigns.store.staff import Staff
from campaigns.vault import Vault


class Desk:
    """One agency's imports, in the hands of one person."""

    def __init__(self, sessions: AgencySessions, vault: Vault, agency: Agency, person: Staff) -> None:
        self.sessions, self.vault, self.agency, self.person = sessions, vault, agency, person

    def submit(self, content: str | bytes, name: str = "padrón.csv") -> int:
        file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
        with self.sessions(self.agency.id).begin() as session:
            return imports.submit(session, self.vault, self.agency.id, file, name=name, by=self.person.id).id

    def choose(self, import_id: int, options: Options | None = None) -> None:
        with self.sessions(self.agency.id).begin() as session:
            chosen = options or Options()
            imports.choose(session, self.vault, self.agency.id, import_id, chosen, by=self.person.id)

    def look(self, import_id: int) -> imports.Look:
        with self.sessions(self.agency.id)() as session:
            return imports.look(session, self.vault, self.agency.id, import_id)

    def tell(self, verb: str, import_id: int) -> None:
        """begin, back, stop, discard or undo."""
        by = {} if verb in ("back", "discard") else {"by": self.person.id}
        with self.sessions(self.agency.id).begin() as session:
            getattr(imports, verb)(session, self.agency.id, import_id, **by)

    def work(self, import_id: int, **more: object) -> bool:
        return imports.run(self.sessions, self.vault, self.agency.id, import_id, **more)  # type: ignore[arg-type]

    def now(self, import_id: int) -> Import:
        with self.sessions(self.agency.id)() as session:
            return imports.get(session, self.agency.id, import_id)

    def faults(self, import_id: int) -> list[imports.Fault]:
        with self.sessions(self.agency.id)() as session:
            return list(imports.faults(session, self.vault, self.agency.id, import_id))

    def checked(self, content: str | bytes, options: Options | None = None) -> int:
        """The id of an import whose figures wait for staff."""
        import_id = self.submit(content)
        if self.now(import_id).state == "reading":
            assert self.work(import_id)
        self.choose(import_id, options)
        assert self.work(import_id)
        assert self.now(import_id).state == "checked"
        return import_id

    def brought_in(self, content: str | bytes, options: Options | None = None) -> int:
        """The id of an import that is done."""
        import_id = self.checked(content, options)
        self.tell("begin", import_id)
        assert self.work(import_id)
        assert self.now(import_id).state == "done"
        return import_id

    def bring_in(self, content: str | bytes, options: Options | None = None) -> dict[str, Any]:
        """As on the command line."""
        file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
        return imports.bring_in(self.sessions, self.vault, self.agency.id, file, options=options)

    def count(self, table: type, *where: object) -> int:
        with self.sessions(self.agency.id)() as session:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0  # type: ignore[arg-type]

    def book(self) -> dict[str, object]:
        """Everybody in the book by address, opened, with all that is known of them."""
        with self.sessions(self.agency.id)() as session:
            contacts = session.scalars(select(Contact)).all()
            sectors = _gathered(session.execute(select(ContactSector.contact_id, ContactSector.code)))
            tags = _gathered(session.execute(select(ContactTag.contact_id, ContactTag.tag)))
            words = _gathered(session.execute(select(ContactWord.contact_id, ContactWord.word_index)))
        opened = partial(self.vault.open_optional, agency_id=self.agency.id)
        plain = ("phone_kind", "language", "accepts_fallback", "place_code", "role", "legal_ground", "ground_on")
        found = {}
        for one in contacts:
            phone, email = opened(one.phone_sealed), opened(one.email_sealed)
            found[phone or email] = {
                "email": email,
                "names": (opened(one.name_sealed), opened(one.business_sealed)),
                "sectors": sectors.get(one.id, set()),
                "tags": tags.get(one.id, set()),
                "words": len(words.get(one.id, set())),
                "proof": (one.ground_source, one.ground_text),
            } | {name: getattr(one, name) for name in plain}
        assert len(found) == len(contacts)
        return found


def _gathered(rows: object) -> dict[int, set[object]]:
    found: dict[int, set[object]] = {}
    for contact_id, value in rows:  # type: ignore[attr-defined]
        found.setdefault(contact_id, set()).add(value)
    return found
