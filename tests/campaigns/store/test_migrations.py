"""The migrations make exactly the tables the code declares, and can be taken back."""

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url

from campaigns.store import schema
from campaigns.store.tables import metadata


def _scratch(settings) -> str:
    admin = settings.owner_url.replace("outreach_owner", "postgres")
    with psycopg.connect(admin.replace("+psycopg", ""), autocommit=True) as connection:
        name = f"{make_url(settings.owner_url).database}_scratch"
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} OWNER outreach_owner")
    return make_url(settings.owner_url).set(database=name).render_as_string(hide_password=False)


def test_up_down_and_up_again(settings):
    owner = create_engine(_scratch(settings))
    try:
        schema.migrate(owner, settings.app_url)
        schema.migrate(owner, settings.app_url)
        assert schema.standing(owner) == schema.head()
        schema.migrate(owner, settings.app_url, to="base", down=True)
        assert schema.standing(owner) is None
        with owner.connect() as connection:
            left = connection.exec_driver_sql(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            ).scalars()
            assert set(left) == {"alembic_version"}
        schema.migrate(owner, settings.app_url)
    finally:
        owner.dispose()


def test_the_tables_are_those_the_code_declares(settings, connections):
    owner = create_engine(settings.owner_url)

    def ours(_object, name, kind, _reflected, _other):
        return not (kind == "table" and name.startswith("delivery_"))  # partitions

    with owner.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_object": ours}
        )
        assert compare_metadata(context, metadata) == []
    owner.dispose()


def test_one_head():
    scripts = ScriptDirectory.from_config(schema._config(None, ""))
    assert len(scripts.get_heads()) == 1
