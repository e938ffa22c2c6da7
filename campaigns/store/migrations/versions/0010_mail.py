"""E-mail beside SMS: mail senders, a campaign's channels, and mails that wait for what becomes of an SMS."""

from alembic import op

from campaigns.store.migrations.security import grant, grant_call

revision = "0010"
down_revision = "0009"

SENDER = """
ALTER TABLE sender
    ADD COLUMN host TEXT,
    ADD COLUMN port INTEGER,
    ADD COLUMN security TEXT,
    ADD COLUMN reply_to TEXT,
    ADD COLUMN bounce_domain TEXT,
    ADD COLUMN dkim_selector TEXT,
    ADD COLUMN dkim_key_sealed BYTEA
"""

CAMPAIGN = """
ALTER TABLE campaign
    ADD COLUMN channels TEXT DEFAULT 'sms' NOT NULL,
    ADD COLUMN mail_sender_id BIGINT,
    ADD COLUMN is_discreet BOOLEAN DEFAULT false NOT NULL,
    ADD CONSTRAINT campaign_mail_sender_id_fkey FOREIGN KEY (mail_sender_id) REFERENCES sender (id);
UPDATE campaign SET channels = 'both' WHERE kind = 'service'
"""

_AGAIN = """
ALTER TABLE delivery ALTER COLUMN may_go_again SET EXPRESSION AS (
    %sstate = 'failed' AND again = 0 AND reason = ANY (ARRAY['unreachable', 'queue_full', 'too_late']))
"""
# A mail's server has tried for days before it says that it was too late.
AGAIN, OLD_AGAIN = _AGAIN % "channel = 'sms' AND ", _AGAIN % ""

# An SMS whose person has a mail waiting decides about it once, when nothing more can become of the SMS.
DELIVERY = """
ALTER TABLE delivery
    ADD COLUMN put_off_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN mail_waits BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN decides_mail BOOLEAN GENERATED ALWAYS AS (mail_waits AND (
        state = ANY (ARRAY['delivered', 'unconfirmed', 'skipped'])
        OR (state = 'failed' AND (again > 0 OR COALESCE(
            reason <> ALL (ARRAY['unreachable', 'queue_full', 'too_late']), true))))) STORED;
CREATE INDEX delivery_decides ON delivery (campaign_id, id) WHERE decides_mail
"""

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
         FROM official_line l),
        c.starts_at, c.is_urgent, c.parts_cap, c.amends, c.parent_id%s
    )::text, 'UTF8')), 'hex')
    FROM campaign c JOIN agency a ON a.id = c.agency_id LEFT JOIN sender s ON s.id = c.sender_id%s
    WHERE c.id = the_campaign
$$
"""
OLD_DIGEST = _DIGEST % ("", "")
# Also the channels and their order, who mails come from, and the signed words around them.
DIGEST = _DIGEST % (
    """,
        c.channels, c.is_discreet, m.id, m.provider, m.address, m.reply_to, m.bounce_domain,
        CASE WHEN c.channels <> 'sms' THEN
            (SELECT jsonb_agg(jsonb_build_array(f.code, f.language, f.body)
                    ORDER BY f.code COLLATE "C", f.language COLLATE "C")
             FROM standing_text f WHERE f.reader IS NOT NULL
                AND f.code IN ('mail_unsubscribe', 'mail_verify', 'mail_neutral_subject')) END""",
    " LEFT JOIN sender m ON m.id = c.mail_sender_id",
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
                SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.may_go_again))%s
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
OLD_DUE = _DUE % ""
DUE = (
    _DUE
    % """
            OR EXISTS (SELECT FROM delivery d WHERE d.campaign_id = c.id AND d.decides_mail)
            OR (c.channels <> 'sms' AND c.kind = 'alert' AND (c.ask_at IS NULL OR c.ask_at <= now()))"""
)

# A new campaign's rows are unknown to the planner until its partition is analyzed: it thinks there is hardly one, and
# reads all of them wherever it should look one up. By itself PostgreSQL does that a minute or more later.
ANALYZE = """
CREATE FUNCTION analyze_deliveries(the_campaign bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE the_partition regclass;
BEGIN
    SELECT d.tableoid::regclass INTO the_partition FROM delivery d
    WHERE d.campaign_id = the_campaign
        AND d.agency_id = nullif(current_setting('outreach.agency_id', true), '')::bigint LIMIT 1;
    IF the_partition IS NOT NULL THEN EXECUTE format('ANALYZE %s', the_partition); END IF;
END $$
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
    for statements in (KEEP_APPROVALS, SENDER, CAMPAIGN, AGAIN, DELIVERY, DIGEST, RENEW_APPROVALS, DUE, ANALYZE):
        op.execute(statements)
    grant_call("analyze_deliveries(bigint)")
    grant("delivery", "UPDATE (mail_waits, put_off_at)")


def downgrade() -> None:
    for statements in (KEEP_APPROVALS, OLD_DIGEST, RENEW_APPROVALS, OLD_DUE, OLD_AGAIN):
        op.execute(statements)
    op.execute("""
DROP FUNCTION analyze_deliveries(bigint);
DROP INDEX delivery_decides;
ALTER TABLE delivery DROP COLUMN decides_mail, DROP COLUMN mail_waits, DROP COLUMN put_off_at;
ALTER TABLE campaign DROP COLUMN channels, DROP COLUMN mail_sender_id, DROP COLUMN is_discreet;
ALTER TABLE sender DROP COLUMN host, DROP COLUMN port, DROP COLUMN security, DROP COLUMN reply_to,
    DROP COLUMN bounce_domain, DROP COLUMN dkim_selector, DROP COLUMN dkim_key_sealed
""")
