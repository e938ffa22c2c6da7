"""Flask, with a limit of pages at a time, and a way of its own for what providers post."""

import threading
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A page needs a database connection and sometimes much memory (a password's check 64 MB). The threads beyond these
# are there for providers' requests, which wait for a commit together.
PAGES_AT_ONCE: Final = 8


class Application(Flask):
    """At most PAGES_AT_ONCE pages at a time, the others wait."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pages = threading.BoundedSemaphore(PAGES_AT_ONCE)

    def full_dispatch_request(self) -> Response:
        """Flask's, when it is this page's turn."""
        with self._pages:
            return super().full_dispatch_request()


def divide(prefix: str, inside: "WSGIApplication", outside: "WSGIApplication") -> "WSGIApplication":
    """One WSGI application of two: `inside` answers every path that begins with `prefix`, `outside` the others."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        chosen = inside if environ.get("PATH_INFO", "").startswith(prefix) else outside
        return chosen(environ, start_response)

    return answer
