"""Campaigns, texts, deliveries by partition, receipts, inbound and figures."""

from alembic import op

from campaigns.store.migrations.security import protect

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE campaign (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    kind TEXT DEFAULT 'alert' NOT NULL,
    name TEXT NOT NULL,
    state TEXT DEFAULT 'draft' NOT NULL,
    segment_id BIGINT,
    rule JSONB,
    sender_id BIGINT,
    fallback_language TEXT DEFAULT 'es' NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    author_id BIGINT,
    approver_id BIGINT,
    return_reason TEXT,
    pause_reason TEXT,
    content_digest TEXT,
    audience_digest TEXT,
    plan_total INTEGER,
    plan_done INTEGER DEFAULT '0' NOT NULL,
    plan_left_out JSONB,
    plan_after BIGINT DEFAULT '0' NOT NULL,
    plan_leased_until TIMESTAMP WITH TIME ZONE,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE,
    approved_at TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT campaign_pkey PRIMARY KEY (id),
    CONSTRAINT campaign_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT campaign_segment_id_fkey FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE RESTRICT,
    CONSTRAINT campaign_sender_id_fkey FOREIGN KEY(sender_id) REFERENCES sender (id),
    CONSTRAINT campaign_author_id_fkey FOREIGN KEY(author_id) REFERENCES staff (id),
    CONSTRAINT campaign_approver_id_fkey FOREIGN KEY(approver_id) REFERENCES staff (id)
);
CREATE INDEX campaign_agency ON campaign (agency_id, id);
CREATE INDEX campaign_due ON campaign (state) WHERE state IN ('planning', 'running', 'stopping', 'scheduled');
CREATE UNIQUE INDEX campaign_service ON campaign (agency_id) WHERE kind = 'service';
CREATE TABLE text (
    agency_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    language TEXT NOT NULL,
    subject TEXT,
    body TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT text_pkey PRIMARY KEY (campaign_id, channel, language),
    CONSTRAINT text_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT text_campaign_id_fkey FOREIGN KEY(campaign_id) REFERENCES campaign (id) ON DELETE CASCADE
);
CREATE TABLE delivery (
    campaign_id BIGINT NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    contact_id BIGINT,
    channel TEXT NOT NULL,
    address_index BYTEA NOT NULL,
    language TEXT NOT NULL,
    occasion BIGINT DEFAULT '0' NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    reason TEXT,
    attempt SMALLINT DEFAULT '0' NOT NULL,
    absences SMALLINT DEFAULT '0' NOT NULL,
    provider_ref TEXT,
    parts SMALLINT,
    leased_until TIMESTAMP WITH TIME ZONE,
    not_before TIMESTAMP WITH TIME ZONE,
    handed_at TIMESTAMP WITH TIME ZONE,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT delivery_pkey PRIMARY KEY (campaign_id, id),
    CONSTRAINT delivery_campaign_id_channel_address_index_occasion_key
        UNIQUE (campaign_id, channel, address_index, occasion)
)
 PARTITION BY RANGE (campaign_id);
CREATE INDEX delivery_contact ON delivery (agency_id, contact_id);
CREATE INDEX delivery_open ON delivery (campaign_id, leased_until) WHERE state IN ('sending', 'unknown');
CREATE INDEX delivery_queued ON delivery (campaign_id, id) WHERE state = 'queued';
CREATE TABLE message (
    campaign_id BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    agency_id BIGINT NOT NULL,
    staff_id BIGINT,
    address_sealed BYTEA NOT NULL,
    body_sealed BYTEA NOT NULL,
    CONSTRAINT message_pkey PRIMARY KEY (campaign_id, delivery_id)
);
CREATE TABLE receipt (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    provider_ref TEXT NOT NULL,
    campaign_id BIGINT,
    delivery_id BIGINT,
    attempt SMALLINT,
    state TEXT NOT NULL,
    reason TEXT,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE,
    matched BOOLEAN,
    CONSTRAINT receipt_pkey PRIMARY KEY (id),
    CONSTRAINT receipt_sender_id_provider_ref_state_key UNIQUE (sender_id, provider_ref, state),
    CONSTRAINT receipt_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT receipt_sender_id_fkey FOREIGN KEY(sender_id) REFERENCES sender (id)
);
CREATE INDEX receipt_waiting ON receipt (agency_id, id) WHERE applied_at IS NULL;
CREATE TABLE inbound (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    provider_ref TEXT NOT NULL,
    channel TEXT NOT NULL,
    address_index BYTEA NOT NULL,
    address_sealed BYTEA NOT NULL,
    body_sealed BYTEA NOT NULL,
    contact_id BIGINT,
    campaign_id BIGINT,
    kind TEXT NOT NULL,
    rule TEXT,
    language TEXT NOT NULL,
    answer TEXT,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by BIGINT,
    CONSTRAINT inbound_pkey PRIMARY KEY (id),
    CONSTRAINT inbound_sender_id_provider_ref_key UNIQUE (sender_id, provider_ref),
    CONSTRAINT inbound_agency_id_fkey FOREIGN KEY(agency_id) REFERENCES agency (id),
    CONSTRAINT inbound_sender_id_fkey FOREIGN KEY(sender_id) REFERENCES sender (id),
    CONSTRAINT inbound_closed_by_fkey FOREIGN KEY(closed_by) REFERENCES staff (id)
);
CREATE INDEX inbound_waiting ON inbound (agency_id, id) WHERE closed_at IS NULL;
CREATE TABLE figure (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    language TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    number INTEGER NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT figure_pkey PRIMARY KEY (id)
);
CREATE INDEX figure_campaign ON figure (campaign_id);
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute("CREATE TABLE delivery_rest PARTITION OF delivery DEFAULT WITH (fillfactor = 85)")
    protect("campaign", "SELECT, INSERT, UPDATE, DELETE")
    protect("text", "SELECT, INSERT, UPDATE, DELETE")
    protect("message", "SELECT, INSERT")
    protect("receipt", "SELECT, INSERT, UPDATE (applied_at, matched)")
    protect("inbound", "SELECT, INSERT, UPDATE (closed_at, closed_by)")
    protect("figure", "SELECT, INSERT, DELETE")
    # The audience is frozen: the app may add rows only while planning (see 0004) and move only their state.
    protect(
        "delivery",
        "SELECT, INSERT, UPDATE (state, reason, attempt, absences, provider_ref, parts, leased_until,"
        " not_before, handed_at, changed_at)",
    )


def downgrade() -> None:
    op.execute("DROP TABLE figure, inbound, receipt, message, delivery, text, campaign")
