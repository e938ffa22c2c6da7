"""A contact book in plain Python: what imports should leave behind, whatever their options, batches and rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.rules import spelling
from campaigns.rules.headings import Field
from campaigns.rules.import_options import Mode, Options
from campaigns.rules.import_rows import Person
from campaigns.store.arrivals import Became
from campaigns.store.contacts import Contact, ContactSector, ContactTag, ContactWord
from campaigns.vault import Vault

Ground = tuple[object, object, object, object]
NONE: Ground = (None, None, None, None)


@dataclass(frozen=True)
class Someone:
    """One contact, opened."""

    phone: str
    email: str
    name: str
    business: str
    language: str
    place: str | None
    role: str | None
    ground: Ground
    sectors: frozenset[str]
    tags: frozenset[str]


@dataclass
class Book:
    """The contacts of one agency in the order in which they came; `aliases` lead from an address to a place in it."""

    people: list[Someone] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)

    def bring(self, rows: Sequence[Person], options: Options) -> tuple[list[Became], set[int]]:
        """Take a whole file in, row by row."""
        met: set[int] = set()
        became, withdrawn = [], set()
        for n, row in enumerate(rows):
            at = self._known(row)
            if at is None:
                became.append(self._newcomer(row, options, met))
                continue
            became.append(Became.REPEATED if at in met else self._again(at, row, options))
            met.add(at)
            if row.says_no and self.people[at].ground != NONE:
                self.people[at] = replace(self.people[at], ground=NONE)
                withdrawn.add(n)
                if became[n] is Became.UNCHANGED:
                    became[n] = Became.UPDATED
        return became, withdrawn

    def _known(self, row: Person) -> int | None:
        for at, one in enumerate(self.people):
            if (row.phone and one.phone == row.phone.e164) or (
                row.phone is None and row.email and not one.phone and one.email.lower() == row.email.key
            ):
                return at
        return self.aliases.get(row.identity)

    def _newcomer(self, row: Person, options: Options, met: set[int]) -> Became:
        if options.mode is Mode.ONLY_KNOWN:
            return Became.NOT_THERE
        met.add(len(self.people))
        self.people.append(
            Someone(
                phone=row.phone.e164 if row.phone else "",
                email=row.email.address if row.email else "",
                name=row.name,
                business=row.business,
                language=row.language or "es",
                place=row.place,
                role=row.role,
                ground=_ground(row),
                sectors=frozenset(row.sectors),
                tags=frozenset(row.tags).union(options.tags),
            )
        )
        return Became.ADDED

    def _again(self, at: int, row: Person, options: Options) -> Became:
        if options.mode is Mode.ADD:
            return Became.UNCHANGED
        old, fields = self.people[at], options.fields
        new = replace(
            old,
            name=row.name if row.name and Field.NAME in fields else old.name,
            business=row.business if row.business and Field.BUSINESS in fields else old.business,
            language=row.language if row.language and Field.LANGUAGE in fields else old.language,
            place=row.place if row.place and Field.DISTRICT in fields else old.place,
            role=row.role if row.role and Field.ROLE in fields else old.role,
            sectors=frozenset(row.sectors) if row.sectors and Field.SECTOR in fields else old.sectors,
            tags=(frozenset(row.tags) if row.tags and Field.TAGS in fields else old.tags).union(options.tags),
        )
        if Field.EMAIL in fields and row.email and row.phone and old.phone and row.email.key != old.email.lower():
            new = replace(new, email=row.email.address)
        if Field.GROUND in fields and row.ground and row.owns_ground:
            ground = _ground(row)
            if row.ground == old.ground[0]:
                ground = tuple(mine or before for mine, before in zip(ground, old.ground, strict=True))  # type: ignore[assignment]
            new = replace(new, ground=ground)
        self.people[at] = new
        return Became.UNCHANGED if new == old else Became.UPDATED


def _ground(row: Person) -> Ground:
    return (row.ground, row.agreed_on, row.ground_source or None, row.ground_text or None)


def opened(session: Session, vault: Vault, agency_id: int) -> dict[int, Someone]:
    """The book as the database has it; fails where an index or a word does not belong to what was sealed."""
    sectors, tags, words = (
        {
            contact.id: frozenset(session.scalars(select(value).where(of == contact.id)))
            for contact in session.scalars(select(Contact))
        }
        for value, of in (
            (ContactSector.code, ContactSector.contact_id),
            (ContactTag.tag, ContactTag.contact_id),
            (ContactWord.word_index, ContactWord.contact_id),
        )
    )
    found = {}
    for one in session.scalars(select(Contact).order_by(Contact.id).execution_options(populate_existing=True)):
        phone, email, name, business = (
            vault.open_optional(sealed, agency_id)
            for sealed in (one.phone_sealed, one.email_sealed, one.name_sealed, one.business_sealed)
        )
        assert one.phone_index == (vault.address_index(phone) if phone else None)
        assert one.email_index == (vault.address_index(email.lower()) if email else None)
        assert words[one.id] == frozenset(vault.word_indexes(spelling.words(f"{name} {business}"), agency_id))
        ground = (one.legal_ground, one.ground_on, one.ground_source, one.ground_text)
        found[one.id] = Someone(
            phone, email, name, business, one.language, one.place_code, one.role, ground, sectors[one.id], tags[one.id]
        )
    return found
