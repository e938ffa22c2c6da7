"""The address book: roles and proofs of people, addresses of merged ones, and imports in steps that can be undone."""

from alembic import op

from campaigns.store.migrations.security import protect

revision = "0012"
down_revision = "0011"

CONTACT = """
ALTER TABLE contact
    ADD COLUMN role TEXT,
    ADD COLUMN ground_source TEXT,
    ADD COLUMN ground_text TEXT;
CREATE TABLE contact_alias (
    agency_id BIGINT NOT NULL,
    address_index BYTEA NOT NULL,
    contact_id BIGINT NOT NULL,
    CONSTRAINT contact_alias_pkey PRIMARY KEY (agency_id, address_index)
);
CREATE INDEX contact_alias_contact_id ON contact_alias (contact_id);
CREATE INDEX audit_subject ON audit (agency_id, subject, id)
"""

IMPORT = """
ALTER TABLE import
    ADD COLUMN kind TEXT DEFAULT 'delimited' NOT NULL,
    ADD COLUMN name_sealed BYTEA,
    ADD COLUMN look_sealed BYTEA,
    ADD COLUMN check_report JSONB,
    ADD COLUMN begun_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN undone_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN undone_by BIGINT,
    ADD CONSTRAINT import_undone_by_fkey FOREIGN KEY (undone_by) REFERENCES staff (id);
CREATE TABLE import_fault (
    agency_id BIGINT NOT NULL,
    import_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    content_sealed BYTEA NOT NULL,
    CONSTRAINT import_fault_pkey PRIMARY KEY (import_id, number),
    CONSTRAINT import_fault_import_id_fkey FOREIGN KEY(import_id) REFERENCES import (id) ON DELETE CASCADE
);
CREATE TABLE import_columns (
    agency_id BIGINT NOT NULL,
    headings_index BYTEA NOT NULL,
    columns JSONB NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT import_columns_pkey PRIMARY KEY (agency_id, headings_index)
);
CREATE TABLE contact_before (
    agency_id BIGINT NOT NULL,
    import_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    before JSONB NOT NULL,
    CONSTRAINT contact_before_pkey PRIMARY KEY (import_id, contact_id),
    CONSTRAINT contact_before_import_id_fkey FOREIGN KEY(import_id) REFERENCES import (id) ON DELETE CASCADE
);
CREATE INDEX contact_before_contact_id ON contact_before (contact_id);
CREATE INDEX contact_import ON contact (agency_id, import_id) WHERE import_id IS NOT NULL
"""

_FORGET = """
CREATE OR REPLACE FUNCTION forget_contact_marks() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    DELETE FROM contact_word m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_sector m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_tag m USING gone WHERE m.contact_id = gone.id;%s
    RETURN NULL;
END $$
"""
OLD_FORGET = _FORGET % ""
FORGET = (
    _FORGET
    % """
    DELETE FROM contact_alias m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_before m USING gone WHERE m.contact_id = gone.id;"""
)

_DUE = """
CREATE OR REPLACE FUNCTION due_work() RETURNS TABLE (what text, agency_id bigint, id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT 'plan', c.agency_id, c.id FROM campaign c
    WHERE c.state = 'planning' AND c.settled_at IS NULL
        AND (c.plan_leased_until IS NULL OR c.plan_leased_until < now())
    UNION ALL
    SELECT 'start', c.agency_id, c.id FROM campaign c
    WHERE c.state = 'scheduled' AND c.settled_at IS NULL AND c.starts_at <= now()
    UNION ALL
    SELECT CASE WHEN c.is_urgent THEN 'urgent' ELSE 'send' END, c.agency_id, c.id
    FROM campaign c JOIN agency a ON a.id = c.agency_id
    WHERE c.state = 'running' AND c.settled_at IS NULL AND a.halted_at IS NULL
        AND (c.expires_at IS NULL OR c.expires_at > now())
        AND EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.is_queued
            AND (d.not_before IS NULL OR d.not_before <= now()))
    UNION ALL
    SELECT 'settle', c.agency_id, c.id FROM campaign c
    WHERE c.state IN ('running', 'paused', 'stopping') AND c.settled_at IS NULL
        AND (EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.leased_until < now())
            OR (c.state = 'running' AND EXISTS (
                SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.may_go_again))
            OR EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.decides_mail)
            OR (c.channels <> 'sms' AND c.kind = 'alert' AND (c.ask_at IS NULL OR c.ask_at <= now()))
            OR (c.state <> 'stopping' AND c.expires_at <= now())
            OR (c.state = 'stopping' AND EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.is_queued))
            OR (c.kind = 'alert' AND NOT EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.is_queued)
                AND NOT EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.leased_until IS NOT NULL)))
    UNION ALL
    SELECT 'settle', c.agency_id, c.id FROM campaign c
    WHERE c.state = 'stopped' AND c.settled_at IS NULL AND (c.ask_at IS NULL OR c.ask_at < now())
    UNION ALL
    SELECT 'receipts', r.agency_id, 0 FROM receipt r WHERE r.applied_at IS NULL GROUP BY r.agency_id
    UNION ALL
    SELECT 'import', i.agency_id, i.id FROM import i
    WHERE i.state IN (%s) AND (i.leased_until IS NULL OR i.leased_until < now())
    UNION ALL
    SELECT 'notices', n.agency_id, 0 FROM notice n
    WHERE n.mailed_at IS NULL AND n.unmailed IS NULL AND n.made_at > now() - interval '1 day'
        AND (n.mail_after IS NULL OR n.mail_after <= now())
    GROUP BY n.agency_id
$$
"""
OLD_DUE = _DUE % "'waiting', 'running'"
# Each step of an import that needs no person is a worker's.
DUE = _DUE % "'reading', 'checking', 'waiting', 'running', 'undoing'"


def upgrade() -> None:
    for statements in (CONTACT, IMPORT, FORGET, DUE):
        op.execute(statements)
    for table in ("contact_alias", "import_fault", "import_columns", "contact_before"):
        protect(table, "SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    op.execute(OLD_DUE)
    op.execute(OLD_FORGET)
    op.execute("""
DROP TABLE contact_before, import_columns, import_fault, contact_alias;
DROP INDEX contact_import, audit_subject;
ALTER TABLE import DROP COLUMN kind, DROP COLUMN name_sealed, DROP COLUMN look_sealed, DROP COLUMN check_report,
    DROP COLUMN begun_at, DROP COLUMN undone_at, DROP COLUMN undone_by;
ALTER TABLE contact DROP COLUMN role, DROP COLUMN ground_source, DROP COLUMN ground_text
""")
