"""What a migration says once per table: who may do what, and that agencies cannot see each other."""

from alembic import context, op


def app_role() -> str:
    """The quoted name of the app's role, as the caller of the migration gave it."""
    name: str = context.config.attributes["app_role"]
    return '"' + name.replace('"', '""') + '"'


def grant(table: str, rights: str) -> None:
    """Let the app's role do `rights` ("SELECT, INSERT (a, b)") on `table`, and nothing else."""
    op.execute(f'GRANT {rights} ON "{table}" TO {app_role()}')


def protect(table: str, rights: str) -> None:
    """Like grant(), behind row-level security: only the rows of the agency the transaction acts for.

    ENABLE, not FORCE (DESIGN 10.1): the owner's migrations and backups see everything.
    """
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(
        f'CREATE POLICY own_agency ON "{table}" USING'
        " (agency_id = nullif(current_setting('outreach.agency_id', true), '')::bigint)"
    )
    grant(table, rights)


def grant_call(function: str) -> None:
    """Let only the app's role call a SECURITY DEFINER function."""
    op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {app_role()}")
