"""Turns a person as read into the row that is kept: sealed where it names them, indexed where it finds them."""

from functools import lru_cache, partial
from itertools import islice
from typing import Final

from campaigns.rules.import_rows import Person
from campaigns.rules.spelling import words
from campaigns.store.arrivals import Arrival
from campaigns.vault import Vault

# Names repeat: half of a million people share a few hundred words.
_WORDS_REMEMBERED: Final = 50_000
_MOST_WORDS: Final = 24  # per contact


class Sealer:
    """Seals people for one agency. Not shared between threads; its memory does not grow with their number."""

    def __init__(self, vault: Vault, agency_id: int, language: str) -> None:
        """`language` is the agency's, for people whose own is not known."""
        self._addresses = vault.address_indexes
        self._seal = partial(vault.seal_optional, agency_id=agency_id)
        self._language = language
        self._word = lru_cache(_WORDS_REMEMBERED)(lambda word: vault.word_indexes(words(word), agency_id))

    def word_indexes(self, *names: str) -> list[bytes]:
        """The blind index of every word under which somebody with these names can be found, each once."""
        found = (index for name in names for word in name.split() for index in self._word(word))
        return list(islice(dict.fromkeys(found), _MOST_WORDS))

    def arrival(self, person: Person) -> Arrival:
        """The person as kept. Phone and mail are indexed as written in E.164 and in lower case."""
        seal = self._seal
        phones = self._addresses(person.phone.e164) if person.phone else []
        emails = self._addresses(person.email.key) if person.email else []
        keys = phones or emails
        return Arrival(
            key=keys[0],
            phone_index=phones[0] if phones else None,
            phone_kind=person.phone.kind if person.phone else None,
            phone_sealed=seal(person.phone.e164) if person.phone else None,
            email_index=emails[0] if emails else None,
            email_sealed=seal(person.email.address) if person.email else None,
            name_sealed=seal(person.name),
            business_sealed=seal(person.business),
            language=person.language or self._language,
            place_code=person.place,
            legal_ground=person.ground,
            ground_on=person.agreed_on,
            words=b"".join(self.word_indexes(person.name, person.business)),
            sectors="\n".join(person.sectors) or None,
            tags="\n".join(person.tags) or None,
            older_keys=keys[1:],
            indexes=[indexes for indexes in (phones, emails) if len(indexes) > 1],
        )
