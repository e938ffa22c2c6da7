"""What PostgreSQL decides anew: what an approval binds, what is due, and how partitions are kept."""

from alembic import op

revision = "0009"
down_revision = "0008"

_DIGEST = """
CREATE OR REPLACE FUNCTION campaign_content_digest(the_campaign bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        c.agency_id, c.fallback_language, c.expires_at, a.name, a.time_zone, a.hours,
        s.id, s.channel, s.provider, s.address, s.account,
        (SELECT jsonb_agg(jsonb_build_array(t.channel, t.language, t.subject, t.body)
                ORDER BY t.channel COLLATE "C", t.language COLLATE "C")
         FROM text t WHERE t.campaign_id = c.id),
        (SELECT jsonb_agg(jsonb_build_array(f.language, f.body) ORDER BY f.language COLLATE "C")
         FROM standing_text f WHERE f.code = 'opt_out_line' AND f.reader IS NOT NULL),
        (SELECT jsonb_agg(jsonb_build_array(l.code, l.number) ORDER BY l.code COLLATE "C")
         FROM official_line l)%s
    )::text, 'UTF8')), 'hex')
    FROM campaign c JOIN agency a ON a.id = c.agency_id LEFT JOIN sender s ON s.id = c.sender_id
    WHERE c.id = the_campaign
$$
"""
OLD_DIGEST = _DIGEST % ""
# Also when it starts, whether it overtakes others, what it may cost, and which campaign it takes back.
DIGEST = _DIGEST % ",\n        c.starts_at, c.is_urgent, c.parts_cap, c.amends, c.parent_id"

_PARTITIONS = """
CREATE OR REPLACE FUNCTION make_delivery_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE made integer := 0; number bigint; name text;
BEGIN
    PERFORM pg_advisory_xact_lock(7112027);
    FOR number IN %s .. (SELECT coalesce(max(id), 0) / 100 + 2 FROM campaign) LOOP
        name := format('delivery_%%s', number);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE %%I PARTITION OF delivery FOR VALUES FROM (%%s) TO (%%s)'
                ' WITH (%s)', name, number * 100, number * 100 + 100);
            made := made + 1;
        EXCEPTION WHEN check_violation THEN
            NULL;  -- rows of this range fell into the default partition: they stay there
        END;
    END LOOP;
    RETURN made;
END $$
"""
OLD_PARTITIONS = _PARTITIONS % ("0", "fillfactor = 85")
# A campaign of a million rewrites each row three times: vacuum comes early, so that the queued index stays short.
_KEPT = "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000"
# From the newest there is: the clock asks every two seconds, and there may be thousands.
_NEWEST = """(SELECT coalesce(max(substring(c.relname FROM '^delivery_([0-9]+)$')::bigint), 0)
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'delivery'::regclass)"""
PARTITIONS = _PARTITIONS % (_NEWEST, _KEPT)

TUNE = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'delivery'::regclass
    LOOP EXECUTE format('ALTER TABLE %%I SET (%s)', name); END LOOP;
END $$
""".replace("%%", "%").replace("%s", _KEPT)

# Ids only, across agencies: what the clock enqueues (DESIGN 10.2).
DUE = """
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
    WHERE i.state IN ('waiting', 'running') AND (i.leased_until IS NULL OR i.leased_until < now())
$$
"""
OLD_DUE = """
CREATE OR REPLACE FUNCTION due_work() RETURNS TABLE (what text, agency_id bigint, id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT 'plan', c.agency_id, c.id FROM campaign c
    WHERE c.state = 'planning' AND (c.plan_leased_until IS NULL OR c.plan_leased_until < now())
    UNION ALL
    SELECT 'send', c.agency_id, c.id FROM campaign c JOIN agency a ON a.id = c.agency_id
    WHERE c.state = 'running' AND a.halted_at IS NULL
        AND EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.state = 'queued'
            AND (d.not_before IS NULL OR d.not_before <= now()))
    UNION ALL
    SELECT 'settle', c.agency_id, c.id FROM campaign c
    WHERE c.state IN ('running', 'paused', 'stopping')
        AND (EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.state IN ('sending', 'unknown')
                AND (d.leased_until IS NULL OR d.leased_until < now()))
            OR (c.kind = 'alert' AND NOT EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id
                AND d.state IN ('queued', 'sending', 'unknown'))))
    UNION ALL
    SELECT 'receipts', r.agency_id, 0 FROM receipt r WHERE r.applied_at IS NULL GROUP BY r.agency_id
    UNION ALL
    SELECT 'import', i.agency_id, i.id FROM import i
    WHERE i.state IN ('waiting', 'running') AND (i.leased_until IS NULL OR i.leased_until < now())
$$
"""

# Campaigns under way stay approved: what they were approved as has not changed, only how it is written down.
KEEP_APPROVALS = """
CREATE TEMP TABLE as_approved ON COMMIT DROP AS
    SELECT id FROM campaign WHERE content_digest = campaign_content_digest(id)
"""
RENEW_APPROVALS = """
UPDATE campaign c SET content_digest = campaign_content_digest(c.id) FROM as_approved a WHERE a.id = c.id;
DROP TABLE as_approved
"""


def upgrade() -> None:
    for statements in (KEEP_APPROVALS, DIGEST, RENEW_APPROVALS, PARTITIONS, TUNE, DUE):
        op.execute(statements)


def downgrade() -> None:
    for statements in (KEEP_APPROVALS, OLD_DIGEST, RENEW_APPROVALS, OLD_PARTITIONS, OLD_DUE):
        op.execute(statements)
