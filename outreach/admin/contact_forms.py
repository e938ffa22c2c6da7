"""The forms about people: how their list is narrowed, and what is written about one of them."""

from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, Field, HiddenField, SelectField, SelectMultipleField, StringField
from wtforms.validators import Optional

from campaigns import contacts, segments
from campaigns.contacts import Card
from campaigns.errors import Conflict, Invalid
from campaigns.rules import narrowing
from campaigns.rules.import_rows import CONSENT, GROUNDS
from campaigns.rules.narrowing import Grounded, Reach
from campaigns.rules.roles import Role
from campaigns.rules.segments import AllOf, InPlace, InSector, Leaf, Reads, Tagged
from outreach.admin import place_field, rule_words
from outreach.admin.place_field import PlaceField
from outreach.forms import Form, choices
from outreach.sessions import Session

GROUND_WORDS: Final = {
    "consent": _l("The person agreed"),
    "law": _l("A law says so"),
    "public_task": _l("A public duty of the agency"),
    "agreement": _l("A contract or agreement"),
}
ROLE_WORDS: Final = {
    Role.OWNER: _l("Owner"),
    Role.DRIVER: _l("Driver"),
    Role.FARE_COLLECTOR: _l("Fare collector"),
    Role.DISPATCHER: _l("Dispatcher"),
}
_REACH_WORDS: Final = {
    Reach.SMS: _l("By SMS now"),
    Reach.EMAIL: _l("By e-mail now"),
    Reach.NEITHER: _l("Neither by SMS nor by e-mail"),
}
_GROUND_WORDS: Final = {
    Grounded.WITH: _l("With any reason on record"),
    Grounded.WITHOUT: _l("With no reason on record"),
}
_NAMELESS: Final = "none"
_LEAVES: Final = {"sector": InSector, "place": InPlace, "language": Reads, "tag": Tagged}
# What is never shown in clear is never filled in: an empty field keeps it, a tick takes it away.
_HIDDEN: Final = ("name", "business", "phone", "email")


class Narrowing(Form):
    """What the list can be narrowed to. It changes nothing and names nobody, so it stands in the address."""

    class Meta(Form.Meta):
        """Sent with GET."""

        csrf = False

    sector = SelectField(_l("Business"))
    place = PlaceField(_l("Place"))
    language = SelectField(_l("Language"))
    tag = SelectField(_l("Tag"))
    role = SelectField(_l("Role"))
    reach = SelectField(_l("Can be reached"))
    ground = SelectField(_l("Why we may write"))
    name = SelectField(_l("Name"))

    def offer(self, session: Session, agency_id: int) -> None:
        """What there is to choose from; a choice that is not there counts as none."""
        everything = [("", _("Any"))]
        self.sector.choices = choices(everything + sectors(session))
        self.place.offer(session, _("Any"))
        self.language.choices = choices(everything + list(rule_words.language_names(session).items()))
        self.tag.choices = choices(everything + [(tag, tag) for tag in segments.tags(session, agency_id)])
        self.role.choices = choices([*everything, *ROLE_WORDS.items()])
        self.reach.choices = choices([*everything, *_REACH_WORDS.items()])
        self.ground.choices = choices([*everything, *_GROUND_WORDS.items(), *_grounds()])
        self.name.choices = choices([*everything, (_NAMELESS, _("Without a name"))])
        self.validate()
        for field in self:
            if field.errors:
                field.data, field.errors = "", []

    def filled(self) -> narrowing.Narrowing:
        """The choices, as the domain takes them."""
        leaves: list[Leaf] = [leaf(self[name].data) for name, leaf in _LEAVES.items() if self[name].data]
        return narrowing.Narrowing(
            AllOf(tuple(leaves)),
            role=self.role.data or None,
            reach=Reach(self.reach.data) if self.reach.data else None,
            ground=self.ground.data or None,
            is_nameless=self.name.data == _NAMELESS,
        )

    @property
    def chosen(self) -> dict[str, str]:
        """The choices as they stand in the address."""
        return {field.name: field.data for field in self if field.data}

    def drop(self, name: str) -> None:
        """Forget the choice of this field, if there is such a field."""
        if name in self._fields:
            self._fields[name].data = ""

    @property
    def chips(self) -> list[tuple[str, str, str, dict[str, str]]]:
        """Of each choice its field, what the field is called, what was chosen, and all the others."""
        chosen = self.chosen
        return [
            (name, str(self[name].label.text), _told(self[name]), {key: chosen[key] for key in chosen if key != name})
            for name in chosen
        ]


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
    role = SelectField(_l("Role in the business"), default="")
    place_code = PlaceField(_l("Place"))
    sectors = SelectMultipleField(_l("Business"))
    language = SelectField(_l("Language"))
    accepts_fallback = BooleanField(_l("Also accepts messages in Spanish"), default=True)
    tags = StringField(_l("Tags"))
    ground = SelectField(_l("Why we may write"))
    ground_on = DateField(_l("Since when"), validators=[Optional()])
    ground_source = StringField(_l("Where the proof is"))
    ground_text = StringField(_l("Which text they agreed to"))
    seen = HiddenField()

    def __init__(self, card: Card | None = None) -> None:
        super().__init__(data=_shown(card) if card else None)
        self.card = card
        self.taken_by: int | None = None  # who has the address already
        for name in _HIDDEN:
            if card is None or not getattr(card, name):
                delattr(self, f"forget_{name}")

    def offer(self, session: Session) -> None:
        """What there is to choose from."""
        self.role.choices = choices([("", _("Not known")), *ROLE_WORDS.items()])
        self.place_code.offer(session, _("Not known"))
        self.sectors.choices = choices(sectors(session))
        self.language.choices = choices(rule_words.language_names(session).items())
        self.ground.choices = choices([("", _("Nothing on record: nothing is sent")), *_grounds()])

    def filled(self) -> contacts.Form:
        """What was typed, as the domain takes it."""
        return contacts.Form(
            **{name: self._hidden(name) for name in _HIDDEN},
            role=self.role.data,
            place_code=self.place_code.data,
            language=self.language.data,
            sectors=self.sectors.data or [],
            tags=self.tags.data or "",
            ground=self.ground.data,
            ground_on=self.ground_on.data,
            ground_source=self.ground_source.data or "",
            ground_text=self.ground_text.data or "",
            accepts_fallback=self.accepts_fallback.data,
        )

    def tell(self, problem: Invalid | Conflict) -> None:
        """Also keep who has the address already, so that the page leads there."""
        super().tell(problem)
        if problem.code == "contact_taken":
            holder = problem.values.get("contact_id")
            self.taken_by = holder if isinstance(holder, int) else None
        if problem.code == "contact_moved_on" and self.card:
            self.seen.data = self.card.stamp  # whoever presses Save again has read that, and means it

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
    return place_field.known(session).groups


def _told(field: SelectField) -> str:
    """What was chosen, in words."""
    if isinstance(field, PlaceField):
        return field.told()
    return next((str(label) for value, label, *_more in field.choices if value == field.data), field.data)


def _grounds() -> list[tuple[str, object]]:
    return [(code, GROUND_WORDS[code]) for code in (CONSENT, *(code for code in GROUNDS if code != CONSENT))]


def _shown(card: Card) -> dict[str, Any]:
    return {
        "role": card.role or "",
        "place_code": card.place_code or "",
        "sectors": list(card.sectors),
        "language": card.language,
        "accepts_fallback": card.accepts_fallback,
        "tags": ", ".join(card.tags),
        "ground": card.ground or "",
        "ground_on": card.ground_on,
        "ground_source": card.ground_source,
        "ground_text": card.ground_text,
        "seen": card.stamp,
    }
