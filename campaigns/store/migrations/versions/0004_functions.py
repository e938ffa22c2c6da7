"""What PostgreSQL itself decides: digests, the guard on deliveries, partitions, and what is due for whom."""

from alembic import op

from campaigns.store.migrations.security import grant_call

revision = "0004"
down_revision = "0003"

# One definition of "as approved", used at submit, approve, start and by every window (DESIGN P2).
CONTENT_DIGEST = """
CREATE FUNCTION campaign_content_digest(the_campaign bigint) RETURNS text
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
         FROM official_line l)
    )::text, 'UTF8')), 'hex')
    FROM campaign c JOIN agency a ON a.id = c.agency_id LEFT JOIN sender s ON s.id = c.sender_id
    WHERE c.id = the_campaign
$$
"""

AUDIENCE_DIGEST = """
CREATE FUNCTION campaign_audience_digest(the_campaign bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT encode(sha256(coalesce(string_agg(
        int8send(d.id) || int8send(coalesce(d.contact_id, 0)) || d.address_index
        || convert_to(d.channel || ':' || d.language || ';', 'UTF8'), ''::bytea ORDER BY d.id), ''::bytea)), 'hex')
    FROM delivery d WHERE d.campaign_id = the_campaign
$$
"""

# Behind the grants: a delivery comes into being only while its campaign is planned, or as a service send.
GUARD = """
CREATE FUNCTION refuse_unplanned_deliveries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT campaign_id, agency_id, occasion = 0 AS planned FROM arrived) d
        LEFT JOIN campaign c ON c.id = d.campaign_id AND c.agency_id = d.agency_id
            AND CASE WHEN d.planned THEN c.kind = 'alert' AND c.state = 'planning' ELSE c.kind = 'service' END
        WHERE c.id IS NULL
    ) THEN
        RAISE EXCEPTION 'deliveries may be added only while their campaign is being planned';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_guard AFTER INSERT ON delivery REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unplanned_deliveries()
"""

# Takes back the audience of a campaign that has not started, for the agency the transaction acts for.
DISCARD = """
CREATE FUNCTION discard_plan(the_campaign bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE gone bigint;
BEGIN
    PERFORM FROM campaign WHERE id = the_campaign AND kind = 'alert' AND started_at IS NULL
        AND agency_id = nullif(current_setting('outreach.agency_id', true), '')::bigint FOR UPDATE;
    IF NOT FOUND THEN RETURN 0; END IF;
    DELETE FROM delivery WHERE campaign_id = the_campaign;
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM figure WHERE campaign_id = the_campaign;
    RETURN gone;
END $$
"""

# A hundred campaigns share a partition, made ahead of need; the default partition is the net (DESIGN 10.10).
PARTITIONS = """
CREATE FUNCTION make_delivery_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE made integer := 0; number bigint; name text;
BEGIN
    PERFORM pg_advisory_xact_lock(7112027);
    FOR number IN 0 .. (SELECT coalesce(max(id), 0) / 100 + 2 FROM campaign) LOOP
        name := format('delivery_%s', number);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE %I PARTITION OF delivery FOR VALUES FROM (%s) TO (%s)'
                ' WITH (fillfactor = 85)', name, number * 100, number * 100 + 100);
            made := made + 1;
        EXCEPTION WHEN check_violation THEN
            NULL;  -- rows of this range fell into the default partition: they stay there
        END;
    END LOOP;
    RETURN made;
END $$
"""

# Ids only, across agencies: what the clock enqueues (DESIGN 10.2).
DUE = """
CREATE FUNCTION due_work() RETURNS TABLE (what text, agency_id bigint, id bigint)
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

FUNCTIONS = {
    "campaign_content_digest(bigint)": CONTENT_DIGEST,
    "campaign_audience_digest(bigint)": AUDIENCE_DIGEST,
    "discard_plan(bigint)": DISCARD,
    "make_delivery_partitions()": PARTITIONS,
    "due_work()": DUE,
}


def upgrade() -> None:
    for name, body in FUNCTIONS.items():
        op.execute(body)
        grant_call(name)
    op.execute(GUARD)
    op.execute("SELECT make_delivery_partitions()")


def downgrade() -> None:
    op.execute("DROP TRIGGER delivery_guard ON delivery")
    op.execute("DROP FUNCTION refuse_unplanned_deliveries()")
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
