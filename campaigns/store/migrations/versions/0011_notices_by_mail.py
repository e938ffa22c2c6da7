"""News of campaigns goes out to staff by mail, too: whether each notice was mailed, and when it may be tried."""

from alembic import op

from campaigns.store.migrations.security import grant

revision = "0011"
down_revision = "0010"

NOTICE = """
ALTER TABLE notice
    ADD COLUMN mailed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN unmailed TEXT,
    ADD COLUMN mail_tries SMALLINT DEFAULT '0' NOT NULL,
    ADD COLUMN mail_after TIMESTAMP WITH TIME ZONE,
    ADD COLUMN mail_group BIGINT;
-- What happened before mails were sent is known by now.
UPDATE notice SET unmailed = 'old';
CREATE INDEX notice_to_mail ON notice (agency_id, id) WHERE mailed_at IS NULL AND unmailed IS NULL
"""

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
    WHERE i.state IN ('waiting', 'running') AND (i.leased_until IS NULL OR i.leased_until < now())%s
$$
"""
OLD_DUE = _DUE % ""
# Neither a halt nor the hours hold what staff are told.
DUE = (
    _DUE
    % """
    UNION ALL
    SELECT 'notices', n.agency_id, 0 FROM notice n
    WHERE n.mailed_at IS NULL AND n.unmailed IS NULL AND n.made_at > now() - interval '1 day'
        AND (n.mail_after IS NULL OR n.mail_after <= now())
    GROUP BY n.agency_id"""
)


def upgrade() -> None:
    for statements in (NOTICE, DUE):
        op.execute(statements)
    grant("notice", "UPDATE (mailed_at, unmailed, mail_tries, mail_after, mail_group)")


def downgrade() -> None:
    op.execute(OLD_DUE)
    op.execute("""
DROP INDEX notice_to_mail;
ALTER TABLE notice DROP COLUMN mailed_at, DROP COLUMN unmailed, DROP COLUMN mail_tries, DROP COLUMN mail_after,
    DROP COLUMN mail_group
""")
