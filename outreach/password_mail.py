"""Mails about passwords: what Flask-Security asks for, in our words and through the installation's relay.

They go out beside the request, so that the answer takes as long for an address nobody knows. One that is lost with the
process is asked for again; a queue would have to keep a link that opens an account.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import structlog
from flask import Flask, current_app, url_for
from flask_security import MailUtil, hash_password

from campaigns import staff_letters, staff_mail
from campaigns.providers.contract import NotSent, Refused, Unclear
from campaigns.settings import Settings
from campaigns.staff_letters import Words
from campaigns.staff_mail import StaffLetter
from outreach import i18n

log = structlog.get_logger(__name__)

_ANSWER_SECONDS: Final = 5.0
_AT_ONCE: Final = 2
_MOST: Final = 50  # that wait: the limits let a few people ask, not many
_RESET: Final = "security/email/reset_instructions"


class PasswordMail(MailUtil):
    """Hands Flask-Security's mails to the relay; makes no look-up in the DNS for an address somebody typed."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self._settings: Settings = app.extensions["settings"]
        self._room = threading.BoundedSemaphore(_MOST)
        self._pool: ThreadPoolExecutor | None = None  # made when first needed, by the process that needs it

    def validate(self, email: str) -> str:
        """Read the address; whether its domain takes mail is not asked (that would take time, and tell somebody)."""
        return self.normalize(email)

    def send_mail(self, template: str, *_rendered: object, **about: Any) -> None:
        """Send one of Flask-Security's letters soon. Never raises: the answer is the same whatever becomes of it."""
        user = about["user"]
        words = Words(user.interface_language or i18n.language())
        if template == _RESET:
            self._soon(staff_letters.reset(words, user.email, self._link(about["reset_token"])))
            # As long as Flask-Security takes for an address nobody signs in with.
            hash_password("not-a-password")
        else:
            self._soon(staff_letters.changed(words, user.email))

    def _link(self, token: str) -> str:
        # Never from the request's Host header: whoever asks would choose where the link leads.
        return self._settings.base_url + url_for("security.reset_password", token=token)

    def _soon(self, letter: StaffLetter) -> None:
        if not self._room.acquire(blocking=False):
            log.warning("a mail about a password was left out: too many wait")
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password-mail")
        self._pool.submit(self._send, letter)

    def _send(self, letter: StaffLetter) -> None:
        try:
            staff_mail.send_now(self._settings, letter, seconds=_ANSWER_SECONDS)
        except (Refused, NotSent, Unclear) as error:
            log.warning("a mail about a password was not taken", why=type(error).__name__)
        except Exception as error:  # nobody waits for this thread: what is not logged here is never known
            log.error("a mail about a password broke", kind=type(error).__name__)
        finally:
            self._room.release()


def is_set_up() -> bool:
    """Whether mails can be sent: for templates."""
    settings: Settings = current_app.extensions["settings"]
    return settings.mail_relay is not None
