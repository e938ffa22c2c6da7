"""People seen in full: why, sealed; and notices that are of no campaign but of somebody of the staff."""

from alembic import op

from campaigns.store.migrations.security import grant, protect

revision = "0013"
down_revision = "0012"

# A trigger of its own, with the owner's rights: the app may neither take a reason away nor change one, except that a
# new sealing key seals it again.
REVEAL = """
CREATE TABLE reveal (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    agency_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    once TEXT NOT NULL,
    reason_sealed BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT reveal_pkey PRIMARY KEY (id),
    CONSTRAINT reveal_agency_id_fkey FOREIGN KEY (agency_id) REFERENCES agency (id),
    CONSTRAINT reveal_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES staff (id),
    CONSTRAINT reveal_agency_id_staff_id_once_key UNIQUE (agency_id, staff_id, once)
);
CREATE INDEX reveal_contact_id ON reveal (contact_id);
CREATE INDEX reveal_staff ON reveal (agency_id, staff_id, id);
CREATE FUNCTION forget_reveals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM reveal r USING gone WHERE r.contact_id = gone.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION forget_reveals() FROM PUBLIC;
CREATE TRIGGER contact_gone_reveals AFTER DELETE ON contact REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION forget_reveals()
"""

NOTICE = """
ALTER TABLE notice
    ALTER COLUMN campaign_id DROP NOT NULL,
    ADD COLUMN about_staff_id BIGINT,
    ADD CONSTRAINT notice_about_staff_id_fkey FOREIGN KEY (about_staff_id) REFERENCES staff (id)
"""


def upgrade() -> None:
    op.execute(REVEAL)
    protect("reveal", "SELECT, INSERT")
    grant("reveal", "UPDATE (reason_sealed)")
    op.execute(NOTICE)


def downgrade() -> None:
    op.execute("""
DELETE FROM notice WHERE campaign_id IS NULL;
ALTER TABLE notice DROP COLUMN about_staff_id, ALTER COLUMN campaign_id SET NOT NULL;
DROP TRIGGER contact_gone_reveals ON contact;
DROP FUNCTION forget_reveals();
DROP TABLE reveal
""")
