"""Sign-in, and the guard every request passes: nobody reaches a page whose right is not written on it.

Flask-Security checks passwords and keeps the sign-in; this module alone maps what it needs on top of the staff table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, request
from flask_security import Security, SQLAlchemySessionUserDatastore, UserMixin, current_user
from flask_security.signals import password_reset, user_authenticated
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.orm import Session, scoped_session
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from campaigns import agencies, audit
from campaigns.errors import NotAllowed
from campaigns.rules import policy
from campaigns.settings import Settings
from campaigns.store.staff import Staff
from outreach import password_mail, sessions, sign_in
from outreach.errors import NotSignedIn

View = TypeVar("View", bound=Callable[..., Any])
_MEGABYTE = 1024 * 1024
_PLAIN_FORM = "application/x-www-form-urlencoded"


class SignedIn(UserMixin, Staff):
    """The staff table as Flask-Security wants to see it. Domain code must not test for this class."""

    @property
    def roles(self) -> list[Any]:
        """None of Flask-Security's: our rights are `policy.RIGHTS`."""
        return []

    @property
    def language(self) -> str | None:
        """The interface language this person chose, for `i18n`."""
        return self.interface_language


@dataclass(frozen=True)
class Access:
    """What is written on a route: who may come in, and how much may be sent."""

    right: str | None = None
    signed_in: bool = True
    signed_by_provider: bool = False
    megabytes: int = 1
    form_token: bool = True

    @property
    def takes_files(self) -> bool:
        """Whether files may be sent: to the routes that were given room for one."""
        return self.megabytes > 1


def requires(right: str, *, megabytes: int = 1) -> Callable[[View], View]:
    """Only staff with this right may use the route. A right that nobody wrote down stops the start.

    Sets `g.staff`, `g.agency_id` and `g.db` (a session that sees this agency's rows only; the page never commits).
    """
    policy.may("admin", right)
    return _mark(Access(right=right, megabytes=megabytes))


def public(*, form_token: bool = True) -> Callable[[View], View]:
    """Anyone may use the route; forms still need their CSRF token, unless what allows them stands in the address."""
    return _mark(Access(signed_in=False, form_token=form_token))


def signed_webhook(*, megabytes: int = 1) -> Callable[[View], View]:
    """A provider calls the route, and its first act is to check the provider's signature. No CSRF token is asked."""
    return _mark(Access(signed_in=False, signed_by_provider=True, megabytes=megabytes))


def _mark(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


def access_of(app: Flask, endpoint: str) -> Access | None:
    """What is written on a route; None for a route nobody thought about, which stays shut."""
    if endpoint == "static":
        return Access(signed_in=False)
    return getattr(app.view_functions.get(endpoint), "access", None)


def install(app: Flask, settings: Settings, session: scoped_session[Session]) -> None:
    """Sign-in, its limits, CSRF, and the guard before every request."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="outreach",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        # The guard asks for the token, after it knows who is here: see guard().
        WTF_CSRF_CHECK_DEFAULT=False,
        # As long as the sign-in: a text written over two hours must not be lost to its own form.
        WTF_CSRF_TIME_LIMIT=None,
        # Our pages send no Referer (Referrer-Policy), which this check would need; the token alone decides.
        WTF_CSRF_SSL_STRICT=False,
        **sign_in.configuration(settings),
    )
    csrf = CSRFProtect(app)
    people = SQLAlchemySessionUserDatastore(session, SignedIn, None)
    security = Security(
        app, people, **sign_in.FORMS, render_template=sign_in.render, mail_util_cls=password_mail.PasswordMail
    )
    security.want_json(lambda _request: False)
    user_authenticated.connect(note_sign_in, app)
    password_reset.connect(note_reset, app)
    app.jinja_env.globals["mail_is_set_up"] = password_mail.is_set_up
    for endpoint, access in sign_in.ROUTES.items():
        if endpoint in app.view_functions:
            app.view_functions[endpoint].access = Access(**access)  # type: ignore[attr-defined]
    sign_in.limit(app, settings)
    app.before_request(lambda: guard(csrf))
    app.context_processor(lambda: {"shell": g.get("shell"), "may": may})


def guard(csrf: CSRFProtect) -> None:
    """Before every page: size, right, shape, then CSRF. A route without a mark is refused to everybody."""
    access = admit()
    if access is not None and access.form_token and not access.signed_by_provider:
        csrf.protect()


def admit() -> Access | None:
    """Size, right and shape of a request for a route; what is written on it, None where there is no route."""
    now = request._get_current_object()  # asked for once: the proxy looks for it at every name
    if now.endpoint is None:
        return None
    access = access_of(current_app, now.endpoint)
    if access is None:
        raise NotAllowed("route_not_marked")
    now.max_content_length = access.megabytes * _MEGABYTE
    if "\x00" in now.path or b"%00" in now.query_string or b"\x00" in now.query_string:
        raise BadRequest
    if access.signed_in:
        _let_in(access)
    is_plain = now.method != "POST" or now.content_type == _PLAIN_FORM
    if not is_plain and (now.is_json or (now.files and not access.takes_files)):
        raise UnsupportedMediaType  # the forms' library would put either into fields for words, whatever it is
    return access


def _let_in(access: Access) -> None:
    if not current_user.is_authenticated:
        raise NotSignedIn
    person = current_user._get_current_object()
    agency = agencies.get(sessions.current(), person.agency_id)
    g.staff, g.agency_id = person, person.agency_id
    g.zone = ZoneInfo(agency.time_zone)
    g.db = sessions.act_for(person.agency_id)
    # Plain values: an error page must be able to show them when the database is gone.
    g.shell = Shell(person.id, person.name, person.role, agency.name, agency.halted_at is not None)
    if access.right and not policy.may(person.role, access.right):
        raise NotAllowed("role_lacks_right")


@dataclass(frozen=True)
class Shell:
    """What the frame around every signed-in page shows."""

    staff_id: int
    staff_name: str
    role: str
    agency_name: str
    halted: bool


def may(right: str) -> bool:
    """Whether the reader has this right: for templates, to leave out what would be refused."""
    shell: Shell | None = g.get("shell")
    return shell is not None and policy.may(shell.role, right)


def note_sign_in(_app: Flask, user: SignedIn, **_about: object) -> None:
    """A line in the audit log for every sign-in, in the transaction that ends with the answer."""
    session = sessions.act_for(user.agency_id)
    audit.record(session, user.agency_id, audit.Did.STAFF_SIGNED_IN, f"staff:{user.id}", by=user.id)


def note_reset(_app: Flask, user: SignedIn, **_about: object) -> None:
    """A line in the audit log for a password set by a link, in the same transaction (see sign_in.ResetPassword)."""
    audit.record(sessions.current(), user.agency_id, audit.Did.STAFF_RESET, f"staff:{user.id}", by=user.id)
