"""Opens the web's and the command line's database sessions; nothing else in this folder does."""

from dataclasses import dataclass

import redis
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from campaigns import reference
from campaigns.settings import Settings
from campaigns.store import schema
from campaigns.store.engine import AgencySessions, agency_sessions, open_engine, refuse_strong_role
from campaigns.vault import Vault


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

    Returns the revision.
    """
    owner = create_engine(settings.owner_url)
    try:
        schema.migrate(owner, settings.app_url)
        with Session(owner) as session:
            reference.load(session)
            session.commit()
        return schema.head()
    finally:
        owner.dispose()
