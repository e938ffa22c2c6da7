"""What became of planned messages, for tests that need no carrier: rows and figures as the engine leaves them."""

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
