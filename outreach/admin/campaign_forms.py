"""The forms of a campaign: its name, and all of it: texts on each channel, and who gets them when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from campaigns import agencies, authoring, reference, segments
from campaigns.authoring import Campaign, Draft, Text
from campaigns.rules import local_time, parts
from campaigns.rules.channels import Channel, Channels
from outreach import ids
from outreach.admin.rule_words import language_names
from outreach.forms import Form, Whole, choices
from outreach.i18n import zone
from outreach.sessions import Session

_TEXT, _SUBJECT, _MAIL = "text_", "subject_", "mail_"
# What each choice of channels means for people, in one sentence.
WAYS: Final = {
    Channels.SMS: _l("SMS: to everyone with a mobile"),
    Channels.EMAIL: _l("E-mail: to everyone with an e-mail address"),
    Channels.BOTH: _l("SMS and e-mail: whoever has both gets both"),
    Channels.SMS_THEN_EMAIL: _l(
        "SMS first, then e-mail: the mail goes to people without a mobile, and to those whose SMS failed for good"
    ),
}


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
    """A whole campaign. `draft_form` makes one with the fields of SMS and mail for every language that has a text."""

    languages: ClassVar[list[str]] = []

    seen = HiddenField()  # the stamp of the campaign that the writer began from
    segment = SelectField(_l("Who gets it"), validate_choice=True)
    excluded = SelectMultipleField(_l("Who of them does not"), validate_choice=True)
    channels = RadioField(_l("How people are reached"), default=Channels.SMS.value)
    is_discreet = BooleanField(_l("Discreet: the subject of the mails does not say what they are about"))
    sender = SelectField(_l("Sender of the SMS"))
    mail_sender = SelectField(_l("Sender of the mails"), default="")
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
        self.excluded.choices = choices(found)
        self.channels.choices = choices((way.value, words) for way, words in WAYS.items())
        for field, channel in ((self.sender, Channel.SMS), (self.mail_sender, Channel.EMAIL)):
            found = [
                (str(row.id), f"{row.name} ({row.address})") for row in agencies.senders(session, agency_id, channel)
            ]
            field.choices = choices([("", _("Choose") if found else _("There is no sender yet")), *found])
        written = {*self.languages, "es", self.fallback_language.data}
        self.fallback_language.choices = choices(
            (code, _("the text in %(language)s, if they accept it", language=named[code]))
            for code in enabled
            if code in written
        )
        self.add_language.choices = choices((code, named[code]) for code in enabled if code not in self.languages)
        for code in self.languages:
            language = named.get(code, code)
            self.text(code).label.text = _("SMS in %(language)s", language=language)
            self.subject(code).label.text = _("Subject in %(language)s", language=language)
            self.mail(code).label.text = _("E-mail in %(language)s", language=language)

    def text(self, code: str) -> Any:
        """The field of the SMS in one language."""
        return self[_TEXT + code]

    def subject(self, code: str) -> Any:
        """The field of the mail's subject in one language."""
        return self[_SUBJECT + code]

    def mail(self, code: str) -> Any:
        """The field of the mail's body in one language."""
        return self[_MAIL + code]

    def show(self, campaign: Campaign, texts: Sequence[Text]) -> None:
        """Put a saved campaign into the fields."""
        self.see(campaign)
        self.name.data = campaign.name
        self.segment.data = str(campaign.segment_id or "")
        self.excluded.data = [str(number) for number in campaign.excluded_ids]
        self.channels.data, self.is_discreet.data = campaign.channels, campaign.is_discreet
        self.sender.data, self.mail_sender.data = str(campaign.sender_id or ""), str(campaign.mail_sender_id or "")
        self.fallback_language.data = campaign.fallback_language
        self.is_urgent.data, self.parts_cap.data = campaign.is_urgent, campaign.parts_cap
        for field, moment in ((self.starts_at, campaign.starts_at), (self.expires_at, campaign.expires_at)):
            field.data = local_time.write_moment(moment, zone().key) if moment else None
        for text in texts:
            if text.channel == Channel.SMS:
                self.text(text.language).data = text.body
            else:
                self.subject(text.language).data, self.mail(text.language).data = text.subject, text.body

    def see(self, campaign: Campaign) -> None:
        """From here on the writer knows the campaign as it is now."""
        self.seen.data = authoring.stamp(campaign)

    def draft(self) -> Draft:
        """The campaign as typed; raises Invalid for a moment that the agency's clocks never show.

        Where all texts are still empty there is none yet.
        """
        bodies = {code: self.text(code).data or "" for code in self.languages}
        mails = {code: (self.subject(code).data or "", self.mail(code).data or "") for code in self.languages}
        is_blank = not "".join([*bodies.values(), *(words for mail in mails.values() for words in mail)]).strip()
        return Draft(
            name=self.name.data,
            segment_id=ids.read(self.segment.data),
            excluded_ids=[number for one in self.excluded.data or [] if (number := ids.read(one))],
            sender_id=ids.read(self.sender.data),
            fallback_language=self.fallback_language.data,
            starts_at=self.starts_at.moment(),
            expires_at=self.expires_at.moment(),
            is_urgent=self.is_urgent.data,
            parts_cap=self.parts_cap.data,
            texts={} if is_blank else bodies,
            channels=self.channels.data,
            mail_sender_id=ids.read(self.mail_sender.data),
            is_discreet=self.is_discreet.data,
            mails={} if is_blank else mails,
        )

    def make_cheaper(self, code: str) -> None:
        """Write one text with the spellings that cost less."""
        body = self.text(code).data or ""
        for dear in parts.dear_characters(body, code):
            if dear.cheaper is not None:
                body = body.replace(dear.character, dear.cheaper)
        self.text(code).data = body


def draft_form(languages: list[str]) -> DraftForm:
    """An empty form with an SMS and a mail for each of these languages."""
    fields: dict[str, Any] = {}
    for code in languages:
        fields |= {_TEXT + code: TextAreaField(), _SUBJECT + code: StringField(), _MAIL + code: TextAreaField()}
    kind = type("DraftForm", (DraftForm,), {**fields, "languages": languages})
    form: DraftForm = kind()
    return form


def languages_of(names: list[str]) -> list[str]:
    """The languages of the texts and mails that came back, in their order."""
    return list(dict.fromkeys(name.partition("_")[2] for name in names if name.startswith((_TEXT, _SUBJECT, _MAIL))))
