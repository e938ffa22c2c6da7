"""Opens the web's and the command line's database sessions; nothing else in this folder does."""

from dataclasses import dataclass
from typing import Final

import redis
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from campaigns import reference
from campaigns.settings import Settings
from campaigns.store import schema
from campaigns.store.engine import AgencySessions, agency_sessions, open_engine, refuse_strong_role
from campaigns.vault import Vault

# What is raised when the database does not answer, or no connection of the process became free.
GONE: Final = (OperationalError, InterfaceError, PoolTimeout)


@dataclass(frozen=True)
class Connections:
    """What a process holds for its lifetime: the app role's engine, its sessions, Valkey, and the vault."""

    engine: Engine
    sessions: AgencySessions
    valkey: redis.Redis
    vault: Vault

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()
        self.valkey.close()


def connect(settings: Settings, *, size: int = 5) -> Connections:
    """Connections for one process; raises ValueError with a sentence if the app's role is too strong."""
    engine = open_engine(settings.app_url, size=size)
    refuse_strong_role(engine)
    valkey = redis.Redis.from_url(settings.queue_url, socket_timeout=5, socket_connect_timeout=5)
    return Connections(engine, agency_sessions(engine), valkey, Vault(settings))


def migrate(settings: Settings) -> str:
    """Bring the database to the newest revision and load the reference data, as the owner; may be called again.

    Returns the revision. Raises ValueError with a sentence, and changes nothing, if the app's role is too strong; and
    if the tables were made for another role.
    """
    if make_url(settings.app_url).username == make_url(settings.owner_url).username:
        raise ValueError("DATABASE_URL: the app needs a role of its own, not the owner's (docs/install.md)")
    owner, app = create_engine(settings.owner_url), open_engine(settings.app_url, size=1)
    try:
        refuse_strong_role(app)
        schema.migrate(owner, settings.app_url)
        with Session(owner) as session:
            reference.load(session)
            session.commit()
        _refuse_another_role(app)
        return schema.head()
    finally:
        app.dispose()
        owner.dispose()


def _refuse_another_role(app: Engine) -> None:
    # Migrations grant to the role of their time; a new name later gets nothing, and every page would break.
    with app.connect() as connection:
        if not connection.scalar(text("SELECT has_table_privilege('agency', 'SELECT')")):
            raise ValueError(
                "DATABASE_URL: the tables were made for another role; use that one, or GRANT it to this one"
            )
