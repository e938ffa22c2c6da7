"""Results: what became of deliveries in hand, many written down in one statement."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.rules.lifecycle import State
from campaigns.store.deliveries import Delivery


class Result(NamedTuple):
    """What became of one delivery in hand. `after`: seconds until it may be tried again, or be asked about."""

    id: int
    attempt: int
    state: State
    reason: str | None = None
    ref: str | None = None
    parts: int | None = None
    after: float | None = None


def close_window(session: Session, agency_id: int, campaign_id: int, results: Sequence[Result]) -> int:
    """Write down results in one statement and return how many deliveries moved; never commits.

    Moves only what is still in hand with the same attempt. Where a receipt was faster, what it did not know is added.
    """
    columns = dict(zip(Result._fields, map(list, zip(*results, strict=True)), strict=True))
    return int(session.execute(_CLOSING, {"agency": agency_id, "campaign": campaign_id, **columns}).scalar_one())


def addresses(session: Session, campaign_id: int, ids: Sequence[int]) -> Sequence[bytes]:
    """The address indexes of these deliveries."""
    return session.scalars(
        select(Delivery.address_index).where(Delivery.campaign_id == campaign_id, Delivery.id.in_(ids))
    ).all()


# Rows are locked in the order of their keys, as receipts lock them, so that the two do not wait for each other.
_CLOSING = sql("""
WITH result AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:id AS bigint[]), CAST(:attempt AS smallint[]), CAST(:state AS text[]), CAST(:reason AS text[]),
        CAST(:ref AS text[]), CAST(:parts AS smallint[]), CAST(:after AS double precision[])
    ) AS r (id, attempt, state, reason, ref, parts, after)
), held AS MATERIALIZED (
    SELECT d.id, d.state AS was, d.reason AS was_because, d.state IN ('sending', 'unknown') AS moves,
        r.state, r.reason, r.ref, r.parts, r.after
    FROM delivery d JOIN result r ON r.id = d.id AND r.attempt = d.attempt
    WHERE d.campaign_id = :campaign AND d.agency_id = :agency
    ORDER BY d.id FOR UPDATE OF d
), moved AS (
    UPDATE delivery d SET
        state = CASE WHEN h.moves THEN h.state ELSE d.state END,
        reason = CASE WHEN h.moves THEN h.reason ELSE d.reason END,
        provider_ref = coalesce(d.provider_ref, h.ref),
        parts = coalesce(h.parts, d.parts),
        leased_until = CASE WHEN h.moves AND h.state = 'unknown' THEN now() + make_interval(secs => h.after) END,
        not_before = CASE WHEN h.moves AND h.state = 'queued' THEN now() + make_interval(secs => h.after) END,
        changed_at = now()
    FROM held h WHERE d.campaign_id = :campaign AND d.id = h.id
    RETURNING d.channel, d.language, d.state, d.reason, h.was, h.was_because, h.moves
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number)
    SELECT :agency, :campaign, channel, language, state, reason, sum(number) FROM (
        SELECT channel, language, state, reason, 1 AS number FROM moved WHERE moves
        UNION ALL SELECT channel, language, was, was_because, -1 FROM moved WHERE moves
    ) AS changes GROUP BY channel, language, state, reason HAVING sum(number) <> 0
)
SELECT count(*) FROM moved WHERE moves
""")
