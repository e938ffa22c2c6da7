"""A refusal that comes from an address somebody gave up in a merge holds for the one they kept."""

from alembic import op

revision = "0019"
down_revision = "0018"

# It is a person who refuses (campaigns/merging.py), and a message sent before the merge may be answered after it. A
# bounce is none of the person's and says nothing of another address.
FOLLOW = """
CREATE FUNCTION refuse_for_merged() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO opt_out AS o (agency_id, channel, address_index, source, rule, language, stopped_at)
    SELECT NEW.agency_id, NEW.channel, own.address_index, NEW.source, NEW.rule, NEW.language, NEW.stopped_at
    FROM contact_alias a JOIN contact c ON c.agency_id = a.agency_id AND c.id = a.contact_id
    CROSS JOIN LATERAL (
        SELECT CASE NEW.channel WHEN 'sms' THEN c.phone_index ELSE c.email_index END AS address_index
    ) AS own
    WHERE a.agency_id = NEW.agency_id AND a.address_index = NEW.address_index AND own.address_index IS NOT NULL
    ON CONFLICT (agency_id, channel, address_index) DO UPDATE
        SET stopped = true, source = excluded.source, rule = excluded.rule, language = excluded.language,
            stopped_at = excluded.stopped_at, changed_at = now()
        WHERE NOT o.stopped OR o.source = 'bounce';
    RETURN NULL;
END $$;
CREATE TRIGGER opt_out_merged AFTER INSERT OR UPDATE OF stopped, source ON opt_out
    FOR EACH ROW WHEN (NEW.stopped AND NEW.source <> 'bounce') EXECUTE FUNCTION refuse_for_merged()
"""


def upgrade() -> None:
    op.execute(FOLLOW)


def downgrade() -> None:
    op.execute("DROP TRIGGER opt_out_merged ON opt_out; DROP FUNCTION refuse_for_merged()")
