"""What became of planned messages, for tests that need no carrier: rows and figures as the engine leaves them."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_BECOME = text("""
WITH moved AS (
    UPDATE delivery SET state = :state, handed_at = now(), leased_until = CASE WHEN :held THEN now() END,
        changed_at = now()
    WHERE campaign_id = :campaign AND state = 'queued'
        AND (CAST(:people AS bigint[]) IS NULL OR contact_id = ANY (:people))
    RETURNING agency_id, channel, language
), changed AS (
    SELECT agency_id, channel, language, count(*) AS number FROM moved GROUP BY 1, 2, 3
)
INSERT INTO figure (agency_id, campaign_id, channel, language, state, number)
SELECT agency_id, :campaign, channel, language, 'queued', -number FROM changed
UNION ALL SELECT agency_id, :campaign, channel, language, :state, number FROM changed
""")


def become(session: Session, campaign_id: int, state: str, contacts: list[int] | None = None) -> None:
    """Bring the queued deliveries of a campaign, or only those to these contacts, to a state."""
    values = {"campaign": campaign_id, "state": state, "people": contacts, "held": state in {"sending", "unknown"}}
    session.execute(_BECOME, values)


_BRING = text("""
WITH moved AS (
    UPDATE delivery d SET state = :state, reason = CAST(:reason AS text), not_before = NULL, handed_at = now(),
        attempt = 1, leased_until = CASE WHEN :state = 'unknown' THEN now() + interval '72 hours' END
    FROM (SELECT id, reason FROM delivery WHERE campaign_id = :campaign AND channel = :channel AND state = 'queued'
        AND reason IS NOT DISTINCT FROM CAST(:was AS text) ORDER BY id LIMIT :number) AS old
    WHERE d.campaign_id = :campaign AND d.id = old.id
    RETURNING d.agency_id, d.language
)
INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, made_at)
SELECT m.agency_id, :campaign, :channel, m.language, f.state, f.reason, count(*) * f.number,
    coalesce(CAST(:at AS timestamptz), now())
FROM moved m,
    (VALUES ('queued', CAST(:was AS text), -1), (:state, CAST(:reason AS text), 1)) AS f (state, reason, number)
GROUP BY m.agency_id, m.language, f.state, f.reason, f.number
""")


def bring(
    session: Session,
    campaign_id: int,
    channel: str,
    state: str,
    number: int,
    *,
    reason: str | None = None,
    was: str | None = None,
    at: datetime | None = None,
) -> None:
    """Bring so many queued messages of a channel, of those with the reason `was`, to a state; told of at `at`."""
    values = {"campaign": campaign_id, "channel": channel, "state": state, "number": number}
    session.execute(_BRING, {**values, "reason": reason, "was": was, "at": at})
