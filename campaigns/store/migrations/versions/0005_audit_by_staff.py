"""An index that finds what one member of staff did: who wrote a campaign may not approve it."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE INDEX audit_staff ON audit (agency_id, staff_id, did, id)")


def downgrade() -> None:
    op.execute("DROP INDEX audit_staff")
