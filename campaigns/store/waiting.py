"""Mails that wait for what becomes of an SMS: they go if it failed for good, else nobody needs them."""

from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import Failure

_LOCK: Final = 7_112_029


class Decided(NamedTuple):
    """How many SMS were looked at, and how many mails may go because of them."""

    looked_at: int
    freed: int


# Each SMS decides once: about its person's mail, and where several people share a mailbox about the one mail to it.
# That goes with the first of their SMS that failed for good; nobody needs it only when none is left to decide.
# People and their messages are looked up one by one (OFFSET, CASE and conditions that look like no index's keep it so):
# until the table of a new campaign is analyzed, to read all that is queued for each SMS looks as cheap.
_DECIDE: Final = sql("""
WITH picked AS MATERIALIZED (
    SELECT id, contact_id,
        CASE WHEN state = :failed AND reason IS DISTINCT FROM :refused THEN NULL
            WHEN state = :failed THEN :opted_out
            WHEN state = :skipped THEN reason
            ELSE :not_needed END AS why_not
    FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND decides_mail
    ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
), decided AS (
    UPDATE delivery d SET mail_waits = false FROM picked p WHERE d.campaign_id = :campaign AND d.id = p.id
), concerned AS MATERIALIZED (
    SELECT m.id, m.address_index, p.why_not FROM picked p CROSS JOIN LATERAL (
        SELECT d.id, d.address_index FROM delivery d
        WHERE d.agency_id = :agency AND d.contact_id = p.contact_id AND d.campaign_id = :campaign
            AND d.channel || '' = 'email' AND d.state = :queued AND d.reason = :after_sms
        UNION
        SELECT d.id, d.address_index FROM contact c JOIN delivery d ON d.campaign_id = :campaign
            AND d.channel = 'email' AND d.address_index = c.email_index AND d.occasion = 0
        WHERE c.agency_id = :agency AND c.id = p.contact_id AND d.state = :queued AND d.reason = :after_sms
        OFFSET 0
    ) AS m
), verdict AS MATERIALIZED (
    SELECT id, address_index, min(why_not) AS why_not, bool_or(why_not IS NULL) AS goes FROM concerned GROUP BY 1, 2
), final AS MATERIALIZED (
    SELECT v.id, CASE WHEN NOT goes THEN why_not END AS why_not FROM verdict v
    WHERE CASE WHEN goes THEN true ELSE NOT EXISTS (
        SELECT FROM contact c CROSS JOIN LATERAL (
            SELECT s.id FROM delivery s
            WHERE s.agency_id = :agency AND s.contact_id = c.id AND s.campaign_id = :campaign
                AND s.channel || '' = 'sms' AND s.mail_waits OFFSET 0
        ) AS other
        WHERE c.agency_id = :agency AND c.email_index = v.address_index AND other.id NOT IN (SELECT id FROM picked)
    ) END
), moved AS (
    UPDATE delivery d SET state = CASE WHEN f.why_not IS NULL THEN :queued ELSE :skipped END,
        reason = f.why_not, not_before = NULL, changed_at = now()
    FROM final f
    WHERE d.campaign_id = :campaign AND d.id = f.id AND d.state = :queued AND d.reason = :after_sms
    RETURNING d.language, d.state, d.reason
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number)
    SELECT :agency, :campaign, 'email', language, state, reason, sum(number) FROM (
        SELECT language, state, reason, 1 AS number FROM moved
        UNION ALL SELECT language, :queued, :after_sms, -1 FROM moved
    ) AS changes GROUP BY language, state, reason
)
SELECT (SELECT count(*) FROM picked), (SELECT count(*) FROM moved WHERE state = :queued)
""")

# How many SMS are where is asked of the figures; what may go again, or was not looked at, has an index.
_FREE: Final = sql("""
WITH moved AS (
    UPDATE delivery d SET reason = NULL, not_before = NULL, changed_at = now()
    WHERE d.campaign_id = :campaign AND d.agency_id = :agency AND d.channel = 'email' AND d.is_queued
        AND d.reason = :after_sms
        AND NOT EXISTS (SELECT FROM figure WHERE campaign_id = :campaign AND agency_id = :agency AND channel = 'sms'
            AND state IN (:queued, :sending, :unknown, :sent) GROUP BY state HAVING sum(number) > 0)
        AND NOT EXISTS (SELECT FROM delivery o WHERE o.campaign_id = :campaign AND o.agency_id = :agency
            AND o.may_go_again)
        AND NOT EXISTS (SELECT FROM delivery o WHERE o.campaign_id = :campaign AND o.agency_id = :agency
            AND o.decides_mail)
    RETURNING d.language
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number)
    SELECT :agency, :campaign, 'email', language, :queued, c.reason, sum(c.number)
    FROM moved CROSS JOIN (VALUES (:after_sms, -1), (NULL, 1)) AS c (reason, number) GROUP BY language, c.reason
)
SELECT count(*) FROM moved
""")


def decide(session: Session, agency_id: int, campaign_id: int, *, size: int) -> Decided:
    """Let up to `size` SMS that are at their end decide about the mails that wait for them; never commits.

    One at a time for each campaign: two that share a mailbox would each leave the decision to the other.
    """
    session.execute(select(func.pg_advisory_xact_lock(_LOCK, campaign_id % 2**31)))
    values = {
        "agency": agency_id,
        "campaign": campaign_id,
        "size": size,
        "queued": State.QUEUED,
        "skipped": State.SKIPPED,
        "failed": State.FAILED,
        "refused": Failure.REFUSED_BY_PERSON,
        "opted_out": Reason.OPTED_OUT,
        "not_needed": Reason.NOT_NEEDED,
        "after_sms": Reason.AFTER_SMS,
    }
    return Decided(*session.execute(_DECIDE, values).one())


def free(session: Session, agency_id: int, campaign_id: int) -> int:
    """Let mails go that wait for no SMS any more, when all SMS are at their end; how many. Never commits.

    There are some where a number went from one contact to another while the campaign was planned: the SMS is with the
    one, the mail of the other would wait for ever, and the campaign with it.
    """
    values = {
        "agency": agency_id,
        "campaign": campaign_id,
        "queued": State.QUEUED,
        "sending": State.SENDING,
        "unknown": State.UNKNOWN,
        "sent": State.SENT,
        "after_sms": Reason.AFTER_SMS,
    }
    return int(session.execute(_FREE, values).scalar_one())
