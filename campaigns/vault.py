"""Seals personal data and makes the blind indexes it is found by (DESIGN P4).

Sealing is AES-256-GCM with a fresh nonce; the first byte names the key, so that keys can rotate while old values still
open. An index is a keyed hash: equal inputs give equal indexes, nothing can be read back from one without the key.
Stated honestly: who holds an index key can try every mobile number within hours; the key lives apart from the database.
"""

import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from campaigns.settings import Settings

_NONCE = 12
_NONCES = 256  # asked of the kernel at once
_ADDRESS_BYTES = 16
_WORD_BYTES = 8


def _nonces() -> Iterator[bytes]:
    """Fresh nonces for ever; the kernel is asked for many at once."""
    while True:
        pool = os.urandom(_NONCE * _NONCES)
        yield from (pool[at : at + _NONCE] for at in range(0, len(pool), _NONCE))


class Unsealable(Exception):
    """A sealed value that no key of ours opens: another installation's, damaged, or moved to another row."""


class Vault:
    """Seals, opens and indexes. Safe to share between threads; makes no network or file access."""

    def __init__(self, settings: Settings) -> None:
        if not settings.seal_keys or not settings.index_keys:
            raise ValueError("the vault needs at least one sealing key and one index key")
        self._boxes = {key_id: AESGCM(key) for key_id, key in settings.seal_keys.items()}
        self._current = next(iter(settings.seal_keys))
        self._index_keys = list(settings.index_keys.values())

    def seal(self, text: str, agency_id: int) -> bytes:
        """`text` sealed for one agency: a value copied to another agency's row does not open."""
        return self.seal_bytes(text.encode(), agency_id)

    def seal_bytes(self, content: bytes, agency_id: int) -> bytes:
        """Like seal(), for what is no text."""
        nonce = os.urandom(_NONCE)
        box = self._boxes[self._current]
        return bytes((self._current,)) + nonce + box.encrypt(nonce, content, b"%d" % agency_id)

    def sealer(self, agency_id: int) -> Callable[[str], bytes]:
        """seal() for one agency in half the time, for a million of values. Not shared between threads."""
        encrypt, associated, head = self._boxes[self._current].encrypt, b"%d" % agency_id, bytes((self._current,))
        nonces = _nonces()

        def seal(text: str) -> bytes:
            nonce = next(nonces)
            return head + nonce + encrypt(nonce, text.encode(), associated)

        return seal

    def seal_optional(self, text: str | None, agency_id: int) -> bytes | None:
        """Like seal(); nothing stays nothing."""
        return self.seal(text, agency_id) if text else None

    def open(self, sealed: bytes, agency_id: int) -> str:
        """The text again; raises Unsealable."""
        return self.open_bytes(sealed, agency_id).decode()

    def open_bytes(self, sealed: bytes, agency_id: int) -> bytes:
        """Like open(), for what is no text."""
        box = self._boxes.get(sealed[0]) if sealed else None
        if box is None:
            raise Unsealable("no key for this value")
        try:
            return box.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], b"%d" % agency_id)
        except (InvalidTag, ValueError):
            raise Unsealable("the value does not open") from None

    def open_optional(self, sealed: bytes | None, agency_id: int) -> str:
        """Like open(); nothing gives an empty text."""
        return self.open(sealed, agency_id) if sealed else ""

    def address_index(self, address: str) -> bytes:
        """16 bytes for a phone (E.164) or e-mail address, the same in every agency of the installation."""
        return hmac.digest(self._index_keys[0], address.encode(), sha256)[:_ADDRESS_BYTES]

    def address_indexes(self, address: str) -> list[bytes]:
        """The address's index under every key, newest first: what look-ups compare with."""
        raw = address.encode()
        return [hmac.digest(key, raw, sha256)[:_ADDRESS_BYTES] for key in self._index_keys]

    def word_index(self, word: str, agency_id: int) -> bytes:
        """8 bytes for one folded word of a name, different in each agency."""
        return hmac.digest(self._index_keys[0], b"%d:" % agency_id + word.encode(), sha256)[:_WORD_BYTES]

    @property
    def sealing_key(self) -> int:
        """The number of the key that seals: the first byte of whatever is sealed now."""
        return self._current

    @property
    def has_older_index_keys(self) -> bool:
        """Whether an address may be kept under another index than address_index() gives."""
        return len(self._index_keys) > 1

    def former_word_indexes(self, words: Iterable[str], agency_id: int) -> set[bytes]:
        """What older keys made of these words."""
        return {
            hmac.digest(key, b"%d:" % agency_id + word.encode(), sha256)[:_WORD_BYTES]
            for word in words
            for key in self._index_keys[1:]
        }

    def word_indexes(self, words: Iterable[str], agency_id: int) -> list[bytes]:
        """word_index() of each word, for storing."""
        return [self.word_index(word, agency_id) for word in words]
