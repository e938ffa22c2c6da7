"""Engines, and sessions that act for one agency: row-level security hides everyone else's rows."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from campaigns.store import tables  # noqa: F401 - a process that declares only some tables cannot follow their keys

# A factory of session factories: None acts for no agency and sees only what stands outside row-level security.
AgencySessions = Callable[[int | None], sessionmaker[Session]]

_BECOME = text("SELECT set_config('outreach.agency_id', :agency_id, true)")
_WEIGH = text(
    "SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)"
    " FROM pg_roles WHERE rolname = current_user"
)


class ActingSession(Session):
    """A session whose every transaction acts for the agency in `info["agency_id"]` (DESIGN 10.1)."""


@event.listens_for(ActingSession, "after_begin")
def _become(session: Session, _transaction: Any, connection: Connection) -> None:
    agency_id = session.info.get("agency_id")
    if agency_id is not None:
        connection.execute(_BECOME, {"agency_id": str(agency_id)})


def open_engine(url: str, *, size: int = 5, ping: bool = True) -> Engine:
    """An engine for the app role's URL; opens no connection yet. `ping` asks whether a kept connection still lives."""
    # Parameters stay out of error messages, and so out of logs.
    return create_engine(
        url, pool_size=size, max_overflow=size, pool_pre_ping=ping, pool_recycle=1800, hide_parameters=True
    )


def agency_sessions(engine: Engine) -> AgencySessions:
    """What makes sessions for an agency: `sessions(agency_id)` is a sessionmaker."""
    return lambda agency_id: sessionmaker(
        engine, class_=ActingSession, expire_on_commit=False, info={"agency_id": agency_id}
    )


def refuse_strong_role(engine: Engine) -> None:
    """Raises ValueError with a sentence if the app's role could look past row-level security."""
    with engine.connect() as connection:
        if connection.scalar(_WEIGH):
            raise ValueError(
                "DATABASE_URL: this role owns tables, is a superuser or bypasses row-level security; "
                "give the app a plain role of its own (docs/install.md)"
            )
