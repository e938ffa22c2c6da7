"""The life of data: how long things are kept, persons merged or erased, and addresses indexed anew under a new key."""

from alembic import op

from campaigns.store.migrations.security import grant, grant_call, protect

revision = "0015"
down_revision = "0014"

# An installation that is brought up to date gets a day to set other times before anything goes.
AGENCY = """
ALTER TABLE agency
    ADD COLUMN keep_messages_days INTEGER DEFAULT '90',
    ADD COLUMN keep_inbound_days INTEGER DEFAULT '180',
    ADD COLUMN keep_groundless_days INTEGER,
    ADD COLUMN keep_imports_days INTEGER DEFAULT '30',
    ADD COLUMN retention_due_at TIMESTAMP WITH TIME ZONE DEFAULT (now() + '1 day'::interval) NOT NULL
"""

# Without words and address a text still counts: its kind, time and campaign stay.
INBOUND = """
ALTER TABLE inbound ALTER COLUMN address_sealed DROP NOT NULL, ALTER COLUMN body_sealed DROP NOT NULL;
CREATE INDEX inbound_address ON inbound (agency_id, address_index);
CREATE INDEX inbound_kept ON inbound (agency_id, received_at) WHERE body_sealed IS NOT NULL;
ALTER TABLE import ADD COLUMN cleared_at TIMESTAMP WITH TIME ZONE
"""

FORMER = """
CREATE TABLE former_index (
    agency_id BIGINT NOT NULL,
    former BYTEA NOT NULL,
    address_index BYTEA NOT NULL,
    CONSTRAINT former_index_pkey PRIMARY KEY (agency_id, former)
)
"""

# Whoever stops an address may know only the index that an older message carries (a receipt, a link in a mail).
FOLLOW = """
CREATE FUNCTION refuse_under_newest_index() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO opt_out AS o (agency_id, channel, address_index, source, rule, language, stopped_at)
    SELECT NEW.agency_id, NEW.channel, f.address_index, NEW.source, NEW.rule, NEW.language, NEW.stopped_at
    FROM former_index f WHERE f.agency_id = NEW.agency_id AND f.former = NEW.address_index
    ON CONFLICT (agency_id, channel, address_index) DO UPDATE
        SET stopped = true, source = excluded.source, rule = excluded.rule, language = excluded.language,
            stopped_at = excluded.stopped_at, changed_at = now()
        WHERE NOT o.stopped OR (o.source = 'bounce' AND excluded.source <> 'bounce');
    RETURN NULL;
END $$;
CREATE TRIGGER opt_out_newest AFTER INSERT OR UPDATE OF stopped, source ON opt_out
    FOR EACH ROW WHEN (NEW.stopped) EXECUTE FUNCTION refuse_under_newest_index()
"""

# A person refuses, not a number: with whoever was merged into them goes the knowledge that both numbers are theirs.
_FORGET = """
CREATE OR REPLACE FUNCTION forget_contact_marks() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN%s
    DELETE FROM contact_word m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_sector m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_tag m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_alias m USING gone WHERE m.contact_id = gone.id;
    DELETE FROM contact_before m USING gone WHERE m.contact_id = gone.id;
    RETURN NULL;
END $$
"""
OLD_FORGET = _FORGET % ""
FORGET = (
    _FORGET
    % """
    INSERT INTO opt_out (agency_id, channel, address_index, source, rule, language, stopped_at)
    SELECT DISTINCT ON (o.agency_id, o.channel, a.address_index)
        o.agency_id, o.channel, a.address_index, o.source, o.rule, o.language, o.stopped_at
    FROM gone JOIN contact_alias a ON a.contact_id = gone.id AND a.agency_id = gone.agency_id
    JOIN opt_out o ON o.agency_id = gone.agency_id AND o.stopped AND o.source <> 'bounce'
        AND o.address_index = CASE o.channel WHEN 'sms' THEN gone.phone_index ELSE gone.email_index END
    ORDER BY o.agency_id, o.channel, a.address_index, o.stopped_at
    ON CONFLICT (agency_id, channel, address_index) DO UPDATE
        SET stopped = true, source = excluded.source, rule = excluded.rule, changed_at = now()
        WHERE NOT opt_out.stopped OR opt_out.source = 'bounce';"""
)

_DIGEST = """
CREATE OR REPLACE FUNCTION campaign_audience_digest(the_campaign bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT encode(sha256(coalesce(string_agg(
        int8send(d.id) || %sd.address_index
        || convert_to(d.channel || ':' || d.language || ';', 'UTF8'), ''::bytea ORDER BY d.id), ''::bytea)), 'hex')
    FROM delivery d WHERE d.campaign_id = the_campaign
$$
"""
# An approval binds which addresses get what. Whose page a message stands on may change when two people prove to be one.
DIGEST, OLD_DIGEST = _DIGEST % "", _DIGEST % "int8send(coalesce(d.contact_id, 0)) || "

# Moves what one person was sent and wrote to another's page, for the agency the transaction acts for.
MERGE = """
CREATE FUNCTION merge_history(the_other bigint, the_contact bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    own bigint := nullif(current_setting('outreach.agency_id', true), '')::bigint;
    moved bigint;
BEGIN
    IF (SELECT count(*) FROM contact WHERE agency_id = own AND id IN (the_other, the_contact)) <> 2 THEN
        RAISE EXCEPTION 'only two contacts of one agency can be merged';
    END IF;
    UPDATE delivery SET contact_id = the_contact WHERE agency_id = own AND contact_id = the_other;
    GET DIAGNOSTICS moved = ROW_COUNT;
    UPDATE inbound SET contact_id = the_contact WHERE agency_id = own AND contact_id = the_other;
    UPDATE reveal SET contact_id = the_contact WHERE agency_id = own AND contact_id = the_other;
    RETURN moved;
END $$
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
    WHERE i.state IN ('reading', 'checking', 'waiting', 'running', 'undoing')
        AND (i.leased_until IS NULL OR i.leased_until < now())
    UNION ALL
    SELECT 'notices', n.agency_id, 0 FROM notice n
    WHERE n.mailed_at IS NULL AND n.unmailed IS NULL AND n.made_at > now() - interval '1 day'
        AND (n.mail_after IS NULL OR n.mail_after <= now())
    GROUP BY n.agency_id%s
$$
"""
OLD_DUE = _DUE % ""
DUE = (
    _DUE
    % """
    UNION ALL
    SELECT 'retention', a.id, 0 FROM agency a WHERE a.retention_due_at <= now()"""
)

# Campaigns under way stay approved: what they were approved as has not changed, only how it is written down.
KEEP_APPROVALS = """
CREATE TEMP TABLE as_planned ON COMMIT DROP AS
    SELECT id FROM campaign WHERE settled_at IS NULL AND audience_digest = campaign_audience_digest(id)
"""
RENEW_APPROVALS = """
UPDATE campaign c SET audience_digest = campaign_audience_digest(c.id) FROM as_planned a WHERE a.id = c.id;
DROP TABLE as_planned
"""


def upgrade() -> None:
    for statements in (AGENCY, INBOUND, FORMER, FOLLOW, FORGET, KEEP_APPROVALS, DIGEST, RENEW_APPROVALS, MERGE, DUE):
        op.execute(statements)
    protect("former_index", "SELECT, INSERT, UPDATE")
    grant_call("merge_history(bigint, bigint)")
    grant("message", "UPDATE (address_sealed, body_sealed), DELETE")
    grant("inbound", "UPDATE (address_sealed, body_sealed, address_index, contact_id)")


def downgrade() -> None:
    for statements in (OLD_DUE, OLD_FORGET, KEEP_APPROVALS, OLD_DIGEST, RENEW_APPROVALS):
        op.execute(statements)
    op.execute("""
DROP FUNCTION merge_history(bigint, bigint);
DROP TRIGGER opt_out_newest ON opt_out;
DROP FUNCTION refuse_under_newest_index();
DROP TABLE former_index;
ALTER TABLE import DROP COLUMN cleared_at;
DROP INDEX inbound_address, inbound_kept;
UPDATE inbound SET address_sealed = coalesce(address_sealed, ''), body_sealed = coalesce(body_sealed, '')
    WHERE address_sealed IS NULL OR body_sealed IS NULL;
ALTER TABLE inbound ALTER COLUMN address_sealed SET NOT NULL, ALTER COLUMN body_sealed SET NOT NULL;
ALTER TABLE agency DROP COLUMN keep_messages_days, DROP COLUMN keep_inbound_days, DROP COLUMN keep_groundless_days,
    DROP COLUMN keep_imports_days, DROP COLUMN retention_due_at
""")
