"""What a text becomes for a made-up person, nobody on any list: for the writer, the approver, and test sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from campaigns import mailing, rendering
from campaigns.errors import NotFound
from campaigns.mailing import Letter, Shown
from campaigns.rendering import Frame
from campaigns.rules import mail_text, parts, placeholders
from campaigns.rules import texts as rules
from campaigns.store import agencies
from campaigns.store.campaigns import Words

SAMPLE: Final[Mapping[str, str]] = {"nombre": "Rosa", "negocio": "Transportes El Sol", "distrito": "Comas"}
# The same person with letters of Spanish that halve the room of a message: what many a name costs.
_DEAR_SAMPLE: Final[Mapping[str, str]] = {"nombre": "Lucía", "negocio": "Transportes Perú", "distrito": "San Martín"}
_SPANISH: Final = "es"
_NOBODY: Final = "nobody@example.org"  # stands in headers only, which a preview does not show


@dataclass(frozen=True)
class Preview:
    """An SMS as the sample person would get it; `dear_parts` is what it costs where a name has dear letters, and
    `most_parts` what anybody's can cost.
    """

    text: str
    size: parts.Size
    dear_parts: int
    most_parts: int
    dear: list[parts.Dear]


def frame(session: Session, agency_id: int) -> Frame:
    """What stands around the agency's texts now; raises NotFound."""
    agency = agencies.get(session, agency_id)
    if agency is None:
        raise NotFound("agency_unknown", slug=str(agency_id))
    return rendering.frame(session, agency.name)


def placeholder_names(session: Session, agency_id: int) -> list[str]:
    """The names a text may have holes for: the personal ones first, then the official lines."""
    return [*rendering.PERSONAL, *sorted(frame(session, agency_id).lines)]


def check_sms(around: Frame, language: str, body: str) -> None:
    """Raises Invalid for the field text_{language}."""
    field = f"text_{language}"
    rules.check_characters(body, field)
    placeholders.check(body, rendering.allowed(around), field)
    prepared = rendering.prepare(around, body, language)
    rules.check_length(prepared.pieces, field, around=len(prepared.first) + len(prepared.last))


def check_mail(around: Frame, language: str, said: Words, *, is_discreet: bool) -> None:
    """Raises Invalid for the fields subject_{language} and mail_{language}; a discreet mail's own subject is not used.

    The body first: who has written nothing yet begins with that.
    """
    mail_text.read_body(said.body, around.lines, rendering.PERSONAL, f"mail_{language}")
    if not is_discreet:
        mail_text.read_subject(said.subject or "", around.lines, rendering.PERSONAL, f"subject_{language}")


def sms(session: Session, agency_id: int, body: str, language: str) -> Preview:
    """The text as the sample person would get it, and what it costs; nothing needs to be saved for it.

    Raises Invalid for the field text_{language}.
    """
    around = frame(session, agency_id)
    body = rules.clean(body)
    check_sms(around, language, body)
    text, size = rendering.preview(around, body, language, SAMPLE)
    _, dear_size = rendering.preview(around, body, language, _DEAR_SAMPLE)
    most = rendering.prepare(around, body, language).most_parts
    return Preview(text, size, max(size.parts, dear_size.parts), most, parts.dear_characters(text, language))


def mail(
    session: Session, agency_id: int, said: Words, language: str, *, base_url: str, is_discreet: bool = False
) -> Shown:
    """The mail as the sample person would get it: subject, HTML page and text part. Nothing needs to be saved for it.

    `base_url` is the installation's. Raises Invalid like check_mail().
    """
    around = frame(session, agency_id)
    check_mail(around, language, said, is_discreet=is_discreet)
    page = base_url + mailing.PAGE
    head = mailing.letterhead(session, address=_NOBODY, reply_to=_NOBODY, list_id="example.org", page=page)
    subject = mailing.subject(session, said.subject, language, is_discreet=is_discreet)
    letter = Letter(subject=subject, body=said.body, language=language)
    return mailing.prepare(around, head, letter).shown_to(SAMPLE, f"{base_url}/u/u-sample")


def filled(session: Session, agency_id: int, text: str) -> str:
    """A mail's subject or body with the sample person's values and the official lines in its holes, still Markdown.

    Raises Invalid like placeholders.check().
    """
    around = frame(session, agency_id)
    pieces = placeholders.check(text, rendering.allowed(around))
    return placeholders.fill(pieces, {**around.lines, **SAMPLE})
