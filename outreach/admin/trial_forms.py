"""The forms of test sends: an SMS or a mail to oneself."""

from collections.abc import Sequence
from typing import ClassVar

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, SelectField, TelField
from wtforms.validators import InputRequired

from campaigns.authoring import Text
from campaigns.rules.channels import Channel
from outreach.admin.rule_words import language_names
from outreach.forms import Form, choices
from outreach.sessions import Session


class SmsTrialForm(Form):
    """An SMS to one's own mobile."""

    channel: ClassVar[Channel] = Channel.SMS
    number = TelField(
        _l("Your own mobile"),
        validators=[InputRequired(_l("Write your mobile number."))],
        render_kw={"autocomplete": "tel", "inputmode": "tel"},
    )
    language = SelectField(_l("Language"))

    def offer(self, session: Session, texts: Sequence[Text]) -> None:
        """The languages that have an SMS."""
        self.language.choices = _languages(session, texts, self.channel)

    def filled(self) -> tuple[str, str]:
        """(language, number)."""
        return self.language.data, self.number.data


class MailTrialForm(Form):
    """A mail to one's own mailbox."""

    channel: ClassVar[Channel] = Channel.EMAIL
    address = EmailField(
        _l("Your own e-mail address"),
        validators=[InputRequired(_l("Write your e-mail address."))],
        render_kw={"autocomplete": "email"},
    )
    mail_language = SelectField(_l("Language"))

    def offer(self, session: Session, texts: Sequence[Text]) -> None:
        """The languages that have a mail."""
        self.mail_language.choices = _languages(session, texts, self.channel)

    def filled(self) -> tuple[str, str]:
        """(language, address)."""
        return self.mail_language.data, self.address.data


def _languages(session: Session, texts: Sequence[Text], channel: Channel) -> list[object]:
    named = language_names(session)
    codes = [text.language for text in texts if text.channel == channel]
    return list(choices((code, named.get(code, code)) for code in codes))
