"""The forms about people: how the list is narrowed, and what is written about one of them."""

from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, Field, SelectField, SelectMultipleField, StringField
from wtforms.validators import Optional

from campaigns import contacts, reference, segments
from campaigns.contacts import Card
from campaigns.rules.import_rows import CONSENT, GROUNDS
from campaigns.rules.segments import AllOf, InPlace, InSector, Leaf, Reads, Rule, Tagged
from outreach.admin import rule_words
from outreach.forms import Form, choices
from outreach.sessions import Session

GROUND_WORDS: Final = {
    "consent": _l("The person agreed"),
    "law": _l("A law says so"),
    "public_task": _l("A public duty of the agency"),
    "agreement": _l("A contract or agreement"),
}
_LEAVES: Final = {"sector": InSector, "place": InPlace, "language": Reads, "tag": Tagged}
# What is never shown in clear is never filled in: an empty field keeps it, a tick takes it away.
_HIDDEN: Final = ("name", "business", "phone", "email")


class Narrowing(Form):
    """What the list can be narrowed to. It changes nothing and names nobody, so it stands in the address."""

    class Meta(Form.Meta):
        """Sent with GET."""

        csrf = False

    sector = SelectField(_l("Business"))
    place = SelectField(_l("Place"))
    language = SelectField(_l("Language"))
    tag = SelectField(_l("Tag"))
    reach = SelectField(_l("SMS"))

    def offer(self, session: Session, agency_id: int) -> None:
        """What there is to choose from; a choice that is not there counts as none."""
        everything = [("", _("Any"))]
        self.sector.choices = choices(everything + sectors(session))
        self.place.choices = {"": everything, **places(session)}
        self.language.choices = choices(everything + list(rule_words.language_names(session).items()))
        self.tag.choices = choices(everything + [(tag, tag) for tag in segments.tags(session, agency_id)])
        self.reach.choices = choices([*everything, ("yes", _("Can be written to")), ("no", _("Cannot be written to"))])
        self.validate()
        for field in self:
            if field.errors:
                field.data, field.errors = "", []

    def rule(self) -> Rule:
        """The choices as a rule."""
        leaves: list[Leaf] = [leaf(self[name].data) for name, leaf in _LEAVES.items() if self[name].data]
        return AllOf(tuple(leaves))

    @property
    def reachable(self) -> bool | None:
        """Whether only those (not) reachable by SMS are asked for."""
        return {"yes": True, "no": False}.get(self.reach.data or "")

    @property
    def chosen(self) -> dict[str, str]:
        """The choices as they stand in the address."""
        return {field.name: field.data for field in self if field.data}


class ContactForm(Form):
    """One person. Call `offer` before it is shown or checked."""

    name = StringField(_l("Name"))
    forget_name = BooleanField(_l("Take the name away"))
    business = StringField(_l("Business name"))
    forget_business = BooleanField(_l("Take the name of the business away"))
    phone = StringField(_l("Telephone"))
    forget_phone = BooleanField(_l("Take the telephone away"))
    email = StringField(_l("E-mail"))
    forget_email = BooleanField(_l("Take the e-mail away"))
    place_code = SelectField(_l("Place"))
    sectors = SelectMultipleField(_l("Business"))
    language = SelectField(_l("Language"))
    accepts_fallback = BooleanField(_l("Also accepts messages in Spanish"), default=True)
    tags = StringField(_l("Tags"))
    ground = SelectField(_l("Why we may write"))
    ground_on = DateField(_l("Since when"), validators=[Optional()])

    def __init__(self, card: Card | None = None) -> None:
        super().__init__(data=_shown(card) if card else None)
        self.card = card
        for name in _HIDDEN:
            if card is None or not getattr(card, name):
                delattr(self, f"forget_{name}")

    def offer(self, session: Session) -> None:
        """What there is to choose from."""
        self.place_code.choices = {"": [("", _("Not known"))], **places(session)}
        self.sectors.choices = choices(sectors(session))
        self.language.choices = choices(rule_words.language_names(session).items())
        self.ground.choices = choices([("", _("Nothing on record: nothing is sent")), *_grounds()])

    def filled(self) -> contacts.Form:
        """What was typed, as the domain takes it."""
        return contacts.Form(
            **{name: self._hidden(name) for name in _HIDDEN},
            place_code=self.place_code.data,
            language=self.language.data,
            sectors=self.sectors.data or [],
            tags=self.tags.data or "",
            ground=self.ground.data,
            ground_on=self.ground_on.data,
            accepts_fallback=self.accepts_fallback.data,
        )

    def masked(self, field: Field) -> str:
        """What is there now, masked; nothing for a new person."""
        return str(getattr(self.card, field.name)) if self.card else ""

    def forget(self, field: Field) -> Field | None:
        """The tick that takes this field's value away, where there is one to take."""
        return self._fields.get(f"forget_{field.name}")

    def _hidden(self, name: str) -> str | None:
        tick = self._fields.get(f"forget_{name}")
        if tick is not None and tick.data:
            return ""
        return self[name].data.strip() or None if self[name].data else None


def sectors(session: Session) -> list[tuple[str, str]]:
    """(code, name) of every line of business, by name."""
    return sorted(rule_words.sector_names(session).items(), key=lambda pair: pair[1])


def places(session: Session) -> dict[str, list[tuple[str, str]]]:
    """Departments, provinces and districts, each told apart from others of its name by the area around it."""
    return {
        _("Departments"): [(row.code, row.name) for row in reference.places(session, "department")],
        _("Provinces"): [(row.code, f"{row.name} ({row.department})") for row in reference.places(session, "province")],
        _("Districts"): [
            (row.code, f"{row.name} ({row.province}, {row.department})")
            for row in reference.places(session, "district")
        ],
    }


def _grounds() -> list[tuple[str, object]]:
    return [(code, GROUND_WORDS[code]) for code in (CONSENT, *(code for code in GROUNDS if code != CONSENT))]


def _shown(card: Card) -> dict[str, Any]:
    return {
        "place_code": card.place_code or "",
        "sectors": list(card.sectors),
        "language": card.language,
        "accepts_fallback": card.accepts_fallback,
        "tags": ", ".join(card.tags),
        "ground": card.ground or "",
        "ground_on": card.ground_on,
    }
