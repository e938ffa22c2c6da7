"""Flask, with a short way for what providers post: a hundred requests a second that have no visitor, form or page."""

import threading
from typing import Any, Final

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue

from outreach import auth

# A page needs a database connection and sometimes much memory (a password's check 64 MB). The threads beyond these
# are there for providers' requests, which wait for a commit together.
PAGES_AT_ONCE: Final = 8


_PROVIDERS_PATH: Final = "/hooks/"


class Cookies(SecureCookieSessionInterface):
    """Flask's, but providers have no cookie that would have to be read."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Flask's; an empty one for what providers post."""
        return self.session_class() if request.path.startswith(_PROVIDERS_PATH) else super().open_session(app, request)


class Application(Flask):
    """Requests of providers pass the guard, the session's end and the headers only; the others pass everything."""

    session_interface = Cookies()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pages = threading.BoundedSemaphore(PAGES_AT_ONCE)
        self._kept_for_providers = 0

    def providers_pass_no_more(self) -> None:
        """After-request functions registered from now on are for pages only."""
        self._kept_for_providers = len(self.after_request_funcs[None])

    def full_dispatch_request(self) -> Response:
        """Flask's; at most PAGES_AT_ONCE pages at a time, the others wait."""
        if self._is_from_provider():
            return super().full_dispatch_request()
        with self._pages:
            return super().full_dispatch_request()

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Flask's, or the guard alone."""
        if not self._is_from_provider():
            return super().preprocess_request()
        auth.guard(self.extensions["csrf"])
        return None

    def process_response(self, response: Response) -> Response:
        """Flask's, or what was registered before providers_pass_no_more()."""
        if not self._is_from_provider():
            return super().process_response(response)
        for act in reversed(self.after_request_funcs[None][: self._kept_for_providers]):
            response = act(response)  # type: ignore[assignment, misc]
        return response

    def _is_from_provider(self) -> bool:
        # Asked of the route as well: a path of theirs that is no route is a page that does not exist.
        if not request.path.startswith(_PROVIDERS_PATH) or not request.endpoint:
            return False
        access = auth.access_of(self, request.endpoint)
        return access is not None and access.signed_by_provider
