"""Whom campaigns leave out: an agency's cap, counting across agencies what none of them may see, and segments."""

from alembic import op

from campaigns.store.migrations.security import grant_call

revision = "0014"
down_revision = "0013"

AGENCY = """
ALTER TABLE agency ADD COLUMN cap_messages SMALLINT, ADD COLUMN cap_days SMALLINT;
ALTER TABLE campaign ADD COLUMN excluded_ids BIGINT[] DEFAULT '{}' NOT NULL
"""

# Acts for the agency the transaction acts for; tells of others no more than a number. An address is looked up in each
# campaign by its unique key, so it costs the more the more campaigns there were, and nothing for old ones.
LATELY = """
CREATE FUNCTION written_lately(
    the_campaign bigint, after_contact bigint, upto_contact bigint, own_since timestamptz, shared_since timestamptz
) RETURNS TABLE (contact_id bigint, own bigint, everyones bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    WITH me AS (SELECT nullif(current_setting('outreach.agency_id', true), '')::bigint AS id),
    others AS MATERIALIZED (
        SELECT c.id, c.agency_id FROM campaign c, me
        WHERE c.kind = 'alert' AND c.id <> the_campaign
            AND c.state IN ('approved', 'scheduled', 'running', 'paused', 'stopping', 'finished', 'stopped')
            AND (c.ended_at IS NULL OR c.ended_at >= least(own_since, shared_since))
            AND (c.agency_id = me.id OR shared_since IS NOT NULL)
    ), addresses AS MATERIALIZED (
        SELECT c.id, 'sms' AS channel, c.phone_index AS address FROM contact c, me
        WHERE c.agency_id = me.id AND c.id > after_contact AND c.id <= upto_contact AND c.phone_index IS NOT NULL
        UNION ALL
        SELECT c.id, 'email', c.email_index FROM contact c, me
        WHERE c.agency_id = me.id AND c.id > after_contact AND c.id <= upto_contact AND c.email_index IS NOT NULL
    )
    SELECT a.id,
        count(DISTINCT o.id) FILTER (
            WHERE o.agency_id = me.id AND (d.state = 'queued' OR d.handed_at >= own_since)),
        count(DISTINCT o.id) FILTER (WHERE d.state = 'queued' OR d.handed_at >= shared_since)
    FROM addresses a CROSS JOIN others o CROSS JOIN me
    JOIN delivery d ON d.campaign_id = o.id AND d.channel = a.channel AND d.address_index = a.address
        AND d.occasion = 0
    WHERE d.state NOT IN ('failed', 'skipped')
    GROUP BY a.id
$$
"""
SIGNATURE = "written_lately(bigint, bigint, bigint, timestamptz, timestamptz)"


def upgrade() -> None:
    op.execute(AGENCY)
    op.execute(LATELY)
    grant_call(SIGNATURE)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute("ALTER TABLE campaign DROP COLUMN excluded_ids")
    op.execute("ALTER TABLE agency DROP COLUMN cap_messages, DROP COLUMN cap_days")
