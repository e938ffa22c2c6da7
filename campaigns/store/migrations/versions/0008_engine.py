"""The sending engine: schedules, lanes, budgets, second attempts, corrections, and news for those in charge."""

from alembic import op

from campaigns.store.migrations.security import grant, protect

revision = "0008"
down_revision = "0007"

AGENCY = """
ALTER TABLE agency
    ADD COLUMN parts_per_month INTEGER,
    ADD COLUMN brake_failed SMALLINT DEFAULT '20' NOT NULL,
    ADD COLUMN brake_filtered SMALLINT DEFAULT '2' NOT NULL
"""

CAMPAIGN = """
ALTER TABLE campaign
    ADD COLUMN starts_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN is_urgent BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN parts_cap INTEGER,
    ADD COLUMN amends TEXT,
    ADD COLUMN parent_id BIGINT,
    ADD COLUMN resumed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN asked_upto BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN ask_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN settled_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT campaign_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES campaign (id);
-- Sends without a campaign are single messages that somebody waits for.
UPDATE campaign SET is_urgent = true WHERE kind = 'service';
CREATE INDEX campaign_parent ON campaign (parent_id) WHERE parent_id IS NOT NULL;
DROP INDEX campaign_due;
CREATE INDEX campaign_due ON campaign (state) WHERE settled_at IS NULL
    AND state IN ('planning', 'scheduled', 'running', 'paused', 'stopping', 'stopped')
"""

# Indexes that follow the state do so through columns that keep their value from `sent` on: so a receipt touches no
# index (a HOT update), and the queued tail stays small at a hundred million rows.
DELIVERY = """
DROP INDEX delivery_queued;
DROP INDEX delivery_open;
ALTER TABLE delivery
    ALTER COLUMN attempt TYPE INTEGER,
    ADD COLUMN charged SMALLINT DEFAULT '0' NOT NULL,
    ADD COLUMN again SMALLINT DEFAULT '0' NOT NULL,
    ADD COLUMN is_queued BOOLEAN GENERATED ALWAYS AS (state = 'queued') STORED,
    ADD COLUMN may_go_again BOOLEAN GENERATED ALWAYS AS (
        state = 'failed' AND again = 0 AND reason = ANY (ARRAY['unreachable', 'queue_full', 'too_late'])) STORED;
CREATE INDEX delivery_queued ON delivery (campaign_id, id) WHERE is_queued;
CREATE INDEX delivery_open ON delivery (campaign_id, leased_until) WHERE leased_until IS NOT NULL;
CREATE INDEX delivery_again ON delivery (campaign_id, id) WHERE may_go_again
"""

FIGURE = """
ALTER TABLE figure
    ADD COLUMN parts INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN is_old BOOLEAN DEFAULT false NOT NULL;
CREATE INDEX figure_agency ON figure (agency_id, made_at)
"""

RECEIPT = """
ALTER TABLE receipt ALTER COLUMN attempt TYPE INTEGER;
CREATE INDEX receipt_unmatched ON receipt (agency_id, id) WHERE matched IS FALSE
"""

NOTICE = """
CREATE TABLE notice (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    what TEXT NOT NULL,
    reason TEXT,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT notice_pkey PRIMARY KEY (id),
    CONSTRAINT notice_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT notice_staff_id_fkey FOREIGN KEY(staff_id) REFERENCES staff (id),
    CONSTRAINT notice_campaign_id_fkey FOREIGN KEY(campaign_id) REFERENCES campaign (id) ON DELETE CASCADE
);
CREATE INDEX notice_unseen ON notice (agency_id, staff_id, id) WHERE seen_at IS NULL
"""


def upgrade() -> None:
    for statements in (AGENCY, CAMPAIGN, DELIVERY, FIGURE, RECEIPT, NOTICE):
        op.execute(statements)
    protect("notice", "SELECT, INSERT, UPDATE (seen_at)")
    grant("delivery", "UPDATE (charged, again)")
    grant("receipt", "UPDATE (campaign_id, delivery_id, attempt)")


def downgrade() -> None:
    op.execute(
        "DROP TABLE notice; DROP INDEX receipt_unmatched; ALTER TABLE receipt ALTER COLUMN attempt TYPE SMALLINT"
    )
    op.execute("DROP INDEX figure_agency; ALTER TABLE figure DROP COLUMN parts, DROP COLUMN is_old")
    op.execute("""
DROP INDEX delivery_queued, delivery_open, delivery_again;
ALTER TABLE delivery DROP COLUMN is_queued, DROP COLUMN may_go_again, DROP COLUMN charged, DROP COLUMN again,
    ALTER COLUMN attempt TYPE SMALLINT;
CREATE INDEX delivery_open ON delivery (campaign_id, leased_until) WHERE state IN ('sending', 'unknown');
CREATE INDEX delivery_queued ON delivery (campaign_id, id) WHERE state = 'queued';
DROP INDEX campaign_due, campaign_parent;
CREATE INDEX campaign_due ON campaign (state) WHERE state IN ('planning', 'running', 'stopping', 'scheduled');
ALTER TABLE campaign DROP COLUMN starts_at, DROP COLUMN is_urgent, DROP COLUMN parts_cap, DROP COLUMN amends,
    DROP COLUMN parent_id, DROP COLUMN resumed_at, DROP COLUMN asked_upto, DROP COLUMN ask_at, DROP COLUMN settled_at;
ALTER TABLE agency DROP COLUMN parts_per_month, DROP COLUMN brake_failed, DROP COLUMN brake_filtered
""")
