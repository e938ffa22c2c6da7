"""Runs the migrations and says which one the database stands at."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, make_url


def _config(connection: Connection | None, app_role: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["app_role"] = app_role
    return config


def migrate(owner: Engine, app_url: str, *, to: str = "head", down: bool = False) -> None:
    """Bring the database to revision `to`; calling it again changes nothing. `app_url` names the app's role.

    Runs as the owner in one transaction and commits it. Raises what PostgreSQL raises; then nothing has changed.
    """
    role = make_url(app_url).username or "outreach_app"
    with owner.begin() as connection:
        # Two hosts that start together: the second waits, then finds nothing to do.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7_112_026)")
        config = _config(connection, role)
        if down:
            command.downgrade(config, to)
        else:
            command.upgrade(config, to)


def head() -> str:
    """The newest revision this code knows. Raises if there were two."""
    revision = ScriptDirectory.from_config(_config(None, "")).get_current_head()
    return revision or ""


def standing(engine: Engine) -> str | None:
    """The revision the database stands at, or None before the first migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
