"""The rule builder as a plain form: any choice inside a field, all fields together, and nobody of the second half."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length

from campaigns import segments
from campaigns.rules.segments import (
    AllOf,
    AnyOf,
    HasEmail,
    HasSms,
    InPlace,
    InSector,
    Leaf,
    NoneOf,
    Reads,
    Rule,
    Tagged,
    leaves_of,
)
from outreach.admin import contact_forms, rule_words
from outreach.forms import Form, choices
from outreach.sessions import Session

_WAYS = {"sms": HasSms, "email": HasEmail}
_LEAF = {"sectors": InSector, "places": InPlace, "languages": Reads, "tags": Tagged}


class SegmentForm(Form):
    """Name and rule. `offer` fills the choices before the form is shown or checked."""

    name = StringField(
        _l("Name"),
        validators=[InputRequired(_l("Write a name.")), Length(max=80)],
        render_kw={"maxlength": "80", "autocomplete": "off"},
    )
    sectors = SelectMultipleField(_l("Business"))
    # The menu of the page is #places.
    places = SelectMultipleField(_l("Place"), id="rule_places")
    languages = SelectMultipleField(_l("Language"))
    tags = SelectMultipleField(_l("Tag"))
    sms = BooleanField(_l("Only people with a mobile"))
    email = BooleanField(_l("Only people with an e-mail address"))
    not_sectors = SelectMultipleField(_l("Not this business"))
    not_places = SelectMultipleField(_l("Not in this place"))
    not_languages = SelectMultipleField(_l("Not this language"))
    not_tags = SelectMultipleField(_l("Not with this tag"))

    def offer(self, session: Session, agency_id: int, saved: Rule | None = None) -> None:
        """What there is to choose from; a tag of the saved rule that nobody has any more stays a choice."""
        kept = {leaf.tag for leaf in leaves_of(saved or AllOf()) if isinstance(leaf, Tagged)}
        self._offer("sectors", {"": contact_forms.sectors(session)})
        self._offer("places", contact_forms.places(session))
        self._offer("languages", {"": list(rule_words.language_names(session).items())})
        self._offer("tags", {"": [(tag, tag) for tag in sorted({*segments.tags(session, agency_id), *kept})]})

    def _offer(self, kind: str, groups: dict[str, list[tuple[str, str]]]) -> None:
        for field in (self[kind], self[f"not_{kind}"]):
            field.choices = groups if len(groups) > 1 else choices(groups[""])
            known = {value for pairs in groups.values() for value, _label in pairs}
            # The count is shown also while something else is wrong, and asks only for what there is.
            field.chosen = [value for value in field.data or [] if value in known]

    def show(self, rule: Rule) -> bool:
        """Put a saved rule into the fields; False if it is of another shape than this form makes."""
        found = _read(rule)
        if found is None:
            return False
        for name, values in found.items():
            self[name].data = values if name not in _WAYS else bool(values)
            self[name].chosen = values
        return True

    def rule(self) -> Rule:
        """The rule as chosen."""
        rules: list[Rule] = [AnyOf(_chosen(self, kind)) for kind in _LEAF if self[kind].chosen]
        rules += [leaf() for name, leaf in _WAYS.items() if self[name].data]
        unwanted = [leaf for kind in _LEAF for leaf in _chosen(self, kind, "not_")]
        if unwanted:
            rules.append(NoneOf(tuple(unwanted)))
        return AllOf(tuple(rules))


def _chosen(form: SegmentForm, kind: str, prefix: str = "") -> tuple[Leaf, ...]:
    return tuple(_LEAF[kind](value) for value in form[prefix + kind].chosen)


def _read(rule: Rule) -> dict[str, list[str]] | None:
    """Field -> values, or None for a rule that `rule()` would not have made."""
    if not isinstance(rule, AllOf):
        return None
    found: dict[str, list[str]] = {}
    for part in rule.rules:
        if isinstance(part, HasSms | HasEmail):
            found["sms" if isinstance(part, HasSms) else "email"] = ["yes"]
        elif isinstance(part, AnyOf | NoneOf):
            prefix = "not_" if isinstance(part, NoneOf) else ""
            kinds = {_kind(leaf) for leaf in part.rules}
            if None in kinds or (not prefix and len(kinds) > 1) or any(f"{prefix}{kind}" in found for kind in kinds):
                return None
            for leaf in part.rules:
                found.setdefault(f"{prefix}{_kind(leaf)}", []).append(_value(leaf))
        else:
            return None
    return found


def _kind(rule: Rule) -> str | None:
    return next((kind for kind, leaf in _LEAF.items() if type(rule) is leaf), None)


def _value(leaf: Rule) -> str:
    match leaf:
        case InSector(code) | InPlace(code):
            return code
        case Reads(value) | Tagged(value):
            return value
    raise ValueError(f"no value: {leaf}")
