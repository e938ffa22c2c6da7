"""How Alembic runs here: on a connection the caller opened as the owner, with short time-outs."""

from alembic import context
from sqlalchemy import text

from campaigns.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    # A migration that must wait for a lock would make everyone else wait behind it.
    connection.execute(text("SET LOCAL lock_timeout = '4s'"))
    connection.execute(text("SET LOCAL statement_timeout = '60s'"))
    context.run_migrations()
