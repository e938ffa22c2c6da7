"""Invitations: a link for somebody new to choose a password. No password ever goes by mail.

The link lives for three days and until a password is chosen. Opening it changes nothing, because mail servers open
links to look at them; it leads on to the page for a new password.
"""

from enum import Enum, auto
from typing import Final

from flask import Blueprint, Response, current_app, flash, url_for
from flask_babel import gettext as _
from flask_security.recoverable import generate_reset_password_token
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from campaigns import staff, staff_letters, staff_mail
from campaigns.providers.contract import NotSent, Refused, Unclear
from campaigns.settings import Settings
from campaigns.staff_letters import Words
from campaigns.store.staff import Staff
from outreach import sessions
from outreach.auth import public
from outreach.pages import see_other

bp = Blueprint("invitations", __name__)

SECONDS: Final = 3 * 24 * 3600
_SALT: Final = "outreach-invitation"
_ANSWER_SECONDS: Final = 10.0


class Bad(Enum):
    """Why a link does not open."""

    OLD = auto()
    FORGED = auto()


def make_link(settings: Settings, person: Staff) -> str:
    """The link for this person."""
    return f"{settings.base_url}/invitation/{_signer(settings).dumps(person.fs_uniquifier)}"


def send(settings: Settings, person: Staff, agency_name: str) -> None:
    """Mail the link and wait for the relay's answer; raises RuntimeError with a sentence if it did not take it."""
    words = Words(person.interface_language or settings.interface_languages[0])
    letter = staff_letters.invitation(words, person.email, agency_name, make_link(settings, person))
    try:
        staff_mail.send_now(settings, letter, seconds=_ANSWER_SECONDS)
    except Refused as refusal:
        raise RuntimeError(f"the mail server refuses the invitation ({refusal.reason})") from None
    except (NotSent, Unclear):
        raise RuntimeError("the mail server does not answer, or takes nothing now") from None


def read(settings: Settings, token: str) -> str | Bad:
    """Whose link it is (an fs_uniquifier), or why it does not open."""
    try:
        found = _signer(settings).loads(token, max_age=SECONDS)
    except SignatureExpired:
        return Bad.OLD
    except BadSignature:
        return Bad.FORGED
    return str(found)


@bp.get("/invitation/<token>")
@public()
def accept(token: str) -> Response:
    """Lead on to choosing a password, or say why not."""
    settings: Settings = current_app.extensions["settings"]
    found = read(settings, token)
    person = staff.invited(sessions.current(), found) if isinstance(found, str) else None
    if person is not None and settings.mail_relay is not None:
        return see_other(url_for("security.reset_password", token=generate_reset_password_token(person)))
    if found is Bad.OLD:
        flash(_("This invitation is more than three days old. Ask the person who sent it for another one."), "error")
    else:
        flash(_("This invitation was used, or it is not complete. If you have a password, sign in."), "error")
    return see_other(url_for("security.login"))


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.secret_key, salt=_SALT)
