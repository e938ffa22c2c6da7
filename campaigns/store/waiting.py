"""Mails that wait for what becomes of an SMS: they go if it failed for good, else nobody needs them."""

from typing import Final, NamedTuple

from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.rules.lifecycle import Reason, State
from campaigns.rules.outcomes import Failure


class Decided(NamedTuple):
    """How many SMS were looked at, and how many mails may go because of them."""

    looked_at: int
    freed: int


# Each SMS decides once. Who refused SMS at the provider wants no mail instead.
_DECIDE: Final = sql("""
WITH picked AS MATERIALIZED (
    SELECT id, contact_id, state, reason,
        CASE WHEN state = :failed AND reason IS DISTINCT FROM :refused THEN NULL
            WHEN state = :failed THEN :opted_out
            WHEN state = :skipped THEN reason
            ELSE :not_needed END AS why_not
    FROM delivery WHERE campaign_id = :campaign AND agency_id = :agency AND decides_mail
    ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
), decided AS (
    UPDATE delivery d SET mail_waits = false FROM picked p WHERE d.campaign_id = :campaign AND d.id = p.id
), moved AS (
    UPDATE delivery d SET state = CASE WHEN p.why_not IS NULL THEN :queued ELSE :skipped END,
        reason = p.why_not, not_before = NULL, changed_at = now()
    FROM picked p
    WHERE d.campaign_id = :campaign AND d.agency_id = :agency AND d.contact_id = p.contact_id
        AND d.channel = 'email' AND d.is_queued AND d.not_before = 'infinity'
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


def decide(session: Session, agency_id: int, campaign_id: int, *, size: int) -> Decided:
    """Let up to `size` SMS that are at their end decide about the mails that wait for them; never commits."""
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
