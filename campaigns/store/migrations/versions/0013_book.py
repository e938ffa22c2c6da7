"""Nothing yet."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Nothing to do."""


def downgrade() -> None:
    """Nothing to take back."""
