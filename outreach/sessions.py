"""One database session a request: opened when first used, committed once, before the answer leaves."""

from collections.abc import Callable
from typing import Final

from flask import Flask, Response, current_app, g
from sqlalchemy.orm import Session, scoped_session

from outreach.database import Connections

_KEY: Final = "outreach.sessions"


def install(app: Flask, connections: Connections) -> scoped_session[Session]:
    """The requests' session. An answer below 400 commits it; every other one, and every error, rolls it back."""
    scoped = scoped_session(connections.sessions(None), scopefunc=lambda: id(g._get_current_object()))
    app.extensions[_KEY] = scoped

    @app.after_request
    def settle(response: Response) -> Response:
        if scoped.registry.has():
            if response.status_code < 400:
                scoped.commit()
                for act in g.pop("after_commit", []):
                    act()
            else:
                scoped.rollback()
        return response

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        scoped.remove()

    return scoped


def current() -> Session:
    """This request's session. Pages use it as `g.db` and never commit it."""
    scoped: scoped_session[Session] = current_app.extensions[_KEY]
    return scoped()


def act_for(agency_id: int) -> Session:
    """From here on this request's session sees this agency's rows, and no other's (row-level security)."""
    session = current()
    # The agency is set when a transaction begins, so the one that looked up who is here ends first.
    session.commit()
    session.info["agency_id"] = agency_id
    return session


def after_commit(act: Callable[[], None]) -> None:
    """Do `act` (a nudge) when this request's work is safely stored; not at all when it is rolled back."""
    g.setdefault("after_commit", []).append(act)
