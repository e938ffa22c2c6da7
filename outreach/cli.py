"""The command line: `outreach`, a click group. Every command works on the embedded servers by itself."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from psycopg.errors import UndefinedColumn, UndefinedFunction, UndefinedTable
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from campaigns.errors import Problem
from campaigns.settings import Settings
from outreach import embedded
from outreach.database import Connections, connect, migrate


class Group(click.Group):
    """A group whose commands end with a sentence, not a traceback, when the domain or the settings say no."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what we foresaw becomes one line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            from outreach.sentences import sentence  # the pages' words, needed only when something is wrong

            raise click.ClickException(sentence(problem)) from None
        except (ValueError, RuntimeError) as error:
            raise click.ClickException(str(error)) from None
        except DBAPIError as error:
            raise click.ClickException(_about_database(error)) from None
        except RedisError as error:
            raise click.ClickException(f"REDIS_URL: {error}") from None
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def _about_database(error: DBAPIError) -> str:
    said = str(error.orig).strip().partition("\n")[0]
    if isinstance(error.orig, UndefinedTable | UndefinedColumn | UndefinedFunction):
        return f"The database is not at this version; run: outreach migrate ({said})"
    return f"PostgreSQL (DATABASE_URL, DATABASE_OWNER_URL): {said}"


@click.group(cls=Group)
@click.version_option(package_name="outreach")
def main() -> None:
    """Outreach: warn businesses that gangs extort. Settings come from the environment (docs/install.md)."""


def settings() -> Settings:
    """The settings of this run; raises ValueError with a sentence."""
    return Settings.from_env(os.environ)


@contextmanager
def installation(*, migrated: bool = True) -> Iterator[tuple[Settings, Connections]]:
    """Running servers, a database at the newest revision, and connections; all given back at the end.

    Only the embedded database is migrated by itself: with URLs set that is the operator's own step.
    """
    chosen = settings()
    with embedded.servers(chosen) as live:
        if migrated and not chosen.database_url:
            migrate(live)
        connections = connect(live)
        try:
            yield live, connections
        finally:
            connections.close()


@main.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest revision and load the reference data. May be run again."""
    with embedded.servers(settings()) as live:
        click.echo(f"The database stands at revision {migrate(live)}.")


def _add_commands() -> None:
    # Each noun's commands in a file of its own.
    from outreach import cli_demo, cli_doctor, cli_imports, cli_keys, cli_people, cli_servers

    for module in (cli_people, cli_imports, cli_keys, cli_servers, cli_doctor, cli_demo):
        for command in module.COMMANDS:
            main.add_command(command)


_add_commands()

if __name__ == "__main__":
    sys.exit(main())
