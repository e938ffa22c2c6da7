"""Phrases that tell what people want who answer, beside the words that do."""

from alembic import op

from campaigns.store.migrations.security import grant

revision = "0017"
down_revision = "0016"

PHRASE = """
CREATE TABLE phrase (
    language TEXT NOT NULL,
    sense TEXT NOT NULL,
    phrase TEXT NOT NULL,
    place INTEGER NOT NULL,
    enabled BOOLEAN DEFAULT false NOT NULL,
    reader TEXT,
    CONSTRAINT phrase_pkey PRIMARY KEY (language, sense, phrase)
)
"""


def upgrade() -> None:
    op.execute(PHRASE)
    grant("phrase", "SELECT")


def downgrade() -> None:
    op.execute("DROP TABLE phrase")
