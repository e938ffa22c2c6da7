"""Proves figures: a campaign's append-only changes, added up, against a full count of its deliveries (DESIGN 10.9)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.store.agencies import Agency
from campaigns.store.campaigns import Campaign


class Difference(NamedTuple):
    """By how many deliveries and parts the figures say more than there are."""

    campaign_id: int
    channel: str
    language: str
    state: str
    reason: str | None
    number: int
    parts: int


# One statement sees one moment, so that a campaign may go on meanwhile.
_DIFFERENCES: Final = sql("""
SELECT CAST(:campaign AS bigint), channel, language, state, reason,
    CAST(sum(number) AS bigint), CAST(sum(parts) AS bigint) FROM (
    SELECT channel, language, state, reason, number, parts FROM figure
    WHERE agency_id = :agency AND campaign_id = :campaign AND state <> 'opted_out'
    UNION ALL
    SELECT channel, language, state, reason, -count(*), -sum(charged) FROM delivery
    WHERE agency_id = :agency AND campaign_id = :campaign GROUP BY channel, language, state, reason
    UNION ALL
    SELECT channel, language, 'again', NULL, -sum(again), 0 FROM delivery
    WHERE agency_id = :agency AND campaign_id = :campaign AND again > 0 GROUP BY channel, language
) AS changes GROUP BY channel, language, state, reason HAVING sum(number) <> 0 OR sum(parts) <> 0
ORDER BY channel, language, state, reason
""")


def differences(session: Session, agency_id: int, campaign_id: int) -> Sequence[Difference]:
    """Where the figures of a campaign and its deliveries differ; empty when the figures are true."""
    return [Difference(*row) for row in session.execute(_DIFFERENCES, {"agency": agency_id, "campaign": campaign_id})]


def campaigns(session: Session, agency_id: int) -> Sequence[int]:
    """The agency's campaigns, its service campaign among them, oldest first."""
    return session.scalars(select(Campaign.id).where(Campaign.agency_id == agency_id).order_by(Campaign.id)).all()


def agencies(session: Session) -> Sequence[Agency]:
    """All agencies of this installation, oldest first."""
    return session.scalars(select(Agency).order_by(Agency.id)).all()
