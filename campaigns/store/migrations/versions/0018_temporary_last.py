"""Functions with the owner's rights look for tables among the owner's own first, and for temporary ones last.

The app's role makes temporary tables, and PostgreSQL looks among those first unless told otherwise: one called
`campaign` would let deliveries in that nobody planned.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

SEARCH = """
DO $$
DECLARE each regprocedure;
BEGIN
    FOR each IN SELECT oid FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = {path}', each);
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(SEARCH.replace("{path}", "public, pg_temp"))


def downgrade() -> None:
    op.execute(SEARCH.replace("{path}", "public"))
