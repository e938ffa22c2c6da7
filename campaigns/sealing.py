"""Turns a person as read into the row that is kept: sealed where it names them, indexed where it finds them."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from itertools import chain, islice
from typing import Final

from campaigns.rules.import_rows import Person
from campaigns.rules.spelling import words
from campaigns.store.arrivals import Arrival
from campaigns.store.changing import Named
from campaigns.vault import Unsealable, Vault

# Names repeat: half of a million people share a few hundred words.
_WORDS_REMEMBERED: Final = 50_000
_MOST_WORDS: Final = 24  # per contact
# From all values at once: a third of what it costs by the class, a million times.
_arrival: Callable[[Iterable[object]], Arrival] = Arrival._make


class Sealer:
    """Seals people for one agency. Its memory does not grow with their number."""

    def __init__(self, vault: Vault, agency_id: int, language: str) -> None:
        """`language` is the agency's, for people whose own is not known."""
        self._addresses = vault.address_indexes
        self._seal = vault.sealer(agency_id)
        self._open = partial(vault.open_optional, agency_id=agency_id)
        self._language = language
        self._word = lru_cache(_WORDS_REMEMBERED)(lambda word: vault.word_indexes(words(word), agency_id))

    def word_indexes(self, *names: str) -> list[bytes]:
        """The blind index of every word under which somebody with these names can be found, each once."""
        found = dict.fromkeys(chain.from_iterable(map(self._word, " ".join(names).split())))
        return list(found) if len(found) <= _MOST_WORDS else list(islice(found, _MOST_WORDS))

    def arrival(self, person: Person) -> Arrival:
        """The person as kept. Phone and mail are indexed as written in E.164 and in lower case."""
        seal, phone, email = self._seal, person.phone, person.email
        phones = self._addresses(phone.e164) if phone else []
        emails = self._addresses(email.key) if email else []
        keys = phones or emails
        several = len(keys) > 1
        return _arrival(
            (
                keys[0],
                phones[0] if phones else None,
                phone.kind.value if phone else None,
                seal(phone.e164) if phone else None,
                emails[0] if emails else None,
                seal(email.address) if email else None,
                seal(person.name) if person.name else None,
                seal(person.business) if person.business else None,
                person.language or self._language,
                person.place,
                person.role.value if person.role else None,
                person.ground,
                person.agreed_on,
                person.ground_source or None,
                person.ground_text or None,
                b"".join(self.word_indexes(person.name, person.business)),
                _lines(person.sectors),
                _lines(person.tags),
                person.language is not None,
                person.owns_ground,
                person.says_no,
                keys[1:] if several else (),
                [indexes for indexes in (phones, emails) if indexes] if several else (),
            )
        )

    def rename(
        self, name: bytes | None, business: bytes | None, kept_name: bytes | None, kept_business: bytes | None
    ) -> Named | None:
        """What to keep where a row has a name or business (sealed; None: it stays); None if they say the same."""
        old = [self._read(kept_name), self._read(kept_business)]
        new = [self._read(name) if name else old[0], self._read(business) if business else old[1]]
        if new == old:
            return None
        texts = [text or "" for text in new]
        return Named(
            name if new[0] != old[0] else kept_name,
            business if new[1] != old[1] else kept_business,
            b"".join(self.word_indexes(*texts)),
        )

    def _read(self, sealed: bytes | None) -> str | None:
        try:
            return self._open(sealed)
        except Unsealable:
            return None  # damaged: whatever the row says is new, and what it does not say stays as it is


def _lines(values: tuple[str, ...]) -> str | None:
    return "\n".join(sorted(values)) if values else None
