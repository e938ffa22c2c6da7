"""Writers make the exact message for one person from a campaign's texts: one kind of writer per channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from campaigns import mailing
from campaigns.links import Refusal, Sent, Signer
from campaigns.mailing import Addressed, Letter, Letterhead, PreparedMail
from campaigns.providers.dkim_signing import Signature
from campaigns.rendering import Frame, Prepared
from campaigns.rules import parts
from campaigns.rules.channels import Channel
from campaigns.vault import Vault

# A service send brings its own text, of up to 1,600 characters.
_MOST_PARTS_OF_A_SERVICE_SEND: Final = parts.upper_bound("", 1600)
SUBJECT_ENDS: Final = "\n\n"  # between subject and body where a service send brings a mail of its own


class NoText(Exception):
    """The campaign says nothing in this person's language."""


class Person(Protocol):
    """Whom a delivery goes to, sealed, and which opening of it this is."""

    @property
    def id(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def language(self) -> str: ...
    @property
    def address_sealed(self) -> bytes | None: ...
    @property
    def name_sealed(self) -> bytes | None: ...
    @property
    def business_sealed(self) -> bytes | None: ...
    @property
    def place(self) -> str | None: ...
    @property
    def body_sealed(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """A message ready to go: address, exact text (of a mail: all its bytes), parts. Never shown by repr().

    `pace` is what it counts against the sender's pace: an SMS its parts, a mail one, which costs no part.
    """

    address: str
    body: str
    parts: int
    pace: int
    content: bytes = b""
    return_path: str = ""

    def __repr__(self) -> str:
        return f"Written(parts={self.parts})"


class Writer(Protocol):
    """Writes a campaign's messages. `most_parts` and `most_pace` are what any one of them can need at most."""

    @property
    def most_parts(self) -> int: ...
    @property
    def most_pace(self) -> int: ...
    def write(self, vault: Vault, person: Person) -> Written:
        """The message for one person. Raises NoText, vault.Unsealable, or Refused for an address nobody can write."""
        ...


@dataclass(frozen=True)
class SmsWriter:
    """Writes SMS; without `texts` only what brings its own."""

    agency_id: int
    texts: Mapping[str, Prepared]
    is_service: bool

    @property
    def most_parts(self) -> int:
        """Asked of the throttle before names are known."""
        if self.is_service:
            return _MOST_PARTS_OF_A_SERVICE_SEND
        return max((text.most_parts for text in self.texts.values()), default=1)

    @property
    def most_pace(self) -> int:
        """A sender's pace is in parts."""
        return self.most_parts

    def write(self, vault: Vault, person: Person) -> Written:
        """The SMS for one person. Raises NoText, or vault.Unsealable."""
        address = vault.open(person.address_sealed or b"", self.agency_id)
        if person.body_sealed is not None:
            body = vault.open(person.body_sealed, self.agency_id)
            size = parts.measure(body).parts
        else:
            prepared = self.texts.get(person.language)
            if prepared is None:
                raise NoText
            body, size = prepared.same_for_all or prepared.text_for(
                _values(vault, self.agency_id, person, prepared.holes)
            )
        return Written(address, body, size, size)


@dataclass(frozen=True)
class Postmark:
    """What makes a mail find its way back: signed words, the domain that bounces return to, the page to leave at."""

    signer: Signer
    bounce_domain: str
    base_url: str
    signature: Signature | None = None


@dataclass(frozen=True)
class MailWriter:
    """Writes mails; without `letters` only what brings its own."""

    agency_id: int
    campaign_id: int
    letters: Mapping[str, PreparedMail]
    around: Frame
    head: Letterhead
    postmark: Postmark

    most_parts = 0
    most_pace = 1

    def write(self, vault: Vault, person: Person) -> Written:
        """The mail for one person. Raises NoText, vault.Unsealable, or Refused for an address nobody can write."""
        address = vault.open(person.address_sealed or b"", self.agency_id)
        prepared = self._letter(vault, person)
        values = _values(vault, self.agency_id, person, prepared.holes)
        mark, domain = self.postmark, self.head.address.rpartition("@")[2]
        sent = Sent(self.agency_id, self.campaign_id, person.id, person.attempt)
        # People are found by their address in small letters, however it was written.
        index = vault.address_index(address.casefold())
        leaving = mark.signer.make_unsubscribe(Refusal(self.agency_id, Channel.EMAIL, index))
        content = prepared.bytes_for(
            values,
            Addressed(
                to=address,
                message_id=f"{mark.signer.make_message_id(sent)}@{domain}",
                unsubscribe_url=f"{mark.base_url}/u/{leaving}",
                unsubscribe_address=f"{leaving}@{mark.bounce_domain}",
                at=datetime.now(UTC),
            ),
        )
        if mark.signature is not None:
            content = mark.signature.sign(content)
        return_path = f"{mark.signer.make_return_path(sent)}@{mark.bounce_domain}"
        return Written(address, "", 0, 1, content, return_path)

    def _letter(self, vault: Vault, person: Person) -> PreparedMail:
        if person.body_sealed is not None:
            subject, _, body = vault.open(person.body_sealed, self.agency_id).partition(SUBJECT_ENDS)
            return mailing.prepare(self.around, self.head, Letter(subject, body, person.language))
        prepared = self.letters.get(person.language)
        if prepared is None:
            raise NoText
        return prepared


def _values(vault: Vault, agency_id: int, person: Person, holes: frozenset[str]) -> dict[str, str]:
    values = {"distrito": person.place or ""}
    if "nombre" in holes:
        values["nombre"] = vault.open_optional(person.name_sealed, agency_id)
    if "negocio" in holes:
        values["negocio"] = vault.open_optional(person.business_sealed, agency_id)
    return values
