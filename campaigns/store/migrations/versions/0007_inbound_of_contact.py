"""An index for one person's page, which counts what they wrote."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("CREATE INDEX inbound_contact ON inbound (agency_id, contact_id) WHERE contact_id IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP INDEX inbound_contact")
