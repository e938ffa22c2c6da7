"""What the columns page shows of a file: each column with a few masked cells, and its first rows as people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from campaigns import reference
from campaigns.imports import Look
from campaigns.rules.addresses import PhoneKind, mask_email, mask_phone
from campaigns.rules.headings import Field
from campaigns.rules.import_rows import Person, Refusal
from outreach.admin import import_masks, import_words, rule_words
from outreach.admin.contact_forms import GROUND_WORDS
from outreach.i18n import day
from outreach.sessions import Session


@dataclass(frozen=True)
class Column:
    """One column of the file, from 0: its heading and samples, masked, what it holds and how that is known."""

    number: int
    heading: str
    samples: Sequence[str]
    field: Field | None
    how: str
    wrong: str = ""


@dataclass(frozen=True)
class Line:
    """One row as it will become, masked; of a refused one only the reason."""

    called: str
    beside: str = ""
    addresses: Sequence[str] = ()
    place: str = ""
    sectors: str = ""
    language: str = ""
    ground: str = ""
    told: str = ""
    refused: bool = False


def columns(look: Look, fields: Sequence[Field | None], wrong: Mapping[int, str]) -> list[Column]:
    """Every column of the file with what it is taken for now, and what is wrong with that."""
    return [
        Column(
            number,
            import_masks.heading(heading),
            import_masks.samples([row[number] for row in look.rows if number < len(row)], field),
            field,
            _how(look, field, number),
            wrong.get(number, ""),
        )
        for number, (heading, field) in enumerate(zip(look.headings, fields, strict=True))
    ]


def _how(look: Look, field: Field | None, number: int) -> str:
    if field is None:
        return _("Its cells are left out")
    guess = look.guesses.get(field)
    if guess is None or guess.column != number:
        return _("Your choice")
    return str(import_words.MATCHED[guess.how]) if guess.sure else _("Perhaps, by what is in it: look at it")


def lines(session: Session, read: Sequence[Person | Refusal], numbers: Sequence[int], language: str) -> list[Line]:
    """The rows as they will become; `numbers` are their lines in the file, `language` the agency's."""
    people = [person for person in read if isinstance(person, Person)]
    places = reference.place_names(session, {person.place for person in people if person.place})
    sectors, languages = rule_words.sector_names(session), rule_words.language_names(session)
    return [
        _refused(person, number)
        if isinstance(person, Refusal)
        else Line(
            called=import_masks.name(person.name) or import_masks.name(person.business) or _("Without a name"),
            beside=import_masks.name(person.business) if person.name else "",
            addresses=_addresses(person),
            place=places.get(person.place or "", ""),
            sectors="; ".join(sectors.get(code, code) for code in person.sectors),
            language=languages.get(person.language or language, ""),
            ground=_ground(person),
            told=import_words.why(person.warnings)[0],
        )
        for person, number in zip(read, numbers, strict=False)
    ]


def _refused(refusal: Refusal, number: int) -> Line:
    return Line(_("Line %(number)s", number=number), told=import_words.why([refusal])[0], refused=True)


def _addresses(person: Person) -> list[str]:
    found = []
    if person.phone:
        is_mobile = person.phone.kind is PhoneKind.MOBILE
        found.append(mask_phone(person.phone.e164) + ("" if is_mobile else f" ({_('landline')})"))
    return [*found, mask_email(person.email.address)] if person.email else found


def _ground(person: Person) -> str:
    if not person.ground:
        return _("No: nothing is sent")
    word = str(GROUND_WORDS[person.ground])
    return f"{word} ({day(person.agreed_on)})" if person.agreed_on else word
