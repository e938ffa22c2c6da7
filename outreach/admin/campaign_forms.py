"""The forms of a campaign: its name, its texts with who gets them, and a test send."""

from datetime import datetime
from typing import Any, ClassVar

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateTimeLocalField, HiddenField, SelectField, StringField, TelField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from campaigns import agencies, authoring, reference, segments
from campaigns.authoring import Campaign, Draft, Text
from campaigns.rules import local_time, parts
from outreach import ids
from outreach.admin.rule_words import language_names
from outreach.forms import Form, Whole, choices
from outreach.i18n import zone
from outreach.sessions import Session

_TEXT = "text_"


class Moment(DateTimeLocalField):
    """A day and a time in the agency's zone."""

    def __init__(self, label: LazyString, **more: Any) -> None:
        super().__init__(label, format=["%Y-%m-%dT%H:%M"], **more)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read both, refused in our words."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("Write a day and a time, or leave both empty.")) from None

    def moment(self) -> datetime | None:
        """When that is; raises Invalid where the clocks never show it."""
        typed: datetime | None = self.data
        return local_time.read_moment(typed, zone().key, self.name) if typed else None


class NameForm(Form):
    """What a new campaign needs first."""

    name = StringField(
        _l("Name"),
        validators=[InputRequired(_l("Write a name.")), Length(max=80)],
        render_kw={"maxlength": "80", "autocomplete": "off"},
    )


class DraftForm(NameForm):
    """A whole campaign. `draft_form` makes one with a field for every language that has a text."""

    languages: ClassVar[list[str]] = []

    seen = HiddenField()  # the stamp of the campaign that the writer began from
    segment = SelectField(_l("Who gets it"), validate_choice=True)
    sender = SelectField(_l("Sender"))
    fallback_language = SelectField(_l("For people whose language has no text"))
    starts_at = Moment(_l("Not to be sent before"), validators=[Optional()])
    expires_at = Moment(_l("Not to be sent after"), validators=[Optional()])
    is_urgent = BooleanField(_l("Urgent: it overtakes the agency's other campaigns"))
    parts_cap = Whole(_l("SMS, at most"), validators=[Optional()])
    add_language = SelectField(_l("Another language"), validate_choice=False)

    def offer(self, session: Session, agency_id: int) -> None:
        """What there is to choose from."""
        named = language_names(session)
        enabled = [language.code for language in reference.languages(session) if language.enabled]
        nothing = [("", _("Choose"))]
        found = [(str(segment.id), segment.name) for segment in segments.listed(session, agency_id)]
        self.segment.choices = choices(nothing + found)
        senders = [(str(row.id), f"{row.name} ({row.address})") for row in agencies.senders(session, agency_id)]
        self.sender.choices = choices(senders or [("", _("There is no sender yet"))])
        written = {*self.languages, "es", self.fallback_language.data}
        self.fallback_language.choices = choices(
            (code, _("the text in %(language)s, if they accept it", language=named[code]))
            for code in enabled
            if code in written
        )
        self.add_language.choices = choices((code, named[code]) for code in enabled if code not in self.languages)
        for code in self.languages:
            self.text(code).label.text = _("Text in %(language)s", language=named.get(code, code))

    def text(self, code: str) -> Any:
        """The field of the text in one language."""
        return self[_TEXT + code]

    def show(self, campaign: Campaign, texts: dict[str, str]) -> None:
        """Put a saved campaign into the fields."""
        self.see(campaign)
        self.name.data = campaign.name
        self.segment.data = str(campaign.segment_id or "")
        self.sender.data = str(campaign.sender_id or "")
        self.fallback_language.data = campaign.fallback_language
        self.is_urgent.data, self.parts_cap.data = campaign.is_urgent, campaign.parts_cap
        for field, moment in ((self.starts_at, campaign.starts_at), (self.expires_at, campaign.expires_at)):
            field.data = local_time.write_moment(moment, zone().key) if moment else None
        for code in self.languages:
            self.text(code).data = texts.get(code, "")

    def see(self, campaign: Campaign) -> None:
        """From here on the writer knows the campaign as it is now."""
        self.seen.data = authoring.stamp(campaign)

    def draft(self) -> Draft:
        """The campaign as typed; raises Invalid for a moment that the agency's clocks never show.

        A single text that is still empty is not there yet.
        """
        bodies = {code: self.text(code).data or "" for code in self.languages}
        return Draft(
            name=self.name.data,
            segment_id=ids.read(self.segment.data),
            sender_id=ids.read(self.sender.data),
            fallback_language=self.fallback_language.data,
            starts_at=self.starts_at.moment(),
            expires_at=self.expires_at.moment(),
            is_urgent=self.is_urgent.data,
            parts_cap=self.parts_cap.data,
            texts={} if not any(body.strip() for body in bodies.values()) else bodies,
        )

    def make_cheaper(self, code: str) -> None:
        """Write one text with the spellings that cost less."""
        body = self.text(code).data or ""
        for dear in parts.dear_characters(body, code):
            if dear.cheaper is not None:
                body = body.replace(dear.character, dear.cheaper)
        self.text(code).data = body


def draft_form(languages: list[str]) -> DraftForm:
    """An empty form with a text for each of these languages."""
    fields: dict[str, Any] = {_TEXT + code: TextAreaField() for code in languages}
    kind = type("DraftForm", (DraftForm,), {**fields, "languages": languages})
    form: DraftForm = kind()
    return form


def languages_of(names: list[str]) -> list[str]:
    """The languages of the text fields that came back, in their order."""
    return [name.removeprefix(_TEXT) for name in names if name.startswith(_TEXT)]


class TestForm(Form):
    """A test send to oneself."""

    __test__ = False  # for pytest: this is no test
    number = TelField(
        _l("Your own mobile"),
        validators=[InputRequired(_l("Write your mobile number."))],
        render_kw={"autocomplete": "tel", "inputmode": "tel"},
    )
    language = SelectField(_l("Language"))

    def offer(self, session: Session, texts: list[Text]) -> None:
        """The languages that have a text."""
        named = language_names(session)
        self.language.choices = choices((text.language, named.get(text.language, text.language)) for text in texts)
