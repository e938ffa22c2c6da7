"""The form of a mail sender. Password and key are written, never shown."""

from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from campaigns import mail_senders
from campaigns.agencies import Sender
from campaigns.mail_senders import MailSenderForm as Typed
from outreach.forms import Form, Whole, choices


def _stripped(text: str | None) -> str:
    return (text or "").strip()


class MailSenderForm(Form):
    """An address at a mail server; see mail_senders.MailSenderForm."""

    name = StringField(_l("Name"), validators=[InputRequired(_l("Write a name."))])
    address = StringField(
        _l("Address people see"), validators=[InputRequired(_l("Write an address."))], filters=[_stripped]
    )
    reply_to = StringField(_l("Address for answers"), filters=[_stripped])
    host = StringField(_l("Mail server"), validators=[InputRequired(_l("Write the server."))], filters=[_stripped])
    port = Whole(_l("Port"), validators=[InputRequired(_l("Write a number."))], default=587)
    security = SelectField(_l("Encryption"))
    login = StringField(_l("User name"), filters=[_stripped])
    password = PasswordField(_l("Password"))
    mails_per_second = Whole(_l("Mails per second"), validators=[InputRequired(_l("Write a number."))], default=10)
    connections = Whole(
        _l("Connections at the same time"), validators=[InputRequired(_l("Write a number."))], default=5
    )
    bounce_domain = StringField(
        _l("Domain for returned mails"), validators=[InputRequired(_l("Write a domain."))], filters=[_stripped]
    )
    dkim_selector = StringField(_l("Selector"), filters=[_stripped])
    dkim_key = TextAreaField(_l("Private key"))

    def __init__(self, sender: Sender | None = None) -> None:
        known = None
        if sender is not None:
            known = {
                "login": sender.account,
                "mails_per_second": sender.parts_per_second,
                "connections": sender.in_flight,
            }
        super().__init__(obj=sender, data=known)
        self.security.choices = choices(
            [
                ("starttls", _l("STARTTLS (usual, port 587)")),
                ("tls", _l("TLS from the start (port 465)")),
                ("none", _l("none (only for a server on this very machine)")),
            ]
        )

    def filled(self) -> Typed:
        """What was typed, as the domain takes it."""
        return mail_senders.MailSenderForm(
            name=self.name.data,
            address=self.address.data,
            host=self.host.data,
            bounce_domain=self.bounce_domain.data,
            port=self.port.data,
            security=self.security.data,
            login=self.login.data,
            password=self.password.data or "",
            mails_per_second=self.mails_per_second.data,
            connections=self.connections.data,
            reply_to=self.reply_to.data,
            dkim_selector=self.dkim_selector.data,
            dkim_key=self.dkim_key.data or "",
        )
