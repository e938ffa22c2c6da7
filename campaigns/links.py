"""Signed words that travel with a message and come back: return paths, Message-IDs, unsubscribe links.

Each purpose has a key of its own, derived from the secret key, so what was made for one opens nothing else. All are
lower-case letters and digits that stay valid when a server changes their case, and none expires: a mail is answered or
unsubscribed from years later. To change the secret key without losing them, keep the old one for reading.
"""

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

_RETURN_PATH: Final = "b-"
_UNSUBSCRIBE: Final = "u-"
_MESSAGE_ID: Final = "d"
_LONGEST: Final = 64  # octets of a local part (RFC 5321); every token stays below
_SEAL: Final = 12  # bytes: 96 bits, nobody guesses one against a server that answers
_SENT: Final = struct.Struct(">IQQH")
_PERSON: Final = struct.Struct(">IB16s")
_CHANNELS: Final = ("sms", "email")  # stored by position: append only


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that left us. `attempt` counts its hand-overs, so that an early one's bounce settles no later one."""

    agency_id: int
    campaign_id: int
    delivery_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Whom an unsubscribe link is for: one address in one channel of one agency, by its index."""

    agency_id: int
    channel: str
    address_index: bytes


class Signer:
    """Makes and reads the signed words. Reading returns None for whatever we did not make ourselves."""

    def __init__(self, secret_key: str, *older: str) -> None:
        """`older` keys are only read with. Raises ValueError without a key."""
        if not secret_key or not all(older):
            raise ValueError("signed links need a secret key")
        self._keys = {
            purpose: [
                hmac.digest(key.encode(), b"outreach link " + purpose.encode(), sha256) for key in (secret_key, *older)
            ]
            for purpose in (_RETURN_PATH, _UNSUBSCRIBE, _MESSAGE_ID)
        }

    def make_return_path(self, sent: Sent) -> str:
        """The local part of the envelope sender: bounces come back to it."""
        return self._make(_RETURN_PATH, _SENT.pack(sent.agency_id, sent.campaign_id, sent.delivery_id, sent.attempt))

    def read_return_path(self, local_part: str) -> Sent | None:
        """Which message a bounce to this local part is about."""
        content = self._read(_RETURN_PATH, local_part, _SENT.size)
        return Sent(*_SENT.unpack(content)) if content else None

    def make_message_id(self, sent: Sent) -> str:
        """The part before the @ of the Message-ID: the same for every attempt of a delivery."""
        plain = f"{_MESSAGE_ID}{sent.delivery_id}.{sent.campaign_id}.{sent.agency_id}"
        return f"{plain}.{_word(self._seal(self._keys[_MESSAGE_ID][0], plain.encode()))}"

    def read_message_id(self, local_part: str) -> Sent | None:
        """Which message a Message-ID of ours names; its attempt is 0, because the Message-ID does not tell."""
        plain, _, seal = local_part[: 2 * _LONGEST].lower().rpartition(".")
        if not plain.isascii() or not self._is_ours(_MESSAGE_ID, plain.encode(), _bytes(seal)):
            return None
        delivery, campaign, agency = plain[len(_MESSAGE_ID) :].split(".")
        return Sent(int(agency), int(campaign), int(delivery), 0)

    def make_unsubscribe(self, refusal: Refusal) -> str:
        """For the unsubscribe page's path, and as local part of the unsubscribe address."""
        channel = _CHANNELS.index(refusal.channel)
        return self._make(_UNSUBSCRIBE, _PERSON.pack(refusal.agency_id, channel, refusal.address_index))

    def read_unsubscribe(self, token: str) -> Refusal | None:
        """Who does not want to be written to any more."""
        content = self._read(_UNSUBSCRIBE, token, _PERSON.size)
        if content is None:
            return None
        agency_id, channel, address_index = _PERSON.unpack(content)
        return Refusal(agency_id, _CHANNELS[channel], address_index)

    def _make(self, purpose: str, content: bytes) -> str:
        return purpose + _word(content + self._seal(self._keys[purpose][0], content))

    def _read(self, purpose: str, token: str, size: int) -> bytes | None:
        token = token[: _LONGEST + 1].lower()
        raw = _bytes(token[len(purpose) :]) if token.startswith(purpose) else b""
        content = raw[:size]
        return content if len(raw) == size + _SEAL and self._is_ours(purpose, content, raw[size:]) else None

    def _is_ours(self, purpose: str, content: bytes, seal: bytes) -> bool:
        # Every key is tried, so the time taken tells nothing about which one matched.
        matches = [hmac.compare_digest(self._seal(key, content), seal) for key in self._keys[purpose]]
        return any(matches)

    @staticmethod
    def _seal(key: bytes, content: bytes) -> bytes:
        return hmac.digest(key, content, sha256)[:_SEAL]


def _word(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()


def _bytes(word: str) -> bytes:
    """What `_word` was made from; nothing for anything else."""
    try:
        content = base64.b32decode(word.upper() + "=" * (-len(word) % 8))
    except (binascii.Error, ValueError):
        return b""
    return content if _word(content) == word else b""  # the last letter has bits to spare
