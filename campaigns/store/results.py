"""Results: what became of deliveries in hand, many written down in one statement."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from campaigns.rules.lifecycle import State
from campaigns.store import windows
from campaigns.store.deliveries import Delivery


class Result(NamedTuple):
    """What became of one delivery in hand. `after`: seconds until it may be tried again, or be asked about.

    `parts` is what the message costs, where it was taken or may have been. `attempt` tells one opening from the next,
    also where nothing was handed over: so what is written down late, or twice, says nothing about a later one.
    `is_put_off`: it was about this message alone; one that is put off for more than a day fails for the reason.
    """

    id: int
    attempt: int
    state: State
    reason: str | None = None
    ref: str | None = None
    parts: int | None = None
    after: float | None = None
    is_put_off: bool = False


def close_window(session: Session, agency_id: int, campaign_id: int, results: Sequence[Result], *, most: int) -> int:
    """Write down results in one statement, rarely two, and return how many deliveries moved; never commits.

    Moves only what is still in hand with the same attempt. Where a receipt was faster, what it did not know is added.
    `most` parts were charged for each when it was opened; now it becomes what the message cost, or nothing.
    """
    columns = dict(zip(Result._fields, map(list, zip(*results, strict=True)), strict=True))
    values = {"agency": agency_id, "campaign": campaign_id, "most": most, **columns}
    session.execute(windows.ALONG_THE_KEY)
    moved, missed = 0, True
    while missed:
        # Where somebody wrote meanwhile, the row lies elsewhere since: it is locked now, so the next look finds it.
        # What was moved already stays as it is, as whenever something is written down twice.
        now_moved, missed = session.execute(_CLOSING, values).one()
        moved += now_moved
    return moved


def addresses(session: Session, campaign_id: int, ids: Sequence[int]) -> Sequence[bytes]:
    """The address indexes of these deliveries."""
    return session.scalars(
        select(Delivery.address_index).where(Delivery.campaign_id == campaign_id, Delivery.id.in_(ids))
    ).all()


# Rows are locked in the order of their keys, as receipts lock them, so that the two do not wait for each other.
# They are moved by where they lie, and meanwhile stay there: until its table is analyzed again, to read all of a new
# campaign looks as cheap as one look-up by key, and would be done for every batch.
# `parts` is null until an attempt's cost is known; so its charge is put right once, whatever comes again.
_CLOSING = sql("""
WITH result AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:id AS bigint[]), CAST(:attempt AS integer[]), CAST(:state AS text[]), CAST(:reason AS text[]),
        CAST(:ref AS text[]), CAST(:parts AS smallint[]), CAST(:after AS double precision[]),
        CAST(:is_put_off AS boolean[])
    ) AS r (id, attempt, state, reason, ref, parts, after, is_put_off)
), locked AS MATERIALIZED (
    SELECT id, ctid AS at, attempt, state, reason, charged, provider_ref, parts,
        coalesce(put_off_at < now() - make_interval(days => 1), false) AS is_out_of_patience FROM delivery
    WHERE campaign_id = :campaign AND agency_id = :agency AND id = ANY(CAST(:id AS bigint[]))
    ORDER BY id FOR UPDATE
), held AS MATERIALIZED (
    SELECT d.id, d.at, d.state AS was, d.reason AS was_because, d.charged, r.ref, r.after, r.is_put_off,
        CASE WHEN r.is_put_off AND d.is_out_of_patience THEN 'failed' ELSE r.state END AS state,
        -- Also what was called absent, and was taken after all: it must not go again.
        d.state IN ('sending', 'unknown')
            OR (d.state = 'queued' AND r.state = 'sent' AND r.ref IS DISTINCT FROM d.provider_ref) AS moves,
        CASE
            WHEN r.is_put_off AND NOT d.is_out_of_patience THEN d.reason
            WHEN r.state = 'unknown' OR (r.state = 'queued' AND NOT r.is_put_off) THEN coalesce(r.reason, d.reason)
            ELSE r.reason END AS reason,
        CASE WHEN r.state = 'queued' THEN NULL ELSE coalesce(r.parts, d.parts) END AS parts,
        CASE
            WHEN r.state IN ('queued', 'skipped') OR (r.state = 'failed' AND r.ref IS NULL)
                THEN -coalesce(d.parts, CAST(:most AS smallint))
            -- It was given back, unless it is the message that a receipt told of.
            WHEN d.state IN ('queued', 'skipped', 'failed') AND r.ref IS DISTINCT FROM d.provider_ref THEN r.parts
            WHEN d.parts IS NULL AND r.parts IS NOT NULL THEN r.parts - CAST(:most AS smallint)
            ELSE 0
        END AS more
    FROM locked d JOIN result r ON r.id = d.id AND r.attempt = d.attempt
), touched AS MATERIALIZED (
    SELECT * FROM held
    WHERE moves OR state = 'sent' OR (state = 'unknown' AND was NOT IN ('queued', 'skipped', 'failed'))
), moved AS (
    UPDATE delivery d SET
        state = CASE WHEN h.moves THEN h.state ELSE d.state END,
        reason = CASE WHEN h.moves THEN h.reason ELSE d.reason END,
        provider_ref = coalesce(h.ref, d.provider_ref),
        parts = h.parts,
        charged = h.charged + h.more,
        leased_until = CASE
            WHEN NOT h.moves THEN d.leased_until
            WHEN h.state = 'unknown' THEN now() + make_interval(secs => h.after) END,
        -- A receipt may have been faster, and the second attempt it led to waits its time.
        not_before = CASE
            WHEN NOT h.moves THEN d.not_before
            WHEN h.state = 'queued' THEN now() + make_interval(secs => h.after) END,
        put_off_at = CASE WHEN h.moves AND h.is_put_off THEN coalesce(d.put_off_at, now()) ELSE d.put_off_at END,
        changed_at = now()
    FROM touched h WHERE d.campaign_id = :campaign AND d.id = h.id AND d.ctid = h.at
    RETURNING
        d.channel, d.language, d.state, d.reason, d.charged, h.was, h.was_because, h.charged AS was_charged, h.moves
), counted AS (
    INSERT INTO figure (agency_id, campaign_id, channel, language, state, reason, number, parts)
    SELECT :agency, :campaign, channel, language, state, reason, sum(number), sum(charged) FROM (
        SELECT channel, language, state, reason, 1 AS number, charged FROM moved
        UNION ALL SELECT channel, language, was, was_because, -1, -was_charged FROM moved
    ) AS changes GROUP BY channel, language, state, reason HAVING sum(number) <> 0 OR sum(charged) <> 0
)
SELECT
    (SELECT count(*) FROM moved WHERE moves) AS moved,
    (SELECT count(DISTINCT id) FROM touched) > (SELECT count(*) FROM moved) AS missed
""")
