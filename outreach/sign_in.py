"""What Flask-Security is told: its settings, its forms in our words, and how often a password may be tried."""

import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email
from flask import Flask, Response, request, url_for
from flask_babel import lazy_gettext as _l
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_security import ChangePasswordForm, ForgotPasswordForm, LoginForm, ResetPasswordForm, uia_email_mapper
from flask_security.forms import EmailValidation, valid_user_email
from wtforms import EmailField, PasswordField
from wtforms.validators import EqualTo, InputRequired, Length

from campaigns.settings import Settings
from outreach import sessions
from outreach.pages import page, see_other

# Failed sign-ins only. Per account: a person who mistypes; per address: somebody who tries many accounts.
PER_ACCOUNT: Final = "10 per 15 minutes"
PER_ADDRESS: Final = "50 per 15 minutes"
# Links for a new password: each one is a mail to somebody, whether they asked or not.
LINKS_PER_ACCOUNT: Final = "5 per hour"
LINKS_PER_ADDRESS: Final = "20 per hour"

ROUTES: Final[dict[str, dict[str, Any]]] = {
    "security.login": {"signed_in": False},
    "security.logout": {"signed_in": False},
    "security.change_password": {"right": "account:change"},
    # Only where mail is set up:
    "security.forgot_password": {"signed_in": False},
    "security.reset_password": {"signed_in": False},
}
_TEXTS: Final = {
    "GENERIC_AUTHN_FAILED": _l("The e-mail address or the password is not right."),
    "PASSWORD_NOT_PROVIDED": _l("Write your password."),
    "INVALID_PASSWORD": _l("This is not your current password."),
    "PASSWORD_INVALID_LENGTH": _l("Use at least 12 characters."),
    "RETYPE_PASSWORD_MISMATCH": _l("This is not the same as the new password above."),
    "PASSWORD_IS_THE_SAME": _l("The new password must differ from the current one."),
    "PASSWORD_CHANGE": _l("Your password was changed. You were signed out everywhere else."),
    "INVALID_EMAIL_ADDRESS": _l("Write an e-mail address, for example name@agency.gob.pe."),
    "EMAIL_NOT_PROVIDED": _l("Write your e-mail address."),
    "PASSWORD_RESET_EXPIRED": _l("This link is more than one hour old. Ask for another one here."),
    "INVALID_RESET_PASSWORD_TOKEN": _l("This link was used, or it is not complete. Ask for another one here."),
    "INVALID_REDIRECT": _l("That address is not one of ours; you start from the beginning."),
}
_ON_ITS_WAY: Final = _l("If somebody signs in with this address, a link is on its way there. It works for one hour.")


def configuration(settings: Settings) -> dict[str, object]:
    """Flask-Security's settings."""
    security: dict[str, object] = {
        "PASSWORD_SALT": settings.password_salt,
        "PASSWORD_HASH": "argon2",
        "PASSWORD_SCHEMES": ["argon2"],
        # Plain argon2id, so that the command line makes the same hashes without a web application.
        "PASSWORD_SINGLE_HASH": {"argon2"},
        "DEPRECATED_PASSWORD_SCHEMES": [],
        "PASSWORD_LENGTH_MIN": 12,
        "LOGIN_URL": "/sign-in",
        "LOGOUT_URL": "/sign-out",
        "CHANGE_URL": "/account/password",
        # A link on another site must not sign anybody out.
        "LOGOUT_METHODS": ["POST"],
        "POST_LOGIN_VIEW": "/",
        "POST_LOGOUT_VIEW": "/sign-in",
        "POST_CHANGE_VIEW": "/",
        "CHANGEABLE": True,
        # The same answer for an unknown address and a wrong password.
        "RETURN_GENERIC_RESPONSES": True,
        "STATIC_FOLDER": None,
        # No second question for the password yet: a negative time leaves that page out.
        "FRESHNESS": timedelta(minutes=-1),
        # Rights are ours (policy.RIGHTS); there is no table of roles to join.
        "JOIN_USER_ROLES": False,
        "API_ENABLED_METHODS": ["session"],
        **{f"MSG_{key}": (text, "error") for key, text in _TEXTS.items()},
        "MSG_PASSWORD_CHANGE": (_TEXTS["PASSWORD_CHANGE"], "success"),
        **_mails(settings),
    }
    # A stolen cookie is of no use from another browser or address.
    return {f"SECURITY_{key}": value for key, value in security.items()} | {"SESSION_PROTECTION": "strong"}


def _mails(settings: Settings) -> dict[str, object]:
    return {
        # There may be no mail at all where this runs; passwords are then reset from the command line.
        "SEND_PASSWORD_CHANGE_EMAIL": settings.mail_relay is not None,
        "RECOVERABLE": settings.mail_relay is not None,
        "RESET_URL": "/new-password",
        "POST_RESET_VIEW": "/sign-in",
        "RESET_PASSWORD_WITHIN": timedelta(hours=1),
        # Goes into signed links only; a slow one would tell known addresses from others by the time they take.
        "HASHING_SCHEMES": ["hex_sha256"],
        # The letters are ours (password_mail.py).
        "EMAIL_PLAINTEXT": False,
        "EMAIL_HTML": False,
        "EMAIL_SENDER": "",
        "MSG_PASSWORD_RESET_REQUEST": (_ON_ITS_WAY, "success"),
        "MSG_PASSWORD_RESET_NO_LOGIN": (_l("Your new password is saved. Sign in with it."), "success"),
    }


class SignIn(LoginForm):
    """Address and password. No "remember me": these computers are shared."""

    email = EmailField(
        _l("E-mail address"),
        validators=[InputRequired(_TEXTS["EMAIL_NOT_PROVIDED"]), Length(max=254)],
        filters=[lambda text: _plain_email(text) if text else text],
    )
    password = PasswordField(
        _l("Password"), validators=[InputRequired(_TEXTS["PASSWORD_NOT_PROVIDED"]), Length(max=1000)]
    )
    remember = None


class ChangePassword(ChangePasswordForm):
    """The current password and the new one, twice."""

    password = PasswordField(
        _l("Current password"), validators=[InputRequired(_TEXTS["PASSWORD_NOT_PROVIDED"]), Length(max=1000)]
    )
    new_password = PasswordField(
        _l("New password"), validators=[InputRequired(_l("Write the new password.")), Length(max=1000)]
    )
    new_password_confirm = PasswordField(
        _l("New password, once more"),
        validators=[EqualTo("new_password", message=_TEXTS["RETYPE_PASSWORD_MISMATCH"])],
        render_kw={"required": True},
    )


class ForgotPassword(ForgotPasswordForm):
    """The address a link goes to. Whether anybody signs in with it is not told, only when it is no address."""

    email = EmailField(
        _l("E-mail address"),
        validators=[
            InputRequired(_TEXTS["EMAIL_NOT_PROVIDED"]),
            Length(max=254),
            EmailValidation(verify=False),
            valid_user_email,
        ],
        filters=[lambda text: _plain_email(text) if text else text],
    )

    def validate(self, **options: Any) -> bool:
        """Whether a link can be sent."""
        may = super().validate(**options)
        if not may and not _is_email(self.email.data or ""):
            # Beside the field Flask-Security takes every complaint away.
            self.form_errors.append(_TEXTS["INVALID_EMAIL_ADDRESS"])
        return bool(may)


class ResetPassword(ResetPasswordForm):
    """The new password, twice, for whoever has the link."""

    password = PasswordField(
        _l("New password"), validators=[InputRequired(_l("Write the new password.")), Length(max=1000)]
    )
    password_confirm = PasswordField(
        _l("New password, once more"),
        validators=[EqualTo("password", message=_TEXTS["RETYPE_PASSWORD_MISMATCH"])],
        render_kw={"required": True},
    )

    def validate(self, **options: Any) -> bool:
        """Whether it can be set; from here on the request acts for the person's agency, so that the log has it too."""
        may = super().validate(**options)
        if may and self.user is not None:
            sessions.act_for(self.user.agency_id)
        return bool(may)


FORMS: Final = {
    "login_form": SignIn,
    "change_password_form": ChangePassword,
    "forgot_password_form": ForgotPassword,
    "reset_password_form": ResetPassword,
}


def _is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _plain_email(typed: str) -> str:
    return typed.replace("\x00", "").strip().lower()


def render(template: str, **values: object) -> Response:
    """Flask-Security's pages in our frame; a form that comes back has status 422."""
    asked = values.get("forgot_password_form")
    if request.method == "POST" and isinstance(asked, ForgotPassword) and not asked.errors:
        return see_other(url_for("security.login"))  # where the notice says what happens next
    return page(template, "content", status=422 if request.method == "POST" else 200, **values)


def limit(app: Flask, settings: Settings) -> None:
    """Slow down who guesses passwords.

    Counted in Valkey, for all web processes together. When Valkey does not answer, each process counts by itself:
    sign-in stays open for staff and is still limited.
    """
    # `limits` names a Unix socket differently than redis-py does.
    address = (settings.redis_url or "memory://").replace("unix://", "redis+unix://", 1)
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri=address,
        in_memory_fallback_enabled=True,
        key_prefix="sign-in",
        headers_enabled=True,  # Retry-After,
    )
    secret = settings.secret_key.encode()

    def slow(endpoint: str, paces: tuple[tuple[str, Callable[[], str]], ...], **options: Any) -> None:
        view = app.view_functions[endpoint]
        access = view.access  # type: ignore[attr-defined]
        for pace, key in paces:
            view = limiter.limit(pace, key_func=key, methods=["POST"], **options)(view)
        view.access = access  # type: ignore[attr-defined]
        app.view_functions[endpoint] = view

    def account() -> str:
        # As the account is looked up: another spelling of an address must not be another ten attempts.
        email = _plain_email(request.form.get("email", ""))
        # Keyed, so that no address of a person lies in Valkey.
        return hmac.digest(secret, (uia_email_mapper(email) or email).encode(), "sha256").hex()[:32]

    def failed(response: Response) -> bool:
        return response.status_code == 422

    slow("security.login", ((PER_ACCOUNT, account), (PER_ADDRESS, get_remote_address)), deduct_when=failed)
    if "security.forgot_password" in app.view_functions:
        slow("security.forgot_password", ((LINKS_PER_ACCOUNT, account), (LINKS_PER_ADDRESS, get_remote_address)))
